//! The `berth` binary; everything is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    berth_server::cli::main()
}
