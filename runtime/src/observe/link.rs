//! One connection of the bus or the hub: a non-blocking socket between two bounded buffers.
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::path::Path;

use coulter_proto::codec::{self, DecodeError, MAX_FRAME};
use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// How much is read at once, and how much in one turn of the loop, so that no peer starves the others.
const CHUNK: usize = 64 * 1024;
const TURN: usize = 1 << 20;
/// What one says before it has proven who it is must be short.
pub(super) const STRANGER_FRAME: usize = 4 * 1024;
/// The most that waits to be sent; a peer that is this far behind is cut off.
pub(super) const MAX_BACKLOG: usize = 32 << 20;

/// Why a connection is over.
#[derive(Debug)]
pub(super) enum Broken {
    /// The peer closed it.
    Closed,
    /// The kernel says so.
    Io(io::Error),
    /// What came is no frame.
    Frame(DecodeError),
    /// The peer does not read.
    Behind,
}

impl From<rustix::io::Errno> for Broken {
    fn from(errno: rustix::io::Errno) -> Self {
        match errno {
            // It closed with something of ours unread: an end like any other.
            rustix::io::Errno::PIPE | rustix::io::Errno::CONNRESET => Self::Closed,
            other => Self::Io(other.into()),
        }
    }
}

impl std::fmt::Display for Broken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Closed => f.write_str("closed by the peer"),
            Self::Io(error) => write!(f, "{error}"),
            Self::Frame(error) => write!(f, "{error}"),
            Self::Behind => write!(f, "the peer left {MAX_BACKLOG} bytes unread"),
        }
    }
}

/// A connection.
pub(super) struct Link {
    stream: UnixStream,
    input: Vec<u8>,
    /// Where the next frame begins in `input`.
    read: usize,
    output: Vec<u8>,
    /// How much of `output` is gone already.
    written: usize,
    max_frame: usize,
}

impl Link {
    pub(super) fn new(stream: UnixStream, max_frame: usize) -> io::Result<Self> {
        stream.set_nonblocking(true)?;
        Ok(Self { stream, input: Vec::new(), read: 0, output: Vec::new(), written: 0, max_frame })
    }

    /// Connects, through a descriptor of the directory when the path is too long for an address.
    pub(super) fn connect(path: &Path, max_frame: usize) -> io::Result<Self> {
        let stream = short_path(path, |path| UnixStream::connect(path))?;
        Self::new(stream, max_frame)
    }

    /// From here on frames of this length are taken.
    pub(super) fn trust(&mut self, max_frame: usize) {
        self.max_frame = max_frame;
    }

    /// The peer's process, when it is one of our own user.
    pub(super) fn own_users_pid(&self) -> io::Result<u32> {
        let peer = rustix::net::sockopt::socket_peercred(&self.stream)?;
        if peer.uid != rustix::process::geteuid() {
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, format!("user {} is not ours", peer.uid.as_raw())));
        }
        Ok(u32::try_from(peer.pid.as_raw_nonzero().get()).unwrap_or(0))
    }

    /// Takes in what has come. Frames read before the end are still there after an error.
    pub(super) fn fill(&mut self) -> Result<(), Broken> {
        self.input.drain(..self.read);
        self.read = 0;
        let mut chunk = [0u8; CHUNK];
        let mut taken = 0;
        // A whole frame and what follows it in one chunk: more is not needed to go on.
        while taken < TURN && self.input.len() < self.max_frame.saturating_add(CHUNK) {
            match rustix::net::recv(&self.stream, &mut chunk, RecvFlags::DONTWAIT) {
                Ok((_, 0)) => return Err(Broken::Closed),
                Ok((_, n)) => {
                    self.input.extend_from_slice(&chunk[..n]);
                    taken += n;
                    if n < CHUNK {
                        break;
                    }
                }
                Err(Errno::AGAIN) => break,
                Err(Errno::INTR) => {}
                Err(error) => return Err(Broken::from(error)),
            }
        }
        Ok(())
    }

    /// The next whole frame, if there is one.
    pub(super) fn next<T: DeserializeOwned>(&mut self) -> Result<Option<T>, Broken> {
        let rest = &self.input[self.read..];
        let Some(head) = rest.first_chunk::<4>() else { return Ok(None) };
        let len = u32::from_le_bytes(*head) as usize;
        if len > self.max_frame {
            return Err(Broken::Frame(DecodeError::TooLarge(len)));
        }
        let Some(body) = rest.get(4..4 + len) else { return Ok(None) };
        let value = rmp_serde::from_slice(body).map_err(|error| Broken::Frame(DecodeError::Malformed(error.to_string())))?;
        self.read += 4 + len;
        if self.read == self.input.len() {
            self.input.clear();
            self.read = 0;
        }
        Ok(Some(value))
    }

    /// Puts a message behind what waits and sends what goes.
    pub(super) fn send<T: Serialize>(&mut self, message: &T) -> Result<(), Broken> {
        if self.backlog() > MAX_BACKLOG {
            return Err(Broken::Behind);
        }
        codec::encode(message, &mut self.output).map_err(Broken::Frame)?;
        self.flush()
    }

    /// Sends what goes.
    pub(super) fn flush(&mut self) -> Result<(), Broken> {
        while self.written < self.output.len() {
            match rustix::net::send(&self.stream, &self.output[self.written..], SendFlags::NOSIGNAL | SendFlags::DONTWAIT) {
                Ok(n) => self.written += n,
                Err(Errno::AGAIN) => break,
                Err(Errno::INTR) => {}
                Err(error) => return Err(Broken::from(error)),
            }
        }
        if self.written == self.output.len() {
            self.output.clear();
            // One burst must not keep its memory for ever.
            self.output.shrink_to(CHUNK);
            self.written = 0;
        } else if self.written > TURN {
            self.output.drain(..self.written);
            self.written = 0;
        }
        Ok(())
    }

    /// How many bytes wait to be sent.
    pub(super) fn backlog(&self) -> usize {
        self.output.len() - self.written
    }
}

impl AsFd for Link {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }
}

/// The largest frame of a peer that is trusted.
pub(super) const TRUSTED_FRAME: usize = MAX_FRAME;

/// Calls `f` with `path`, or with a short name for it: a socket's address holds 107 bytes.
pub(super) fn short_path<T>(path: &Path, f: impl FnOnce(&Path) -> io::Result<T>) -> io::Result<T> {
    use rustix::fs::{Mode, OFlags};
    use std::os::fd::AsRawFd as _;
    if path.as_os_str().len() <= 107 {
        return f(path);
    }
    let (Some(directory), Some(name)) = (path.parent(), path.file_name()) else { return f(path) };
    let directory = rustix::fs::open(directory, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
    f(&Path::new("/proc/self/fd").join(directory.as_raw_fd().to_string()).join(name))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // a test that panics has failed
    use super::*;
    use std::io::Write as _;

    fn pair(max_frame: usize) -> (Link, UnixStream) {
        let (a, b) = UnixStream::pair().unwrap();
        (Link::new(a, max_frame).unwrap(), b)
    }

    #[test]
    fn frames_come_out_as_they_went_in_however_they_are_cut() {
        let (mut link, mut peer) = pair(1000);
        let mut bytes = Vec::new();
        for n in 0..3u32 {
            codec::encode(&n, &mut bytes).unwrap();
        }
        let mut seen = Vec::new();
        for byte in bytes {
            peer.write_all(&[byte]).unwrap();
            link.fill().unwrap();
            while let Some(n) = link.next::<u32>().unwrap() {
                seen.push(n);
            }
        }
        assert_eq!(seen, [0, 1, 2]);
    }

    #[test]
    fn rule_11_3_an_announced_length_above_the_limit_ends_it_before_the_body() {
        let (mut link, mut peer) = pair(STRANGER_FRAME);
        peer.write_all(&u32::MAX.to_le_bytes()).unwrap();
        link.fill().unwrap();
        assert!(matches!(link.next::<u32>(), Err(Broken::Frame(DecodeError::TooLarge(_)))));
    }

    #[test]
    fn what_was_said_before_the_end_is_still_read() {
        let (mut link, mut peer) = pair(1000);
        let mut bytes = Vec::new();
        codec::encode(&7u32, &mut bytes).unwrap();
        peer.write_all(&bytes).unwrap();
        drop(peer);
        link.fill().unwrap();
        assert_eq!(link.next::<u32>().unwrap(), Some(7));
        assert!(matches!(link.fill(), Err(Broken::Closed)));
    }

    #[test]
    fn a_peer_that_never_reads_is_given_up_in_the_end() {
        let (mut link, _peer) = pair(1000);
        let text = "x".repeat(1 << 20);
        let mut sent = 0;
        let error = loop {
            match link.send(&text) {
                Ok(()) => sent += 1,
                Err(error) => break error,
            }
            assert!(sent < 100);
        };
        assert!(matches!(error, Broken::Behind));
        assert!(link.backlog() < MAX_BACKLOG + (2 << 20));
    }

    #[test]
    fn a_path_too_long_for_an_address_still_works() {
        let dir = std::env::temp_dir().join(format!("coulter-link-{}-{}", std::process::id(), "x".repeat(100)));
        std::fs::create_dir_all(&dir).unwrap();
        let path = dir.join("long-name.sock");
        let listener = short_path(&path, |path| std::os::unix::net::UnixListener::bind(path)).unwrap();
        assert!(Link::connect(&path, 1000).is_ok());
        drop(listener);
        std::fs::remove_dir_all(dir).unwrap();
    }
}
