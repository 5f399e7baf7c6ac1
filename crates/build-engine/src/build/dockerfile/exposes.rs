//! What a Dockerfile says of how its image runs: the ports, and what starts it.

use std::num::NonZeroU16;

use super::instructions::{self, Instruction};

/// The TCP ports that the last stage exposes, in their order. `$PORT` stands for what `ENV` or `ARG` say it is.
pub(crate) fn ports(text: &str) -> Vec<NonZeroU16> {
    let stage = last_stage(text);
    let stage = stage.as_slice();
    let mut ports = Vec::new();
    let exposed = stage.iter().filter(|one| one.keyword == "EXPOSE" && !one.is_on_build);
    for word in exposed.flat_map(|one| one.rest.split_whitespace()) {
        let (number, protocol) = word.split_once('/').unwrap_or((word, "tcp"));
        let port =
            variable(number).map_or(Some(number), |name| value(stage, name)).and_then(|number| number.parse().ok());
        if let Some(port) = port.filter(|_| protocol.eq_ignore_ascii_case("tcp"))
            && !ports.contains(&port)
        {
            ports.push(port);
        }
    }
    ports
}

/// What `PORT` is in the image.
pub(crate) fn port_variable(text: &str) -> Option<NonZeroU16> {
    let stage = last_stage(text);
    let set: Vec<Instruction> = stage.into_iter().filter(|one| one.keyword == "ENV").collect();
    value(&set, "PORT")?.parse().ok()
}

/// What the image starts, as one line.
pub(crate) fn command(text: &str) -> Option<String> {
    let stage = last_stage(text);
    let last = |keyword: &str| stage.iter().rfind(|one| one.keyword == keyword && !one.is_on_build);
    let lines = ["ENTRYPOINT", "CMD"].into_iter().filter_map(last).map(|one| {
        let words: Result<Vec<String>, _> = serde_json::from_str(&one.rest);
        words.map_or_else(|_| one.rest.clone(), |words| words.join(" "))
    });
    let line = lines.collect::<Vec<_>>().join(" ");
    (!line.is_empty()).then_some(line)
}

fn last_stage(text: &str) -> Vec<Instruction> {
    let Ok(mut instructions) = instructions::parse(text) else { return Vec::new() };
    let last = instructions.iter().rposition(Instruction::begins_stage).unwrap_or(0);
    instructions.split_off(last)
}

/// The name in `$NAME` and `${NAME}`.
fn variable(word: &str) -> Option<&str> {
    let name = word.strip_prefix('$')?;
    Some(name.strip_prefix('{').and_then(|name| name.strip_suffix('}')).unwrap_or(name))
}

/// What a stage sets a name to.
fn value<'a>(stage: &'a [Instruction], name: &str) -> Option<&'a str> {
    stage.iter().filter(|one| matches!(one.keyword.as_str(), "ENV" | "ARG")).find_map(|one| {
        let mut words = one.rest.split_whitespace();
        // `ENV PORT 3000` is the old form of `ENV PORT=3000`.
        if one.keyword == "ENV" && one.rest.split_whitespace().next() == Some(name) {
            return words.nth(1);
        }
        words.find_map(|word| word.strip_prefix(name)?.strip_prefix('=')).map(|value| value.trim_matches(['"', '\'']))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_stage_says_it() {
        for (text, wanted) in [
            ("FROM a\nEXPOSE 8080", &[8080][..]),
            ("FROM a\nEXPOSE 1\nFROM b\nEXPOSE 80/tcp 443 80", &[80, 443]),
            ("FROM a\nEXPOSE 53/udp", &[]),
            ("FROM a\nENV PORT=3001 NODE_ENV=production\nEXPOSE $PORT", &[3001]),
            ("FROM a\nENV PORT 3002\nEXPOSE ${PORT}", &[3002]),
            ("FROM a\nARG PORT=\"3003\"\nEXPOSE ${PORT}/tcp", &[3003]),
            ("FROM a\nEXPOSE $PORT", &[]),
            ("FROM a\nONBUILD EXPOSE 1\nEXPOSE 0 x 70000", &[]),
            ("", &[]),
            ("\u{1}", &[]),
        ] {
            let found: Vec<u16> = ports(text).into_iter().map(NonZeroU16::get).collect();
            assert_eq!(found, wanted, "{text}");
        }
    }

    #[test]
    fn what_the_image_starts_is_one_line() {
        for (text, wanted) in [
            ("FROM a\nCMD [\"node\", \"server.js\"]", Some("node server.js")),
            (
                "FROM a\nENTRYPOINT [\"tini\", \"--\"]\nCMD x\nCMD uvicorn main:app --port 80",
                Some("tini -- uvicorn main:app --port 80"),
            ),
            ("FROM a\nCMD x\nFROM b", None),
            ("", None),
        ] {
            assert_eq!(command(text).as_deref(), wanted, "{text}");
        }
        assert_eq!(port_variable("FROM a\nARG PORT=1\nENV A=b PORT=3005").map(NonZeroU16::get), Some(3005));
        assert_eq!(port_variable("FROM a\nARG PORT=1"), None);
    }
}
