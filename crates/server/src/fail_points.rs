//! `berth-fail-points`: Berth as it is, but it writes down each of its steps, and kills itself at the one that is asked
//! for. Only tests build it (feature `fail-points`); the product has no steps ([`berth_model::steps`]).
//!
//! `FAIL_POINTS` names a directory: each step's name becomes a line of its file `steps`. While there is a file `at`
//! beside it, steps count; `7` kills at the seventh, as `kill -9` does, and `2 release renamed` at the second of that
//! name. A test writes and removes `at` while Berth runs.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::{Mutex, OnceLock, PoisonError};

use rustix::process::{Signal, getpid, kill_process};

static STEPS: OnceLock<Mutex<Steps>> = OnceLock::new();

struct Steps {
    directory: PathBuf,
    file: File,
    /// What was asked for last; the counts are of the steps since then.
    wanted: Option<String>,
    count: u64,
    of_name: HashMap<&'static str, u64>,
}

fn main() -> ExitCode {
    if let Some(directory) = std::env::var_os("FAIL_POINTS").map(PathBuf::from) {
        let file = match File::create(directory.join("steps")) {
            Ok(file) => file,
            Err(error) => {
                let _ = writeln!(std::io::stderr(), "FAIL_POINTS={}: {error}", directory.display());
                return ExitCode::from(2);
            }
        };
        let _ = STEPS.set(Mutex::new(Steps { directory, file, wanted: None, count: 0, of_name: HashMap::new() }));
        berth_model::steps::on_step(reached);
    }
    berth_server::cli::main()
}

/// Who comes to a step while another thread is at one waits: nobody gets further than the last.
fn reached(step: &'static str) {
    let Some(steps) = STEPS.get() else { return };
    let mut steps = steps.lock().unwrap_or_else(PoisonError::into_inner);
    let _ = writeln!(steps.file, "{step}");
    let wanted = fs::read_to_string(steps.directory.join("at")).ok();
    if wanted != steps.wanted {
        steps.wanted.clone_from(&wanted);
        steps.count = 0;
        steps.of_name.clear();
    }
    steps.count += 1;
    let of_name = steps.of_name.entry(step).or_default();
    *of_name += 1;
    let of_name = *of_name;
    let Some(wanted) = wanted else { return };
    let is_wanted = match wanted.trim().split_once(' ') {
        Some((number, name)) => name == step && number.parse() == Ok(of_name),
        None => wanted.trim().parse() == Ok(steps.count),
    };
    if is_wanted {
        let _ = kill_process(getpid(), Signal::KILL);
        // The signal is on its way; nothing is done any more.
        loop {
            std::thread::park();
        }
    }
}
