//! `coulter`, `coulter attach`, `coulter run`: a full screen where there is one, else plain.
use std::ffi::OsString;
use std::io::{self, IsTerminal};
use std::process::ExitCode;
use std::time::Duration;

use super::Failure;
use super::out::{Look, utf8_locale};
use super::plain::{Plain, Purpose, start};
use super::tree::{choose, look_at};
use crate::client::{Picked, pick, trees};
use crate::dash::{self, Subject};
use crate::run::Program;
use crate::term::size;
use crate::view::{Pen, Tier};

/// How often to look for a tree to attach to.
const LOOK: Duration = Duration::from_millis(250);

/// Whether there is a terminal that can show a full screen.
fn full_screen(plain: bool) -> bool {
    let dumb = std::env::var_os("TERM").is_none_or(|term| term.is_empty() || term == "dumb");
    !plain && !dumb && io::stdin().is_terminal() && io::stdout().is_terminal()
}

fn pen(ascii: bool) -> Pen {
    Pen::new(Tier::of_environment(|name| std::env::var(name).ok()), ascii || !utf8_locale())
}

/// Starts a program and shows it.
///
/// # Errors
/// When it cannot be started, or the terminal gives way.
pub fn run(look: Look, ascii: bool, plain: bool, argv: &[OsString]) -> Result<ExitCode, Failure> {
    if !full_screen(plain) {
        return Plain::new(look, Purpose::Run(start(argv)?), None).run();
    }
    let (columns, rows) = size();
    let program = Program::on_pty(argv, columns, rows).map_err(|error| super::plain::not_started(argv, &error))?;
    dash::run(Subject::Program(program), pen(ascii))
}

/// Shows a tree there is, or waits for one.
///
/// # Errors
/// When a tree is named that is not there, or the terminal gives way.
pub fn attach(look: Look, ascii: bool, plain: bool, name: Option<&str>) -> Result<ExitCode, Failure> {
    if !full_screen(plain) {
        let mut told = false;
        while name.is_none() && trees()?.is_empty() {
            if !std::mem::replace(&mut told, true) {
                eprintln!("coulter: waiting for a tree; `coulter run -- PROGRAM` starts one");
            }
            std::thread::sleep(LOOK);
        }
        let seen = look_at(&choose(name)?, true)?;
        return Plain::new(look, Purpose::Attach, Some(seen)).run();
    }
    let subject = match (pick(trees()?, name), name) {
        (Picked::One(found), _) => Subject::Tree(Box::new(found)),
        (Picked::None, Some(_)) => return choose(name).map(|_| ExitCode::SUCCESS),
        (Picked::None | Picked::Many(_), _) => Subject::Any(name.map(str::to_owned)),
    };
    dash::run(subject, pen(ascii))
}
