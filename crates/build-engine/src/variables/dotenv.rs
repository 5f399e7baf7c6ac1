//! `.env`, written so that the common parsers (dotenv and those that copied it) read every value back byte for byte.
//!
//! Its grammar has four ways to write a value and no general escape: single quotes and backticks hold anything but
//! themselves and a carriage return; double quotes turn `\n` and `\r` into line ends and leave other backslashes;
//! a bare value ends at `#` and loses its outer spaces. A backslash before a closing quote may hide it. What none of
//! them can hold is left out, and is in the environment all the same.

use berth_model::VariableKey;
use berth_secrets::SecretString;

use super::OpenVariable;

/// The file's text, and the keys that it cannot hold.
pub(super) fn write(variables: &[OpenVariable]) -> (SecretString, Vec<&VariableKey>) {
    let mut text = String::new();
    let mut left_out = Vec::new();
    for variable in variables {
        match quoted(variable.value.expose()) {
            Some(value) => {
                text.push_str(variable.key.as_str());
                text.push('=');
                text.push_str(&value);
                text.push('\n');
            }
            None => left_out.push(&variable.key),
        }
    }
    (SecretString::from(text), left_out)
}

fn quoted(value: &str) -> Option<String> {
    let has = |c: char| value.contains(c);
    let breaks_line = has('\n') || has('\r');
    let hides_quote = value.ends_with('\\');
    if has('\0') {
        None
    } else if !has('\'') && !breaks_line && !hides_quote {
        Some(format!("'{value}'"))
    } else if breaks_line && !has('"') && !has('\\') {
        Some(format!("\"{}\"", value.replace('\n', "\\n").replace('\r', "\\r")))
    } else if !breaks_line && !has('"') && !has('\\') {
        Some(format!("\"{value}\""))
    } else if !has('\r') && !has('`') && !hides_quote {
        Some(format!("`{value}`"))
    } else if !has('\r') && !has('\'') && !hides_quote {
        Some(format!("'{value}'"))
    } else if !breaks_line && !has('#') && value.trim() == value && !value.starts_with(['\'', '"', '`']) {
        Some(value.to_owned())
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_quoted_so_that_they_survive() {
        for (value, written) in [
            ("", Some("''")),
            ("plain", Some("'plain'")),
            ("with space # $HOME=\"x\" \\d", Some("'with space # $HOME=\"x\" \\d'")),
            ("it's", Some("\"it's\"")),
            ("it's \"both\"", Some("`it's \"both\"`")),
            ("a\nb\n", Some("\"a\\nb\\n\"")),
            ("a\r\nb", Some("\"a\\r\\nb\"")),
            ("a\n\"b\"", Some("`a\n\"b\"`")),
            ("a\n`\"", Some("'a\n`\"'")),
            ("C:\\dir\\", Some("C:\\dir\\")),
            ("ends in # \\", None),
            ("'\"`", None),
            ("a\r\"", None),
            ("a\0b", None),
        ] {
            assert_eq!(quoted(value).as_deref(), written, "{value:?}");
        }
    }
}
