//! Where a stop is announced and its questions come from: the watch thread, seen from a halted one.
//!
//! A trait, so that the engine and its stops are tested without processes.
use std::sync::mpsc::Receiver;

use coulter_proto::id::StopId;
use coulter_proto::repl::{Completion, Reply};

use crate::observe::watch::{StopAsk, ToEngine, Watch};

/// The watch thread's side of a stop.
pub(super) trait Desk: Send + Sync {
    /// Announces a stop; the first answer is `Queued` or `Refused`.
    fn ask(&self, ask: StopAsk) -> Receiver<ToEngine>;
    /// Answers a line.
    fn reply(&self, stop: StopId, line: u64, reply: Reply);
    /// Answers a request for completion.
    fn completed(&self, stop: StopId, line: u64, completion: Completion);
    /// The halted thread goes on.
    fn over(&self, stop: StopId);
}

impl Desk for Watch {
    fn ask(&self, ask: StopAsk) -> Receiver<ToEngine> {
        self.ask_stop(ask)
    }
    fn reply(&self, stop: StopId, line: u64, reply: Reply) {
        self.stop_reply(stop, line, reply);
    }
    fn completed(&self, stop: StopId, line: u64, completion: Completion) {
        self.stop_completed(stop, line, completion);
    }
    fn over(&self, stop: StopId) {
        self.stop_over(stop);
    }
}
