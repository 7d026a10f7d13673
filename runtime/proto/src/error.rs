//! Errors as they travel between actors: what happened, to whom, and the way the news took.
use std::fmt;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::exit::ExitStatus;
use crate::id::Aid;

/// Who asked for a cancel, and why. The chain goes from the nearest cause to the first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CancelCause {
    /// Who asked.
    pub by: Option<Aid>,
    /// In words, e.g. `ctx.cancel()`, `nursery teardown after error in worker_3@4711`.
    pub why: String,
    /// The causes behind it, nearest first.
    pub behind: Vec<String>,
}

/// What kind of failure it is: those the runtime itself knows how to treat.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum FailureKind {
    /// An error of the application, returned by an endpoint or a block.
    Application,
    /// A panic in a task.
    Panic,
    /// The task was cancelled.
    Cancelled(CancelCause),
    /// The process ended unasked.
    ActorDied {
        /// Who.
        actor: Aid,
        /// How.
        status: ExitStatus,
        /// The last lines it printed to stderr.
        last_output: Vec<String>,
    },
    /// The endpoint's module is not exposed there.
    ModuleNotExposed {
        /// The module asked for.
        module: String,
    },
    /// The module has no such endpoint.
    NoSuchEndpoint {
        /// What was asked for.
        endpoint: String,
    },
    /// A payload was not of the type expected.
    MsgType {
        /// The type expected.
        expected: String,
        /// Which argument or value.
        what: String,
    },
    /// A context's task returned without `started`.
    NotStarted,
    /// A stream with `Overrun::Error` was full.
    StreamOverrun,
    /// The channel was lost.
    TransportClosed,
    /// A peer did not answer in time.
    ActorTooSlow,
    /// Somebody quit the task in the debugger.
    DebugQuit,
    /// The runtime refused.
    Runtime,
    /// Several failures; see `members`.
    Group,
}

/// One failure, self-contained, that may pass any number of processes without losing its source.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Failure {
    /// The same failure has the same id wherever it is seen: reported once.
    pub id: Uuid,
    /// What kind it is.
    pub kind: FailureKind,
    /// The Rust type of the error at its source.
    pub type_name: String,
    /// Its `Display`.
    pub message: String,
    /// The `Display` of each `source()` behind it.
    pub causes: Vec<String>,
    /// `file:line:column` where it became an error of ours.
    pub location: Option<String>,
    /// The captured backtrace, bounded.
    pub backtrace: Option<String>,
    /// The actor it happened in.
    pub source: Option<Aid>,
    /// The endpoint or block it came out of.
    pub origin: Option<String>,
    /// Each actor it has passed since, in order.
    pub relay: Vec<Aid>,
    /// The original value, when its type was declared with `#[coulter::error]`.
    pub value: Option<Bytes>,
    /// The members of a group.
    pub members: Vec<Failure>,
}

impl Failure {
    /// A failure with only its kind and message filled in.
    #[must_use]
    pub fn new(id: Uuid, kind: FailureKind, message: impl Into<String>) -> Self {
        Self {
            id,
            kind,
            type_name: String::new(),
            message: message.into(),
            causes: Vec::new(),
            location: None,
            backtrace: None,
            source: None,
            origin: None,
            relay: Vec::new(),
            value: None,
            members: Vec::new(),
        }
    }

    /// Whether this is only a cancellation. A group with any real error in it is a real error.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        match self.kind {
            FailureKind::Cancelled(_) => true,
            FailureKind::Group => !self.members.is_empty() && self.members.iter().all(Self::is_cancelled),
            _ => false,
        }
    }

    /// Whether this failure, or a member of it, has the given id.
    #[must_use]
    pub fn contains(&self, id: Uuid) -> bool {
        self.id == id || self.members.iter().any(|member| member.contains(id))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        if let Some(source) = &self.source {
            write!(f, " (in {source})")?;
        }
        Ok(())
    }
}
