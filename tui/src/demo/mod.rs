//! `coulter demo`: a small real tree, shown like any other program.
//!
//! The console starts itself again as `coulter demo --tree`; that process is the root, and every
//! actor below it is this executable once more. It is the only room that knows the runtime.
mod actors;

use std::ffi::OsString;
use std::process::ExitCode;

/// The command line of the tree itself.
///
/// # Errors
/// When this executable cannot be found.
pub fn command() -> std::io::Result<Vec<OsString>> {
    // The link and not its target: it leads to this executable even after it was replaced by a new build.
    Ok(vec![std::env::current_exe()?.into_os_string(), "demo".into(), "--tree".into()])
}

/// Is the tree: the root's `main`.
#[must_use]
pub fn be_the_tree() -> ExitCode {
    match coulter::Root::builder().name("demo").log("info").run(actors::play) {
        Ok(()) => ExitCode::SUCCESS,
        Err(report) => {
            eprintln!("demo: {report}");
            ExitCode::FAILURE
        }
    }
}
