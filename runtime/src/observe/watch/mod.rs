//! The watch thread: one std thread around one `poll`, which serves the observation plane.
//!
//! It answers for the actor while the work thread is stopped in the debugger, spinning, or blocked
//! in a call; it notices the parent's death and sees the process to its end; it drains what the
//! children print. In the root it is also the hub. It never waits for the work thread, never runs
//! code of a user, and sleeps without a timeout while nobody looks and nothing happens.
mod command;
mod dump;
mod end;
mod feed;
mod handle;
mod member;
mod ready;
mod root;
mod signals;
mod stops;
mod strangers;
mod thread;

use std::collections::HashSet;
use std::io;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use coulter_proto::error::CancelCause;
use coulter_proto::exit::ExitStatus;
use coulter_proto::hub::TreeInfo;
use coulter_proto::id::{Aid, ContextKey, StopId, Uuid};
use coulter_proto::observe::StopReason;
use coulter_proto::repl::Line;

use tokio::sync::mpsc::UnboundedReceiver;

pub(crate) use super::output::OutputTail;
use super::probe::Probe;
pub(crate) use handle::Watch;

/// What this process is in its tree.
pub(crate) enum Role {
    /// The root: its watch thread is the hub.
    Root {
        /// Written to `tree.json`.
        tree: TreeInfo,
        /// The tree's directory; made when it is not there.
        dir: PathBuf,
        /// The secret of the tree.
        secret: Vec<u8>,
        /// Whether a front of our own will attend to stops in this process's terminal.
        terminal: bool,
    },
    /// Anybody else.
    Child {
        /// The root's bus socket.
        bus: PathBuf,
        /// The secret of the tree.
        secret: Vec<u8>,
        /// Who spawned us.
        parent: Aid,
        /// A duplicate of the socket to the parent; only ever polled for its end.
        lifeline: OwnedFd,
    },
}

/// How to start the watch.
pub(crate) struct Config {
    /// Who we are.
    pub(crate) aid: Aid,
    /// What we are.
    pub(crate) role: Role,
}

/// What the watch thread tells the work thread.
#[derive(Debug)]
pub(crate) enum ToWork {
    /// Cancel everything.
    CancelActor {
        /// Who asked, and why.
        cause: CancelCause,
        /// Whether somebody asked a second time: no more waiting.
        hurry: bool,
    },
    /// Cancel one context.
    CancelContext(ContextKey),
    /// Somebody in the tree died.
    Died {
        /// Who.
        actor: Aid,
        /// How.
        status: ExitStatus,
        /// Its last output.
        last_output: Vec<String>,
    },
    /// The stopped actors and all their ancestors changed.
    Debugged(Arc<HashSet<Uuid>>),
}

/// A halted thread's question for the seat.
pub(crate) struct StopAsk {
    /// Which task.
    pub(crate) task: String,
    /// The context it serves.
    pub(crate) context: Option<ContextKey>,
    /// Why it stopped.
    pub(crate) reason: StopReason,
    /// `file:line`.
    pub(crate) place: String,
    /// The function, short.
    pub(crate) function: String,
    /// What to show when the prompt opens.
    pub(crate) banner: Vec<Line>,
}

/// What comes to the engine in the halted thread.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum ToEngine {
    /// The stop stands in the tree's queue.
    Queued(StopId),
    /// It does not: go on.
    Refused {
        /// Why, in words.
        why: String,
        /// Whether it is because nobody could attend to it.
        unattended: bool,
    },
    /// A line somebody typed.
    Line {
        /// Its number, for the answer.
        line: u64,
        /// The text.
        text: String,
    },
    /// Somebody wants to know how the line could go on.
    Complete {
        /// Its number, for the answer.
        line: u64,
        /// The text.
        text: String,
        /// The cursor, in bytes.
        cursor: usize,
    },
    /// The stop is over.
    End {
        /// Whether its task shall fail with `DebugQuit`.
        quit: bool,
    },
}

static WATCH: OnceLock<Watch> = OnceLock::new();
static STARTED: AtomicBool = AtomicBool::new(false);

/// The watch of this process, once started.
pub(crate) fn get() -> Option<&'static Watch> {
    WATCH.get()
}

/// The signal that asked this process to end, if one did: for the exit status.
pub(crate) fn ending_signal() -> Option<i32> {
    get().and_then(Watch::signalled)
}

/// Starts the thread `coulter-watch` and installs the signal handlers; once per process.
///
/// # Errors
/// When it was started before, the tree's directory or sockets cannot be made, or the bus cannot be reached.
pub(crate) fn start(config: Config) -> io::Result<(Watch, UnboundedReceiver<ToWork>)> {
    if STARTED.swap(true, Ordering::AcqRel) {
        return Err(io::Error::new(io::ErrorKind::AlreadyExists, "the watch was started before in this process"));
    }
    let signals = signals::Signals::install()?;
    let (watch, from_watch) = launch(config, super::probe::get(), Some(signals))?;
    let _ = WATCH.set(watch.clone());
    Ok((watch, from_watch))
}

/// Starts a watch thread for `probe`: several can run in one process, for tests.
fn launch(config: Config, probe: &'static Probe, signals: Option<signals::Signals>) -> io::Result<(Watch, UnboundedReceiver<ToWork>)> {
    let (work, from_watch) = tokio::sync::mpsc::unbounded_channel();
    let watch = Watch::new(command::Shared::new()?, work);
    let thread = thread::Thread::new(config, probe, signals, watch.clone())?;
    probe.listen(Box::new(watch.clone()));
    let handle = std::thread::Builder::new().name("coulter-watch".to_owned()).spawn(move || thread.run())?;
    *command::lock(&watch.thread) = Some(handle);
    Ok((watch, from_watch))
}

/// A duration as `poll` takes it.
pub(super) fn timespec(duration: std::time::Duration) -> rustix::event::Timespec {
    rustix::event::Timespec { tv_sec: i64::try_from(duration.as_secs()).unwrap_or(i64::MAX), tv_nsec: i64::from(duration.subsec_nanos()) }
}

#[cfg(test)]
mod tests;
