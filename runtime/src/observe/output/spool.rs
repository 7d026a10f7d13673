//! A queue of text on its way to our own stdout or stderr, written without ever waiting.
use std::collections::VecDeque;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{FileType, Mode, OFlags};
use rustix::io::Errno;

/// How much is kept while a prompt is open.
const HELD: usize = 1 << 20;
/// How much is kept while the reader of our output is slow.
const SLOW: usize = 8 << 20;

/// Which of our own descriptors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fd {
    Out,
    Err,
}

/// Where the text goes.
enum Target {
    /// A file, or what cannot be opened again.
    Own(Fd),
    /// A pipe or a terminal, opened a second time: our own file description, so that making it
    /// non-blocking does not touch the one the program (or the shell) uses.
    Reopened(OwnedFd),
    /// A socket: each write says that it will not wait.
    Socket(Fd),
    /// Nowhere.
    Silent,
    #[cfg(test)]
    Test(OwnedFd),
}

/// The queue.
pub(super) struct Spool {
    target: Option<Target>,
    /// Which file the target is: the program, or a front, may point its descriptor elsewhere.
    file: Option<(u64, u64)>,
    fd: Fd,
    pieces: VecDeque<(Fd, Vec<u8>)>,
    bytes: usize,
    written: usize,
    dropped: u64,
    stuck: bool,
}

/// Whether stdout and stderr are the same file.
pub(super) fn same_place() -> bool {
    identity(Fd::Out).is_some_and(|out| Some(out) == identity(Fd::Err))
}

fn identity(fd: Fd) -> Option<(u64, u64)> {
    rustix::fs::fstat(own(fd)).ok().map(|stat| (stat.st_dev, stat.st_ino))
}

fn own(fd: Fd) -> BorrowedFd<'static> {
    match fd {
        Fd::Out => rustix::stdio::stdout(),
        Fd::Err => rustix::stdio::stderr(),
    }
}

fn open_target(fd: Fd) -> Target {
    let Ok(stat) = rustix::fs::fstat(own(fd)) else { return Target::Silent };
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::Socket => Target::Socket(fd),
        FileType::Fifo | FileType::CharacterDevice => {
            let path = match fd {
                Fd::Out => "/proc/self/fd/1",
                Fd::Err => "/proc/self/fd/2",
            };
            let flags = OFlags::WRONLY | OFlags::NONBLOCK | OFlags::CLOEXEC | OFlags::NOCTTY;
            rustix::fs::open(path, flags, Mode::empty()).map_or(Target::Own(fd), Target::Reopened)
        }
        _ => Target::Own(fd),
    }
}

impl Spool {
    pub(super) fn stdout() -> Self {
        Self::new(Fd::Out, None)
    }
    pub(super) fn stderr() -> Self {
        Self::new(Fd::Err, None)
    }
    fn new(fd: Fd, target: Option<Target>) -> Self {
        Self { target, file: None, fd, pieces: VecDeque::new(), bytes: 0, written: 0, dropped: 0, stuck: false }
    }
    #[cfg(test)]
    pub(super) fn test(fd: OwnedFd) -> Self {
        Self::new(Fd::Out, Some(Target::Test(fd)))
    }

    /// Puts text behind what waits; the oldest goes when there is too much.
    pub(super) fn push_as(&mut self, text: Vec<u8>, held: bool, fd: Fd) {
        if matches!(self.target, Some(Target::Silent)) {
            return;
        }
        self.bytes += text.len();
        self.pieces.push_back((fd, text));
        let bound = if held { HELD } else { SLOW };
        // The piece being written stays: half a line is worse than a missing one.
        let first = usize::from(self.written > 0);
        while self.bytes > bound && self.pieces.len() > first + 1 {
            if let Some((_, piece)) = self.pieces.remove(first) {
                self.bytes -= piece.len();
                self.dropped += lines(&piece);
            }
        }
    }

    /// Writes what can be written now.
    pub(super) fn write(&mut self) {
        self.stuck = false;
        if self.dropped > 0 && self.written == 0 {
            let notice = format!("coulter: {} lines of output had to be dropped here\n", std::mem::take(&mut self.dropped)).into_bytes();
            self.bytes += notice.len();
            self.pieces.push_front((self.fd, notice));
        }
        if !self.pieces.is_empty() {
            self.open();
        }
        while let Some((fd, piece)) = self.pieces.front() {
            let Some(target) = &self.target else { return };
            match write_to(target, *fd, &piece[self.written..]) {
                Ok(n) => self.written += n,
                Err(Errno::INTR) => continue,
                Err(Errno::AGAIN) => {
                    self.stuck = true;
                    return;
                }
                // The reader is gone. So is what we had for it, as it would be for a write of the child's own.
                Err(_) => return self.silence(),
            }
            if self.written >= piece.len() {
                self.bytes -= piece.len();
                self.written = 0;
                self.pieces.pop_front();
            }
        }
        self.pieces.shrink_to(64);
    }

    /// Opens the target, again when our descriptor leads somewhere else by now.
    fn open(&mut self) {
        let follows = matches!(self.target, None | Some(Target::Own(_) | Target::Reopened(_) | Target::Socket(_)));
        if follows && (self.target.is_none() || identity(self.fd) != self.file) {
            (self.target, self.file) = (Some(open_target(self.fd)), identity(self.fd));
        }
    }

    /// What to wait on for writing; `None` when nothing waits.
    pub(super) fn blocked(&self) -> Option<BorrowedFd<'_>> {
        if !self.stuck {
            return None;
        }
        match self.target.as_ref()? {
            Target::Reopened(fd) => Some(fd.as_fd()),
            Target::Own(fd) | Target::Socket(fd) => Some(own(*fd)),
            Target::Silent => None,
            #[cfg(test)]
            Target::Test(fd) => Some(fd.as_fd()),
        }
    }

    /// Whether something waits that could be tried at once.
    pub(super) fn is_ready(&self) -> bool {
        !self.stuck && !self.pieces.is_empty()
    }

    /// Nothing is written any more.
    pub(super) fn silence(&mut self) {
        self.target = Some(Target::Silent);
        self.pieces.clear();
        (self.bytes, self.written, self.stuck) = (0, 0, false);
    }
}

fn write_to(target: &Target, fd: Fd, bytes: &[u8]) -> Result<usize, Errno> {
    match target {
        Target::Own(_) => write_without_waiting(fd, bytes),
        Target::Reopened(fd) => rustix::io::write(fd, bytes),
        Target::Socket(_) => rustix::net::send(own(fd), bytes, rustix::net::SendFlags::DONTWAIT | rustix::net::SendFlags::NOSIGNAL),
        Target::Silent => Ok(bytes.len()),
        #[cfg(test)]
        Target::Test(fd) => rustix::io::write(fd, bytes),
    }
}

/// To a file a write does not wait. To anything else (a terminal of another user, say) a short one,
/// and only when `poll` says that there is room.
fn write_without_waiting(fd: Fd, bytes: &[u8]) -> Result<usize, Errno> {
    use rustix::event::{PollFd, PollFlags, poll};
    let own = own(fd);
    let mut fds = [PollFd::new(&own, PollFlags::OUT)];
    let now = rustix::event::Timespec { tv_sec: 0, tv_nsec: 0 };
    if poll(&mut fds, Some(&now))? == 0 {
        return Err(Errno::AGAIN);
    }
    let is_file = rustix::fs::fstat(own).is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile);
    rustix::io::write(own, if is_file { bytes } else { &bytes[..bytes.len().min(512)] })
}

fn lines(text: &[u8]) -> u64 {
    (text.iter().filter(|byte| **byte == b'\n').count() as u64).max(1)
}
