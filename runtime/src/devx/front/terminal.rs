//! The terminal as the front uses it: `write(2)` to its descriptor, colours by role, settings put back.
//!
//! Never std's `stdout()`: a thread that halted inside `println!` holds its lock.
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};

use coulter_proto::repl::{Line, Role};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use rustix::stdio::{stdin, stdout};
use rustix::termios::{OptionalActions, Termios, isatty, tcgetattr, tcgetpgrp, tcsetattr};

/// Whether a person can be asked here.
pub(super) fn is_terminal() -> bool {
    isatty(stdin()) && isatty(stdout())
}

/// Whether colours are welcome.
pub(super) fn wants_color() -> bool {
    isatty(stdout()) && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// The terminal itself: descriptor 1 may lead elsewhere while a prompt is open.
static TERMINAL: OnceLock<OwnedFd> = OnceLock::new();

fn out() -> BorrowedFd<'static> {
    TERMINAL.get().map_or_else(stdout, AsFd::as_fd)
}

/// Writes all of it; what the terminal does not take is lost, nothing else can be done.
pub(super) fn write(text: &str) {
    let mut rest = text.as_bytes();
    while !rest.is_empty() {
        match rustix::io::write(out(), rest) {
            Ok(0) => return,
            Ok(written) => rest = rest.get(written..).unwrap_or_default(),
            Err(Errno::INTR) => {}
            Err(Errno::AGAIN) => {
                let out = out();
                let _ = poll(&mut [PollFd::new(&out, PollFlags::OUT)], None);
            }
            Err(_) => return,
        }
    }
}

static SAVED: Mutex<Option<Termios>> = Mutex::new(None);
static CHANGED: AtomicBool = AtomicBool::new(false);

/// Keeps the way to the terminal, and its settings as they are, once.
pub(super) fn keep() {
    if let Ok(out) = rustix::io::fcntl_dupfd_cloexec(stdout(), 3) {
        let _ = TERMINAL.set(out);
    }
    let mut saved = SAVED.lock().unwrap_or_else(PoisonError::into_inner);
    if saved.is_none() {
        *saved = tcgetattr(stdin()).ok();
    }
}

/// From here on a prompt may change them.
pub(super) fn will_change() {
    CHANGED.store(true, Ordering::Release);
}

/// Puts the settings back, if a prompt may have changed them.
pub(super) fn restore() {
    if !CHANGED.swap(false, Ordering::AcqRel) {
        return;
    }
    // In the background the attempt would stop the process.
    let in_front = tcgetpgrp(stdin()).map_or(true, |group| group == rustix::process::getpgrp());
    // Somebody who died holding the lock must not keep the terminal raw.
    let saved = match SAVED.try_lock() {
        Ok(saved) => saved.clone(),
        Err(std::sync::TryLockError::Poisoned(saved)) => saved.into_inner().clone(),
        Err(std::sync::TryLockError::WouldBlock) => None,
    };
    if let (true, Some(saved)) = (in_front, saved) {
        let _ = tcsetattr(stdin(), OptionalActions::Now, &saved);
    }
}

/// Lines as text for a terminal. What an actor said is not obeyed: control characters are left out.
pub(super) fn render(lines: &[Line], color: bool) -> String {
    let mut out = String::new();
    for line in lines {
        for span in &line.0 {
            let code = if color { code(span.role) } else { "" };
            out.push_str(code);
            out.extend(span.text.chars().filter(|c| !c.is_control()));
            if !code.is_empty() {
                out.push_str("\x1b[0m");
            }
        }
        out.push('\n');
    }
    out
}

/// The eight colours every terminal has, for every theme to choose.
fn code(role: Role) -> &'static str {
    match role {
        Role::Plain => "",
        Role::Strong => "\x1b[1m",
        Role::Quiet | Role::Comment => "\x1b[2m",
        Role::Name => "\x1b[36m",
        Role::Value | Role::Literal => "\x1b[32m",
        Role::Error => "\x1b[31m",
        Role::Warning => "\x1b[33m",
        Role::Keyword => "\x1b[35m",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use coulter_proto::repl::Span;

    #[test]
    fn roles_are_colours_and_hostile_text_is_only_text() {
        let lines = [Line(vec![Span::new(Role::Error, "no\x1b[2J"), Span::new(Role::Plain, " more\r\n")])];
        assert_eq!(render(&lines, false), "no[2J more\n");
        assert_eq!(render(&lines, true), "\x1b[31mno[2J\x1b[0m more\n");
    }
}
