//! Credit windows: how much one side of a stream may send before the other has taken some.
//!
//! The sender counts what is in flight, the receiver what it has not given back, so both always
//! agree on what may still come: a peer that sends more breaks the protocol, and memory is bounded
//! by the window whatever the peer does. Credit goes back in halves of a window, not per message.
use std::collections::VecDeque;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::message::Credit;

/// How much may be in flight in one direction; whichever is reached first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WindowSize {
    /// Messages.
    pub messages: u32,
    /// Payload bytes.
    pub bytes: u64,
}

impl Default for WindowSize {
    fn default() -> Self {
        Self { messages: 64, bytes: 1 << 20 }
    }
}

impl WindowSize {
    /// The smallest window that still lets something through.
    fn usable(self) -> Self {
        Self { messages: self.messages.max(1), bytes: self.bytes.max(1) }
    }
    /// Both sides' common rule. The receiver keeps back less than half a window, so a sender that
    /// sees less than half in flight may always go: else a large message could wait for credit
    /// that never comes. What is unread is thus at most a window, or half of one and one message.
    fn admits(self, messages: u32, bytes: u64, len: u64) -> bool {
        messages < self.messages && (bytes < self.bytes.div_ceil(2) || bytes.saturating_add(len) <= self.bytes)
    }
}

/// What a sender does when its window is full.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Overrun {
    /// Waits: nothing is lost.
    #[default]
    Wait,
    /// Fails with `StreamOverrun`.
    Error,
    /// Drops the oldest message that has not left, and counts it.
    Drop,
}

/// Whether one more message may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reserve {
    /// Send it now.
    Ready,
    /// Wait for credit.
    Wait,
    /// The window is full and the stream was opened with [`Overrun::Error`].
    Overrun,
    /// Put it at the end of the local queue, after letting this many of the queue's oldest go
    /// ([`Overrun::Drop`]).
    DropOldest {
        /// How many go; often none.
        count: u32,
    },
}

/// What a peer did against the protocol; the channel is closed for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Violation(pub std::borrow::Cow<'static, str>);

impl Violation {
    /// A violation in plain words.
    #[must_use]
    pub const fn new(what: &'static str) -> Self {
        Self(std::borrow::Cow::Borrowed(what))
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
impl std::error::Error for Violation {}

/// The sender's half.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SendWindow {
    size: WindowSize,
    overrun: Overrun,
    messages: u32,
    bytes: u64,
    /// Lengths of what waits here for credit, oldest first; only with [`Overrun::Drop`].
    queue: VecDeque<u64>,
    queued_bytes: u64,
    untold: u64,
    dropped: u64,
}

impl SendWindow {
    /// A free window.
    #[must_use]
    pub fn new(size: WindowSize, overrun: Overrun) -> Self {
        Self { size: size.usable(), overrun, messages: 0, bytes: 0, queue: VecDeque::new(), queued_bytes: 0, untold: 0, dropped: 0 }
    }
    /// What [`SendWindow::reserve`] would say; changes nothing.
    #[must_use]
    pub fn peek(&self, len: u64) -> Reserve {
        if self.queue.is_empty() && self.has_credit(len) {
            return Reserve::Ready;
        }
        match self.overrun {
            Overrun::Wait => Reserve::Wait,
            Overrun::Error => Reserve::Overrun,
            Overrun::Drop => Reserve::DropOldest { count: self.must_go(len) },
        }
    }
    /// Asks to send one message of `len` payload bytes; on [`Reserve::Ready`] and
    /// [`Reserve::DropOldest`] it is accounted for.
    pub fn reserve(&mut self, len: u64) -> Reserve {
        let reserve = self.peek(len);
        match reserve {
            Reserve::Ready => self.spend(len),
            Reserve::DropOldest { count } => {
                for _ in 0..count {
                    self.queued_bytes -= self.queue.pop_front().unwrap_or(0);
                }
                self.untold += u64::from(count);
                self.dropped += u64::from(count);
                self.queue.push_back(len);
                self.queued_bytes += len;
            }
            Reserve::Wait | Reserve::Overrun => {}
        }
        reserve
    }
    /// The receiver took this much. Follow with [`SendWindow::next_queued`] until it gives `None`.
    ///
    /// # Errors
    /// When more comes back than was in flight.
    pub fn credit(&mut self, messages: u32, bytes: u64) -> Result<(), Violation> {
        if messages > self.messages || bytes > self.bytes {
            return Err(Violation::new("more credit came back than was spent"));
        }
        self.messages -= messages;
        self.bytes -= bytes;
        Ok(())
    }
    /// Whether the oldest message of the local queue may leave now; if so it is accounted for, and
    /// the number says how many were dropped since the peer was last told (to be told first).
    pub fn next_queued(&mut self) -> Option<u64> {
        let len = *self.queue.front()?;
        if !self.has_credit(len) {
            return None;
        }
        self.queue.pop_front();
        self.queued_bytes -= len;
        self.spend(len);
        Some(std::mem::take(&mut self.untold))
    }
    /// Gives up what still waits in the local queue; the number of drops the peer has not been told of, these included.
    pub fn abandon_queue(&mut self) -> u64 {
        let left = self.queue.len() as u64;
        self.queue.clear();
        self.queued_bytes = 0;
        self.dropped += left;
        std::mem::take(&mut self.untold) + left
    }
    /// Messages that may still go before a sender waits (large messages may meet the byte limit first).
    #[must_use]
    pub fn available(&self) -> u32 {
        if self.bytes >= self.size.bytes { 0 } else { self.size.messages - self.messages }
    }
    /// Messages in flight.
    #[must_use]
    pub fn in_flight(&self) -> u32 {
        self.messages
    }
    /// Messages dropped so far.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.dropped
    }
    fn has_credit(&self, len: u64) -> bool {
        self.size.admits(self.messages, self.bytes, len)
    }
    fn spend(&mut self, len: u64) {
        self.messages += 1;
        self.bytes = self.bytes.saturating_add(len);
    }
    fn must_go(&self, len: u64) -> u32 {
        let (mut messages, mut bytes, mut count) = (self.queue.len(), self.queued_bytes, 0);
        for old in &self.queue {
            if messages < self.size.messages as usize && bytes.saturating_add(len) <= self.size.bytes {
                break;
            }
            messages -= 1;
            bytes -= old;
            count += 1;
        }
        count
    }
}

/// The receiver's half.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReceiveWindow {
    size: WindowSize,
    /// Sent to us and not given back yet: what the sender thinks is in flight, at least.
    messages: u32,
    bytes: u64,
    unread: u32,
    unread_bytes: u64,
}

impl ReceiveWindow {
    /// A free window.
    #[must_use]
    pub fn new(size: WindowSize) -> Self {
        Self { size: size.usable(), messages: 0, bytes: 0, unread: 0, unread_bytes: 0 }
    }
    /// A message of `len` payload bytes came in.
    ///
    /// # Errors
    /// When the peer had no credit for it.
    pub fn arrived(&mut self, len: u64) -> Result<(), Violation> {
        if !self.size.admits(self.messages, self.bytes, len) {
            return Err(Violation::new("a stream item came without credit for it"));
        }
        self.messages += 1;
        self.bytes = self.bytes.saturating_add(len);
        self.unread += 1;
        self.unread_bytes = self.unread_bytes.saturating_add(len);
        Ok(())
    }
    /// The user took a message of `len` bytes; the credit to send back, once half a window has gathered.
    pub fn taken(&mut self, len: u64) -> Option<Credit> {
        self.unread = self.unread.saturating_sub(1);
        self.unread_bytes = if self.unread == 0 { 0 } else { self.unread_bytes.saturating_sub(len) };
        let kept_back = self.messages - self.unread;
        let kept_back_bytes = self.bytes - self.unread_bytes;
        let half = kept_back >= self.size.messages.div_ceil(2) || kept_back_bytes >= self.size.bytes.div_ceil(2);
        if half { self.give_back() } else { None }
    }
    /// Drops everything unread; the credit to send back.
    pub fn discard(&mut self) -> Option<Credit> {
        self.unread = 0;
        self.unread_bytes = 0;
        self.give_back()
    }
    /// Messages that came in and were not taken.
    #[must_use]
    pub fn unread(&self) -> u32 {
        self.unread
    }
    fn give_back(&mut self) -> Option<Credit> {
        let credit = Credit { messages: self.messages - self.unread, bytes: self.bytes - self.unread_bytes };
        if credit.messages == 0 {
            return None;
        }
        self.messages = self.unread;
        self.bytes = self.unread_bytes;
        Some(credit)
    }
}
