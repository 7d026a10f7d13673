//! The rows: one per actor, context, channel, task and stop, as the actor itself (or its parent) knows them.
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::exit::ExitStatus;
use crate::id::{Aid, ContextKey, StopId, TaskId};
use crate::level::Level;

/// Microseconds since the Unix epoch.
pub type UnixMicros = u64;

/// What an actor is doing, in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ActorState {
    /// Spawned, not ready yet.
    Starting,
    /// Ready.
    Running,
    /// Halted in the debugger, or waiting for the seat.
    Stopped,
    /// Asked to cancel, tearing down.
    Cancelling,
    /// Ended; its parent reaped it.
    Ended {
        /// How.
        status: ExitStatus,
        /// Whether the end was asked for (a cancel, the end of its nursery).
        asked: bool,
    },
}

/// One actor.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ActorRow {
    /// Who.
    pub aid: Aid,
    /// Its parent; `None` for the root.
    pub parent: Option<Aid>,
    /// What it is doing.
    pub state: ActorState,
    /// When it started.
    pub started: UnixMicros,
    /// Modules and endpoints its parent exposed.
    pub exposed: Vec<String>,
    /// Runtime variables, in order.
    pub vars: Vec<(String, String)>,
    /// Where it listens.
    pub addresses: Vec<String>,
    /// Whether crash stops are on.
    pub debug: bool,
    /// Messages sent and received since the start, all channels.
    pub messages: u64,
    /// Bytes sent and received since the start, all channels.
    pub bytes: u64,
    /// CPU time used, microseconds.
    pub cpu: u64,
    /// Resident memory, bytes.
    pub memory: u64,
    /// Turns of the work thread's scheduler; a number that stands still tells of a stuck one.
    pub turns: u64,
    /// For how long the work thread has been in one poll, microseconds; 0 while it is parked.
    pub busy_for: u64,
    /// Log records and bus messages this actor had to drop.
    pub dropped: u64,
}

impl ActorRow {
    /// The row of an actor that has just come to be: nothing counted yet.
    #[must_use]
    pub fn new(aid: Aid, parent: Option<Aid>, started: UnixMicros) -> Self {
        Self {
            aid,
            parent,
            state: ActorState::Starting,
            started,
            exposed: Vec::new(),
            vars: Vec::new(),
            addresses: Vec::new(),
            debug: false,
            messages: 0,
            bytes: 0,
            cpu: 0,
            memory: 0,
            turns: 0,
            busy_for: 0,
            dropped: 0,
        }
    }
}

/// Which end of a context a row tells about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Side {
    /// The side that opened it.
    Caller,
    /// The side that runs the endpoint.
    Callee,
}

/// What a dialog is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum DialogKind {
    /// `portal.run(..)`.
    Call,
    /// `portal.open_context(..)`.
    Context,
}

/// Where a dialog stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Phase {
    /// Asked for, not started.
    Starting,
    /// `started` was said (a call: the task runs).
    Started,
    /// A stream is open.
    Streaming,
    /// The block ended; waiting for the final word.
    Draining,
    /// Being cancelled, by this actor.
    Cancelling(Option<Aid>),
    /// Over, with a result.
    Done,
    /// Over, cancelled.
    Cancelled(Option<Aid>),
    /// Over, with this error.
    Failed(String),
}

/// One side of one context or call.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ContextRow {
    /// The same on both sides.
    pub key: ContextKey,
    /// Whose side this row tells.
    pub side: Side,
    /// Call or context.
    pub kind: DialogKind,
    /// The actor this row comes from.
    pub here: Aid,
    /// The actor on the other side.
    pub there: Aid,
    /// `module::name` of the endpoint.
    pub endpoint: String,
    /// Its arguments, printed and bounded.
    pub arguments: String,
    /// Where it stands.
    pub phase: Phase,
    /// When it was opened on this side.
    pub opened: UnixMicros,
    /// Stream items sent.
    pub sent: u64,
    /// Stream items received.
    pub received: u64,
    /// Payload bytes sent.
    pub sent_bytes: u64,
    /// Payload bytes received.
    pub received_bytes: u64,
    /// Received items nobody has taken yet.
    pub unread: u32,
    /// Messages that may still be sent before `send` waits.
    pub credit: u32,
    /// The size of the window.
    pub window: u32,
    /// What this side waits for, in words; empty when nothing is known.
    pub waiting: String,
}

/// One end of one channel.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ChannelRow {
    /// Unique in its actor.
    pub id: u64,
    /// The actor this row comes from.
    pub here: Aid,
    /// The peer.
    pub there: Aid,
    /// `uds`, `tcp`.
    pub transport: String,
    /// Local address.
    pub laddr: String,
    /// Remote address.
    pub raddr: String,
    /// When it was connected.
    pub opened: UnixMicros,
    /// Frames sent.
    pub sent: u64,
    /// Frames received.
    pub received: u64,
    /// Bytes sent.
    pub sent_bytes: u64,
    /// Bytes received.
    pub received_bytes: u64,
    /// Bytes waiting to be written.
    pub unsent: u64,
    /// Open dialogs on it.
    pub dialogs: u32,
}

/// One task of ours.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TaskRow {
    /// Unique in its actor.
    pub id: TaskId,
    /// The task that started it.
    pub parent: Option<TaskId>,
    /// What it runs.
    pub name: String,
    /// Where it was started, `file:line`.
    pub place: String,
    /// How often it was polled.
    pub polls: u64,
    /// When it was started.
    pub since: UnixMicros,
    /// Whether it is being polled right now.
    pub running: bool,
}

/// Why an actor stopped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum StopReason {
    /// `pause!()`.
    Pause,
    /// A panic, before unwinding.
    Panic(String),
    /// An error that left its endpoint uncaught.
    Error(String),
}

/// Where a stop stands in the seat's queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum StopStatus {
    /// It has the seat.
    Seated,
    /// It waits; 1 is next.
    Queued(u32),
}

/// One stop: an actor halted in the debugger.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StopRow {
    /// Unique in the tree.
    pub id: StopId,
    /// Who.
    pub actor: Aid,
    /// Which task, by its endpoint or name.
    pub task: String,
    /// The context the task serves.
    pub context: Option<ContextKey>,
    /// Why.
    pub reason: StopReason,
    /// `file:line` where.
    pub place: String,
    /// The function, short.
    pub function: String,
    /// Since when.
    pub since: UnixMicros,
    /// Seated or queued.
    pub status: StopStatus,
}

/// One log record.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LogRow {
    /// When.
    pub time: UnixMicros,
    /// Who.
    pub actor: Aid,
    /// How loud.
    pub level: Level,
    /// The `tracing` target.
    pub target: String,
    /// The task it came from.
    pub task: String,
    /// The context the task served.
    pub context: Option<ContextKey>,
    /// `file:line`.
    pub place: String,
    /// The message, and the fields as `key=value` behind it.
    pub message: String,
}

/// Everything one actor knows about itself (and its dead children), at one moment.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Tables {
    /// The actor itself, and those children it has reaped.
    pub actors: Vec<ActorRow>,
    /// Its sides of contexts and calls.
    pub contexts: Vec<ContextRow>,
    /// Its ends of channels.
    pub channels: Vec<ChannelRow>,
    /// Its tasks.
    pub tasks: Vec<TaskRow>,
}

/// One change to the rows an actor tells about.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Change {
    /// New or changed.
    Actor(ActorRow),
    /// New or changed.
    Context(ContextRow),
    /// Gone from the table.
    ContextGone(ContextKey, Side),
    /// New or changed.
    Channel(ChannelRow),
    /// Gone from the table.
    ChannelGone(u64),
    /// New or changed.
    Task(TaskRow),
    /// Gone from the table.
    TaskGone(TaskId),
}

/// The changes of one actor since its previous batch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Delta {
    /// Whose.
    pub actor: Uuid,
    /// Counts up by one; a gap means a snapshot is needed.
    pub seq: u64,
    /// In order.
    pub changes: Vec<Change>,
}
