//! A TOML file whose values know where they stand.

use std::ops::Range;

use berth_model::{Failure, FailureCode, InvalidInput};
use toml::Spanned;
use toml::de::{DeString, DeTable, DeValue};

/// Longer files are not looked into.
const MOST_BYTES: usize = 128 << 10;

/// A position for people, both from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) line: u32,
    pub(super) column: u32,
}

/// A value and where it stands.
#[derive(Clone, Debug)]
pub(super) struct At<T> {
    pub(super) value: T,
    pub(super) place: Place,
}

/// The file, as errors speak of it.
pub(super) struct Document {
    path: String,
    /// Where its lines begin, in bytes, and the text between.
    lines: Vec<String>,
}

/// A table, its keys taken out one by one.
pub(super) struct Fields<'d, 't> {
    document: &'d Document,
    pub(super) place: Place,
    table: &'t DeTable<'t>,
}

impl Document {
    pub(super) fn new(path: String, text: &str) -> Self {
        Self { path, lines: text.split('\n').map(str::to_owned).collect() }
    }

    /// The whole file.
    pub(super) fn parse<'t>(&self, text: &'t str) -> Result<Spanned<DeTable<'t>>, Failure> {
        if text.len() > MOST_BYTES {
            let title = format!("{} is too large", self.path);
            return Err(Failure::new(FailureCode::BadRepository, title, "It may have 128 KiB."));
        }
        DeTable::parse(text).map_err(|error| {
            let place = self.place(error.span().unwrap_or_default());
            self.wrong(place, error.message(), "It is not TOML there.")
        })
    }

    /// Where a span begins.
    pub(super) fn place(&self, span: Range<usize>) -> Place {
        let mut left = span.start;
        let mut line = 0;
        while let Some(text) = self.lines.get(line)
            && left > text.len()
        {
            left -= text.len() + 1;
            line += 1;
        }
        let text = self.lines.get(line).map_or("", String::as_str);
        let column = text.get(..left).map_or(0, |before| before.chars().count());
        let number = |from_zero: usize| u32::try_from(from_zero + 1).unwrap_or(u32::MAX);
        Place { line: number(line), column: number(column) }
    }

    /// An error at a place: what is wrong, and what would be right.
    pub(super) fn wrong(&self, place: Place, what: &str, right: &str) -> Failure {
        let title = format!("{}, line {}, column {}: {what}", self.path, place.line, place.column);
        Failure::new(FailureCode::BadRepository, title, right)
    }

    pub(super) fn at<T>(&self, spanned: &Spanned<T>) -> Place {
        self.place(spanned.span())
    }

    /// A table under a key, whose keys are all among the known ones.
    pub(super) fn fields<'d, 't>(
        &'d self,
        name: &str,
        value: &'t Spanned<DeValue<'t>>,
        known: &[&str],
    ) -> Result<Fields<'d, 't>, Failure> {
        let Some(table) = value.get_ref().as_table() else {
            return Err(self.kind(name, value, &format!("a table: `[{name}]`")));
        };
        self.fields_of(self.at(value), table, known)
    }

    pub(super) fn fields_of<'d, 't>(
        &'d self,
        place: Place,
        table: &'t DeTable<'t>,
        known: &[&str],
    ) -> Result<Fields<'d, 't>, Failure> {
        for (key, _) in in_order(table) {
            if !known.contains(&key.get_ref().as_ref()) {
                return Err(self.unknown(key, known));
            }
        }
        Ok(Fields { document: self, place, table })
    }

    fn unknown(&self, key: &Spanned<DeString<'_>>, known: &[&str]) -> Failure {
        let name = key.get_ref().as_ref();
        let nearest = known.iter().map(|known| (strsim::osa_distance(name, known), known)).min();
        let meant = match nearest {
            Some((distance, known)) if distance <= 1 + name.chars().count() / 3 => format!("Did you mean `{known}`? "),
            _ => String::new(),
        };
        let right = format!("{meant}What may stand here: {}.", known.join(", "));
        self.wrong(self.at(key), &format!("`{name}` is not known"), &right)
    }

    /// A value of another kind than it should be.
    pub(super) fn kind(&self, name: &str, value: &Spanned<DeValue<'_>>, wanted: &str) -> Failure {
        let found = match value.get_ref() {
            DeValue::String(_) => "text",
            DeValue::Integer(_) | DeValue::Float(_) => "a number",
            DeValue::Boolean(_) => "true or false",
            DeValue::Datetime(_) => "a date",
            DeValue::Array(_) => "a list",
            DeValue::Table(_) => "a table",
        };
        self.wrong(self.at(value), &format!("`{name}` is {found} here"), &format!("It is {wanted}."))
    }

    /// Text.
    pub(super) fn text(&self, name: &str, value: &Spanned<DeValue<'_>>) -> Result<At<String>, Failure> {
        let text = value.get_ref().as_str().ok_or_else(|| self.kind(name, value, "text in quotes"))?;
        if text.contains('\0') {
            return Err(self.wrong(
                self.at(value),
                &format!("`{name}` has a character that no command can have"),
                "Leave \\u0000 out.",
            ));
        }
        Ok(At { value: text.to_owned(), place: self.at(value) })
    }

    /// A whole number.
    pub(super) fn integer(&self, name: &str, value: &Spanned<DeValue<'_>>, wanted: &str) -> Result<i64, Failure> {
        let number = value.get_ref().as_integer();
        let number = number.and_then(|number| i64::from_str_radix(number.as_str(), number.radix()).ok());
        number.ok_or_else(|| self.kind(name, value, wanted))
    }

    /// What a parser of the model says of a value.
    pub(super) fn parsed<T>(&self, place: Place, parsed: Result<T, InvalidInput>) -> Result<At<T>, Failure> {
        match parsed {
            Ok(value) => Ok(At { value, place }),
            Err(invalid) => Err(self.wrong(place, &invalid.message, "Change it there, and push again.")),
        }
    }
}

impl<'d, 't> Fields<'d, 't> {
    /// The value of a key.
    pub(super) fn get(&self, key: &str) -> Option<&'t Spanned<DeValue<'t>>> {
        self.table.get(key)
    }

    /// The value of a key as `read` makes it.
    pub(super) fn read<T>(
        &self,
        key: &str,
        read: impl FnOnce(&Document, &str, &Spanned<DeValue<'_>>) -> Result<At<T>, Failure>,
    ) -> Result<Option<At<T>>, Failure> {
        self.get(key).map(|value| read(self.document, key, value)).transpose()
    }

    /// The keys with their values, as they stand in the file.
    pub(super) fn in_order(&self) -> Vec<(&'t Spanned<DeString<'t>>, &'t Spanned<DeValue<'t>>)> {
        in_order(self.table)
    }
}

pub(super) fn in_order<'t>(table: &'t DeTable<'t>) -> Vec<(&'t Spanned<DeString<'t>>, &'t Spanned<DeValue<'t>>)> {
    let mut pairs: Vec<_> = table.iter().collect();
    pairs.sort_by_key(|(key, _)| key.span().start);
    pairs
}
