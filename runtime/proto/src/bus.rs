//! The bus: what the watch thread of an actor and the watch thread of the root say to each other,
//! apart from the channels that carry the application's messages.
use serde::{Deserialize, Serialize};

use crate::exit::ExitStatus;
use crate::id::{Aid, ContextKey, StopId, Uuid};
use crate::level::Level;
use crate::observe::{ActorRow, Delta, LogRow, StopReason, Tables};
use crate::repl::{Completion, Reply};

/// From an actor to the root.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Up {
    /// First: who I am, and my proof of the tree secret over the root's [`Down::Challenge`].
    Hello {
        /// Who.
        aid: Aid,
        /// Its parent.
        parent: Aid,
        /// HMAC over challenge and uuid.
        proof: Vec<u8>,
    },
    /// The answer to [`Down::Tables`].
    Tables {
        /// Rows as of `seq`: the next delta is `seq + 1`.
        seq: u64,
        /// The rows.
        tables: Tables,
    },
    /// Changes, only while watched.
    Delta(Delta),
    /// Records, only while watched.
    Logs(Vec<LogRow>),
    /// A child was spawned, changed state, or was reaped (always told: it is the death notice).
    Child(ActorRow),
    /// A child ended, with the last lines it printed.
    Died {
        /// Who.
        actor: Aid,
        /// How.
        status: ExitStatus,
        /// Whether somebody had asked it to end.
        asked: bool,
        /// Its last output.
        last_output: Vec<String>,
    },
    /// A thread of mine halted and asks for the seat.
    StopAsk {
        /// My number for it.
        local: u64,
        /// Which task.
        task: String,
        /// The context it serves.
        context: Option<ContextKey>,
        /// Why.
        reason: StopReason,
        /// `file:line`.
        place: String,
        /// The function, short.
        function: String,
        /// What to show when the prompt opens.
        banner: Vec<crate::repl::Line>,
    },
    /// The halted thread goes on, or gave up waiting.
    StopOver {
        /// Which.
        stop: StopId,
    },
    /// The engine's answer.
    Reply {
        /// Which stop.
        stop: StopId,
        /// The number of the line it answers.
        line: u64,
        /// The answer.
        reply: Reply,
    },
    /// Completion candidates.
    Completed {
        /// Which stop.
        stop: StopId,
        /// The number of the request.
        line: u64,
        /// The candidates.
        completion: Completion,
    },
    /// May I signal this child of mine?
    MaySignal {
        /// Numbers the question.
        ask: u64,
        /// Which child.
        child: Uuid,
    },
    /// I end, on purpose: what comes now is the end of this connection.
    Goodbye,
    /// I read what this child prints, from these pipes.
    Adopted {
        /// Which child.
        child: Uuid,
        /// The pipes, by inode.
        pipes: Vec<u64>,
    },
}

/// From the root to an actor.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Down {
    /// First: what to prove the tree secret over.
    Challenge {
        /// Random.
        nonce: Vec<u8>,
    },
    /// You are on the bus.
    Welcome,
    /// Send all rows, and from then on deltas if `follow`.
    Tables {
        /// Whether deltas are wanted.
        follow: bool,
    },
    /// What consoles want from now on.
    Watch {
        /// Whether anybody looks at rows.
        tables: bool,
        /// The quietest level anybody wants to see; `None` when nobody looks at logs.
        logs: Option<Level>,
    },
    /// Your stop is in the queue under this id.
    StopQueued {
        /// The actor's number.
        local: u64,
        /// The tree's number.
        stop: StopId,
    },
    /// Your stop was refused; go on.
    StopRefused {
        /// The actor's number.
        local: u64,
        /// Why, in words.
        why: String,
        /// Whether it is because nobody could attend to it.
        unattended: bool,
    },
    /// A line for the engine.
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
    /// End the stop from outside.
    EndStop {
        /// Which.
        stop: StopId,
        /// Whether its task shall fail with `DebugQuit`.
        quit: bool,
    },
    /// These actors are stopped, or have one that is below them: nobody may signal them or let a
    /// clock run out on them.
    Debugged {
        /// All of them.
        actors: Vec<Uuid>,
    },
    /// The answer to [`Up::MaySignal`].
    Signal {
        /// Which question.
        ask: u64,
        /// Go, or hold until the stops are over.
        go: bool,
    },
    /// Somebody died.
    Died {
        /// Who.
        actor: Aid,
        /// How.
        status: ExitStatus,
        /// Its last output.
        last_output: Vec<String>,
    },
    /// Your parent is gone: end yourself.
    ParentGone,
    /// Somebody asked from a console: cancel yourself, or one of your contexts.
    Cancel {
        /// A context of yours; `None` for all of you.
        context: Option<ContextKey>,
    },
    /// Your parent reads what you print into these pipes, and tells of it line by line: mark what
    /// has been told already.
    Adopted {
        /// The pipes, by inode.
        pipes: Vec<u64>,
    },
}
