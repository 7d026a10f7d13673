//! Output that waits while a prompt is open: bounded, in order, and what had to go is counted.
use std::io::{self, Write};

use super::Failure;
use crate::run::Channel;

/// How much is held.
const MOST: usize = 1 << 20;

/// The output that waits.
#[derive(Debug, Default)]
pub struct Held {
    pieces: Vec<(Channel, Vec<u8>)>,
    bytes: usize,
    lost: usize,
}

impl Held {
    /// Keeps a piece, if there is room.
    pub fn hold(&mut self, channel: Channel, bytes: Vec<u8>) {
        if self.bytes + bytes.len() > MOST {
            self.lost += bytes.len();
        } else {
            self.bytes += bytes.len();
            self.pieces.push((channel, bytes));
        }
    }

    /// Prints what waited; how many bytes had to go.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn release(&mut self) -> Result<usize, Failure> {
        for (channel, bytes) in std::mem::take(&mut self.pieces) {
            write_to(channel, &bytes)?;
        }
        self.bytes = 0;
        Ok(std::mem::take(&mut self.lost))
    }
}

/// Passes on what a program printed.
///
/// On a terminal the program's lines come without carriage returns (its pty adds none), and the
/// terminal's own settings add them.
pub fn write_to(channel: Channel, bytes: &[u8]) -> Result<(), Failure> {
    let done = match channel {
        Channel::Out => io::stdout().lock().write_all(bytes).and_then(|()| io::stdout().flush()),
        Channel::Err => io::stderr().lock().write_all(bytes),
    };
    match done {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other.map_err(Failure::from),
    }
}
