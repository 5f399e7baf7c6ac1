//! What Netlify's own parsers make of rule files, against ours: `tests/data/*-vectors.json`.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::RuleProblem;

#[derive(Deserialize)]
struct Case<R> {
    name: String,
    input: String,
    rules: Vec<R>,
    errors: Vec<String>,
}

#[derive(Deserialize)]
struct RedirectRule {
    from: String,
    query: BTreeMap<String, String>,
    to: String,
    status: Option<u16>,
    force: bool,
    conditions: BTreeMap<String, Vec<String>>,
    signed: Option<String>,
}

#[derive(Deserialize)]
struct HeadersRule {
    r#for: String,
    values: BTreeMap<String, String>,
}

/// Where they count a line, it is ours; where they count a rule, there is one rule a line in these cases.
fn assert_problems(name: &str, expected: &[String], problems: &[RuleProblem]) {
    assert_eq!(problems.len(), expected.len(), "{name}: {problems:?}");
    for (expected, problem) in expected.iter().zip(problems) {
        let digits: String = expected.chars().filter(char::is_ascii_digit).collect();
        assert!(digits.is_empty() || digits == problem.line.to_string(), "{name}: {expected} {problem:?}");
    }
}

#[test]
fn redirects_are_read_as_netlify_reads_them() {
    let cases: Vec<Case<RedirectRule>> =
        serde_json::from_str(include_str!("../../tests/data/redirects-vectors.json")).unwrap();
    assert!(cases.len() > 30);
    for case in cases {
        let (lines, problems) = super::redirects::parse(&case.input);
        assert_problems(&case.name, &case.errors, &problems);
        assert_eq!(lines.len(), case.rules.len(), "{}", case.name);
        for (line, rule) in lines.into_iter().zip(case.rules) {
            let ours = (line.from, line.query, line.to, line.status, line.force, line.conditions, line.signed);
            let theirs = (rule.from, rule.query, rule.to, rule.status, rule.force, rule.conditions, rule.signed);
            assert_eq!(ours, theirs, "{}", case.name);
        }
    }
}

#[test]
fn headers_are_read_as_netlify_reads_them() {
    let cases: Vec<Case<HeadersRule>> =
        serde_json::from_str(include_str!("../../tests/data/headers-vectors.json")).unwrap();
    assert!(cases.len() > 10);
    for case in cases {
        let (blocks, problems) = super::headers::parse(&case.input);
        assert_problems(&case.name, &case.errors, &problems);
        assert_eq!(blocks.len(), case.rules.len(), "{}", case.name);
        for (block, rule) in blocks.into_iter().zip(case.rules) {
            let mut values: BTreeMap<String, String> = BTreeMap::new();
            for (_, name, value) in block.values {
                values.entry(name).and_modify(|known| *known += &format!(", {value}")).or_insert(value);
            }
            assert_eq!((block.path, values), (rule.r#for, rule.values), "{}", case.name);
        }
    }
}
