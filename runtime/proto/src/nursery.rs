//! A nursery's policy (rules 3.1 to 3.4): what its end waits for, what cancels whom, and which
//! errors are errors.
//!
//! It knows children by number, results by success or token. How a child is cancelled is the
//! [`crate::ladder`]'s business, when the body's future is dropped its scope's.
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::id::ErrorToken;
use crate::machine::{Machine, Sink};
use crate::time::Now;

/// A child, numbered by the shell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ChildId(pub u64);

/// What a child is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ChildKind {
    /// Lives until cancelled.
    Daemon,
    /// Runs one endpoint; its result is waited for.
    OneShot,
}

/// The result of a one-shot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ChildResult {
    /// A value.
    Value,
    /// An error.
    Error(ErrorToken),
    /// It was cancelled; an error only when this nursery was not cancelling.
    Cancelled(ErrorToken),
}

/// How the body ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum BodyEnd {
    /// With a value.
    Value,
    /// With an error.
    Error(ErrorToken),
    /// With an error that is only a cancel; an error only when this nursery was not cancelling.
    Cancelled(ErrorToken),
}

/// What can happen to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Input {
    /// A child's process was started. A child that fails before it is ready ends by
    /// [`Input::ChildExited`] like any other.
    ChildAdded {
        /// Who.
        child: ChildId,
        /// What for.
        kind: ChildKind,
    },
    /// A one-shot's result came in.
    ChildResult {
        /// Who.
        child: ChildId,
        /// What.
        result: ChildResult,
    },
    /// `portal.release()`: cancel it as soon as its result is in.
    ChildReleased {
        /// Who.
        child: ChildId,
    },
    /// A child was reaped.
    ChildExited {
        /// Who.
        child: ChildId,
        /// Anybody asked it to end (the nursery knows of its own asking).
        asked: bool,
        /// Its exit status is that of a graceful end, or a signal we sent ended it.
        clean: bool,
        /// The error to use if this is a failure. The same token as its result's, if that failed for the same reason.
        error: ErrorToken,
    },
    /// The body returned.
    BodyEnded(BodyEnd),
    /// The body was dropped before it returned, or the wait for the children after it.
    BodyDropped,
    /// `an.cancel()`: all children; the body goes on.
    CancelCalled,
    /// An endpoint in a child failed and nobody awaited it.
    Failed(ErrorToken),
}

/// What it decides.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Effect {
    /// Drop the body as soon as its scope allows.
    DropBody,
    /// Start the child's ladder.
    CancelChild {
        /// Whose.
        child: ChildId,
    },
    /// Everything ended. The errors in the order they came.
    Finished {
        /// The errors.
        errors: Vec<ErrorToken>,
    },
}

/// What the block returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Verdict {
    /// The body's value.
    BodyValue,
    /// The errors: one bare, several as a group.
    Errors,
    /// The body was dropped by a cancel from outside.
    Cancelled,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Body {
    Running,
    Returned,
    Failed,
    Dropped,
}

#[derive(Clone, Copy, Debug)]
struct Child {
    kind: ChildKind,
    has_result: bool,
    released: bool,
    cancelling: bool,
}

/// One nursery.
#[derive(Clone, Debug)]
pub struct Nursery {
    body: Body,
    children: BTreeMap<ChildId, Child>,
    cancelling: bool,
    ungraceful: bool,
    errors: Vec<ErrorToken>,
    finished: bool,
}

impl Default for Nursery {
    fn default() -> Self {
        Self::new()
    }
}

impl Nursery {
    /// A nursery whose body runs.
    #[must_use]
    pub fn new() -> Self {
        Self { body: Body::Running, children: BTreeMap::new(), cancelling: false, ungraceful: false, errors: Vec::new(), finished: false }
    }
    /// Whether all was cancelled: by `cancel()`, by a failure, or from outside.
    #[must_use]
    pub fn cancel_called(&self) -> bool {
        self.cancelling
    }
    /// Whether that cancel has ended every child without an error.
    #[must_use]
    pub fn cancelled_caught(&self) -> bool {
        self.cancelling && self.children.is_empty() && !self.ungraceful && self.errors.is_empty()
    }
    /// Children not reaped yet.
    #[must_use]
    pub fn live_children(&self) -> usize {
        self.children.len()
    }
    /// The errors so far.
    #[must_use]
    pub fn errors(&self) -> &[ErrorToken] {
        &self.errors
    }
    /// What the block returns; `None` before it is finished.
    #[must_use]
    pub fn verdict(&self) -> Option<Verdict> {
        match self.body {
            _ if !self.finished => None,
            _ if !self.errors.is_empty() => Some(Verdict::Errors),
            Body::Returned => Some(Verdict::BodyValue),
            Body::Running | Body::Failed | Body::Dropped => Some(Verdict::Cancelled),
        }
    }

    fn cancel_child(id: ChildId, child: &mut Child, out: &mut impl Sink<Effect>) {
        if !child.cancelling {
            child.cancelling = true;
            out.emit(Effect::CancelChild { child: id });
        }
    }
    fn cancel_all(&mut self, out: &mut impl Sink<Effect>) {
        self.cancelling = true;
        for (id, child) in &mut self.children {
            Self::cancel_child(*id, child, out);
        }
    }
    /// One cancels all, at once.
    fn fail(&mut self, error: ErrorToken, out: &mut impl Sink<Effect>) {
        if !self.errors.contains(&error) {
            self.errors.push(error);
        }
        self.cancel_all(out);
        if self.body == Body::Running {
            out.emit(Effect::DropBody);
        }
    }
    fn body_over(&mut self, body: Body) -> bool {
        let first = self.body == Body::Running;
        if first {
            self.body = body;
        }
        first
    }
    fn let_go_of_the_done(&mut self, out: &mut impl Sink<Effect>) {
        let body_over = self.body != Body::Running;
        for (id, child) in &mut self.children {
            if child.kind == ChildKind::OneShot && child.has_result && (body_over || child.released) {
                Self::cancel_child(*id, child, out);
            }
        }
    }
    fn finish(&mut self, out: &mut impl Sink<Effect>) {
        if self.body != Body::Running && self.children.is_empty() && !self.finished {
            self.finished = true;
            out.emit(Effect::Finished { errors: self.errors.clone() });
        }
    }
    fn on_exit(&mut self, id: ChildId, asked: bool, clean: bool, error: ErrorToken, out: &mut impl Sink<Effect>) {
        let Some(child) = self.children.remove(&id) else { return };
        let expected = asked || child.cancelling || (child.kind == ChildKind::OneShot && child.has_result);
        if !(expected && clean) {
            self.ungraceful = true;
            self.fail(error, out);
        }
    }
}

impl Machine for Nursery {
    type Input = Input;
    type Effect = Effect;

    fn on(&mut self, _now: Now, input: Input, out: &mut impl Sink<Effect>) {
        if self.finished {
            return;
        }
        match input {
            Input::ChildAdded { child, kind } => {
                let mut row = Child { kind, has_result: false, released: false, cancelling: false };
                if self.cancelling {
                    Self::cancel_child(child, &mut row, out);
                }
                self.children.insert(child, row);
            }
            Input::ChildResult { child, result } => {
                let mut cancelling = self.cancelling;
                if let Some(row) = self.children.get_mut(&child) {
                    row.has_result = true;
                    cancelling |= row.cancelling;
                }
                match result {
                    ChildResult::Value => self.let_go_of_the_done(out),
                    ChildResult::Cancelled(_) if cancelling => {}
                    ChildResult::Error(error) | ChildResult::Cancelled(error) => self.fail(error, out),
                }
            }
            Input::ChildReleased { child } => {
                if let Some(row) = self.children.get_mut(&child) {
                    row.released = true;
                }
                self.let_go_of_the_done(out);
            }
            Input::ChildExited { child, asked, clean, error } => self.on_exit(child, asked, clean, error, out),
            Input::BodyEnded(BodyEnd::Value) => {
                self.body_over(Body::Returned);
                self.let_go_of_the_done(out);
            }
            Input::BodyEnded(BodyEnd::Cancelled(_)) if self.cancelling => {
                self.body_over(Body::Failed);
            }
            Input::BodyEnded(BodyEnd::Error(error) | BodyEnd::Cancelled(error)) => {
                if self.body_over(Body::Failed) {
                    self.fail(error, out);
                }
            }
            Input::BodyDropped => {
                if matches!(self.body, Body::Running | Body::Returned) {
                    self.body = Body::Dropped;
                }
                self.cancel_all(out);
            }
            Input::CancelCalled => self.cancel_all(out),
            Input::Failed(error) => self.fail(error, out),
        }
        self.finish(out);
    }

    fn next_deadline(&self) -> Option<Now> {
        None
    }

    fn on_time(&mut self, _now: Now, _out: &mut impl Sink<Effect>) {}
}
