//! Command lines that an image's shell runs.
//!
//! A signal ends the shell and not what it started, and with the first process goes the whole container: an application
//! behind a shell is killed in the middle of its requests. So the shell is told to become the application wherever it can
//! be seen from the text what the application is.
//!
//! npm runs its scripts in a shell of its own, which stands in the way like the first one. bash becomes a script's only
//! command, which Debian's and Alpine's own shells do not: where the image has bash, npm is told to use that.

/// What runs the scripts of a `package.json` in a shell that npm's settings choose.
const RUNNERS_OF_SCRIPTS: [&str; 3] = ["npm", "npx", "pnpm"];
const WITH_BASH: &str = "command -v bash >/dev/null && export npm_config_script_shell=bash; ";

/// The program and arguments that run a command line: `/bin/sh -c "exec npm start"`.
#[must_use]
pub fn shell(command: &str) -> Vec<String> {
    vec!["/bin/sh".to_owned(), "-c".to_owned(), become_it(command.trim())]
}

/// Puts `exec` before the last of several commands that follow each other, or before the only one.
fn become_it(command: &str) -> String {
    let (before, last) = match command.rfind("&&") {
        Some(at) => command.split_at(at + 2),
        None => ("", command),
    };
    let last = last.trim_start();
    if last.is_empty() || !is_simple(last) || !before.split("&&").all(|part| part.trim().is_empty() || is_plain(part)) {
        return command.to_owned();
    }
    let separator = if before.is_empty() { "" } else { " " };
    // Assignments in front of a command are `env`'s to read: `exec` takes the first word for the program.
    let exec = if is_assignment(first_word(last)) { "exec env " } else { "exec " };
    let program = last.split_whitespace().find(|word| !is_assignment(word)).unwrap_or_default();
    let prepared = if RUNNERS_OF_SCRIPTS.contains(&program) { WITH_BASH } else { "" };
    format!("{prepared}{before}{separator}{exec}{last}")
}

/// Whether the text is one command: nothing in it makes the shell do more than to start a program.
fn is_simple(text: &str) -> bool {
    /// What only the shell itself knows, or would not return from.
    const SHELLS_OWN: [&str; 22] = [
        "!", ".", ":", "[[", "case", "cd", "eval", "exec", "exit", "export", "for", "function", "if", "read", "set",
        "source", "trap", "ulimit", "umask", "until", "wait", "while",
    ];
    is_plain(text) && !text.starts_with(['{', '\'', '"', '$', '<', '>']) && !SHELLS_OWN.contains(&first_word(text))
}

/// Whether the text has nothing that begins another command, outside quotes or within.
fn is_plain(text: &str) -> bool {
    !text.contains(['&', ';', '|', '(', ')', '`', '\n', '#'])
}

fn first_word(text: &str) -> &str {
    text.split_whitespace().next().unwrap_or_default()
}

fn is_assignment(word: &str) -> bool {
    let Some((key, _)) = word.split_once('=') else { return false };
    !key.is_empty()
        && !key.starts_with(|first: char| first.is_ascii_digit())
        && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shell_becomes_the_application_where_that_can_be_seen() {
        for (command, run) in [
            ("flask run", "exec flask run"),
            (" node server.js --port $PORT ", "exec node server.js --port $PORT"),
            ("PORT=8080 node x.js", "exec env PORT=8080 node x.js"),
            ("cd server && node index.js", "cd server && exec node index.js"),
            ("python manage.py migrate && gunicorn app:app", "python manage.py migrate && exec gunicorn app:app"),
            ("node x.js > /data/log", "exec node x.js > /data/log"),
        ] {
            assert_eq!(become_it(command.trim()), run);
        }
        for command in ["npm start", "A=1 pnpm run start"] {
            let run = become_it(command);
            assert!(run.starts_with(WITH_BASH) && run.contains("; exec ") && run.ends_with(command), "{run}");
        }
    }

    #[test]
    fn what_only_the_shell_can_do_stays_as_it_is() {
        for command in [
            "a; b",
            "a & b",
            "a | b",
            "a || b",
            "(a)",
            "a $(b)",
            "exec a",
            "while true",
            "export A=1",
            "{ a; }",
            "a\nb",
            "a && b &",
            "a || b && c",
            "'a b' c",
            "a # b",
            "cd x",
            "",
            "cd x &&",
        ] {
            assert_eq!(become_it(command), command);
        }
    }

    /// The shell itself says who runs in the end.
    #[test]
    fn the_shell_agrees() {
        for command in ["sh -c 'echo $PPID'", "A=1 sh -c 'echo $PPID'", "true && sh -c 'echo $PPID'"] {
            let words = shell(&command.replace('\'', "\""));
            assert!(words[2].contains("exec "), "{words:?}");
            let output = std::process::Command::new(&words[0]).args(&words[1..]).output().unwrap();
            let parent = String::from_utf8(output.stdout).unwrap();
            assert_eq!(parent.trim(), std::process::id().to_string(), "{words:?}");
        }
    }
}
