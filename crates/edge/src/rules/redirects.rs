//! `_redirects`: one rule a line, `from [query=value …] [to] [status[!]] [Condition=value …]`.

use std::cell::OnceCell;
use std::collections::{BTreeMap, HashMap};

use percent_encoding::percent_decode_str;
use serde::{Deserialize, Serialize};

use super::pattern::{Captures, Pattern, fill};
use super::{LONGEST_LINE, MOST_PLACES, MOST_RULES, RuleProblem};
use crate::path;

/// A line as its author meant it, before it is asked whether Berth can do it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) number: usize,
    pub(super) from: String,
    pub(super) query: BTreeMap<String, String>,
    pub(super) to: String,
    pub(super) status: Option<u16>,
    pub(super) force: bool,
    pub(super) conditions: BTreeMap<String, Vec<String>>,
    pub(super) signed: Option<String>,
}

/// A rule that can be applied.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Redirect {
    /// Only for this host, where the rule began with an address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    host: Option<String>,
    from: Pattern,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    query: BTreeMap<String, String>,
    to: String,
    status: u16,
    /// Applies even where there is a file.
    #[serde(default)]
    pub(crate) force: bool,
    /// Where it stands in the file: known only while the release is published.
    #[serde(skip)]
    pub(super) line: usize,
    /// Only adds or removes a slash at the end: the pattern, which does not see it, matches the target too. Known only
    /// while the release is published.
    #[serde(skip)]
    pub(super) is_slash: bool,
}

/// What a rule that applies asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// Answer with another file of the release, by its decoded path, and this status.
    Rewrite {
        /// Starts with `/`.
        path: String,
        /// 200, 404, …
        status: u16,
    },
    /// Send the visitor elsewhere.
    Redirect {
        /// Encoded.
        location: String,
        /// 301, 302, 303, 307 or 308.
        status: u16,
    },
    /// Say that the address is too long: what the rule makes of it is longer than any address.
    TooLong,
}

impl Action {
    /// Whether it leads away from where the visitor is: `/* /maintenance 302!` does not from `/maintenance`.
    pub(super) fn leads_from(&self, host: &str, path: &str, query: Option<&str>) -> bool {
        let Self::Redirect { location, .. } = self else { return true };
        let address = location.split('#').next().unwrap_or_default();
        let address = match host_and_path(address) {
            Some((other, _)) if other != host => return true,
            Some((_, path)) => path,
            None => address,
        };
        let (to, to_query) = address.split_once('?').map_or((address, None), |(to, query)| (to, Some(query)));
        to_query != query || !percent_decode_str(to).eq(path.bytes())
    }
}

/// The query of a request, taken apart once, when the first rule asks for a parameter.
pub(crate) struct Query<'a> {
    pub(super) raw: Option<&'a str>,
    parameters: OnceCell<HashMap<String, String>>,
}

impl<'a> Query<'a> {
    pub(crate) fn of(raw: Option<&'a str>) -> Self {
        Self { raw, parameters: OnceCell::new() }
    }

    /// The first value of a parameter.
    fn parameter(&self, name: &str) -> Option<&str> {
        let decode = |text: &str| percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned();
        let parameters = self.parameters.get_or_init(|| {
            let mut parameters = HashMap::new();
            for pair in self.raw.unwrap_or_default().split('&') {
                let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
                parameters.entry(decode(name)).or_insert_with(|| decode(value));
            }
            parameters
        });
        parameters.get(name).map(String::as_str)
    }
}

impl Redirect {
    /// What the rule asks for a request, if it matches.
    pub(super) fn leads_to(&self, host: &str, path: &str, query: &Query<'_>) -> Option<Action> {
        if self.host.as_deref().is_some_and(|only| only != host) {
            return None;
        }
        let mut captures = self.from.captures(path)?;
        self.take_query(query, &mut captures)?;
        if self.is_rewrite() {
            let target = self.to.split(['?', '#']).next().unwrap_or_default();
            let target = percent_decode_str(target).decode_utf8().ok()?;
            let filled = fill(&target, &captures, |value, _| value.to_owned());
            return Some(filled.map_or(Action::TooLong, |path| Action::Rewrite { path, status: self.status }));
        }
        let encode = |value: &str, in_query| if in_query { path::encode_in_query(value) } else { path::encode(value) };
        let Some(filled) = fill(&self.to, &captures, encode) else { return Some(Action::TooLong) };
        let mut location = path::encode_address(&filled);
        // The visitor's own query goes along unless the rule has or has used one.
        let own = query.raw.filter(|query| !query.is_empty() && self.query.is_empty() && !self.to.contains('?'));
        if let Some(query) = own {
            let at = location.find('#').unwrap_or(location.len());
            location.insert_str(at, &path::with_query("", query));
        }
        Some(Action::Redirect { location, status: self.status })
    }

    /// What a visitor could ask for to meet the rule: hosts (`None`: any), paths and queries.
    pub(super) fn examples(&self) -> impl Iterator<Item = (Option<String>, String, Option<String>)> {
        let query = self.query.iter().map(|(name, value)| {
            format!("{}={}", path::encode_in_query(name), path::encode_in_query(value.trim_start_matches(':')))
        });
        let query = query.reduce(|all, next| format!("{all}&{next}"));
        let slash = if self.is_slash && !self.to.ends_with('/') { "/" } else { "" };
        self.from.examples().into_iter().map(move |path| (self.host.clone(), path + slash, query.clone()))
    }

    /// Whether its target depends on what is asked for, and how it begins in any case.
    pub(super) fn target(&self) -> (bool, &str) {
        let path = if is_address(&self.to) { "" } else { self.to.split(['?', '#']).next().unwrap_or_default() };
        path.split_once("/:").map_or((false, path), |(before, _)| (true, &path[..=before.len()]))
    }

    /// Whether it answers with another file instead of sending the visitor elsewhere.
    pub(super) fn is_rewrite(&self) -> bool {
        !matches!(self.status, 301 | 302 | 303 | 307 | 308)
    }

    pub(super) fn host(&self) -> Option<&str> {
        self.host.as_deref()
    }

    /// Each parameter of the rule must be there, with its value or, for `name=:place`, with any.
    fn take_query<'a>(&'a self, query: &'a Query<'_>, captures: &mut Captures<'a>) -> Option<()> {
        for (name, expected) in &self.query {
            let given = query.parameter(name)?;
            match expected.strip_prefix(':') {
                Some(place) => captures.push((place, given)),
                None if *expected == given => {}
                None => return None,
            }
        }
        Some(())
    }
}

/// Reads `_redirects`; lines that are not rules, or rules that Berth cannot apply, are told and left out.
pub(crate) fn compile(text: &str) -> (Vec<Redirect>, Vec<RuleProblem>) {
    let (lines, mut problems) = parse(text);
    let mut redirects = Vec::new();
    for line in lines {
        let number = line.number;
        if redirects.len() == MOST_RULES {
            problems.push(RuleProblem { line: number, message: format!("from here on: more than {MOST_RULES} rules") });
            break;
        }
        match compile_line(line) {
            Ok(redirect) => redirects.push(redirect),
            Err(message) => problems.push(RuleProblem { line: number, message }),
        }
    }
    problems.sort_by_key(|problem| problem.line);
    (redirects, problems)
}

fn compile_line(line: Line) -> Result<Redirect, String> {
    if let Some(condition) = line.conditions.keys().next() {
        return Err(format!(
            "the condition {condition} is not supported, and without it the rule would apply to everybody; it is left out"
        ));
    }
    if line.signed.is_some() {
        return Err("signed rules are not supported, so the rule is left out".to_owned());
    }
    let status = line.status.unwrap_or(301);
    let elsewhere = is_address(&line.to);
    match status {
        301 | 302 | 303 | 307 | 308 => {}
        200 | 404 | 410 if elsewhere => {
            return Err("proxying to another server is not supported, so the rule is left out".to_owned());
        }
        200 | 404 | 410 => {}
        _ => return Err(format!("a rule's status is 200, 301, 302, 303, 307, 308, 404 or 410, not {status}")),
    }
    let (host, from) = match host_and_path(&line.from) {
        Some((host, path)) => (Some(host), path.to_owned()),
        None => (None, line.from.clone()),
    };
    // Whoever stands before Berth does this. Here the rule would match what it leads to.
    let same_host = || host_and_path(&line.to).is_some_and(|(to, _)| Some(to) == host);
    if line.from.starts_with("http://") && line.to.starts_with("https://") && same_host() {
        return Err("a rule cannot tell http from https, so the rule is left out".to_owned());
    }
    let is_slash = line.from != line.to && line.from.trim_end_matches('/') == line.to.trim_end_matches('/');
    let Line { number, query, to, force, .. } = line;
    let from = Pattern::parse(&from);
    if from.places() + query.len() > MOST_PLACES {
        return Err(format!("a rule takes at most {MOST_PLACES} parts of an address; this one is left out"));
    }
    Ok(Redirect { host, from, query, to, status, force, line: number, is_slash })
}

/// The host, in lower case and without a port, and the path (and what follows it) of an address.
pub(super) fn host_and_path(address: &str) -> Option<(String, &str)> {
    let (_, rest) = address.split_once("://")?;
    let (host, path) = rest.find('/').map_or((rest, "/"), |at| rest.split_at(at));
    Some((host.split(':').next().unwrap_or(host).to_ascii_lowercase(), path))
}

/// The lines that are rules, and the ones that are not.
pub(super) fn parse(text: &str) -> (Vec<Line>, Vec<RuleProblem>) {
    let (mut lines, mut problems) = (Vec::new(), Vec::new());
    for (index, text) in text.lines().enumerate() {
        let parts: Vec<&str> = text.split_whitespace().take_while(|part| !part.starts_with('#')).collect();
        let number = index + 1;
        match parts.split_first() {
            None => {}
            Some(_) if parts.iter().map(|part| part.len()).sum::<usize>() > LONGEST_LINE => {
                let message = format!("a rule has at most {LONGEST_LINE} bytes, so this one is left out");
                problems.push(RuleProblem { line: number, message });
            }
            Some((from, parts)) => match parse_line(number, from, parts) {
                Ok(line) => lines.push(line),
                Err(message) => problems.push(RuleProblem { line: number, message: message.to_owned() }),
            },
        }
    }
    (lines, problems)
}

fn parse_line(number: usize, from: &str, parts: &[&str]) -> Result<Line, &'static str> {
    const FROM: &str = "a rule starts with a path (/…) or an address (https://…)";
    if !from.starts_with('/') && !is_address(from) {
        return Err(FROM);
    }
    let path = match from.split_once("://") {
        Some((_, rest)) if rest.is_empty() || rest.starts_with('/') => return Err(FROM),
        Some((_, rest)) => rest.find('/').map_or("/", |at| &rest[at..]),
        None => from,
    };
    if path.starts_with("/.netlify") {
        return Err("paths under /.netlify are reserved");
    }
    let is_target = |part: &&str| part.starts_with('/') || is_address(part);
    let is_status = |part: &&str| part.strip_suffix('!').unwrap_or(part).parse::<u16>().is_ok();
    let (query, to, after) = match parts.iter().position(is_target) {
        Some(at) => (&parts[..at], parts[at].to_owned(), &parts[at + 1..]),
        // `/admin/* 200` forwards to the same path.
        None => match parts.iter().position(is_status) {
            Some(at) if from.ends_with("/*") => {
                (&parts[..at], format!("{}:splat", from.trim_end_matches('*')), &parts[at..])
            }
            _ => return Err("a rule needs a target: a path (/…) or an address (https://…)"),
        },
    };
    let (status, force, conditions) = match after.split_first() {
        None => (None, false, after),
        Some((first, rest)) => {
            let digits = first.strip_suffix('!').unwrap_or(first);
            let status = digits.parse().map_err(|_| "after the target comes a status like 301 or 200!")?;
            (Some(status), first.ends_with('!'), rest)
        }
    };
    let mut line = Line {
        number,
        from: from.to_owned(),
        query: pairs(query).collect(),
        to,
        status,
        force,
        conditions: BTreeMap::new(),
        signed: None,
    };
    for (name, value) in pairs(conditions) {
        match name.to_ascii_lowercase().as_str() {
            "sign" | "signed" => line.signed = Some(value),
            "country" | "language" | "role" => {
                let name = name[..1].to_ascii_uppercase() + &name[1..].to_ascii_lowercase();
                line.conditions.insert(name, value.split(',').map(str::to_owned).collect());
            }
            _ => {
                line.conditions.insert(name, value.split(',').map(str::to_owned).collect());
            }
        }
    }
    Ok(line)
}

fn pairs<'a>(parts: &'a [&str]) -> impl Iterator<Item = (String, String)> + use<'a> {
    parts.iter().filter_map(|part| part.split_once('=')).map(|(name, value)| (name.to_owned(), value.to_owned()))
}

fn is_address(text: &str) -> bool {
    text.starts_with("http://") || text.starts_with("https://")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn apply(rule: &str, path: &str, query: Option<&str>) -> Option<Action> {
        let (rules, problems) = compile(rule);
        assert_eq!(problems, [], "{rule}");
        let action = rules[0].leads_to("site.example.org", path, &Query::of(query))?;
        action.leads_from("site.example.org", path, query).then_some(action)
    }

    fn location(rule: &str, path: &str, query: Option<&str>) -> Option<String> {
        match apply(rule, path, query)? {
            Action::Redirect { location, .. } => Some(location),
            Action::Rewrite { path, .. } => Some(format!("rewrite {path}")),
            Action::TooLong => Some("too long".to_owned()),
        }
    }

    #[test]
    fn redirects_take_captures_and_query_along() {
        for (rule, path, query, expected) in [
            ("/a /b", "/a", None, Some("/b")),
            ("/a /b", "/c", None, None),
            ("/a /b", "/a", Some("x=1&y"), Some("/b?x=1&y")),
            ("/a /b?z=1", "/a", Some("x=1"), Some("/b?z=1")),
            ("/a /b#part", "/a", Some("x=1"), Some("/b?x=1#part")),
            ("/n/* /blog/:splat", "/n/a/ü b", None, Some("/blog/a/%C3%BC%20b")),
            ("/:y/:m /:m?y=:y", "/20&24/x", None, Some("/x?y=20%2624")),
            ("/s id=:id /t/:id", "/s", Some("id=4%205"), Some("/t/4%205")),
            ("/s id=:id /t/:id", "/s", None, None),
            ("/s id=7 /seven", "/s", Some("id=7"), Some("/seven")),
            ("/s id=7 /seven", "/s", Some("id=8"), None),
            ("/* https://new.example.org/:splat 302", "/a/b", None, Some("https://new.example.org/a/b")),
            ("https://site.example.org/x /y", "/x", None, Some("/y")),
            ("https://other.example.org/x /y", "/x", None, None),
            ("/app/* /index.html 200", "/app/x", Some("q"), Some("rewrite /index.html")),
            ("/app/* /:splat 200", "/app/x y", None, Some("rewrite /x y")),
            ("/a%20b /c", "/a b", None, Some("/c")),
            ("/* /über 302!", "/a", None, Some("/%C3%BCber")),
            ("/* /über 302!", "/über", None, None),
            ("/* /über 302!", "/über", Some("x"), None),
            ("/* https://site.example.org/b", "/b", None, None),
            ("/* https://site.example.org/b", "/a", None, Some("https://site.example.org/b")),
            ("/* https://other.example.org/b", "/b", None, Some("https://other.example.org/b")),
            ("/* /b?x=1", "/b", None, Some("/b?x=1")),
            ("/* /b?x=1", "/b", Some("x=1"), None),
            ("/a /b", "/a", Some("q=ü&r=%20"), Some("/b?q=%C3%BC&r=%20")),
            ("/s id=:id /t/:id", "/s", Some("id=x&id=y&id"), Some("/t/x")),
        ] {
            assert_eq!(location(rule, path, query).as_deref(), expected, "{rule} {path} {query:?}");
        }
    }

    #[test]
    fn there_is_a_most_of_rules() {
        let (rules, problems) = compile(&"/a /b\n".repeat(MOST_RULES + 10));
        assert_eq!((rules.len(), problems.len(), problems[0].line), (MOST_RULES, 1, MOST_RULES + 1));
    }

    #[test]
    fn a_rule_is_bounded() {
        let long = |length| format!("/a\n\n/{} /b", "x".repeat(length));
        let (rules, problems) = compile(&long(LONGEST_LINE - 3));
        assert_eq!((rules.len(), problems[0].line), (1, 1), "{problems:?}");
        let (rules, problems) = compile(&long(LONGEST_LINE - 2));
        assert_eq!((rules.len(), problems[1].line), (0, 3));
        assert!(problems[1].message.contains("4096 bytes"), "{problems:?}");
        let taking = |places: usize| format!("{} /b", (0..places).map(|n| format!("/:p{n}")).collect::<String>());
        assert_eq!(compile(&taking(MOST_PLACES)).1, []);
        assert_eq!(compile(&taking(MOST_PLACES + 1)).1[0].line, 1);
        // A remark may be as long as it likes.
        assert_eq!(compile(&format!("/a /b # {}", "x".repeat(10_000))).1, []);
    }

    #[test]
    fn what_berth_cannot_do_is_told_by_line() {
        let text = "/a /b\n/x /y 302 Country=ch\n/p/* https://other.example.org/:splat 200\n/q /r 299\nnonsense\n/s /t 200 Role=admin\n/u /v 302 Language=nl,de\n";
        let (rules, problems) = compile(text);
        assert_eq!(rules.len(), 1);
        assert_eq!(problems.iter().map(|problem| problem.line).collect::<Vec<_>>(), [2, 3, 4, 5, 6, 7]);
        for (problem, condition) in [(0, "Country"), (4, "Role"), (5, "Language")] {
            assert!(problems[problem].message.contains(condition), "{problems:?}");
        }
    }
}
