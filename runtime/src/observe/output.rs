//! The custody of what children print: drained always, forwarded in order, held while a prompt is open.
//!
//! A child never waits for its output to be shown and never writes to the terminal itself: its
//! parent's watch thread reads, and forwards whole lines to its own stdout or stderr, up to the
//! root. The watch thread never blocks on that: it writes through descriptors of its own that do
//! not wait. What cannot be forwarded is kept up to a bound, then the oldest goes and is counted.
mod marks;
mod spool;
mod tail;

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use coulter_proto::id::Aid;
use rustix::io::Errno;

pub(super) use marks::{Marks, inode};
use spool::Spool;
use tail::Closing;
pub(crate) use tail::OutputTail;

/// How long the beginning of a line waits for its end before it is shown.
const PARTIAL: Duration = Duration::from_millis(50);
/// The longest piece of a line that is waited for.
const MAX_PARTIAL: usize = 64 * 1024;
/// How much is read from one child in one turn.
const CHUNK: usize = 64 * 1024;
/// How long after a stop is over its front has to leave the terminal.
const AFTER_PROMPT: Duration = Duration::from_millis(60);
/// How often one looks whether it has.
const LOOK: Duration = Duration::from_millis(1);

/// The stop is over, the front about to leave the terminal.
#[derive(Clone, Copy, Debug)]
struct Release {
    look: Instant,
    give_up: Instant,
}

/// Which of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Which {
    Out,
    Err,
}

impl Which {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Out => "stdout",
            Self::Err => "stderr",
        }
    }
}

/// One output of one child.
struct Stream {
    child: Aid,
    fd: OwnedFd,
    which: Which,
    partial: Vec<u8>,
    show_partial: Option<Instant>,
    tail: OutputTail,
    // Its drop tells whoever waits for the end of the output.
    _closing: Closing,
}

/// The outputs of all children of this process.
pub(super) struct Custody {
    streams: Vec<Stream>,
    out: Spool,
    /// `None` when both go to the same place: one queue then, for the order's sake.
    err: Option<Spool>,
    held: bool,
    release: Option<Release>,
    /// Whether what we forward is read, and told of, by a watch thread above us.
    marks: Marks,
}

/// A line as a console gets it: whose, which, without its line break.
pub(super) type Tell<'a> = dyn FnMut(&Aid, Which, &str) + 'a;

impl Custody {
    pub(super) fn new(marks: Marks) -> Self {
        Self::to(Spool::stdout(), (!spool::same_place()).then(Spool::stderr), marks)
    }

    fn to(out: Spool, err: Option<Spool>, marks: Marks) -> Self {
        Self { streams: Vec::new(), out, err, held: false, release: None, marks }
    }

    pub(super) fn adopt(&mut self, child: &Aid, which: Which, fd: OwnedFd, tail: &OutputTail) {
        let closing = tail.closing();
        // A descriptor that cannot be made non-blocking would stall the watch thread: let it go.
        if let Err(error) = rustix::io::ioctl_fionbio(&fd, true) {
            tracing::warn!(target: "coulter::io", "the {} of {child} cannot be read: {error}", which.name());
            return;
        }
        self.streams.push(Stream { child: child.clone(), fd, which, partial: Vec::new(), show_partial: None, tail: tail.clone(), _closing: closing });
    }

    /// Holds everything back, or lets it go once the front has left the terminal.
    pub(super) fn set_held(&mut self, held: bool, now: Instant) {
        if held {
            (self.held, self.release) = (true, None);
        } else if self.held && self.release.is_none() {
            self.release = Some(Release { look: now, give_up: now + AFTER_PROMPT });
        }
    }

    pub(super) fn is_held(&self) -> bool {
        self.held
    }

    /// Text of our own, in order with the rest.
    pub(super) fn print(&mut self, text: Vec<u8>) {
        let held = self.held;
        let spool = self.err.as_mut().unwrap_or(&mut self.out);
        spool.push_as(text, held, spool::Fd::Err);
    }

    pub(super) fn streams(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        self.streams.iter().map(|stream| stream.fd.as_fd())
    }

    /// Where one waits to write, if something waits.
    pub(super) fn blocked(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        let spools = std::iter::once(&self.out).chain(&self.err);
        spools.filter(|_| !self.held).filter_map(Spool::blocked)
    }

    /// When something has to happen without anybody writing.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.streams.iter().filter_map(|stream| stream.show_partial).chain(self.release.map(|release| release.look)).min()
    }

    /// Whether something can be written at once.
    pub(super) fn is_ready(&self) -> bool {
        !self.held && (self.out.is_ready() || self.err.as_ref().is_some_and(Spool::is_ready))
    }

    /// Reads what the `n`-th stream has; at its end the stream is gone.
    pub(super) fn read(&mut self, n: usize, now: Instant, tell: &mut Tell<'_>) -> bool {
        let mut chunk = [0u8; CHUNK];
        let Some(stream) = self.streams.get_mut(n) else { return false };
        match rustix::io::read(&stream.fd, &mut chunk) {
            Ok(read) if read > 0 => {
                self.take(n, &chunk[..read], now, tell);
                true
            }
            Err(Errno::AGAIN | Errno::INTR) => true,
            // The end; of a pty it is an error (EIO).
            _ => {
                self.end(n, tell);
                false
            }
        }
    }

    fn take(&mut self, n: usize, bytes: &[u8], now: Instant, tell: &mut Tell<'_>) {
        let stream = &mut self.streams[n];
        let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let (lines, rest) = bytes.split_at(whole);
        if !lines.is_empty() {
            let mut text = std::mem::take(&mut stream.partial);
            text.extend_from_slice(lines);
            stream.show_partial = None;
            forward(&mut self.out, &mut self.err, self.held, &self.marks, stream, text, tell);
        }
        if !rest.is_empty() {
            stream.partial.extend_from_slice(rest);
            stream.show_partial.get_or_insert(now + PARTIAL);
            if stream.partial.len() > MAX_PARTIAL {
                stream.show_partial = None;
                let text = std::mem::take(&mut stream.partial);
                forward(&mut self.out, &mut self.err, self.held, &self.marks, stream, text, tell);
            }
        }
    }

    fn end(&mut self, n: usize, tell: &mut Tell<'_>) {
        let mut stream = self.streams.swap_remove(n);
        let text = std::mem::take(&mut stream.partial);
        if !text.is_empty() {
            forward(&mut self.out, &mut self.err, self.held, &self.marks, &stream, text, tell);
        }
    }

    /// Lets what is due happen and writes what can be written.
    pub(super) fn on_time(&mut self, now: Instant, tell: &mut Tell<'_>) {
        if let Some(release) = &mut self.release
            && release.look <= now
        {
            if release.give_up <= now || !crate::hooks::prompt_is_open() {
                (self.held, self.release) = (false, None);
            } else {
                release.look = now + LOOK;
            }
        }
        for stream in &mut self.streams {
            if stream.show_partial.is_some_and(|at| at <= now) {
                stream.show_partial = None;
                let text = std::mem::take(&mut stream.partial);
                forward(&mut self.out, &mut self.err, self.held, &self.marks, stream, text, tell);
            }
        }
        if !self.held {
            self.out.write();
            if let Some(err) = &mut self.err {
                err.write();
            }
        }
    }

    /// The last chance: reads what is there and writes it, for at most `limit`.
    pub(super) fn finish(&mut self, limit: Duration, tell: &mut Tell<'_>) {
        let end = Instant::now() + limit;
        (self.held, self.release) = (false, None);
        for n in (0..self.streams.len()).rev() {
            let mut chunk = [0u8; CHUNK];
            while Instant::now() < end {
                match rustix::io::read(&self.streams[n].fd, &mut chunk) {
                    Ok(read) if read > 0 => self.take(n, &chunk[..read], end, tell),
                    Err(Errno::INTR) => {}
                    _ => break,
                }
            }
            self.end(n, tell);
        }
        loop {
            let now = Instant::now();
            self.on_time(now, tell);
            let waiting: Vec<BorrowedFd<'_>> = self.blocked().collect();
            if now >= end || waiting.is_empty() {
                return;
            }
            let mut fds: Vec<_> = waiting.iter().map(|fd| rustix::event::PollFd::new(fd, rustix::event::PollFlags::OUT)).collect();
            let _ = rustix::event::poll(&mut fds, Some(&super::watch::timespec((end - now).min(Duration::from_millis(20)))));
        }
    }

    /// The readers of our own output are gone: nothing is written any more.
    pub(super) fn silence(&mut self) {
        self.out.silence();
        if let Some(err) = &mut self.err {
            err.silence();
        }
    }
}

/// Whole lines, or the part of one that is shown before its end.
fn forward(out: &mut Spool, err: &mut Option<Spool>, held: bool, marks: &Marks, stream: &Stream, text: Vec<u8>, tell: &mut Tell<'_>) {
    for line in text.strip_suffix(b"\n").unwrap_or(&text).split(|byte| *byte == b'\n') {
        let line = marks::Line::read(line.strip_suffix(b"\r").unwrap_or(line));
        stream.tail.push(&line.text());
        if let Some(news) = line.news() {
            tell(&stream.child, stream.which, &news);
        }
    }
    let text = marks.mark(marks::strip(text), stream.which);
    match (stream.which, err) {
        (Which::Err, Some(err)) => err.push_as(text, held, spool::Fd::Err),
        (Which::Err, None) => out.push_as(text, held, spool::Fd::Err),
        (Which::Out, _) => out.push_as(text, held, spool::Fd::Out),
    }
}

/// Writes to stderr, waiting if need be, without std's lock: whoever stands in the debugger may hold it.
pub(crate) fn write_stderr(mut text: &[u8]) {
    while !text.is_empty() {
        match rustix::io::write(rustix::stdio::stderr(), text) {
            Ok(n) => text = &text[n.min(text.len())..],
            Err(Errno::INTR) => {}
            // A non-blocking stderr that is full, or none at all: records are not worth waiting for that.
            Err(_) => return,
        }
    }
}

#[cfg(test)]
mod tests;
