//! Values for the fuzzer: what a schema of the OpenAPI document asks for, and what nobody should ever send.

use serde_json::{Map, Value, json};

use super::dice::Dice;

/// Texts that parsers, databases, file systems and shells stumble over. No address among them leads off this machine.
const TEXTS: &[&str] = &[
    "",
    " ",
    "a",
    "shop",
    "Shop",
    "main",
    "\0",
    "a\0b",
    "\r\nX-Injected: yes",
    "\u{202e}gnp.exe",
    "\u{feff}bom",
    "e\u{301}\u{1f9e8}\u{10ffff}",
    "%00",
    "%2e%2e%2f",
    "../../../../etc/passwd",
    "/etc/passwd",
    "..\\..\\windows",
    ".git/config",
    "a/b/c",
    "' OR '1'='1",
    "'; DROP TABLE event; --",
    "\"; SELECT pg_sleep(10); --",
    "$(id)",
    "`id`",
    "; id",
    "--upload-pack=id",
    "-oProxyCommand=id",
    "{{7*7}}",
    "<script>alert(1)</script>",
    "%s%n%x",
    "null",
    "true",
    "[]",
    "-1",
    "0",
    "1",
    "2",
    "9223372036854775807",
    "9223372036854775808",
    "1e309",
    "NaN",
    "2026-11-22T00:00:00Z",
    "xn--nxasmq6b",
    "--",
    "-a",
    "a-",
    "refs/heads/main",
    "HEAD",
    "@{u}",
    "a..b",
    "a.lock",
    "http://127.0.0.1:1/nobody/there.git",
    "http://127.0.0.1/a.git",
    "http://[::1]/a.git",
    "http://0x7f000001/a.git",
    "http://user:pass@127.0.0.1/a.git",
    "file:///etc/passwd",
    "ssh://-oProxyCommand=id/x",
    "ext::sh -c id",
    "https://",
    "::1",
    "dist",
    "22",
    "production",
    "preview",
    "admin",
    "member",
    "KEY=value\nKEY2=\"a\nb\"\nBAD LINE",
    "A=\"unclosed",
];

/// A value that fits a schema, or, now and then, one that does not.
pub(super) fn value(dice: &mut Dice, schemas: &Value, schema: &Value, depth: usize) -> Value {
    if dice.one_in(8) {
        return anything(dice, depth);
    }
    if let Some(name) = schema["$ref"].as_str().and_then(|name| name.rsplit('/').next()) {
        return value(dice, schemas, &schemas[name], depth + 1);
    }
    for choice in ["oneOf", "anyOf", "allOf"] {
        if let Some(choices) = schema[choice].as_array().filter(|choices| !choices.is_empty()) {
            return {
                let chosen = dice.below(choices.len());
                value(dice, schemas, &choices[chosen], depth + 1)
            };
        }
    }
    if let Some(words) = schema["enum"].as_array().filter(|words| !words.is_empty()) {
        return dice.pick(words).clone();
    }
    let kinds: Vec<&str> = match &schema["type"] {
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).collect(),
        kind => kind.as_str().into_iter().collect(),
    };
    let kind = if kinds.is_empty() { "" } else { *dice.pick(&kinds) };
    match kind {
        "object" => object(dice, schemas, schema, depth),
        "array" => {
            let many = if dice.one_in(50) { 500 } else { dice.below(4) };
            (0..many).map(|_| value(dice, schemas, &schema["items"], depth + 1)).collect()
        }
        "string" => Value::from(text(dice)),
        "integer" => number(dice),
        "number" => json!(1.5),
        "boolean" => Value::from(dice.one_in(2)),
        "null" => Value::Null,
        _ => anything(dice, depth),
    }
}

fn object(dice: &mut Dice, schemas: &Value, schema: &Value, depth: usize) -> Value {
    let required = schema["required"].as_array().cloned().unwrap_or_default();
    let mut made = Map::new();
    for (name, of) in schema["properties"].as_object().into_iter().flatten() {
        let is_required = required.iter().any(|one| one == name.as_str());
        if if is_required { dice.one_in(20) } else { dice.one_in(2) } {
            continue;
        }
        made.insert(name.clone(), value(dice, schemas, of, depth + 1));
    }
    if dice.one_in(10) {
        made.insert(text(dice), anything(dice, depth + 1));
    }
    Value::Object(made)
}

/// A text that is somebody's nightmare.
pub(super) fn text(dice: &mut Dice) -> String {
    match dice.below(12) {
        0 => TEXTS[dice.below(TEXTS.len())].repeat(dice.below(40)),
        1 => "x".repeat(*dice.pick(&[63, 64, 255, 256, 4_096, 70_000])),
        2 => (0..dice.below(30)).filter_map(|_| char::from_u32(u32::try_from(dice.below(0x11_0000)).ok()?)).collect(),
        3 => format!("name-{}", dice.below(1_000)),
        _ => (*dice.pick(TEXTS)).to_owned(),
    }
}

fn number(dice: &mut Dice) -> Value {
    match dice.below(6) {
        0 => json!(i64::MAX),
        1 => json!(i64::MIN),
        2 => json!(u64::MAX),
        3 => json!(-1),
        _ => json!(dice.below(20)),
    }
}

fn anything(dice: &mut Dice, depth: usize) -> Value {
    match dice.below(9) {
        0 => Value::Null,
        1 => Value::from(dice.one_in(2)),
        2 => number(dice),
        3 => json!(-0.0),
        4 if depth < 6 => (0..dice.below(4)).map(|_| anything(dice, depth + 1)).collect(),
        5 if depth < 6 => {
            let fields: Map<String, Value> =
                (0..dice.below(4)).map(|_| (text(dice), anything(dice, depth + 1))).collect();
            Value::Object(fields)
        }
        _ => Value::from(text(dice)),
    }
}

/// A parameter in a path or a query: something that is there, something that may be, or nonsense.
pub(super) fn parameter(dice: &mut Dice, known: &[i64]) -> String {
    match dice.below(8) {
        0..=3 => dice.pick(known).to_string(),
        4 => number(dice).to_string(),
        _ => text(dice).chars().take(2_000).collect(),
    }
}

/// Puts something else where a node of a value is.
pub(super) fn mutate(dice: &mut Dice, value: &mut Value) {
    match value {
        Value::Object(fields) if !fields.is_empty() && !dice.one_in(6) => {
            let at = dice.below(fields.len());
            if let Some((_, field)) = fields.iter_mut().nth(at) {
                mutate(dice, field);
            }
        }
        Value::Array(items) if !items.is_empty() && !dice.one_in(6) => {
            let at = dice.below(items.len());
            mutate(dice, &mut items[at]);
        }
        other => *other = anything(dice, 0),
    }
}
