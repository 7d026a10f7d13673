//! The command `coulter`.
#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    coulter_console::cli::main()
}
