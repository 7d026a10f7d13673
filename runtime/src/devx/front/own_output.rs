//! What this very process prints while a prompt is open in its terminal.
//!
//! The watch thread holds back what children print and what the runtime logs; a `println!` of the
//! root's own would land in the half-typed line. So while a prompt is open, descriptors 1 and 2
//! lead into a pipe, and what comes out of it is printed above the prompt, line by line. Only where
//! they are the terminal, and only where the prompt reaches it by another way (`/dev/tty`).
use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use rustix::io::fcntl_dupfd_cloexec;
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::stdio::{dup2_stderr, dup2_stdout, stderr, stdout};
use rustix::termios::isatty;

use super::above;

/// How long the last lines may take from the pipe to the terminal.
const DRAIN: Duration = Duration::from_millis(100);
/// A line longer than this is printed in parts.
const LINE: usize = 4096;

/// Whether there is another way to the terminal.
pub(super) fn is_possible() -> bool {
    OpenOptions::new().read(true).write(true).open("/dev/tty").is_ok()
}

/// While it lives, what this process prints goes above the prompt.
pub(super) struct Diverted {
    out: Option<OwnedFd>,
    err: Option<OwnedFd>,
    drained: Receiver<()>,
}

impl Diverted {
    /// Diverts those of descriptors 1 and 2 that are the terminal.
    pub(super) fn start() -> io::Result<Self> {
        let (read, write) = pipe_with(PipeFlags::CLOEXEC)?;
        let (done, drained) = channel();
        std::thread::Builder::new().name("coulter-own-output".into()).spawn(move || {
            drain(File::from(read));
            drop(done);
        })?;
        let mut diverted = Self { out: None, err: None, drained };
        if isatty(stdout()) {
            diverted.out = Some(fcntl_dupfd_cloexec(stdout(), 3)?);
            dup2_stdout(write.as_fd())?;
        }
        if isatty(stderr()) {
            diverted.err = Some(fcntl_dupfd_cloexec(stderr(), 3)?);
            dup2_stderr(write.as_fd())?;
        }
        Ok(diverted)
    }
}

impl Drop for Diverted {
    fn drop(&mut self) {
        if let Some(out) = self.out.take() {
            let _ = dup2_stdout(out);
        }
        if let Some(err) = self.err.take() {
            let _ = dup2_stderr(err);
        }
        // A program started meanwhile may hold the pipe for as long as it runs: do not wait for that.
        let _ = self.drained.recv_timeout(DRAIN);
    }
}

fn drain(mut pipe: File) {
    let mut waiting = Vec::new();
    let mut chunk = [0; LINE];
    loop {
        match pipe.read(&mut chunk) {
            Ok(0) | Err(_) => break,
            Ok(len) => waiting.extend(chunk.iter().take(len)),
        }
        while let Some(end) = waiting.iter().position(|byte| *byte == b'\n').or((waiting.len() > LINE).then_some(LINE)) {
            let rest = waiting.split_off((end + 1).min(waiting.len()));
            above::above(&String::from_utf8_lossy(&waiting));
            waiting = rest;
        }
    }
    if !waiting.is_empty() {
        above::above(&String::from_utf8_lossy(&waiting));
    }
}
