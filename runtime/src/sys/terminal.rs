//! The terminal: whether stderr is one, and putting its settings back.
use std::io;
use std::os::fd::OwnedFd;

use rustix::termios::{OptionalActions, Termios, isatty, tcgetattr, tcgetpgrp, tcsetattr};

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

    /// Puts them back where they were changed, after what was written has been shown. From the
    /// background nothing is done: the kernel would stop us, and the terminal is somebody else's.
    pub(crate) fn restore(&self) -> io::Result<()> {
        let foreground = tcgetpgrp(&self.terminal)? == rustix::process::getpgrp();
        if foreground && !is_same(&self.termios, &tcgetattr(&self.terminal)?) {
            tcsetattr(&self.terminal, OptionalActions::Drain, &self.termios)?;
        }
        Ok(())
    }
}

fn is_same(a: &Termios, b: &Termios) -> bool {
    (a.input_modes, a.output_modes, a.control_modes, a.local_modes) == (b.input_modes, b.output_modes, b.control_modes, b.local_modes)
}
