//! What a console and the hub in the root say to each other, over the owner-only socket.
use serde::{Deserialize, Serialize};

use crate::id::{Aid, ContextKey, StopId, Uuid};
use crate::level::Level;
use crate::observe::{ActorRow, Delta, LogRow, StopRow, Tables};
use crate::repl::{Completion, Line, Reply};

/// The hub's protocol version; a console reads its own and the previous one.
pub const HUB_VERSION: u32 = 1;

/// The name of the hub's socket in a tree's directory.
pub const HUB_SOCKET: &str = "hub.sock";
/// The name of the file in a tree's directory that describes the tree: a JSON [`TreeInfo`].
pub const TREE_FILE: &str = "tree.json";

/// A tree, as one finds it in the runtime directory.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TreeInfo {
    /// [`HUB_VERSION`] of the tree.
    pub version: u32,
    /// The root.
    pub root: Aid,
    /// The program.
    pub program: String,
    /// Its arguments.
    pub args: Vec<String>,
    /// When it started.
    pub started: u64,
}

/// From a console to the hub.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum ToHub {
    /// First.
    Hello {
        /// The console's [`HUB_VERSION`].
        version: u32,
        /// Whether this console can attend to stops (then the root's own front stays away).
        attends: bool,
    },
    /// Asks for everything: answered by [`FromHub::Snapshot`] pages.
    Snapshot,
    /// From now on send deltas (rows), stops and logs at or above this level.
    Follow {
        /// Rows and stops.
        tables: bool,
        /// Logs.
        logs: Option<Level>,
    },
    /// A line for a stop's engine (or for the tree's own commands).
    Line {
        /// Which stop.
        stop: StopId,
        /// Numbers the line.
        line: u64,
        /// The text.
        text: String,
    },
    /// Asks for completion.
    Complete {
        /// Which stop.
        stop: StopId,
        /// Numbers the request.
        line: u64,
        /// The text.
        text: String,
        /// The cursor, in bytes.
        cursor: usize,
    },
    /// Give the seat to this stop, in whatever order.
    Seat {
        /// Which.
        stop: StopId,
    },
    /// Put this stop behind the others.
    Skip {
        /// Which.
        stop: StopId,
    },
    /// Let this stop go on without entering it.
    Continue {
        /// Which.
        stop: StopId,
    },
    /// Cancel an actor, or a context.
    Cancel {
        /// Which actor.
        actor: Uuid,
        /// Which of its contexts; `None` for the actor.
        context: Option<ContextKey>,
    },
}

/// From the hub to a console.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum FromHub {
    /// First.
    Welcome {
        /// The hub's version.
        version: u32,
        /// The tree.
        tree: TreeInfo,
    },
    /// One page of a snapshot: the rows of one actor.
    Snapshot {
        /// Whose.
        actor: Uuid,
        /// The next delta of that actor is `seq + 1`.
        seq: u64,
        /// The rows.
        tables: Tables,
        /// Whether this is the last page.
        last: bool,
    },
    /// Changes of one actor.
    Delta(Delta),
    /// An actor appeared, changed state or ended, as its parent tells it. Beats what it said itself.
    Actor(ActorRow),
    /// The seat's queue, whole, whenever it changes.
    Stops(Vec<StopRow>),
    /// A stop got the seat: what to show when its prompt opens.
    Seated {
        /// Which.
        stop: StopId,
        /// Text to show.
        banner: Vec<Line>,
    },
    /// The engine's answer.
    Reply {
        /// Which stop.
        stop: StopId,
        /// Which line.
        line: u64,
        /// The answer.
        reply: Reply,
    },
    /// Completion candidates.
    Completed {
        /// Which stop.
        stop: StopId,
        /// Which request.
        line: u64,
        /// The candidates.
        completion: Completion,
    },
    /// Log records, in order of arrival.
    Logs {
        /// The records.
        rows: Vec<LogRow>,
        /// How many the hub had to drop before these.
        dropped: u64,
    },
    /// The asked-for thing could not be done; in words for a person.
    Refused {
        /// What and why, and what to do.
        why: String,
    },
    /// The tree is ending.
    Ending,
    /// The stop you attend to was given to another console, or back to the queue: close its prompt.
    Unseated {
        /// Which.
        stop: StopId,
    },
}
