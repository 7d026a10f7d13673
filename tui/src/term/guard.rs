//! The terminal's settings, put back on every way out: return, panic, signal, stop.
use std::io;
use std::sync::{Mutex, Once, PoisonError};

use rustix::io::write;
use rustix::stdio::{stdin, stdout};
use rustix::termios::{OptionalActions, Termios, tcgetattr, tcsetattr};

/// Another screen, no cursor, pasted text marked as such.
const ENTER: &[u8] = b"\x1b[?1049h\x1b[2J\x1b[?25l\x1b[?2004h";
/// The reverse; and an end to a synchronized update that may have been cut short.
const LEAVE: &[u8] = b"\x1b[?2026l\x1b[?2004l\x1b[0m\x1b[?25h\x1b[?1049l";

/// The settings as they were found, while they are changed.
static FOUND: Mutex<Option<Termios>> = Mutex::new(None);
static HOOK: Once = Once::new();

/// Holds the terminal in the dashboard's state; dropping it puts the terminal back.
#[derive(Debug)]
pub struct Guard(());

impl Guard {
    /// Takes the terminal.
    ///
    /// # Errors
    /// When stdin is no terminal, or it is gone.
    pub fn take() -> io::Result<Self> {
        HOOK.call_once(|| {
            let before = std::panic::take_hook();
            std::panic::set_hook(Box::new(move |info| {
                put_back();
                before(info);
            }));
        });
        let settings = tcgetattr(stdin())?;
        let mut raw = settings.clone();
        raw.make_raw();
        *FOUND.lock().unwrap_or_else(PoisonError::into_inner) = Some(settings);
        let guard = Self(());
        tcsetattr(stdin(), OptionalActions::Flush, &raw)?;
        write_all(ENTER)?;
        Ok(guard)
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        put_back();
    }
}

/// Puts the terminal back, if it is taken. May be called at any time, by anybody, any number of times.
pub fn put_back() {
    let found = FOUND.lock().unwrap_or_else(PoisonError::into_inner).take();
    if let Some(settings) = found {
        // The terminal may have vanished: then there is nothing to put back.
        let _ = write_all(LEAVE);
        let _ = tcsetattr(stdin(), OptionalActions::Drain, &settings);
    }
}

/// Writes all of it, waiting for a slow terminal.
pub(super) fn write_all(mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match write(stdout(), bytes) {
            Ok(n) => bytes = &bytes[n..],
            Err(rustix::io::Errno::INTR) => {}
            Err(rustix::io::Errno::AGAIN) => {
                let _ = super::wait(&[(stdout(), super::Want::ReadWrite)], Some(std::time::Duration::from_millis(100)));
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}
