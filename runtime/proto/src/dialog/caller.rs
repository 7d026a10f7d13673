//! The side that opened the dialog: its block (a context) or its awaiting future (a call).
//!
//! The block ends only after the final word; the final word may end the block first. A cancel is
//! sent at most once, whoever wants it: the user, an error of the block, or the block's drop.
use serde::{Deserialize, Serialize};

use super::streams::{StreamEffect, Streams};
use super::{DialogKind, DialogPhase, Final, FinalFailure, FromPeer, StartState, StreamEnd, Terms, ToPeer, Violation, Waiter};
use crate::id::ErrorToken;
use crate::machine::{Machine, Sink};
use crate::time::{Deadline, Now};

/// How the block ended by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum BlockEnd {
    /// With a value.
    Value,
    /// With an error of its own.
    Error(ErrorToken),
}

/// What can happen to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Input {
    /// The other side said something.
    Peer(FromPeer),
    /// The user's `ctx.cancel()`.
    CancelAsked,
    /// The block opened its stream; ask [`Streams::may_open`] first.
    StreamOpened,
    /// The block dropped its stream.
    StreamClosed,
    /// One item goes, or is queued, as [`Streams::may_send`] said.
    SendItem {
        /// Its payload's length in bytes.
        len: u64,
    },
    /// The user took one item.
    Taken {
        /// Its payload's length in bytes.
        len: u64,
    },
    /// The block returned.
    BlockEnded(BlockEnd),
    /// The block was polled after the final word of a cancel this side asked for.
    BlockPolled {
        /// Whether a future of this context is waiting inside it.
        waiting_on_context: bool,
    },
    /// The block (or the wait for the final word after it), or a call's future, was dropped.
    BlockDropped,
    /// The channel was lost.
    ChannelLost,
    /// The callee is stopped in the debugger: clocks stand still.
    HoldClocks,
    /// It goes on.
    ReleaseClocks,
}

/// What it decides.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Effect {
    /// Write this.
    Send(ToPeer),
    /// Wake those who wait for this.
    Wake(Waiter),
    /// The item just fed is not wanted; its credit has gone back.
    Discard,
    /// Empty the queue of received items; their credit has gone back.
    DiscardUnread,
    /// The block must be dropped as soon as its scope allows.
    DropBlock,
    /// The acknowledgement of a cancel did not come in time; the final word is still waited for.
    CancelTooSlow,
    /// The final word is in: take the dialog off the channel's table.
    Ended,
    /// The peer broke the protocol: close the channel, then feed [`Input::ChannelLost`].
    Violation(Violation),
}

/// What comes out of the block, by precedence. `Remote` is the failure of the final word, as the
/// shell keeps it (or of the lost channel).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Verdict {
    /// The block's value.
    BlockValue,
    /// The block's error.
    BlockError(ErrorToken),
    /// The remote failure.
    Remote,
    /// Both, the block's own first; the shell leaves out whichever is contained in the other.
    BlockErrorAndRemote(ErrorToken),
    /// The channel was lost.
    Lost,
    /// There is only a cancel to tell of.
    Cancelled,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Block {
    Running,
    Ended(BlockEnd),
    Dropped,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum CancelState {
    NotAsked,
    Sent,
    Acked,
}

/// The machine of the side that opened a dialog. Make it when `Start` is sent.
#[derive(Clone, Debug)]
pub struct Caller {
    terms: Terms,
    accepted: bool,
    started: bool,
    streams: Streams,
    block: Block,
    cancel: CancelState,
    cancel_by_user: bool,
    final_word: Option<Final>,
    /// The final word ended the block, not an outer cancel.
    ended_by_remote: bool,
    /// The final word of our own cancel is in; the block has one poll to take it.
    last_poll: bool,
    clock: Deadline,
    held: bool,
}

impl Caller {
    /// A dialog whose `Start` has just been sent.
    #[must_use]
    pub fn new(terms: Terms) -> Self {
        Self {
            streams: Streams::new(&terms),
            terms,
            // A call's first word is its last: nothing to acknowledge apart.
            accepted: terms.kind == DialogKind::Call,
            started: false,
            block: Block::Running,
            cancel: CancelState::NotAsked,
            cancel_by_user: false,
            final_word: None,
            ended_by_remote: false,
            last_poll: false,
            clock: Deadline::Off,
            held: false,
        }
    }
    /// The terms it was made with.
    #[must_use]
    pub fn terms(&self) -> Terms {
        self.terms
    }
    /// Whether the callee has said `started`.
    #[must_use]
    pub fn started(&self) -> StartState {
        match (self.started, self.final_word) {
            (true, _) => StartState::Ready,
            (false, None) => StartState::Pending,
            (false, Some(_)) => StartState::Failed,
        }
    }
    /// Its streams: what may be opened, sent, received.
    #[must_use]
    pub fn streams(&self) -> &Streams {
        &self.streams
    }
    /// The final word, once it is in.
    #[must_use]
    pub fn final_word(&self) -> Option<Final> {
        self.final_word
    }
    /// Whether `ctx.cancel()` was called here.
    #[must_use]
    pub fn cancel_called(&self) -> bool {
        self.cancel_by_user
    }
    /// Whether the cancel was acknowledged, by word or by the end.
    #[must_use]
    pub fn cancel_acked(&self) -> bool {
        self.cancel == CancelState::Acked
    }
    /// What comes out of the block; `None` until both the block and the final word are in. A call
    /// has no block: its own value is the remote one.
    #[must_use]
    pub fn verdict(&self) -> Option<Verdict> {
        let word = self.final_word?;
        let cancelled = matches!(word, Final::Failed(FinalFailure::Cancelled { .. }));
        let block = match self.block {
            Block::Running if self.terms.kind == DialogKind::Call => Block::Ended(BlockEnd::Value),
            block => block,
        };
        Some(match (block, word) {
            (Block::Running, _) => return None,
            (Block::Ended(BlockEnd::Value), Final::Returned | Final::Failed(FinalFailure::Cancelled { asked_by_us: true })) => Verdict::BlockValue,
            (Block::Ended(BlockEnd::Value), Final::Failed(_)) => Verdict::Remote,
            (Block::Ended(BlockEnd::Value), Final::Lost) => Verdict::Lost,
            // A real error is never hidden by a cancel, and the block's own comes first.
            (Block::Ended(BlockEnd::Error(error)), Final::Returned) => Verdict::BlockError(error),
            (Block::Ended(BlockEnd::Error(error)), Final::Failed(_)) if cancelled => Verdict::BlockError(error),
            (Block::Ended(BlockEnd::Error(error)), Final::Failed(_) | Final::Lost) => Verdict::BlockErrorAndRemote(error),
            (Block::Dropped, Final::Failed(FinalFailure::Real)) => Verdict::Remote,
            (Block::Dropped, Final::Failed(_)) if self.ended_by_remote => Verdict::Remote,
            (Block::Dropped, Final::Lost) if self.ended_by_remote => Verdict::Lost,
            (Block::Dropped, _) => Verdict::Cancelled,
        })
    }
    /// Where it stands.
    #[must_use]
    pub fn phase(&self) -> DialogPhase {
        match self.final_word {
            Some(Final::Returned) => DialogPhase::Done,
            Some(Final::Failed(FinalFailure::Cancelled { .. })) => DialogPhase::Cancelled,
            Some(Final::Failed(FinalFailure::Real)) => DialogPhase::Failed,
            Some(Final::Lost) => DialogPhase::Lost,
            None if self.cancel != CancelState::NotAsked => DialogPhase::Cancelling,
            None if self.block != Block::Running => DialogPhase::Draining,
            None if self.streams.is_open() => DialogPhase::Streaming,
            None if self.started || (self.accepted && self.terms.kind == DialogKind::Call) => DialogPhase::Started,
            None => DialogPhase::Starting,
        }
    }

    fn on_peer(&mut self, now: Now, message: FromPeer, out: &mut impl Sink<Effect>) -> Result<(), Violation> {
        if self.final_word.is_some() {
            return match message {
                // Sent before the peer saw that nothing is wanted any more.
                FromPeer::Credit { .. } | FromPeer::CancelAck => Ok(()),
                _ if self.final_word == Some(Final::Lost) => Ok(()),
                _ => Err(Violation::new("a message after the final word")),
            };
        }
        let refusal = matches!(message, FromPeer::Fail { .. } | FromPeer::CancelAck | FromPeer::Accepted);
        if !self.accepted && !refusal {
            return Err(Violation::new("a message before the dialog was accepted"));
        }
        match message {
            FromPeer::Accepted if self.accepted => return Err(Violation::new("accepted twice")),
            FromPeer::Accepted => self.accepted = true,
            FromPeer::Started if self.terms.kind == DialogKind::Call => return Err(Violation::new("`started` on a call")),
            FromPeer::Started if self.started => return Err(Violation::new("`started` twice")),
            FromPeer::Started => {
                self.started = true;
                self.streams.start();
                if self.block != Block::Running {
                    self.close_streams(out);
                }
                out.emit(Effect::Wake(Waiter::Started));
            }
            FromPeer::Item { .. } | FromPeer::EndOfStream | FromPeer::Credit { .. } | FromPeer::Dropped { .. } => {
                self.streams.on_peer(message, |effect| out.emit(effect.into()))?;
            }
            FromPeer::Return if self.terms.kind == DialogKind::Context && !self.started => {
                return Err(Violation::new("a context returned without `started`"));
            }
            FromPeer::Return => self.on_final(now, Final::Returned, out),
            FromPeer::Fail { failure } => self.on_final(now, Final::Failed(failure), out),
            FromPeer::CancelAck if self.cancel != CancelState::Sent => return Err(Violation::new("an acknowledgement of a cancel nobody asked for")),
            FromPeer::CancelAck => self.acked(out),
            FromPeer::Cancel { .. } => return Err(Violation::new("the callee asked the caller to cancel")),
        }
        Ok(())
    }

    fn on_final(&mut self, _now: Now, word: Final, out: &mut impl Sink<Effect>) {
        self.final_word = Some(word);
        if self.cancel == CancelState::Sent {
            self.acked(out);
        }
        self.streams.end(match word {
            Final::Returned => StreamEnd::Returned,
            Final::Failed(FinalFailure::Cancelled { .. }) if self.cancel_absorbed(word) => StreamEnd::CancelledByUs,
            Final::Failed(FinalFailure::Cancelled { .. }) => StreamEnd::Cancelled,
            Final::Failed(FinalFailure::Real) => StreamEnd::Failed,
            Final::Lost => StreamEnd::Lost,
        });
        if self.block == Block::Running && !self.started && self.terms.kind == DialogKind::Context {
            // There never was a block: the final word comes out of the opening.
            self.block = Block::Dropped;
            self.ended_by_remote = !self.cancel_absorbed(word);
        }
        if self.block == Block::Running && self.started {
            let benign = matches!(word, Final::Returned) || self.cancel_absorbed(word);
            if !benign {
                self.ended_by_remote = true;
                out.emit(Effect::DropBlock);
            } else if self.cancel_by_user {
                self.last_poll = true;
            }
        }
        for waiter in [Waiter::Started, Waiter::Receive, Waiter::Send, Waiter::Final] {
            out.emit(Effect::Wake(waiter));
        }
        out.emit(Effect::Ended);
    }

    /// Whether this final word is only the end of what `ctx.cancel()` asked for.
    fn cancel_absorbed(&self, word: Final) -> bool {
        self.cancel_by_user && word == Final::Failed(FinalFailure::Cancelled { asked_by_us: true })
    }

    fn acked(&mut self, out: &mut impl Sink<Effect>) {
        self.cancel = CancelState::Acked;
        self.clock = Deadline::Off;
        out.emit(Effect::Wake(Waiter::CancelAck));
    }

    fn send_cancel(&mut self, now: Now, out: &mut impl Sink<Effect>) {
        if self.cancel != CancelState::NotAsked || self.final_word.is_some() {
            return;
        }
        self.cancel = CancelState::Sent;
        self.clock = Deadline::after(now, self.terms.cancel_ack);
        if self.held {
            self.clock.hold(now);
        }
        out.emit(Effect::Send(ToPeer::Cancel));
    }

    /// Nothing is wanted from here on: what is unread goes, its credit goes back, the peer is told.
    fn close_streams(&mut self, out: &mut impl Sink<Effect>) {
        self.streams.close_for_good(|effect| out.emit(effect.into()));
    }

    fn block_over(&mut self, now: Now, block: Block, out: &mut impl Sink<Effect>) {
        let waiting = self.block == Block::Ended(BlockEnd::Value) && self.final_word.is_none();
        if self.block != Block::Running && !(waiting && block == Block::Dropped) {
            return;
        }
        self.block = block;
        self.last_poll = false;
        if block == Block::Ended(BlockEnd::Value) && self.terms.kind == DialogKind::Context {
            self.close_streams(out);
        } else {
            // The cancel goes first: the task must not take the end of the stream for a clean end.
            self.send_cancel(now, out);
            self.close_streams(out);
        }
    }
}

impl From<StreamEffect> for Effect {
    fn from(effect: StreamEffect) -> Self {
        match effect {
            StreamEffect::Send(message) => Self::Send(message),
            StreamEffect::Wake(waiter) => Self::Wake(waiter),
            StreamEffect::Discard => Self::Discard,
            StreamEffect::DiscardUnread => Self::DiscardUnread,
        }
    }
}

impl Machine for Caller {
    type Input = Input;
    type Effect = Effect;

    fn on(&mut self, now: Now, input: Input, out: &mut impl Sink<Effect>) {
        match input {
            Input::Peer(message) => {
                if let Err(violation) = self.on_peer(now, message, out) {
                    out.emit(Effect::Violation(violation));
                }
            }
            Input::CancelAsked => {
                if self.final_word.is_none() {
                    self.cancel_by_user = true;
                    self.send_cancel(now, out);
                }
            }
            Input::StreamOpened => self.streams.open(),
            Input::StreamClosed => self.close_streams(out),
            Input::SendItem { len } => self.streams.send(len),
            Input::Taken { len } => {
                if let Some(credit) = self.streams.taken(len) {
                    out.emit(Effect::Send(credit));
                }
            }
            Input::BlockEnded(end) => self.block_over(now, Block::Ended(end), out),
            Input::BlockPolled { waiting_on_context } => {
                if self.last_poll && !waiting_on_context && self.block == Block::Running {
                    self.last_poll = false;
                    out.emit(Effect::DropBlock);
                }
            }
            Input::BlockDropped => self.block_over(now, Block::Dropped, out),
            Input::ChannelLost => {
                if self.final_word.is_none() {
                    self.on_final(now, Final::Lost, out);
                }
            }
            Input::HoldClocks => {
                self.held = true;
                self.clock.hold(now);
            }
            Input::ReleaseClocks => {
                self.held = false;
                self.clock.go_on(now);
            }
        }
    }

    fn next_deadline(&self) -> Option<Now> {
        self.clock.due()
    }

    fn on_time(&mut self, now: Now, out: &mut impl Sink<Effect>) {
        if self.clock.take_due(now) {
            out.emit(Effect::CancelTooSlow);
            out.emit(Effect::Wake(Waiter::CancelAck));
        }
    }
}
