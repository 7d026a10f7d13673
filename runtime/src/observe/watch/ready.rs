//! The sleep of the watch thread, and what it does with whatever woke it.
use std::os::fd::{AsFd as _, BorrowedFd};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, poll};

use super::root::Conn;
use super::signals::Signals;
use super::thread::{Side, Thread, tell_line};
use coulter_proto::level::Level;

/// What `poll` says is ready.
#[derive(Clone, Copy)]
pub(super) enum Token {
    Wake,
    Signals,
    Parent,
    Bus,
    Root(Conn),
    Stream(usize),
    Writable,
}

impl Thread {
    fn timeout(&self) -> Option<Duration> {
        if self.custody.is_ready() {
            return Some(Duration::ZERO);
        }
        let now = Instant::now();
        let root = match &self.side {
            Side::Root(root) => root.deadline(),
            Side::Child(_) => None,
        };
        let end = self.end_at.filter(|_| self.signals.is_some());
        let due = self.custody.deadline().into_iter().chain(self.feed.deadline(now)).chain(root).chain(end).min()?;
        Some(due.saturating_duration_since(now))
    }

    /// Sleeps until something is ready or due.
    pub(super) fn wait(&self) -> Vec<(Token, PollFlags)> {
        let mut tokens = Vec::new();
        let mut fds: Vec<BorrowedFd<'_>> = Vec::new();
        let mut wanted = Vec::new();
        let mut add = |token, fd, flags| {
            tokens.push(token);
            fds.push(fd);
            wanted.push(flags);
        };
        add(Token::Wake, self.shared.wake_fd().as_fd(), PollFlags::IN);
        if let Some(signals) = &self.signals {
            add(Token::Signals, signals.fd(), PollFlags::IN);
        }
        let with_out = |writes: bool| if writes { PollFlags::IN | PollFlags::OUT } else { PollFlags::IN };
        match &self.side {
            Side::Root(root) => root.polled().for_each(|(conn, fd, writes)| add(Token::Root(conn), fd, with_out(writes))),
            Side::Child(member) => {
                // Data on the lifeline is the work thread's; only its end is ours.
                member.lifeline().into_iter().for_each(|fd| add(Token::Parent, fd, PollFlags::RDHUP));
                member.pidfd().into_iter().for_each(|fd| add(Token::Parent, fd, PollFlags::IN));
                member.bus().into_iter().for_each(|(fd, writes)| add(Token::Bus, fd, with_out(writes)));
            }
        }
        self.custody.streams().enumerate().for_each(|(n, fd)| add(Token::Stream(n), fd, PollFlags::IN));
        self.custody.blocked().for_each(|fd| add(Token::Writable, fd, PollFlags::OUT));
        let mut polled: Vec<PollFd<'_>> = fds.iter().zip(wanted).map(|(fd, flags)| PollFd::new(fd, flags)).collect();
        let timeout = self.timeout().map(super::timespec);
        match poll(&mut polled, timeout.as_ref()) {
            Ok(0) | Err(_) => Vec::new(),
            Ok(_) => tokens.into_iter().zip(polled.iter().map(PollFd::revents)).filter(|(_, flags)| !flags.is_empty()).collect(),
        }
    }

    pub(super) fn on_ready(&mut self, ready: &[(Token, PollFlags)]) {
        // Streams last to first: one that ends takes its place out of the list.
        for &(token, flags) in ready.iter().rev() {
            match token {
                Token::Wake | Token::Writable => {}
                Token::Signals => {
                    let signals = self.signals.as_mut().map(Signals::take).unwrap_or_default();
                    signals.into_iter().for_each(|signal| self.on_signal(signal));
                }
                Token::Parent => self.parent_gone(),
                Token::Bus => self.on_bus(flags),
                Token::Root(conn) => {
                    if let Side::Root(root) = &mut self.side {
                        root.on_ready(conn, flags.intersects(!PollFlags::OUT), flags.contains(PollFlags::OUT));
                    }
                    self.locals();
                }
                Token::Stream(n) => {
                    let (shared, wanted) = (&self.shared, self.feed.wants(Level::Io));
                    self.custody.read(n, Instant::now(), &mut |child, which, line| tell_line(shared, wanted, child, which, line));
                }
            }
        }
    }

    fn on_bus(&mut self, flags: PollFlags) {
        let Side::Child(member) = &mut self.side else { return };
        if flags.contains(PollFlags::OUT) {
            member.flush();
        }
        let mut downs = Vec::new();
        let alive = !flags.intersects(!PollFlags::OUT) || member.read(&mut downs);
        downs.into_iter().for_each(|message| self.down(message));
        if !alive {
            self.parent_gone();
        }
    }
}
