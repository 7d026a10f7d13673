//! What other threads ask of the watch thread, and the queue it goes through.
use std::collections::VecDeque;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use coulter_proto::bus::Up;
use coulter_proto::id::{Aid, StopId, Uuid};
use coulter_proto::observe::LogRow;
use rustix::event::{EventfdFlags, eventfd};

use super::{StopAsk, ToEngine};
use crate::observe::output::{Marks, OutputTail};

/// One thing asked of the watch thread.
pub(super) enum Command {
    /// To the root, as it is.
    Up(Up),
    /// A thread halted; what comes for it goes to `engine`.
    AskStop { ask: StopAsk, engine: std::sync::mpsc::Sender<ToEngine> },
    /// The halted thread goes on.
    StopOver(StopId),
    /// The root's leave to signal a child.
    MaySignal { child: Uuid, answer: tokio::sync::oneshot::Sender<bool> },
    /// Drain what a child prints.
    Adopt { child: Aid, stdout: OwnedFd, stderr: OwnedFd, tail: OutputTail },
    /// Text of our own for stderr that must not land in a prompt.
    Print(Vec<u8>),
    /// Say goodbye and end.
    Finish,
}

impl Command {
    /// The thread will not do it any more: whoever waits for an answer gets the one for an actor that ends.
    pub(super) fn refuse(self) {
        match self {
            Self::AskStop { engine, .. } => drop(engine.send(ToEngine::Refused { why: ENDING.to_owned(), unattended: false })),
            Self::MaySignal { answer, .. } => drop(answer.send(true)),
            Self::Adopt { tail, .. } => tail.close(),
            Self::Print(text) => crate::observe::output::write_stderr(&text),
            Self::Up(_) | Self::StopOver(_) | Self::Finish => {}
        }
    }
}

/// Why an actor that ends does not stop any more.
pub(super) const ENDING: &str = "this actor is ending";

/// How many records may wait for the watch thread.
const MAX_LOGS: usize = 2048;

/// What the handles and the watch thread share.
pub(super) struct Shared {
    queue: Mutex<VecDeque<Command>>,
    logs: Mutex<Logs>,
    wake: OwnedFd,
    /// The thread is gone: nobody takes commands any more.
    closed: AtomicBool,
    /// The pipes into our parent's watch thread, when that is where we print.
    pub(super) marks: Marks,
    /// Output is held back: the terminal shows a prompt.
    pub(super) held: AtomicBool,
    /// The first signal that asked this process to end; 0 for none.
    pub(super) signalled: AtomicI32,
    /// The kernel's number of the thread.
    #[cfg(test)]
    pub(super) tid: AtomicI32,
}

#[derive(Default)]
pub(super) struct Logs {
    pub(super) rows: Vec<LogRow>,
    pub(super) dropped: u64,
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Queues are only pushed to and taken from whole: a panic elsewhere leaves them as they should be.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    pub(super) fn new() -> io::Result<Arc<Self>> {
        Ok(Arc::new(Self {
            queue: Mutex::default(),
            logs: Mutex::default(),
            wake: eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?,
            closed: AtomicBool::new(false),
            marks: Marks::default(),
            held: AtomicBool::new(false),
            signalled: AtomicI32::new(0),
            #[cfg(test)]
            tid: AtomicI32::new(0),
        }))
    }

    /// Hands a command over; gives it back when the thread is gone.
    pub(super) fn push(&self, command: Command) -> Result<(), Box<Command>> {
        {
            let mut queue = lock(&self.queue);
            if self.closed.load(Ordering::Acquire) {
                return Err(Box::new(command));
            }
            queue.push_back(command);
        }
        self.wake();
        Ok(())
    }

    /// Adds a record; counts it instead when too many wait.
    pub(super) fn log(&self, row: LogRow) {
        let first = {
            let mut logs = lock(&self.logs);
            if logs.rows.len() >= MAX_LOGS {
                logs.dropped += 1;
                return;
            }
            logs.rows.push(row);
            logs.rows.len() == 1
        };
        if first {
            self.wake();
        }
    }

    /// Wakes the thread out of its `poll`.
    pub(super) fn wake(&self) {
        // It only fails when the counter is full, and then the thread is awake already.
        let _ = rustix::io::write(&self.wake, &1u64.to_ne_bytes());
    }

    pub(super) fn wake_fd(&self) -> &OwnedFd {
        &self.wake
    }

    /// Forgets that somebody woke us; to be called before looking at the queues.
    pub(super) fn drain_wake(&self) {
        let _ = rustix::io::read(&self.wake, &mut [0u8; 8][..]);
    }

    pub(super) fn take_commands(&self) -> VecDeque<Command> {
        std::mem::take(&mut *lock(&self.queue))
    }

    pub(super) fn take_logs(&self) -> Logs {
        std::mem::take(&mut *lock(&self.logs))
    }

    pub(super) fn has_logs(&self) -> bool {
        let logs = lock(&self.logs);
        !logs.rows.is_empty() || logs.dropped > 0
    }

    /// Nothing is taken from here on; what waited is given back.
    pub(super) fn close(&self) -> VecDeque<Command> {
        let mut queue = lock(&self.queue);
        self.closed.store(true, Ordering::Release);
        std::mem::take(&mut *queue)
    }
}
