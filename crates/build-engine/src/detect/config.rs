//! What configuration files say, read without running them.
//!
//! A configuration in JavaScript can compute anything; what is written down plainly is read, and what is not counts as
//! unsaid. The same holds for TOML and YAML, of which only single values are asked for.

use std::sync::LazyLock;

use regex::Regex;

/// As often a key is looked at in one file, and as much of what stands behind it: each is read on its own.
const MOST_KEYS: usize = 64;
const MOST_EXPRESSION: usize = 16 << 10;

/// JavaScript or TypeScript without its comments, so that what is commented out does not count.
pub(super) fn without_comments(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    let mut quote = None;
    while let Some(character) = characters.next() {
        if let Some(open) = quote {
            kept.push(character);
            match character {
                '\\' => kept.extend(characters.next()),
                // A quote that is left open is none: it stood in a regular expression.
                '\n' if open != '`' => quote = None,
                _ if character == open => quote = None,
                _ => {}
            }
            continue;
        }
        match (character, characters.peek()) {
            ('/', Some('/')) => {
                while characters.peek().is_some_and(|next| *next != '\n') {
                    characters.next();
                }
            }
            ('/', Some('*')) => {
                characters.next();
                let mut before = ' ';
                for next in characters.by_ref() {
                    if before == '*' && next == '/' {
                        break;
                    }
                    before = next;
                }
                kept.push(' ');
            }
            _ => {
                if matches!(character, '"' | '\'' | '`') {
                    quote = Some(character);
                }
                kept.push(character);
            }
        }
    }
    kept
}

/// A path that a configuration names.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct NamedPath {
    pub(super) path: String,
    /// Whether it is built from the configuration's own directory, and not relative to something else.
    pub(super) is_absolute: bool,
}

/// Where an expression begins behind `key:` or `key =`.
fn places(text: &str, key: &str) -> impl Iterator<Item = usize> {
    let pattern = format!(r#"(?:^|[^\w$]){}['"]?\s*[:=]\s*"#, regex::escape(key));
    let found: Vec<usize> =
        Regex::new(&pattern).map(|key| key.find_iter(text).map(|found| found.end()).collect()).unwrap_or_default();
    found.into_iter()
}

/// What stands there.
fn expressions(text: &str, places: impl Iterator<Item = usize>) -> impl Iterator<Item = &str> {
    places.take(MOST_KEYS).map(|at| &text[at..text.floor_char_boundary(at + MOST_EXPRESSION)])
}

/// The path that a key has: a literal, or `resolve(__dirname, 'a')` and its like.
pub(super) fn path_of(text: &str, key: &str) -> Option<NamedPath> {
    expressions(text, places(text, key)).find_map(path_expression)
}

fn path_expression(expression: &str) -> Option<NamedPath> {
    static CALL: LazyLock<Option<Regex>> =
        LazyLock::new(|| Regex::new(r"^(?:(?:\w+\.)?(?:resolve|join)|fileURLToPath|new URL)\s*\(([^;\n]*)").ok());
    static STRING: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r#"(?s)^['"`]([^'"`]*)['"`]"#).ok());
    let literal = |text: &str| {
        let path = STRING.as_ref()?.captures(text)?.get(1)?.as_str().to_owned();
        (!path.contains("${")).then_some(path)
    };
    if let Some(path) = literal(expression) {
        return Some(NamedPath { path, is_absolute: false });
    }
    let inside = CALL.as_ref()?.captures(expression)?.get(1)?.as_str();
    let mut depth = 1;
    let mut parts = Vec::new();
    let mut rest = inside;
    while let Some(character) = rest.chars().next() {
        match character {
            '(' => depth += 1,
            ')' => depth -= 1,
            '\'' | '"' | '`' => {
                let part = literal(rest)?;
                rest = &rest[part.len() + 1..];
                parts.push(part);
            }
            _ => {}
        }
        if depth == 0 {
            break;
        }
        rest = &rest[rest.chars().next().map_or(1, char::len_utf8)..];
    }
    (!parts.is_empty()).then(|| NamedPath { path: parts.join("/"), is_absolute: true })
}

/// The text of a key, where it is a literal.
pub(super) fn text_of(text: &str, key: &str) -> Option<String> {
    let named = path_of(text, key)?;
    (!named.is_absolute).then_some(named.path)
}

/// Whether a key is `true` or `false`, where that is written down.
pub(super) fn flag_of(text: &str, key: &str) -> Option<bool> {
    expressions(text, places(text, key)).find_map(flag_expression)
}

fn flag_expression(expression: &str) -> Option<bool> {
    let word: String = expression.chars().take_while(|c| c.is_alphanumeric()).collect();
    word.parse().ok()
}

/// What lies between the braces behind a key.
pub(super) fn object_of<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    expressions(text, places(text, key)).find_map(object_expression)
}

fn object_expression(expression: &str) -> Option<&str> {
    let inside = expression.strip_prefix('{')?;
    let mut depth = 1;
    let end = inside.find(|c| {
        depth += match c {
            '{' => 1,
            '}' => -1,
            _ => 0,
        };
        depth == 0
    })?;
    Some(&inside[..end])
}

/// The same as [`path_of`], of the configuration's own object only.
pub(super) fn own_path(text: &str, key: &str) -> Option<NamedPath> {
    own_expressions(text, key).find_map(path_expression)
}

/// The same as [`flag_of`], of the configuration's own object only.
pub(super) fn own_flag(text: &str, key: &str) -> Option<bool> {
    own_expressions(text, key).find_map(flag_expression)
}

/// The same as [`object_of`], of the configuration's own object only, and with its braces.
pub(super) fn own_object(text: &str, key: &str) -> Option<String> {
    own_expressions(text, key).find_map(object_expression).map(|inside| format!("{{{inside}}}"))
}

fn own_expressions<'a>(text: &'a str, key: &str) -> impl Iterator<Item = &'a str> {
    let nested = nested(text);
    let own = places(text, key).filter(move |at| {
        // The key stands right before; its sign is one byte.
        let before = text[..*at].trim_end().len().saturating_sub(1);
        !nested.get(before).copied().unwrap_or_default()
    });
    expressions(text, own)
}

/// Which bytes stand within a value of an object, or in a list: what is set there is not the configuration's own.
fn nested(text: &str) -> Vec<bool> {
    /// An open bracket.
    struct Open {
        is_object: bool,
        is_nested: bool,
        /// Behind the colon of a key.
        in_value: bool,
    }
    let mut open = vec![Open { is_object: false, is_nested: false, in_value: false }];
    let mut nested = vec![false; text.len()];
    let mut quote = None;
    let mut is_escaped = false;
    for (at, byte) in text.bytes().enumerate() {
        let depth = open.len();
        let Some(top) = open.last_mut() else { break };
        nested[at] = top.is_nested;
        if let Some(mark) = quote {
            if is_escaped {
                is_escaped = false;
            } else if byte == b'\\' {
                is_escaped = true;
            } else if byte == mark || byte == b'\n' && mark != b'`' {
                quote = None;
            }
            continue;
        }
        match byte {
            b'"' | b'\'' | b'`' => quote = Some(byte),
            b'{' | b'(' | b'[' => {
                let is_nested = top.is_nested || top.in_value || byte == b'[';
                open.push(Open { is_object: byte == b'{', is_nested, in_value: false });
            }
            b'}' | b')' | b']' if depth > 1 => {
                open.pop();
            }
            b':' => top.in_value = top.is_object,
            b',' | b';' => top.in_value = false,
            // In the body of a function.
            b'r' if text[at..].starts_with("return ") => top.in_value = false,
            _ => {}
        }
    }
    nested
}

/// A value of a TOML file: `section` is `""` for the top, else the name between brackets.
pub(super) fn toml_value(text: &str, section: &str, key: &str) -> Option<String> {
    let mut current = "";
    for line in text.lines().map(str::trim) {
        if let Some(name) = line.strip_prefix('[') {
            current = name.trim_start_matches('[').split(']').next().unwrap_or_default().trim();
        } else if current == section
            && let Some((name, value)) = line.split_once('=')
            && name.trim().trim_matches('"').eq_ignore_ascii_case(key)
        {
            return Some(unquoted(value));
        }
    }
    None
}

/// A value at the top of a YAML file.
pub(super) fn yaml_value(text: &str, key: &str) -> Option<String> {
    text.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        (name.trim_matches('"').eq_ignore_ascii_case(key)).then(|| unquoted(value)).filter(|value| !value.is_empty())
    })
}

/// A scalar without its quotes and the comment behind it.
fn unquoted(value: &str) -> String {
    let value = value.trim();
    for quote in ['"', '\''] {
        if let Some(inside) = value.strip_prefix(quote) {
            return inside.split(quote).next().unwrap_or_default().to_owned();
        }
    }
    value.split(" #").next().unwrap_or_default().trim().to_owned()
}

/// `a/./b/../c` as `a/c`; `None` if it leads outside.
pub(super) fn normal_path(path: &str) -> Option<String> {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_go_and_strings_stay() {
        let text = "a: 'http://x/**/y', // b: 1\n/* c: 2 */ d: /'/,\ne: `//`";
        assert_eq!(without_comments(text), "a: 'http://x/**/y', \n  d: /'/,\ne: `//`");
    }

    #[test]
    fn paths_as_people_write_them() {
        let named = |path: &str, is_absolute| Some(NamedPath { path: path.to_owned(), is_absolute });
        for (text, expected) in [
            ("build: { outDir: '../out' }", named("../out", false)),
            ("\"outDir\" : \"out\"", named("out", false)),
            ("outDir: path.resolve(__dirname, '..', 'out'),", named("../out", true)),
            ("outDir: resolve(import.meta.dirname, \"out\")", named("out", true)),
            ("outDir: fileURLToPath(new URL('./out', import.meta.url)), x: 'y'", named("./out", true)),
            ("outDir: `${base}/x`", None),
            ("outDir: process.env.OUT", None),
            ("myoutDir: 'x'", None),
        ] {
            assert_eq!(path_of(text, "outDir"), expected, "{text}");
        }
        assert_eq!(normal_path("src/../dist/"), Some("dist".to_owned()));
        assert_eq!(normal_path("../dist"), None);
    }

    #[test]
    fn keys_of_the_configuration_itself() {
        for (text, wanted) in [
            ("export default { ssr: false }", Some(false)),
            ("const config: NuxtConfig = { ssr: true };\nexport default config", Some(true)),
            ("export default defineConfig(({ mode }: Env) => ({ title: '}', ssr: false }))", Some(false)),
            ("export default defineConfig(() => {\n  const a: A = b()\n  return { ssr: false }\n})", Some(false)),
            ("export default { routeRules: { '/a/**': { ssr: false } } }", None),
            ("export default { routeRules: { '/a': { ssr: false } }, \"ssr\": true }", Some(true)),
            ("export default { plugins: [a({ ssr: false })] }", None),
            ("export default { vite: a({ ssr: false }) }", None),
        ] {
            assert_eq!(own_flag(text, "ssr"), wanted, "{text}");
        }
        let build = own_object(
            "({ plugins: [{ build: { outDir: 'a' } }], build: { x: { outDir: 'b' }, outDir: 'c' } })",
            "build",
        );
        assert_eq!(own_path(&build.unwrap(), "outDir").unwrap().path, "c");
    }

    #[test]
    fn keys_whose_values_never_end_are_not_all_read() {
        let open = "x: {".repeat(MOST_KEYS);
        assert_eq!(object_of(&format!("{}x: {{ a }}", &open[4..]), "x"), Some(" a "));
        assert_eq!(object_of(&format!("{open}x: {{ a }}"), "x"), None, "one key more than is looked at");
        let long = |length: usize| format!("x: {{{}}}", "a".repeat(length));
        assert!(object_of(&long(MOST_EXPRESSION - 2), "x").is_some());
        assert!(object_of(&long(MOST_EXPRESSION), "x").is_none(), "an expression that is longer than is looked at");
        assert_eq!(path_of(&format!("x: resolve('a{}')", "ü".repeat(MOST_EXPRESSION)), "x"), None);
        // Only the configuration's own count.
        let nested = format!("{{ a: {{ {} }}, x: 'b' }}", "x: 'c', ".repeat(2 * MOST_KEYS));
        assert_eq!(own_path(&nested, "x").unwrap().path, "b");
    }

    #[test]
    fn values_of_toml_and_yaml() {
        let book = "[book]\ntitle = \"x\"\n[build] # here\nbuild-dir = \"out\" # there\n";
        assert_eq!(toml_value(book, "build", "build-dir").as_deref(), Some("out"));
        assert_eq!(toml_value(book, "", "title"), None);
        assert_eq!(yaml_value("nav:\n  site_dir: no\nsite_dir: 'public' # x\n", "site_dir").as_deref(), Some("public"));
        assert_eq!(object_of("ssr: { a: {}, b: 1 }, c", "ssr"), Some(" a: {}, b: 1 "));
        assert_eq!(flag_of("ssr : false,", "ssr"), Some(false));
    }
}
