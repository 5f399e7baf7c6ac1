//! What `berth config` prints.

use std::fmt;

use super::{Setting, Shown, Source};

/// Every variable with its current value, default, source and meaning. Secrets are `***`.
#[derive(Clone, Debug)]
pub struct Listing(Vec<Entry>);

#[derive(Clone, Debug)]
struct Entry {
    name: &'static str,
    value: String,
    default: String,
    source: Source,
    description: &'static [&'static str],
}

impl Listing {
    pub(super) fn new(texts: Vec<(&'static Setting, String, String, Source)>) -> Self {
        let entries = texts.into_iter().map(|(setting, text, default, source)| Entry {
            name: setting.name,
            value: shown_value(setting, &text, source),
            default: setting.default_words.first().map_or(default, |words| (*words).to_owned()),
            source,
            description: setting.description,
        });
        Self(entries.collect())
    }
}

fn shown_value(setting: &Setting, text: &str, source: Source) -> String {
    match (setting.shown, source) {
        (Shown::Plain, _) => text.to_owned(),
        (Shown::Secret | Shown::Key, Source::Default) => setting.default_words.concat(),
        (Shown::Secret | Shown::Key, _) => "***".to_owned(),
    }
}

impl fmt::Display for Listing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, entry) in self.0.iter().enumerate() {
            if index > 0 {
                writeln!(f)?;
            }
            let value = if entry.value.is_empty() { "(not set)" } else { &entry.value };
            writeln!(f, "{} = {value}", entry.name)?;
            for line in entry.description {
                writeln!(f, "   {line}")?;
            }
            let default = if entry.default.is_empty() { "not set" } else { &entry.default };
            writeln!(f, "    default: {default}; now from: {}", entry.source.as_str())?;
        }
        Ok(())
    }
}
