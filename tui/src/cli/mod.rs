//! The command line: what can be asked for, and who does it.
pub mod args;
pub mod cancel;
pub mod dashboard;
pub mod exit;
pub mod held;
pub mod logs;
pub mod out;
pub mod plain;
pub mod print;
pub mod ps;
pub mod repl;
pub mod tree;

use std::process::ExitCode;

use clap::Parser;

use args::{Args, Command};
pub use exit::Failure;

/// The command `coulter`, from its arguments to its exit code.
#[must_use]
pub fn main() -> ExitCode {
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(error) => {
            let code = if error.use_stderr() { 2 } else { 0 };
            // Nothing is left to be done when even this cannot be printed.
            drop(error.print());
            return ExitCode::from(code);
        }
    };
    match run(args) {
        Ok(code) => code,
        Err(failure) => {
            out::complain(&failure.to_string());
            failure.code()
        }
    }
}

fn run(args: Args) -> Result<ExitCode, Failure> {
    let look = out::Look::of(&args);
    let done = ExitCode::SUCCESS;
    match args.command {
        Some(Command::Ps(list)) => ps::run(look, list.json).map(|()| done),
        Some(Command::Tree(list)) => print::run(look, print::What::Tree, &list).map(|()| done),
        Some(Command::Contexts(list)) => print::run(look, print::What::Contexts, &list).map(|()| done),
        Some(Command::Channels(list)) => print::run(look, print::What::Channels, &list).map(|()| done),
        Some(Command::Stops(list)) => print::run(look, print::What::Stops, &list).map(|()| done),
        Some(Command::Logs(logs)) => logs::run(look, &logs).map(|()| done),
        Some(Command::Cancel(cancel)) => cancel::run(look, &cancel).map(|()| done),
        Some(Command::Repl(repl)) => repl::run(look, &repl),
        Some(Command::Run(run)) => dashboard::run(look, args.ascii, run.plain, &run.program),
        Some(Command::Attach(attach)) => dashboard::attach(look, args.ascii, attach.plain, attach.tree.as_deref()),
        #[cfg(feature = "demo")]
        Some(Command::Demo(demo)) if demo.tree => Ok(crate::demo::be_the_tree()),
        #[cfg(feature = "demo")]
        Some(Command::Demo(demo)) => dashboard::run(look, args.ascii, demo.plain, &crate::demo::command()?).map(|_| done),
        None => dashboard::attach(look, args.ascii, false, None),
    }
}
