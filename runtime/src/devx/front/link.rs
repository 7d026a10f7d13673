//! The front's connection to the hub: a console like any other, in the root itself.
use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use coulter_proto::codec;
use coulter_proto::hub::{FromHub, HUB_VERSION, ToHub};

/// The writing half.
pub(super) struct Link {
    stream: Mutex<UnixStream>,
}

/// The reading half.
pub(super) struct Incoming {
    stream: UnixStream,
    buffer: Vec<u8>,
}

/// Connects and says hello.
pub(super) fn connect(socket: &Path) -> io::Result<(Link, Incoming)> {
    over(UnixStream::connect(socket)?)
}

/// Says hello on a connection that stands.
pub(super) fn over(stream: UnixStream) -> io::Result<(Link, Incoming)> {
    let incoming = Incoming { stream: stream.try_clone()?, buffer: Vec::new() };
    let link = Link { stream: Mutex::new(stream) };
    link.send(&ToHub::Hello { version: HUB_VERSION, attends: true })?;
    Ok((link, incoming))
}

impl Link {
    /// Sends one message.
    pub(super) fn send(&self, message: &ToHub) -> io::Result<()> {
        let mut frame = Vec::new();
        codec::encode(message, &mut frame).map_err(io::Error::other)?;
        self.stream.lock().unwrap_or_else(PoisonError::into_inner).write_all(&frame)
    }

    /// Says that nothing more comes from here; the hub closes its end then.
    pub(super) fn finish(&self) {
        let _ = self.stream.lock().unwrap_or_else(PoisonError::into_inner).shutdown(Shutdown::Write);
    }

    /// Ends the connection, for whoever reads from it too.
    pub(super) fn close(&self) {
        let _ = self.stream.lock().unwrap_or_else(PoisonError::into_inner).shutdown(Shutdown::Both);
    }
}

impl Incoming {
    /// The next message; `None` when the connection is over.
    pub(super) fn next(&mut self) -> Option<FromHub> {
        let mut chunk = [0; 8192];
        loop {
            match codec::decode(&mut self.buffer) {
                Ok(Some(message)) => return Some(message),
                Ok(None) => {}
                Err(_) => return None,
            }
            match self.stream.read(&mut chunk) {
                Ok(0) => return None,
                Ok(len) => self.buffer.extend_from_slice(chunk.get(..len)?),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return None,
            }
        }
    }
}
