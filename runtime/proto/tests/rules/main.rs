//! The rules of the runtime, asserted on its state machines: tables by rule number, properties,
//! and a seeded simulator of whole trees.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod dialogs;
mod frames;
mod handshakes;
mod ladders;
mod nurseries;
mod registrar;
mod scopes;
mod sim;
mod traces;
mod windows;

use coulter_proto::machine::Machine;
use coulter_proto::time::Now;

/// Feeds one input and gives what was decided.
fn feed<M: Machine>(machine: &mut M, now: u64, input: M::Input) -> Vec<M::Effect> {
    let mut out = Vec::new();
    machine.on(Now(now), input, &mut out);
    out
}

/// Lets deadlines take effect and gives what was decided.
fn tick<M: Machine>(machine: &mut M, now: u64) -> Vec<M::Effect> {
    let mut out = Vec::new();
    machine.on_time(Now(now), &mut out);
    out
}
