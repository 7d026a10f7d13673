//! The command `coulter`.
#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    // As an actor of the demo this does not return.
    #[cfg(feature = "demo")]
    coulter::init();
    coulter_console::cli::main()
}
