//! `_headers`: a path in one line, its headers in the lines below.

use http::{HeaderName, HeaderValue};
use serde::{Deserialize, Serialize};

use super::pattern::Pattern;
use super::{LARGEST_HEADERS, MOST_HEADERS, MOST_RULES, RuleProblem};

/// Headers that describe the message or the connection, not the content: Berth alone sets them.
const NOT_SETTABLE: &[&str] = &[
    "accept-ranges",
    "age",
    "allow",
    "alt-svc",
    "connection",
    "content-encoding",
    "content-length",
    "content-range",
    "date",
    "etag",
    "keep-alive",
    "last-modified",
    "location",
    "proxy-authenticate",
    "proxy-connection",
    "server",
    "status",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "vary",
    "www-authenticate",
];

/// One path with its headers, as its author wrote it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Block {
    pub(super) path: String,
    /// Line, name, value; a name may come more than once.
    pub(super) values: Vec<(usize, String, String)>,
}

/// A rule that can be applied.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct HeaderRule {
    path: Pattern,
    values: Vec<(String, String)>,
}

impl HeaderRule {
    /// The headers for a decoded path: none where the rule does not match.
    pub(crate) fn values(&self, path: &str) -> impl Iterator<Item = (HeaderName, HeaderValue)> {
        let values = if self.path.captures(path).is_some() { self.values.as_slice() } else { &[] };
        values.iter().filter_map(|(name, value)| Some((name.parse().ok()?, HeaderValue::from_str(value).ok()?)))
    }
}

/// Reads `_headers`; what is not a header, or one that only Berth sets, is told and left out.
pub(crate) fn compile(text: &str) -> (Vec<HeaderRule>, Vec<RuleProblem>) {
    let (blocks, mut problems) = parse(text);
    let mut rules = Vec::new();
    for block in blocks {
        if rules.len() == MOST_RULES {
            let line = block.values.first().map_or(0, |(line, ..)| *line);
            problems.push(RuleProblem { line, message: format!("from here on: more than {MOST_RULES} rules") });
            break;
        }
        if !block.path.starts_with('/') {
            let line = block.values.first().map_or(0, |(line, ..)| line.saturating_sub(1));
            problems
                .push(RuleProblem { line, message: "headers are set for paths (/…), not for addresses".to_owned() });
            continue;
        }
        let mut values: Vec<(String, String)> = Vec::new();
        let mut bytes = 0;
        for (number, (line, name, value)) in block.values.into_iter().enumerate() {
            bytes += name.len() + value.len();
            if number == MOST_HEADERS || bytes > LARGEST_HEADERS {
                let message = format!("from here on: more than {MOST_HEADERS} headers or 16 KiB for one path");
                problems.push(RuleProblem { line, message });
                break;
            }
            let name = name.to_ascii_lowercase();
            let mut refuse = |message| problems.push(RuleProblem { line, message });
            if name == "basic-auth" {
                refuse("Basic-Auth is not supported: this path is NOT protected by a password".to_owned());
            } else if NOT_SETTABLE.contains(&name.as_str()) {
                refuse(format!("the header {name} cannot be set"));
            } else if name.parse::<HeaderName>().is_err() || HeaderValue::from_str(&value).is_err() {
                refuse("this is not a header".to_owned());
            } else if let Some((_, known)) = values.iter_mut().find(|(known, _)| *known == name && name != "set-cookie")
            {
                *known += &format!(", {value}");
            } else {
                values.push((name, value));
            }
        }
        if !values.is_empty() {
            rules.push(HeaderRule { path: Pattern::parse(&block.path), values });
        }
    }
    problems.sort_by_key(|problem| problem.line);
    (rules, problems)
}

/// The blocks that have headers, and the lines that fit nowhere.
pub(super) fn parse(text: &str) -> (Vec<Block>, Vec<RuleProblem>) {
    let mut blocks: Vec<Block> = Vec::new();
    let mut problems = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let (number, line) = (index + 1, line.trim());
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if line.starts_with('/') || line.starts_with("http://") || line.starts_with("https://") {
            blocks.push(Block { path: line.to_owned(), values: Vec::new() });
            continue;
        }
        // Netlify reads over lines without a colon; so do we.
        let Some((name, value)) = line.split_once(':') else { continue };
        let (name, value) = (name.trim(), value.trim());
        let mut refuse = |message: String| problems.push(RuleProblem { line: number, message });
        if name.is_empty() || value.is_empty() {
            refuse("a header has a name and a value: Name: value".to_owned());
        } else if let Some(block) = blocks.last_mut() {
            block.values.push((number, name.to_owned(), value.to_owned()));
        } else {
            refuse(format!("a path comes before the header {name}"));
        }
    }
    blocks.retain(|block| !block.values.is_empty());
    (blocks, problems)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_apply_where_their_path_matches() {
        let (rules, problems) =
            compile("/*\n  X-Frame-Options: DENY\n/a/*\n  Cache-Control: max-age=5\n  cache-control: public\n");
        assert_eq!(problems, []);
        let all = |path: &str| -> Vec<String> {
            rules
                .iter()
                .flat_map(|rule| rule.values(path))
                .map(|(name, value)| format!("{name}={}", value.to_str().unwrap()))
                .collect()
        };
        assert_eq!(all("/"), ["x-frame-options=DENY"]);
        assert_eq!(all("/a/b"), ["x-frame-options=DENY", "cache-control=max-age=5, public"]);
    }

    #[test]
    fn headers_of_the_message_itself_cannot_be_set() {
        let text =
            "/*\n  Content-Length: 5\n  Transfer-Encoding: chunked\n  Basic-Auth: me:secret\n  X y: z\n  X-A: b\n";
        let (rules, problems) = compile(text);
        assert_eq!(problems.iter().map(|problem| problem.line).collect::<Vec<_>>(), [2, 3, 4, 5]);
        assert!(problems.iter().all(|problem| !problem.message.contains("secret")));
        assert_eq!(rules[0].values("/").count(), 1);
    }

    #[test]
    fn there_is_a_most_of_headers() {
        let many: String = (0..40_000).map(|number| format!("  x{number}: 1\n")).collect();
        let (rules, problems) = compile(&format!("/*\n{many}/a\n  X-A: b\n"));
        assert_eq!((rules.len(), rules[0].values("/").count()), (2, MOST_HEADERS));
        assert_eq!((problems.len(), problems[0].line), (1, MOST_HEADERS + 2));
        let large = format!("/*\n  X-A: {}\n  X-B: {}\n", "a".repeat(10_000), "b".repeat(10_000));
        let (rules, problems) = compile(&large);
        assert_eq!((rules[0].values("/").count(), problems[0].line), (1, 3));
    }

    #[test]
    fn cookies_stay_apart() {
        let (rules, _) = compile("/\n  Set-Cookie: a=1\n  Set-Cookie: b=2\n");
        assert_eq!(rules[0].values("/").count(), 2);
    }
}
