//! Names for things: actors, dialogs, stops. Newtypes, so that one cannot be taken for another.
use std::fmt;

use serde::{Deserialize, Serialize};
pub use uuid::Uuid;

/// The identity of one actor: one process running one coulter runtime.
///
/// Names need not be unique; two `Aid`s are equal when their uuids are.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Aid {
    /// The name it was spawned under.
    pub name: String,
    /// Unique for every incarnation.
    pub uuid: Uuid,
    /// The process id on its host.
    pub pid: u32,
}

impl Aid {
    /// The first eight hex digits of the uuid: enough for a person to tell two apart.
    #[must_use]
    pub fn short(&self) -> String {
        let mut text = self.uuid.simple().to_string();
        text.truncate(8);
        text
    }
}

impl PartialEq for Aid {
    fn eq(&self, other: &Self) -> bool {
        self.uuid == other.uuid
    }
}
impl Eq for Aid {}
impl std::hash::Hash for Aid {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.uuid.hash(state);
    }
}
impl fmt::Display for Aid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.name, self.pid)
    }
}

/// A dialog on one channel. The low bit tells which end of the channel opened it, so both ends
/// can number theirs without asking.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct DialogId(pub u64);

/// A context anywhere in the tree: the actor that opened it, and that actor's running number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ContextKey {
    /// The actor whose task opened the context.
    pub opener: Uuid,
    /// Counts up in that actor.
    pub n: u64,
}

/// A stop in the seat's queue; never reused within one tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct StopId(pub u64);

/// A task of one actor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct TaskId(pub u64);

/// An error the shell keeps; machines only pass its number on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ErrorToken(pub u64);

/// A cause of a cancel the shell keeps; machines only pass its number on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct CauseToken(pub u64);
