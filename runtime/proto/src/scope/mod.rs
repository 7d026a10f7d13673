//! The tree of cancel scopes of one actor: who must be dropped, what is waited for, whose errors
//! they are.
//!
//! Dropping a future cannot wait, so what must be waited for never lives in it: a nursery or a
//! context is a *duty* of the scope it was opened in. A scope whose body is over begins its
//! duties, cancels what is still open inside it, and is finished only when all of it is. A scope
//! whose own future was dropped or forgotten stays in the tree, and the scope around it waits in
//! its place and gets its errors. So no scope is finished before everything opened in it, whatever
//! way it ends, and no error is lost.
mod tree;

use serde::{Deserialize, Serialize};

pub use tree::Scopes;

use crate::id::{CauseToken, ErrorToken};

/// A scope; never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ScopeId {
    index: u32,
    generation: u32,
}

/// The scope of the whole actor: there from the start.
pub const ROOT: ScopeId = ScopeId { index: 0, generation: 0 };

/// Something a scope waits for; never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct DutyId(pub u64);

/// What a scope is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ScopeKind {
    /// Its body is polled inside its parent's: dropped with it.
    Inline,
    /// Its body is a task of its own whose end somebody hears of: [`Effect::Finished`] has its errors.
    Task,
    /// Its body is a task of its own that nobody waits for but the scope around it, which gets its errors.
    Spawned,
    /// A shield: while it is open no body around it, up to the task's, is dropped, and code
    /// inside does not see their cancel.
    Shield,
}

/// Why a scope was cancelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Cause {
    /// Somebody asked.
    Asked(CauseToken),
    /// Its time was up.
    Deadline,
    /// Something in it failed.
    Failed,
    /// The body around it is over, or its own future was dropped.
    Over,
}

/// Times, microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timing {
    /// How long a shield holds off a cancel.
    pub shield_limit: u64,
}

impl Default for Timing {
    fn default() -> Self {
        Self { shield_limit: 10_000_000 }
    }
}

/// What can happen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Input {
    /// Opens a scope; answered by [`Effect::Opened`]. See also [`Scopes::open`].
    Open {
        /// The scope it is first polled in; `None`: the actor's.
        parent: Option<ScopeId>,
        /// What it is.
        kind: ScopeKind,
        /// Cancels itself after this many microseconds.
        deadline: Option<u64>,
    },
    /// Cancels a scope, and with it all inside.
    Cancel {
        /// Which.
        scope: ScopeId,
        /// Why.
        cause: CauseToken,
    },
    /// An error that belongs to the scope; cancels it. Also: the error a spawned task returned
    /// (before [`Input::BodyEnded`]), and the one a scope's future still holds when it is dropped
    /// after its body has ended (before [`Input::BodyDropped`]): else it would be lost.
    Fail {
        /// Which.
        scope: ScopeId,
        /// What.
        error: ErrorToken,
    },
    /// Something the scope waits for; answered by [`Effect::DutyAdded`]. See also [`Scopes::add_duty`].
    AddDuty {
        /// Which.
        scope: ScopeId,
    },
    /// A duty is done.
    DutyDone {
        /// Which.
        duty: DutyId,
        /// Errors nobody else reports.
        errors: Vec<ErrorToken>,
    },
    /// The body returned, or was dropped because of [`Effect::DropBody`]. A nursery's or a context's
    /// body goes on until what it waits for at its end is in, so that a cancel still reaches the wait.
    BodyEnded {
        /// Whose.
        scope: ScopeId,
    },
    /// The body was polled and is pending.
    BodyPending {
        /// Whose.
        scope: ScopeId,
    },
    /// The scope's own future was dropped from outside before it was finished.
    BodyDropped {
        /// Whose.
        scope: ScopeId,
    },
    /// Breaks every shield inside.
    Hurry {
        /// Where.
        scope: ScopeId,
    },
    /// Whether something the actor waits for is stopped in the debugger: deadlines stand still.
    Hold(bool),
}

/// What is decided.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Effect {
    /// The answer to [`Input::Open`].
    Opened {
        /// The new scope.
        scope: ScopeId,
    },
    /// The answer to [`Input::AddDuty`].
    DutyAdded {
        /// The new duty.
        duty: DutyId,
    },
    /// Poll the scope's future again.
    Wake {
        /// Whose.
        scope: ScopeId,
    },
    /// Drop the body now, outside this call; then [`Input::BodyEnded`].
    DropBody {
        /// Whose.
        scope: ScopeId,
    },
    /// Start cancelling what the duty stands for.
    BeginDuty {
        /// Which.
        duty: DutyId,
    },
    /// Nobody owns the scope (or it is a spawned task): its errors are now those of the scope around it.
    ErrorsMoved {
        /// Whose they were.
        from: ScopeId,
        /// Whose they are.
        to: ScopeId,
        /// How many.
        count: u32,
    },
    /// All that was opened in it has ended; its id is stale from here on.
    Finished {
        /// Which.
        scope: ScopeId,
        /// Its errors, in the order they came.
        errors: Vec<ErrorToken>,
        /// Why it was cancelled, if it was.
        cause: Option<Cause>,
        /// The cancel was the scope's own, and ended its body.
        caught: bool,
    },
}
