//! The side that runs the endpoint's task.
//!
//! A cancel is only a request: the task's own end decides the final word, and it is said once, by
//! the machine, whatever the order of cancel, error and loss.
use serde::{Deserialize, Serialize};

use super::streams::{StreamEffect, Streams};
use super::{DialogKind, DialogPhase, FinalKind, FromPeer, StreamEnd, Terms, ToPeer, Violation, Waiter};
use crate::id::{CauseToken, ErrorToken};
use crate::machine::{Machine, Sink};
use crate::time::Now;

/// How the task ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TaskEnd {
    /// With a value.
    Value,
    /// With an error.
    Error(ErrorToken),
    /// Its future was dropped by its scope's cancel.
    Cancelled,
    /// It panicked.
    Panicked(ErrorToken),
}

/// What can happen to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Input {
    /// First: the endpoint is exposed and its task runs.
    Accept,
    /// The other side said something.
    Peer(FromPeer),
    /// The task said `started`; ask [`Callee::may_start`] first.
    TaskStarted,
    /// The task opened its stream; ask [`Streams::may_open`] first.
    StreamOpened,
    /// The task dropped its stream.
    StreamClosed,
    /// One item goes, or is queued, as [`Streams::may_send`] said.
    SendItem {
        /// Its payload's length in bytes.
        len: u64,
    },
    /// The task took one item.
    Taken {
        /// Its payload's length in bytes.
        len: u64,
    },
    /// The task, and all it opened, is over.
    TaskEnded(TaskEnd),
    /// Somebody else cancels the task: the whole actor's cancel, a console, a teardown.
    CancelLocal {
        /// The cause.
        token: CauseToken,
    },
    /// The channel was lost.
    ChannelLost,
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
    /// Cancel the task's scope; `None`: because the channel was lost.
    CancelTask {
        /// The cause.
        token: Option<CauseToken>,
    },
    /// The final word is out (or nobody is there to hear it): take the dialog off the channel's table.
    Ended,
    /// The peer broke the protocol: close the channel, then feed [`Input::ChannelLost`].
    Violation(Violation),
}

/// Why `started` is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum StartRefused {
    /// It is a call.
    NotAContext,
    /// It was said before.
    Twice,
    /// The caller is gone.
    Lost,
}

/// The machine of the side that runs a dialog's task. Make it when `Start` came in and is granted.
#[derive(Clone, Debug)]
pub struct Callee {
    terms: Terms,
    started: bool,
    streams: Streams,
    cancel: Option<CauseToken>,
    cancel_by_peer: bool,
    cancelled: bool,
    lost: bool,
    ended: Option<TaskEnd>,
}

impl Callee {
    /// A dialog whose task is about to run.
    #[must_use]
    pub fn new(terms: Terms) -> Self {
        Self { streams: Streams::new(&terms), terms, started: false, cancel: None, cancel_by_peer: false, cancelled: false, lost: false, ended: None }
    }
    /// The terms it was made with.
    #[must_use]
    pub fn terms(&self) -> Terms {
        self.terms
    }
    /// Whether the task may say `started`.
    ///
    /// # Errors
    /// Why not.
    pub fn may_start(&self) -> Result<(), StartRefused> {
        match () {
            () if self.terms.kind == DialogKind::Call => Err(StartRefused::NotAContext),
            () if self.started => Err(StartRefused::Twice),
            () if self.lost => Err(StartRefused::Lost),
            () => Ok(()),
        }
    }
    /// Its streams: what may be opened, sent, received.
    #[must_use]
    pub fn streams(&self) -> &Streams {
        &self.streams
    }
    /// Whether the task was asked to cancel, by anyone or by the loss of the channel.
    #[must_use]
    pub fn cancelled(&self) -> bool {
        self.cancelled
    }
    /// The cause of that, the first if there were several.
    #[must_use]
    pub fn cause(&self) -> Option<CauseToken> {
        self.cancel
    }
    /// How the task ended.
    #[must_use]
    pub fn task_end(&self) -> Option<TaskEnd> {
        self.ended
    }
    /// Where it stands.
    #[must_use]
    pub fn phase(&self) -> DialogPhase {
        match self.ended {
            Some(_) if self.lost => DialogPhase::Lost,
            Some(TaskEnd::Value) if self.without_start() => DialogPhase::Failed,
            Some(TaskEnd::Value) => DialogPhase::Done,
            Some(TaskEnd::Cancelled) => DialogPhase::Cancelled,
            Some(TaskEnd::Error(_) | TaskEnd::Panicked(_)) => DialogPhase::Failed,
            None if self.cancelled => DialogPhase::Cancelling,
            None if self.streams.is_open() => DialogPhase::Streaming,
            None if self.started || self.terms.kind == DialogKind::Call => DialogPhase::Started,
            None => DialogPhase::Starting,
        }
    }

    fn without_start(&self) -> bool {
        self.terms.kind == DialogKind::Context && !self.started
    }

    fn on_peer(&mut self, message: FromPeer, out: &mut impl Sink<Effect>) -> Result<(), Violation> {
        if self.ended.is_some() || self.lost {
            // Sent before the peer had our final word.
            return match message {
                FromPeer::Item { .. } => {
                    out.emit(Effect::Discard);
                    Ok(())
                }
                FromPeer::EndOfStream | FromPeer::Credit { .. } | FromPeer::Dropped { .. } | FromPeer::Cancel { .. } => Ok(()),
                _ => Err(Violation::new("a caller sent what only a callee may")),
            };
        }
        match message {
            FromPeer::Item { .. } | FromPeer::EndOfStream | FromPeer::Credit { .. } | FromPeer::Dropped { .. } => {
                self.streams.on_peer(message, |effect| out.emit(effect.into()))?;
            }
            FromPeer::Cancel { .. } if self.cancel_by_peer => return Err(Violation::new("a second cancel of one dialog")),
            FromPeer::Cancel { token } => {
                self.cancel_by_peer = true;
                out.emit(Effect::Send(ToPeer::CancelAck));
                self.cancel_task(Some(token), out);
            }
            FromPeer::Accepted | FromPeer::Started | FromPeer::Return | FromPeer::Fail { .. } | FromPeer::CancelAck => {
                return Err(Violation::new("a caller sent what only a callee may"));
            }
        }
        Ok(())
    }

    fn cancel_task(&mut self, token: Option<CauseToken>, out: &mut impl Sink<Effect>) {
        if self.cancelled || self.ended.is_some() {
            return;
        }
        self.cancelled = true;
        self.cancel = token;
        out.emit(Effect::CancelTask { token });
    }

    fn close_streams(&mut self, out: &mut impl Sink<Effect>) {
        self.streams.close_for_good(|effect| out.emit(effect.into()));
    }

    fn on_end(&mut self, end: TaskEnd, out: &mut impl Sink<Effect>) {
        if self.ended.is_some() {
            return;
        }
        self.ended = Some(end);
        let why = match end {
            TaskEnd::Value if !self.without_start() => StreamEnd::Returned,
            TaskEnd::Cancelled => StreamEnd::Cancelled,
            _ => StreamEnd::Failed,
        };
        self.streams.end(why);
        if !self.lost {
            let dropped = self.streams.abandon_queue();
            if dropped > 0 {
                out.emit(Effect::Send(ToPeer::Dropped { count: dropped }));
            }
            out.emit(Effect::Send(match end {
                TaskEnd::Value if self.without_start() => ToPeer::Fail(FinalKind::NotStarted),
                TaskEnd::Value => ToPeer::Return,
                TaskEnd::Error(error) => ToPeer::Fail(FinalKind::Error(error)),
                TaskEnd::Cancelled => ToPeer::Fail(FinalKind::Cancelled),
                TaskEnd::Panicked(error) => ToPeer::Fail(FinalKind::Panic(error)),
            }));
        }
        for waiter in [Waiter::Receive, Waiter::Send] {
            out.emit(Effect::Wake(waiter));
        }
        out.emit(Effect::Ended);
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

impl Machine for Callee {
    type Input = Input;
    type Effect = Effect;

    fn on(&mut self, _now: Now, input: Input, out: &mut impl Sink<Effect>) {
        match input {
            Input::Accept => {
                if self.terms.kind == DialogKind::Context {
                    out.emit(Effect::Send(ToPeer::Accepted));
                }
            }
            Input::Peer(message) => {
                if let Err(violation) = self.on_peer(message, out) {
                    out.emit(Effect::Violation(violation));
                }
            }
            Input::TaskStarted => {
                if self.may_start().is_ok() && self.ended.is_none() {
                    self.started = true;
                    self.streams.start();
                    out.emit(Effect::Send(ToPeer::Started));
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
            Input::TaskEnded(end) => self.on_end(end, out),
            Input::CancelLocal { token } => self.cancel_task(Some(token), out),
            Input::ChannelLost => {
                if self.lost || self.ended.is_some() {
                    return;
                }
                self.lost = true;
                self.streams.end(StreamEnd::Lost);
                self.cancel_task(None, out);
                out.emit(Effect::Wake(Waiter::Receive));
                out.emit(Effect::Wake(Waiter::Send));
            }
        }
    }

    fn next_deadline(&self) -> Option<Now> {
        None
    }

    fn on_time(&mut self, _now: Now, _out: &mut impl Sink<Effect>) {}
}
