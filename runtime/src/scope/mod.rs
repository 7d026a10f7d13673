//! Cancel scopes as futures: polls bodies, drops them when the machine says so, waits for duties.
//!
//! The tree and every decision are [`coulter_proto::scope::Scopes`]; this room keeps wakers,
//! duties, errors and causes by the machine's numbers. There is one tree per work thread.
mod future;
mod panic;
mod public;
mod task;
mod tree;

pub(crate) use coulter_proto::scope::{ROOT, ScopeId};
pub(crate) use future::{Outcome, run, run_root, task_in_root};
pub(crate) use panic::{CatchPanic, Panicked};
pub use public::{checkpoint, fail_after, move_on_after, shield, spawn};
pub(crate) use task::Tracked;
pub(crate) use tree::{DutyHandle, add_duty, cancel, cancelled_here, current, end_cause, fail, hold_deadlines, hurry};

/// Something a scope waits for, that does not live in a future of the user's.
pub(crate) trait Duty {
    /// Start cancelling; called when the body is over, whichever way. Called at most once.
    fn begin(&self);
}
