//! A dialog: one call or one context, a machine on each side.
//!
//! [`Caller`] belongs to the side that opened it, [`Callee`] to the side that runs the endpoint's
//! task. They know phases, credit, who asked for what cancel, and which error wins; payloads and
//! errors stay with the shell, which writes what [`ToPeer`] says and queues what comes in.
//! The callee's final word is the one thing every dialog is sure to get: by message, or by the
//! loss of the channel.
mod callee;
mod caller;
mod streams;

use serde::{Deserialize, Serialize};

pub use callee::{Callee, Effect as CalleeEffect, Input as CalleeInput, StartRefused, TaskEnd};
pub use caller::{BlockEnd, Caller, Effect as CallerEffect, Input as CallerInput, Verdict};
pub use streams::Streams;

use crate::id::{CauseToken, ErrorToken};
pub use crate::observe::DialogKind;
pub use crate::window::{Overrun, Reserve, Violation, WindowSize};

/// What both sides agree on at the opening, and this side's times.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Terms {
    /// Call or context.
    pub kind: DialogKind,
    /// The window each side grants the other.
    pub window: WindowSize,
    /// What a sender does when the window is full.
    pub overrun: Overrun,
    /// How long to wait for the acknowledgement of a cancel, microseconds.
    pub cancel_ack: u64,
}

impl Terms {
    /// The default terms for a dialog of this kind.
    #[must_use]
    pub fn new(kind: DialogKind) -> Self {
        Self { kind, window: WindowSize::default(), overrun: Overrun::default(), cancel_ack: 616_000 }
    }
}

/// What the other side said; the shell keeps payloads and failures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum FromPeer {
    /// The callee runs it.
    Accepted,
    /// The callee's `started(value)`.
    Started,
    /// One item of a stream.
    Item {
        /// Its payload's length in bytes.
        len: u64,
    },
    /// No more items will come, and none are wanted.
    EndOfStream,
    /// The peer took some.
    Credit {
        /// Messages.
        messages: u32,
        /// Bytes.
        bytes: u64,
    },
    /// The peer dropped items for want of credit.
    Dropped {
        /// How many since it last told.
        count: u64,
    },
    /// Final word: a value.
    Return,
    /// Final word: a failure.
    Fail {
        /// Which kind; the shell knows who was the canceller.
        failure: FinalFailure,
    },
    /// The caller asks the callee's task to cancel.
    Cancel {
        /// The cause.
        token: CauseToken,
    },
    /// The callee saw the cancel.
    CancelAck,
}

/// What kind of failure a final word is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum FinalFailure {
    /// The task was cancelled.
    Cancelled {
        /// Through this very dialog's own `ctx.cancel()` on this side.
        asked_by_us: bool,
    },
    /// Anything else.
    Real,
}

/// What to write to the other side.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ToPeer {
    /// The task runs.
    Accepted,
    /// `started`, with the value the shell holds.
    Started,
    /// The front of the local queue ([`Overrun::Drop`]).
    QueuedItem,
    /// No more items from here, and none are wanted.
    EndOfStream,
    /// Credit.
    Credit {
        /// Messages.
        messages: u32,
        /// Bytes.
        bytes: u64,
    },
    /// Items dropped here since the last word.
    Dropped {
        /// How many.
        count: u64,
    },
    /// Final word: the value the shell holds.
    Return,
    /// Final word: a failure.
    Fail(FinalKind),
    /// Please cancel.
    Cancel,
    /// The cancel was seen.
    CancelAck,
}

/// Which failure a final word carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum FinalKind {
    /// The task's error.
    Error(ErrorToken),
    /// The task was cancelled.
    Cancelled,
    /// The task returned without `started`.
    NotStarted,
    /// The task panicked.
    Panic(ErrorToken),
}

/// Whom to wake: the futures of this dialog that wait for one thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Waiter {
    /// Waits for `started`, or for the news that it never comes.
    Started,
    /// Waits in `receive`.
    Receive,
    /// Waits in `send`.
    Send,
    /// Waits for the acknowledgement of a cancel.
    CancelAck,
    /// Waits for the final word.
    Final,
}

/// The final word as this side got it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Final {
    /// A value.
    Returned,
    /// A failure.
    Failed(FinalFailure),
    /// The channel was lost before any.
    Lost,
}

/// Whether the callee has said `started`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum StartState {
    /// Not yet.
    Pending,
    /// It has.
    Ready,
    /// It never will: see the final word.
    Failed,
}

/// Whether more items can come, once the shell's queue is empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ReceiveState {
    /// Wait.
    Open,
    /// No more, for this reason; the same for ever.
    Ended(StreamEnd),
}

/// Why a stream ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum StreamEnd {
    /// The peer closed it: `receive` gives `None`.
    Clean,
    /// The callee returned: `receive` gives `None`.
    Returned,
    /// Cancelled by this side's own `ctx.cancel()`: `receive` gives `None`.
    CancelledByUs,
    /// Cancelled by somebody else: an error.
    Cancelled,
    /// The other side failed: an error.
    Failed,
    /// The channel was lost: an error.
    Lost,
    /// Closed on this side.
    Closed,
}

/// Why an item cannot be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SendRefused {
    /// A call has no streams.
    NotAContext,
    /// `started` has not been said.
    NotStarted,
    /// The stream ended.
    Ended(StreamEnd),
}

/// Why a stream cannot be opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum OpenRefused {
    /// A call has no streams.
    NotAContext,
    /// `started` has not been said.
    NotStarted,
    /// It was opened before: a stream is one-shot.
    Twice,
    /// The dialog is over.
    Over,
}

/// Where a dialog stands, for the tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum DialogPhase {
    /// Asked for, not started.
    Starting,
    /// `started` was said, or a call's task runs.
    Started,
    /// A stream is open here.
    Streaming,
    /// This side's block ended; waiting for the final word.
    Draining,
    /// A cancel is under way.
    Cancelling,
    /// Over, with a value.
    Done,
    /// Over, cancelled.
    Cancelled,
    /// Over, with an error.
    Failed,
    /// Over, the channel was lost.
    Lost,
}
