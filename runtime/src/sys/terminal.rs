//! The terminal: whether there is one, and putting its settings back.
use std::io;
use std::os::fd::OwnedFd;

use rustix::termios::{OptionalActions, Termios, isatty, tcgetattr, tcsetattr};

/// Whether a person can be asked: stdin and stdout are a terminal.
pub(crate) fn is_interactive() -> bool {
    isatty(rustix::stdio::stdin()) && isatty(rustix::stdio::stdout())
}

/// Whether stderr is a terminal: colour makes sense there.
pub(crate) fn stderr_is_terminal() -> bool {
    isatty(rustix::stdio::stderr())
}

/// The settings of the controlling terminal, as they were when taken.
pub(crate) struct Settings {
    terminal: OwnedFd,
    termios: Termios,
}

impl Settings {
    /// Takes the settings; an error when this process has no controlling terminal.
    pub(crate) fn take() -> io::Result<Self> {
        use rustix::fs::{Mode, OFlags};
        let terminal = rustix::fs::open("/dev/tty", OFlags::RDWR | OFlags::CLOEXEC | OFlags::NOCTTY, Mode::empty())?;
        let termios = tcgetattr(&terminal)?;
        Ok(Self { terminal, termios })
    }

    /// Puts them back, after what was written has been shown.
    pub(crate) fn restore(&self) -> io::Result<()> {
        Ok(tcsetattr(&self.terminal, OptionalActions::Drain, &self.termios)?)
    }
}
