//! The list for people is whole.

use berth_model::FailureCode;

use crate::row::docs;

#[test]
fn the_document_tells_every_failure() {
    let document = std::fs::read_to_string(docs().join("FAILURES.md")).unwrap();
    for code in FailureCode::ALL {
        assert!(document.contains(&format!("`{}`", code.as_str())), "{} is not in docs/FAILURES.md", code.as_str());
    }
    let mut logs = 0;
    for log in std::fs::read_dir(docs().join("failures")).unwrap() {
        let log = log.unwrap();
        let name = log.file_name().into_string().unwrap();
        assert!(document.contains(&format!("(failures/{name})")), "docs/FAILURES.md does not lead to {name}");
        let text = std::fs::read_to_string(log.path()).unwrap();
        let code = text.lines().find_map(|line| line.strip_prefix("code: ")).unwrap();
        assert!(FailureCode::ALL.iter().any(|known| known.as_str() == code), "{name} tells of {code}");
        logs += 1;
    }
    assert_eq!(document.matches("(failures/").count(), logs, "each log is there, and linked once");
}
