//! Reading variables in order: the text that was given, or the default; and everything that is wrong.

use std::path::PathBuf;

use super::given::Given;
use super::listing::Listing;
use super::values::{self, Parsed};
use super::{Problem, SETTINGS, Setting, Shown, Source};

/// The variables that are read in order, with what was found so far.
pub(super) struct Reading {
    given: Given,
    problems: Vec<Problem>,
    /// Text and source by the settings' order.
    texts: Vec<(&'static Setting, String, String, Source)>,
}

impl Reading {
    pub(super) fn of(given: Given) -> Self {
        Self { problems: given.problems.clone(), given, texts: Vec::new() }
    }

    pub(super) fn take<T>(
        &mut self,
        setting: &'static Setting,
        default: fn(&Self) -> String,
        parse: impl Fn(&str) -> Parsed<T>,
    ) -> Option<T> {
        let default = default(self);
        let given = self.given.get(setting.name).filter(|(text, _)| !text.is_empty());
        let (text, source) =
            given.map_or_else(|| (default.clone(), Source::Default), |(text, source)| (text.to_owned(), source));
        let parsed = parse(&text);
        self.texts.push((setting, text.clone(), default, source));
        match parsed {
            Ok(value) => Some(value),
            // A default that is made of another variable's bad text is not a second problem.
            Err(_) if source == Source::Default && !self.problems.is_empty() => None,
            Err(right) => {
                let value = (setting.shown == Shown::Plain).then_some(text);
                self.problems.push(Problem::new(setting.name, value, right));
                None
            }
        }
    }

    /// A key that is left out is generated later; one that is set must fit, and the empty text never does.
    pub(super) fn take_key<T>(&mut self, setting: &'static Setting, parse: fn(&str) -> Parsed<T>) -> Option<Option<T>> {
        let Some((text, source)) = self.given.get(setting.name).map(|(text, source)| (text.to_owned(), source)) else {
            self.texts.push((setting, String::new(), String::new(), Source::Default));
            return Some(None);
        };
        let parsed = parse(&text);
        self.texts.push((setting, text, String::new(), source));
        match parsed {
            Ok(key) => Some(Some(key)),
            Err(right) => {
                self.problems.push(Problem::new(setting.name, None, right));
                None
            }
        }
    }

    pub(super) fn text(&self, name: &str) -> &str {
        self.texts.iter().find(|(setting, ..)| setting.name == name).map_or("", |(_, text, ..)| text)
    }

    pub(super) fn directory(&self, name: &str) -> PathBuf {
        values::directory(self.text(name)).unwrap_or_default()
    }

    pub(super) fn warnings(&self) -> Vec<String> {
        let unknown = self.given.names_of_ours().filter(|name| !is_known(name) && !OF_CLIENTS.contains(name));
        unknown.map(|name| format!("{name} is not a variable of Berth; did you mean {}?", nearest(name))).collect()
    }

    pub(super) fn end(self) -> (Listing, Vec<Problem>) {
        (Listing::new(self.texts), self.problems)
    }
}

/// What `berth deploy` reads: a shell that also deploys has them, and a server needs none.
const OF_CLIENTS: [&str; 2] = ["BERTH_URL", "BERTH_TOKEN"];

pub(super) fn is_known(name: &str) -> bool {
    SETTINGS.iter().any(|setting| setting.name == name)
}

/// The known name that takes the fewest insertions, deletions and replacements to get to.
fn nearest(name: &str) -> &'static str {
    SETTINGS.iter().map(|setting| setting.name).min_by_key(|known| edits(name, known)).unwrap_or("BERTH_CONFIG")
}

fn edits(one: &str, other: &str) -> usize {
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (above, a) in one.bytes().enumerate() {
        let mut diagonal = above;
        row[0] = above + 1;
        for (column, b) in other.bytes().enumerate() {
            let replaced = diagonal + usize::from(a != b);
            diagonal = row[column + 1];
            row[column + 1] = replaced.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[other.len()]
}
