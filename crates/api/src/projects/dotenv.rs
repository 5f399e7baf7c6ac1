//! `.env`, read as dotenv and those that copied it read it: what somebody pastes means here what it meant on their machine.
//!
//! - `KEY=value` or `KEY: value` a line, `export` before it if one likes; empty lines and those that begin with `#` say
//!   nothing.
//! - A bare value ends at `#` or at the end of its line, without the spaces around it.
//! - A value in single quotes, double quotes or backticks may go over several lines. In double quotes `\n` and `\r` are
//!   line ends; nothing else is an escape, but a quote behind a backslash does not end the value.
//!
//! What dotenv would make something of that nobody meant (an open quote, text behind a closing one) is refused with its
//! line. No message has anything of a value in it, nor of a line that is none: somebody may have pasted a key alone.

use berth_model::VariableKey;
use berth_secrets::SecretString;

/// A variable as a line gives it.
#[derive(Clone, Debug)]
pub(crate) struct Assignment {
    pub(crate) key: VariableKey,
    pub(crate) value: SecretString,
    /// Something that may not be meant.
    pub(crate) note: Option<&'static str>,
}

/// A line, from 1, that says something.
#[derive(Debug)]
pub(crate) struct Line {
    pub(crate) number: usize,
    /// The name that it gives, as far as it has one.
    pub(crate) key: Option<String>,
    pub(crate) says: Result<Assignment, String>,
}

const NO_ASSIGNMENT: &str = "this line is not KEY=value";
const OPEN_QUOTE: &str = "the quote that the value begins with is not closed";
const AFTER_QUOTE: &str = "there is text behind the closing quote";
const CUT_OFF: &str = "the value ends before the #: quote it if the # belongs to it";

/// Reads a whole file.
pub(crate) fn read(text: &str) -> Vec<Line> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut rest = text;
    let mut number = 1;
    let mut lines = Vec::new();
    while !rest.is_empty() {
        let line = rest.split_once('\n').map_or(rest, |(line, _)| line);
        let mut taken = line.len();
        let content = line.trim();
        if !content.is_empty() && !content.starts_with('#') {
            let content = content.strip_prefix("export ").map_or(content, str::trim_start);
            let (key, says) = match assignment(content) {
                None => (None, Err(NO_ASSIGNMENT.to_owned())),
                Some((key, from)) => {
                    // A quoted value may go on behind this line.
                    let from = line.len() - line.trim_start().len() + (line.trim().len() - content.len()) + from;
                    let (value, end) = value(&rest[from..]);
                    taken = taken.max(from + end);
                    let says = VariableKey::parse(key)
                        .map_err(|problem| problem.message)
                        .and_then(|key| value.map(|(value, note)| Assignment { key, value, note }));
                    (Some(key.to_owned()), says)
                }
            };
            lines.push(Line { number, key, says });
        }
        // To the end of the line that the value ends in.
        let after = rest[taken..].find('\n').map_or(rest.len(), |end| taken + end + 1);
        number += rest[..after].matches('\n').count();
        rest = &rest[after..];
    }
    lines
}

/// The name before the sign, and where the value begins.
fn assignment(content: &str) -> Option<(&str, usize)> {
    let end = content.find(['=', ':'])?;
    let is_sign = content[end..].starts_with('=') || content[end + 1..].starts_with([' ', '\t']);
    let key = content[..end].trim_end();
    (is_sign && !key.is_empty() && !key.contains(char::is_whitespace)).then_some((key, end + 1))
}

type Value = Result<(SecretString, Option<&'static str>), String>;

/// The value at the beginning of a text, and how much of the text it takes.
fn value(text: &str) -> (Value, usize) {
    let line = text.split('\n').next().unwrap_or_default();
    let blank = line.len() - line.trim_start().len();
    let Some(quote) = line.trim_start().chars().next().filter(|c| "'\"`".contains(*c)) else {
        let bare = line.split('#').next().unwrap_or_default();
        let is_cut = bare.len() < line.len() && !bare.is_empty() && !bare.ends_with(char::is_whitespace);
        return (Ok((SecretString::from(bare.trim()), is_cut.then_some(CUT_OFF))), line.len());
    };
    let inside = &text[blank + 1..];
    let end = match closing(inside, quote) {
        Ok(end) => end,
        Err(why) => return (Err(why.to_owned()), line.len()),
    };
    // The line ends of the editor are not the value's.
    let content = inside[..end].replace("\r\n", "\n");
    let content = if quote == '"' { content.replace("\\n", "\n").replace("\\r", "\r") } else { content };
    (Ok((SecretString::from(content), None)), blank + 1 + end)
}

/// Where a quoted value ends: at the first quote without a backslash before it, if the line ends there; else at a quote
/// behind a backslash that ends its line, as in `'C:\dir\'`.
fn closing(inside: &str, quote: char) -> Result<usize, &'static str> {
    let is_hidden = |at: usize| inside[..at].ends_with('\\');
    let mut quotes = Vec::new();
    for (at, _) in inside.match_indices(quote) {
        quotes.push(at);
        if !is_hidden(at) {
            break;
        }
    }
    let ends_line = |at: &usize| {
        let behind = inside[at + 1..].split('\n').next().unwrap_or_default().trim();
        behind.is_empty() || behind.starts_with('#')
    };
    match quotes.iter().rev().find(|at| ends_line(at)) {
        Some(at) => Ok(*at),
        None if quotes.last().is_some_and(|at| !is_hidden(*at)) => Err(AFTER_QUOTE),
        None => Err(OPEN_QUOTE),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Key and value, or why not.
    type Told = Result<(String, String), String>;

    fn told(text: &str) -> Vec<(usize, Told)> {
        let of = |line: Line| {
            let says = line.says.map(|set| (set.key.to_string(), set.value.expose().to_owned()));
            (line.number, says)
        };
        read(text).into_iter().map(of).collect()
    }

    fn values(text: &str) -> Vec<(usize, String, String)> {
        told(text)
            .into_iter()
            .map(|(number, says)| {
                let (key, value) = says.unwrap();
                (number, key, value)
            })
            .collect()
    }

    #[test]
    fn values_are_what_dotenv_makes_of_them() {
        for (line, value) in [
            ("A=b", "b"),
            ("A = b ", "b"),
            ("  export A=b", "b"),
            ("export   A=b", "b"),
            ("A: b", "b"),
            ("A=", ""),
            ("A=b=c", "b=c"),
            ("A=http://x.example/#top", "http://x.example/"),
            ("A=b # why", "b"),
            ("A='b # c' # why", "b # c"),
            ("A=\"b\\nc\"", "b\nc"),
            ("A='b\\nc'", "b\\nc"),
            ("A=`it's \"b\"`", "it's \"b\""),
            ("A=\"a\\\"b\"", "a\\\"b"),
            ("A='C:\\dir\\'", "C:\\dir\\"),
            ("A=' b '", " b "),
            ("A='ü 😀'", "ü 😀"),
            ("A=''", ""),
        ] {
            assert_eq!(values(line), [(1, "A".to_owned(), value.to_owned())], "{line}");
        }
    }

    #[test]
    fn lines_are_counted_through_comments_and_long_values() {
        let text = "\u{feff}# a comment\r\n\r\nA=1\r\nKEY=\"-----BEGIN\r\nabc # not a comment\r\n-----END\"\r\nB=2\r\n";
        let expected = [
            (3, "A".to_owned(), "1".to_owned()),
            (4, "KEY".to_owned(), "-----BEGIN\nabc # not a comment\n-----END".to_owned()),
            (7, "B".to_owned(), "2".to_owned()),
        ];
        assert_eq!(values(text), expected);
        let windows = values("A='C:\\dir\\'\nB='x'");
        assert_eq!(windows, [(1, "A".into(), "C:\\dir\\".into()), (2, "B".into(), "x".into())]);
        assert!(told("").is_empty() && told("\n\n  \n#x").is_empty());
    }

    #[test]
    fn what_nobody_meant_is_refused_without_its_text() {
        for (text, line, why) in [
            ("hunter2hunter2", 1, NO_ASSIGNMENT),
            ("A=1\n=hunter2", 2, NO_ASSIGNMENT),
            ("A B=hunter2", 1, NO_ASSIGNMENT),
            ("https://hunter2", 1, NO_ASSIGNMENT),
            ("A='hunter2\nB=1", 1, OPEN_QUOTE),
            ("A='x' hunter2", 1, AFTER_QUOTE),
        ] {
            let refused: Vec<_> = told(text).into_iter().filter(|(_, says)| says.is_err()).collect();
            assert_eq!(refused, [(line, Err(why.to_owned()))], "{text}");
        }
        let refused = told("1A=hunter2").pop().unwrap().1.unwrap_err();
        assert!(refused.contains("digit") && !refused.contains("hunter2"));
        assert_eq!(told("A='open\nB=1").len(), 2, "the next line is read all the same");
        let noted = read("A=a#b").pop().unwrap().says.unwrap().note;
        assert_eq!(noted, Some(CUT_OFF));
        assert_eq!(read("A=a #b").pop().unwrap().says.unwrap().note, None);
    }
}
