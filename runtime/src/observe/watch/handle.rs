//! The handle other threads hold: every method hands over and returns; none waits but `finish`.
use std::collections::HashSet;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, mpsc};
use std::thread::JoinHandle;

use coulter_proto::bus::Up;
use coulter_proto::error::CancelCause;
use coulter_proto::id::{Aid, StopId, Uuid};
use coulter_proto::observe::{ActorRow, LogRow};
use coulter_proto::repl::{Completion, Reply};

use tokio::sync::mpsc::UnboundedSender;

use super::command::{Command, Shared, lock};
use super::{StopAsk, ToEngine, ToWork};
use crate::observe::output::{OutputTail, Which};
use crate::observe::probe::Listener;

/// A handle to the watch thread; cheap to clone, usable on any thread.
#[derive(Clone)]
pub(crate) struct Watch {
    pub(super) shared: Arc<Shared>,
    pub(super) debugged: Arc<Mutex<Arc<HashSet<Uuid>>>>,
    pub(super) sockets: Arc<Mutex<Vec<PathBuf>>>,
    pub(super) thread: Arc<Mutex<Option<JoinHandle<()>>>>,
    pub(super) work: UnboundedSender<ToWork>,
}

impl Watch {
    pub(super) fn new(shared: Arc<Shared>, work: UnboundedSender<ToWork>) -> Self {
        Self { shared, debugged: Arc::default(), sockets: Arc::default(), thread: Arc::default(), work }
    }

    /// Tells the root; in the root, the hub.
    pub(crate) fn up(&self, message: Up) {
        let _ = self.shared.push(Command::Up(message));
    }

    /// The stopped actors and all their ancestors, as last told.
    pub(crate) fn debugged(&self) -> Arc<HashSet<Uuid>> {
        Arc::clone(&lock(&self.debugged))
    }

    /// Asks the root whether `child` may be signalled. The caller limits how long it waits; an
    /// answer that never comes (the sender dropped) means there is no root to ask.
    pub(crate) fn may_signal(&self, child: Uuid) -> tokio::sync::oneshot::Receiver<bool> {
        let (answer, receiver) = tokio::sync::oneshot::channel();
        self.shared.push(Command::MaySignal { child, answer }).unwrap_or_else(|late| late.refuse());
        receiver
    }

    /// Drains what a child prints, from here to its end, and forwards it to our own stdout and stderr.
    pub(crate) fn adopt_output(&self, child: Aid, stdout: OwnedFd, stderr: OwnedFd) -> OutputTail {
        let tail = OutputTail::new();
        self.shared.push(Command::Adopt { child, stdout, stderr, tail: tail.clone() }).unwrap_or_else(|late| late.refuse());
        tail
    }

    /// A socket file to be removed when the watch thread has to end the process itself.
    pub(crate) fn removes_at_exit(&self, path: PathBuf) {
        lock(&self.sockets).push(path);
    }

    /// Asks for the seat for a halted thread. The first answer is `Queued` or `Refused`; a
    /// disconnected receiver is a refusal too.
    pub(crate) fn ask_stop(&self, ask: StopAsk) -> mpsc::Receiver<ToEngine> {
        let (engine, receiver) = mpsc::channel();
        self.shared.push(Command::AskStop { ask, engine }).unwrap_or_else(|late| late.refuse());
        receiver
    }

    /// The engine's answer to a line.
    pub(crate) fn stop_reply(&self, stop: StopId, line: u64, reply: Reply) {
        self.up(Up::Reply { stop, line, reply });
    }

    /// The engine's answer to a request for completion.
    pub(crate) fn stop_completed(&self, stop: StopId, line: u64, completion: Completion) {
        self.up(Up::Completed { stop, line, completion });
    }

    /// The halted thread goes on.
    pub(crate) fn stop_over(&self, stop: StopId) {
        let _ = self.shared.push(Command::StopOver(stop));
    }

    /// Has the work thread cancel this actor; usable from a thread of any kind.
    pub(crate) fn cancel_own_actor(&self, cause: CancelCause) {
        let _ = self.work.send(ToWork::CancelActor { cause, hurry: false });
    }

    /// A record for whoever looks; dropped and counted when too many wait.
    pub(crate) fn log(&self, row: LogRow) {
        self.shared.log(row);
    }

    /// Prints to stderr, above the prompt or behind it when one is open in our terminal.
    pub(crate) fn print(&self, text: Vec<u8>) {
        let text = self.shared.marks.mark(text, Which::Err);
        // The watch thread itself must not wait for a terminal that is not read.
        let later = self.shared.held.load(Ordering::Acquire) || super::thread::is_watch_thread();
        if later {
            self.shared.push(Command::Print(text)).unwrap_or_else(|late| late.refuse());
        } else {
            crate::observe::output::write_stderr(&text);
        }
    }

    /// Whether output is held back for a prompt in our terminal.
    #[cfg(test)]
    pub(super) fn is_holding(&self) -> bool {
        self.shared.held.load(Ordering::Acquire)
    }

    /// The first signal that asked this process to end, if one did: for the exit status.
    pub(crate) fn signalled(&self) -> Option<i32> {
        Some(self.shared.signalled.load(Ordering::Acquire)).filter(|signal| *signal != 0)
    }

    /// A graceful end: what waits is sent, the root (or the consoles) are told, the tree's
    /// directory is removed by its root, and the thread is joined. Calls after the first do nothing.
    pub(crate) fn finish(&self) {
        let _ = self.shared.push(Command::Finish);
        let thread = lock(&self.thread).take();
        if let Some(thread) = thread {
            // A panicked watch thread has nothing left to finish.
            let _ = thread.join();
        }
    }
}

impl Listener for Watch {
    fn child(&self, row: ActorRow) {
        self.up(Up::Child(row));
    }
    fn changed(&self) {
        self.shared.wake();
    }
}
