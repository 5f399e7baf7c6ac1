//! A Dockerfile as the classic builder reads it, as far as Berth must know what it says: its instructions with their
//! lines, what it declares, and what only another builder understands.
//!
//! The builder itself remains the judge of everything else. Where its reading could differ from this one (two escapes
//! at the end of a line), the file is refused instead of guessed at.

use super::refused;
use crate::BuildError;

/// One instruction, its continued lines joined.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Instruction {
    /// In capitals: `FROM`.
    pub(super) keyword: String,
    /// `--name=value`, as they stand at the beginning.
    pub(super) flags: Vec<String>,
    /// The rest.
    pub(super) rest: String,
    /// The line that it begins at, from 1.
    pub(super) line: usize,
    /// The line that it ends at.
    pub(super) last_line: usize,
}

impl Instruction {
    /// A flag's value.
    pub(super) fn flag(&self, name: &str) -> Option<&str> {
        self.flags.iter().find_map(|flag| flag.strip_prefix("--")?.strip_prefix(name)?.strip_prefix('='))
    }

    /// The names and defaults that an `ARG` declares.
    pub(super) fn declared(&self) -> impl Iterator<Item = (&str, Option<&str>)> {
        let words = self.rest.split_whitespace().filter(|_| self.keyword == "ARG");
        words.map(|word| word.split_once('=').map_or((word, None), |(name, default)| (name, Some(default))))
    }
}

/// All instructions.
///
/// # Errors
/// Theirs for what the classic builder cannot do or what can be read in two ways.
pub(super) fn parse(text: &str) -> Result<Vec<Instruction>, BuildError> {
    let escape = escape_character(text);
    let mut found = Vec::new();
    let mut open: Option<(usize, String)> = None;
    for (number, line) in (1..).zip(text.lines()) {
        let trimmed = line.trim_start();
        // Comments and empty lines do not end an instruction.
        if trimmed.is_empty() || trimmed.starts_with('#') {
            continue;
        }
        let (start, mut whole) = open.take().unwrap_or((number, String::new()));
        let end = line.trim_end_matches([' ', '\t', '\r']);
        match end.strip_suffix(escape) {
            Some(more) if more.ends_with(escape) => {
                let why = format!("Line {number} ends in two escape characters, which builders read differently.");
                return Err(refused(&format!("the Dockerfile is unclear at line {number}"), &why));
            }
            Some(more) => {
                whole.push_str(more);
                open = Some((start, whole));
            }
            None => {
                whole.push_str(line.trim_end_matches('\r'));
                found.push(instruction(&whole, start, number)?);
            }
        }
    }
    match open {
        None => Ok(found),
        Some((start, _)) => {
            let why = format!("The instruction of line {start} is continued, but nothing follows.");
            Err(refused("the Dockerfile ends in the middle of an instruction", &why))
        }
    }
}

/// `\`, unless a directive in the first lines names a backtick.
fn escape_character(text: &str) -> char {
    let directives = text.lines().map_while(|line| line.trim().strip_prefix('#')?.split_once('='));
    let named = directives.filter(|(name, _)| name.trim().eq_ignore_ascii_case("escape")).last();
    if named.is_some_and(|(_, character)| character.trim() == "`") { '`' } else { '\\' }
}

fn instruction(whole: &str, line: usize, last_line: usize) -> Result<Instruction, BuildError> {
    let whole = whole.trim();
    let (keyword, rest) = whole.split_once(char::is_whitespace).unwrap_or((whole, ""));
    let keyword = keyword.to_ascii_uppercase();
    // What `ONBUILD` keeps for later is held to the same rules.
    let rest = rest.trim_start();
    if keyword == "ONBUILD" {
        return instruction(rest, line, last_line);
    }
    let mut flags = Vec::new();
    let mut rest = rest;
    while rest.starts_with("--") {
        let (flag, after) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
        flags.push(flag.to_owned());
        rest = after.trim_start();
    }
    let instruction = Instruction { keyword, flags, rest: rest.to_owned(), line, last_line };
    match beyond_the_classic_builder(&instruction) {
        Some(what) => Err(needs_buildkit(&what, line)),
        None => Ok(instruction),
    }
}

/// What only BuildKit understands.
fn beyond_the_classic_builder(instruction: &Instruction) -> Option<String> {
    let keyword = instruction.keyword.as_str();
    let known: &[&str] = match keyword {
        "FROM" => &["platform"],
        "COPY" => &["from", "chown"],
        "ADD" => &["chown"],
        "RUN" => &[],
        _ => return None,
    };
    let name = |flag: &str| flag.trim_start_matches('-').split('=').next().unwrap_or_default().to_owned();
    if let Some(flag) = instruction.flags.iter().find(|flag| !known.contains(&name(flag).as_str())) {
        return Some(format!("{keyword} --{}", name(flag)));
    }
    let is_heredoc = |word: &str| {
        let word = word.trim_start_matches(|c: char| c.is_ascii_digit());
        let Some(word) = word.strip_prefix("<<") else { return false };
        word.trim_start_matches('-').starts_with(|c: char| c.is_alphabetic() || matches!(c, '_' | '"' | '\''))
    };
    (keyword != "FROM" && instruction.rest.split_whitespace().any(is_heredoc))
        .then(|| format!("a here-document of {keyword}"))
}

fn needs_buildkit(what: &str, line: usize) -> BuildError {
    refused(
        &format!("the Dockerfile needs BuildKit: {what} at line {line}"),
        "Dockerfiles are built with Docker's classic builder, the one that keeps to limits of memory, processors and \
         network. Write that line without it, or let Berth build what it detects: clear the output directory, or set a \
         build command.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn title(text: &str) -> String {
        match parse(text).unwrap_err() {
            BuildError::Theirs(failure, _) => failure.title,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn lines_are_joined_as_the_builder_joins_them() {
        let text = "# syntax=x/y:1\nfrom  node:20 as a\nRUN one \\\n# a comment\n\n  two\r\nCOPY --chown=1 --from=a x y\n\
                    ARG A B=\"c\"\nRUN last";
        let found = parse(text).unwrap();
        let shown: Vec<_> = found.iter().map(|one| (one.keyword.as_str(), one.rest.as_str(), one.line)).collect();
        assert_eq!(shown[..3], [("FROM", "node:20 as a", 2), ("RUN", "one   two", 3), ("COPY", "x y", 7)]);
        assert_eq!((found[1].last_line, found[2].flag("from"), found[4].rest.as_str()), (6, Some("a"), "last"));
        assert_eq!(found[3].declared().collect::<Vec<_>>(), [("A", None), ("B", Some("\"c\""))]);
        let windows = parse("# escape=`\nFROM a`\n  b\nRUN dir C:\\\n").unwrap();
        assert_eq!((windows[0].rest.as_str(), windows[1].rest.as_str()), ("a  b", "dir C:\\"));
    }

    #[test]
    fn what_needs_another_builder_is_named_with_its_line() {
        for (line, what) in [
            ("RUN --mount=type=bind,source=/,target=/host ls", "RUN --mount"),
            ("RUN --security=insecure id", "RUN --security"),
            ("run --network=host id", "RUN --network"),
            ("COPY --link a b", "COPY --link"),
            ("ONBUILD RUN --mount=type=cache x", "RUN --mount"),
            ("RUN <<EOF", "a here-document of RUN"),
            ("COPY <<-\"EOF\" /x", "a here-document of COPY"),
        ] {
            let title = title(&format!("FROM a\n{line}\n"));
            assert_eq!(title, format!("the Dockerfile needs BuildKit: {what} at line 2"));
        }
        assert!(parse("FROM a\nRUN echo $((1 << 2)) && cat <<<x\n").is_ok());
        assert!(title("FROM a\nRUN x \\\\\nFROM b\n").contains("unclear at line 2"));
        assert!(title("FROM a\nRUN x \\\n# more\n").contains("in the middle of an instruction"));
    }
}
