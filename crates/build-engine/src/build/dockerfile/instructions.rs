//! A Dockerfile as the classic builder reads it, as far as Berth must know what it says: its instructions with their
//! lines, what it declares, and what only another builder understands.
//!
//! The builder itself remains the judge of everything else, but what it reads is written anew from these instructions:
//! what is checked is what is built. Where its reading could differ from this one (two escapes at the end of a line), the
//! file is refused instead of guessed at.

use std::fmt;

use super::refused;
use crate::BuildError;

/// One instruction, its continued lines joined.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Instruction {
    /// Whether `ONBUILD` keeps it for what builds on the image.
    pub(super) is_on_build: bool,
    /// In capitals: `FROM`.
    pub(super) keyword: String,
    /// `--name=value`, as they stand at the beginning.
    pub(super) flags: Vec<String>,
    /// The rest.
    pub(super) rest: String,
    /// The line that it begins at, from 1.
    pub(super) line: usize,
}

/// As the builder gets it, on one line.
impl fmt::Display for Instruction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let on_build = self.is_on_build.then_some("ONBUILD");
        let words = on_build.into_iter().chain([self.keyword.as_str()]).chain(self.flags.iter().map(String::as_str));
        let words = words.chain([self.rest.as_str()]).filter(|word| !word.is_empty());
        f.write_str(&words.collect::<Vec<_>>().join(" "))
    }
}

impl Instruction {
    /// A flag's value.
    pub(super) fn flag(&self, name: &str) -> Option<&str> {
        self.flags.iter().find_map(|flag| flag.strip_prefix("--")?.strip_prefix(name)?.strip_prefix('='))
    }

    /// Whether a stage begins here.
    pub(super) fn begins_stage(&self) -> bool {
        self.keyword == "FROM" && !self.is_on_build
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
    require_one_escape(text)?;
    let mut found = Vec::new();
    let mut open: Option<(usize, String)> = None;
    for (number, line) in (1..).zip(text.split('\n')) {
        let line = line.strip_suffix('\r').unwrap_or(line);
        if let Some(odd) = line.chars().find(|c| c.is_control() && *c != '\t' || *c == '\u{feff}') {
            let why = format!("it holds the invisible character {}", odd.escape_unicode());
            return Err(unclear(number, &why));
        }
        let trimmed = line.trim_start();
        // Comments and empty lines do not end an instruction.
        if trimmed.is_empty() || trimmed.starts_with('#') {
            continue;
        }
        let (start, mut whole) = open.take().unwrap_or((number, String::new()));
        match line.trim_end_matches([' ', '\t']).strip_suffix('\\') {
            Some(more) if more.ends_with('\\') => return Err(unclear(number, "it ends in two backslashes")),
            Some(more) => {
                whole.push_str(more);
                open = Some((start, whole));
            }
            None => {
                whole.push_str(line);
                found.push(instruction(&whole, start)?);
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

/// Refuses a directive in the first lines that makes anything but `\` the escape character.
fn require_one_escape(text: &str) -> Result<(), BuildError> {
    let directives = text.lines().map_while(|line| line.trim().strip_prefix('#')?.split_once('='));
    let mut named = (1..).zip(directives).filter(|(_, (name, _))| name.trim().eq_ignore_ascii_case("escape"));
    match named.find(|(_, (_, character))| character.trim() != "\\") {
        None => Ok(()),
        Some((number, _)) => Err(unclear(number, "the escape character is the backslash here, and no other")),
    }
}

fn instruction(whole: &str, line: usize) -> Result<Instruction, BuildError> {
    let whole = whole.trim();
    let (keyword, rest) = whole.split_once(char::is_whitespace).unwrap_or((whole, ""));
    let keyword = keyword.to_ascii_uppercase();
    if keyword.is_empty() || !keyword.bytes().all(|byte| byte.is_ascii_alphabetic()) {
        return Err(unclear(line, "it begins with no instruction"));
    }
    // Spaces that only some count as such kept it from being continued.
    if whole.ends_with('\\') {
        return Err(unclear(line, "it ends in a backslash"));
    }
    // What `ONBUILD` keeps for later is held to the same rules.
    let rest = rest.trim_start();
    if keyword == "ONBUILD" {
        // Asked before what follows is read: a line of nothing but ONBUILD would be read one inside the other.
        if rest.split_whitespace().next().is_some_and(|word| word.eq_ignore_ascii_case("ONBUILD")) {
            return Err(unclear(line, "ONBUILD stands in it twice"));
        }
        return Ok(Instruction { is_on_build: true, ..instruction(rest, line)? });
    }
    let mut flags = Vec::new();
    let mut rest = rest;
    while rest.starts_with("--") {
        let (flag, after) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
        flags.push(flag.to_owned());
        rest = after.trim_start();
    }
    let instruction = Instruction { is_on_build: false, keyword, flags, rest: rest.to_owned(), line };
    if let Some(source) = added_from_elsewhere(&instruction) {
        return Err(refused(
            &format!("the Dockerfile may not ADD `{source}` (line {line})"),
            "What ADD fetches from an address is not held to the build's network, and variables, quotes and backslashes \
             may hide one. Name files of the repository, or fetch it with RUN curl instead.",
        ));
    }
    match beyond_the_classic_builder(&instruction) {
        Some(what) => Err(needs_buildkit(&what, line)),
        None => Ok(instruction),
    }
}

/// What an `ADD` takes that is not, or cannot be told to be, a file of the repository: the daemon itself would fetch it.
fn added_from_elsewhere(instruction: &Instruction) -> Option<String> {
    if instruction.keyword != "ADD" {
        return None;
    }
    let rest = instruction.rest.as_str();
    let list: Option<Vec<String>> = serde_json::from_str(rest).ok();
    // The last is where it goes, unless this is a list that the builder may read in another way.
    let has_target = list.is_some() || !rest.starts_with('[');
    let mut words = list.unwrap_or_else(|| rest.split_whitespace().map(str::to_owned).collect());
    if has_target {
        words.pop();
    }
    words.into_iter().find(|word| {
        let word = word.to_ascii_lowercase();
        word.contains("://") || word.contains("git@") || word.contains(['$', '"', '\'', '\\', '`'])
    })
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
        let Some(name) = word.strip_prefix("<<") else { return false };
        let name = name.strip_prefix('-').unwrap_or(name);
        !name.is_empty() && !name.contains('<')
    };
    (keyword != "FROM" && instruction.rest.split_whitespace().any(is_heredoc))
        .then(|| format!("a here-document of {keyword}"))
}

fn unclear(line: usize, why: &str) -> BuildError {
    refused(
        &format!("the Dockerfile is unclear at line {line}"),
        &format!("Line {line} can be read in two ways: {why}. Write it so that it can be read in one."),
    )
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
        assert_eq!((found[2].flag("from"), found[4].rest.as_str()), (Some("a"), "last"));
        let written: Vec<String> = found.iter().map(Instruction::to_string).collect();
        assert_eq!(written[1..4], ["RUN one   two", "COPY --chown=1 --from=a x y", "ARG A B=\"c\""]);
        assert_eq!(parse("onbuild  run  x  y").unwrap()[0].to_string(), "ONBUILD RUN x  y");
        assert_eq!(found[3].declared().collect::<Vec<_>>(), [("A", None), ("B", Some("\"c\""))]);
        assert_eq!(parse("# escape=\\\nFROM a \\\r\n AS b\r").unwrap()[0].to_string(), "FROM a  AS b");
    }

    #[test]
    fn what_can_be_read_in_two_ways_is_refused() {
        for (text, line) in [
            ("FROM a\nRUN x \\\r \nFROM b\n", 2),
            ("FROM a\nRUN x\ry\n", 2),
            ("FROM a\nRUN x \\\r\r\nFROM b\n", 2),
            ("\u{feff}FROM a\n", 1),
            ("FROM a\n\u{feff}FROM b\n", 2),
            ("# escape=`\nFROM a`\n  b\n", 1),
            ("# syntax=x\n#  Escape = `\nFROM a\n", 2),
            ("FROM a\nRUN x \\\\\nFROM b\n", 2),
            ("FROM a\nRUN x \\\u{a0}\nFROM b\n", 2),
            ("FROM a\nRUN x \\\u{b}\nFROM b\n", 2),
            ("FROM a\nONBUILD ONBUILD RUN x\n", 2),
            ("FROM a\nONBUILD\n", 2),
            ("FROM a\nONBUILD --x COPY a b\n", 2),
        ] {
            assert_eq!(title(text), format!("the Dockerfile is unclear at line {line}"), "{text:?}");
        }
        // One inside the other they would take the whole stack of the thread, and Berth with it.
        let nested = format!("FROM a\n{}RUN x\n", "ONBUILD ".repeat(1_000_000));
        assert_eq!(title(&nested), "the Dockerfile is unclear at line 2");
    }

    #[test]
    fn nothing_is_added_from_elsewhere() {
        for rest in [
            "http://127.0.0.1:1/x /out/",
            "a HTTPS://example.org/x /out/",
            "git@example.org:a/b.git /out/",
            "$WHERE /out/",
            "ht\"\"tp:/\"/\"x /out/",
            "ht\\tp:/\\/x /out/",
            "[\"http://example.org/x\", \"/out/\"]",
            "[\"http:\\u002f/example.org/x\",\"/out/\"]",
            "[\"http://example.org/x\",\"/out/\"] x",
            "[\"http://example.org/\\ud800\",\"/out/\"]",
            "[\"$WHERE\", \"/out/\"]",
            "--chown=1 http://example.org/x /out/",
        ] {
            for keyword in ["ADD", "add", "ONBUILD ADD", "AD\\\nD"] {
                let title = title(&format!("FROM a\n{keyword} {rest}\n"));
                assert!(title.starts_with("the Dockerfile may not ADD `"), "{rest}: {title}");
            }
        }
        for rest in ["a.tar.gz b /out/", ". $HOME/x", "[\"a b\", \"$HOME\"]", "--chown=1 a[1] /x"] {
            assert!(parse(&format!("FROM a\nADD {rest}\n")).is_ok(), "{rest}");
        }
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
            ("RUN 3<<-1", "a here-document of RUN"),
            ("COPY <<-\"EOF\" /x", "a here-document of COPY"),
        ] {
            let title = title(&format!("FROM a\n{line}\n"));
            assert_eq!(title, format!("the Dockerfile needs BuildKit: {what} at line 2"));
        }
        assert!(parse("FROM a\nRUN echo $((1 << 2)) && cat <<<x\n").is_ok());
        assert!(title("FROM a\nRUN x \\\n# more\n").contains("in the middle of an instruction"));
    }
}
