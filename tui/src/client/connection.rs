//! One connection to a hub: frames in, frames out, never blocking unless asked to wait.
use std::fmt;
use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

use coulter_proto::codec;
use coulter_proto::hub::{FromHub, HUB_VERSION, ToHub, TreeInfo};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::sockopt::socket_peercred;
use rustix::process::getuid;

/// How long a hub may take to greet.
const GREETING: Duration = Duration::from_secs(3);
/// What may wait to be written before the hub counts as stuck.
const MOST_UNSENT: usize = 16 << 20;

/// What went wrong between this console and a hub.
#[derive(Debug)]
pub enum Trouble {
    /// The socket does not answer.
    Unreachable(io::Error),
    /// The socket belongs to another user.
    Foreign(u32),
    /// The hub speaks a version this console does not read.
    Version(u32),
    /// It did not greet, or stopped answering.
    Silent,
    /// The hub closed the connection.
    Closed,
    /// What it said makes no sense.
    Garbled(String),
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreachable(error) => write!(f, "the tree does not answer ({error}); `coulter ps` lists those that do"),
            Self::Foreign(uid) => write!(f, "the tree belongs to user {uid}; a console must run as the same user"),
            Self::Version(version) => {
                write!(f, "the tree speaks hub version {version}, this console {HUB_VERSION}; run `cargo install coulter-console --version 0.{version}`")
            }
            Self::Silent => write!(f, "the tree's hub does not answer; is its root stopped (Ctrl-Z)?"),
            Self::Closed => write!(f, "the tree's hub is gone; `coulter ps` lists the trees there are"),
            Self::Garbled(why) => write!(f, "the hub sent what this console cannot read ({why}); do both have the same version?"),
        }
    }
}
impl std::error::Error for Trouble {}

/// A connection to a hub.
#[derive(Debug)]
pub struct Connection {
    stream: UnixStream,
    inbox: Vec<u8>,
    outbox: Vec<u8>,
    closed: bool,
}

impl Connection {
    /// Connects and greets.
    ///
    /// # Errors
    /// When the hub is not there, not ours, of another version, or silent.
    pub fn open(socket: &Path, attends: bool) -> Result<(Self, TreeInfo), Trouble> {
        let stream = UnixStream::connect(socket).map_err(Trouble::Unreachable)?;
        let peer = socket_peercred(&stream).map_err(|error| Trouble::Unreachable(error.into()))?;
        if peer.uid != getuid() {
            return Err(Trouble::Foreign(peer.uid.as_raw()));
        }
        stream.set_nonblocking(true).map_err(Trouble::Unreachable)?;
        let mut hub = Self { stream, inbox: Vec::new(), outbox: Vec::new(), closed: false };
        hub.send(&ToHub::Hello { version: HUB_VERSION, attends })?;
        match hub.next(Instant::now() + GREETING)? {
            Some(FromHub::Welcome { version, tree }) if version == HUB_VERSION || version + 1 == HUB_VERSION => Ok((hub, tree)),
            Some(FromHub::Welcome { version, .. }) => Err(Trouble::Version(version)),
            Some(FromHub::Refused { why }) => Err(Trouble::Garbled(why)),
            Some(_) => Err(Trouble::Garbled("no greeting".into())),
            None => Err(Trouble::Silent),
        }
    }

    /// Queues a message and writes what can be written.
    ///
    /// # Errors
    /// When the hub is gone, or takes nothing any more.
    pub fn send(&mut self, message: &ToHub) -> Result<(), Trouble> {
        codec::encode(message, &mut self.outbox).map_err(|error| Trouble::Garbled(error.to_string()))?;
        self.flush()
    }

    /// Writes what can be written now.
    ///
    /// # Errors
    /// As [`Self::send`].
    pub fn flush(&mut self) -> Result<(), Trouble> {
        while !self.outbox.is_empty() {
            match self.stream.write(&self.outbox) {
                Ok(0) => return Err(Trouble::Closed),
                Ok(n) => drop(self.outbox.drain(..n)),
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => return Err(Trouble::Closed),
            }
        }
        if self.outbox.len() > MOST_UNSENT { Err(Trouble::Silent) } else { Ok(()) }
    }

    /// Whether something waits to be written.
    #[must_use]
    pub fn wants_to_write(&self) -> bool {
        !self.outbox.is_empty()
    }

    /// Reads what has come, up to a bound (so that a flood leaves time to draw). `Closed` is told
    /// only when everything that came before it has been handed out.
    ///
    /// # Errors
    /// When the hub is gone or talks nonsense.
    pub fn read(&mut self) -> Result<Vec<FromHub>, Trouble> {
        let mut chunk = [0; 1 << 16];
        for _ in 0..32 {
            match self.stream.read(&mut chunk) {
                Ok(0) => {
                    self.closed = true;
                    break;
                }
                Ok(n) => self.inbox.extend_from_slice(&chunk[..n]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => {
                    self.closed = true;
                    break;
                }
            }
        }
        let mut messages = Vec::new();
        while let Some(message) = self.take()? {
            messages.push(message);
        }
        if messages.is_empty() && self.closed { Err(Trouble::Closed) } else { Ok(messages) }
    }

    fn take(&mut self) -> Result<Option<FromHub>, Trouble> {
        codec::decode(&mut self.inbox).map_err(|error| Trouble::Garbled(error.to_string()))
    }

    /// Waits for the next message; `None` when the deadline comes first.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub fn next(&mut self, deadline: Instant) -> Result<Option<FromHub>, Trouble> {
        loop {
            if let Some(message) = self.take()? {
                return Ok(Some(message));
            }
            if self.closed {
                return Err(Trouble::Closed);
            }
            self.flush()?;
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(None);
            }
            self.wait(left);
            let mut chunk = [0; 1 << 16];
            match self.stream.read(&mut chunk) {
                Ok(0) => self.closed = true,
                Ok(n) => self.inbox.extend_from_slice(&chunk[..n]),
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {}
                Err(_) => self.closed = true,
            }
        }
    }

    fn wait(&self, most: Duration) {
        let mut flags = PollFlags::IN;
        if self.wants_to_write() {
            flags |= PollFlags::OUT;
        }
        let timeout = Timespec { tv_sec: most.as_secs().min(3600).cast_signed(), tv_nsec: i64::from(most.subsec_nanos()) };
        // An interrupted wait is a short one: the caller looks at the time.
        let _ = poll(&mut [PollFd::new(&self.stream, flags)], Some(&timeout));
    }
}

impl AsFd for Connection {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }
}
