//! The stops of this actor: halted threads, and the way of a line to the engine in one of them.
use std::collections::HashMap;
use std::sync::mpsc::Sender;

use coulter_proto::id::StopId;

use super::ToEngine;

/// The halted threads of this process.
#[derive(Default)]
pub(super) struct Stops {
    last: u64,
    asking: HashMap<u64, Sender<ToEngine>>,
    queued: HashMap<StopId, Sender<ToEngine>>,
}

impl Stops {
    /// A thread halted; gives it a number.
    pub(super) fn ask(&mut self, engine: Sender<ToEngine>) -> u64 {
        self.last += 1;
        self.asking.insert(self.last, engine);
        self.last
    }

    /// The stop stands in the queue. `Err`: its thread is gone already.
    pub(super) fn on_queued(&mut self, local: u64, stop: StopId) -> Result<(), StopId> {
        let engine = self.asking.remove(&local).ok_or(stop)?;
        engine.send(ToEngine::Queued(stop)).map_err(|_| stop)?;
        self.queued.insert(stop, engine);
        Ok(())
    }

    pub(super) fn on_refused(&mut self, local: u64, why: String, unattended: bool) {
        if let Some(engine) = self.asking.remove(&local) {
            let _ = engine.send(ToEngine::Refused { why, unattended });
        }
    }

    /// Something for an engine. `Err`: its thread is gone.
    pub(super) fn tell(&mut self, stop: StopId, message: ToEngine) -> Result<(), StopId> {
        self.queued.get(&stop).ok_or(stop)?.send(message).map_err(|_| {
            self.queued.remove(&stop);
            stop
        })
    }

    pub(super) fn over(&mut self, stop: StopId) {
        self.queued.remove(&stop);
    }

    /// The actor is ending: nobody stays halted.
    pub(super) fn end_all(&mut self) {
        for (_, engine) in self.asking.drain() {
            let _ = engine.send(ToEngine::Refused { why: super::command::ENDING.to_owned(), unattended: false });
        }
        for engine in self.queued.values() {
            let _ = engine.send(ToEngine::End { quit: true });
        }
    }

    /// How many threads are halted in a stop that stands in the queue.
    pub(super) fn count(&self) -> u32 {
        u32::try_from(self.queued.len()).unwrap_or(u32::MAX)
    }
}
