//! The one tree of this thread: the machine, and what its numbers stand for.
use std::cell::{Cell, RefCell};
use std::collections::{HashMap, HashSet};
use std::rc::Rc;
use std::task::Waker;

use coulter_proto::error::{CancelCause, Failure};
use coulter_proto::id::{CauseToken, ErrorToken};
use coulter_proto::machine::{Machine, SinkFn};
use coulter_proto::scope::{Cause, DutyId, Effect, Input, ROOT, ScopeId, ScopeKind, Scopes, Timing};
use coulter_proto::time::Now;
use coulter_proto::trace::Recorded;

use super::Duty;
use crate::clock::{self, Timed};
use crate::trace::recorded;

/// How a scope finished.
pub(super) struct Finish {
    pub(super) errors: Vec<Failure>,
    pub(super) cause: Option<CancelCause>,
    /// The cancel was the scope's own (a deadline, `cancel()`, a failure), not one around it.
    pub(super) own: Option<Cause>,
}

pub(super) struct Tree {
    machine: RefCell<Recorded<Scopes>>,
    wakers: RefCell<HashMap<ScopeId, Waker>>,
    duties: RefCell<HashMap<DutyId, Rc<dyn Duty>>>,
    errors: RefCell<HashMap<ErrorToken, Failure>>,
    causes: RefCell<HashMap<CauseToken, CancelCause>>,
    finished: RefCell<HashMap<ScopeId, Finish>>,
    /// Scopes whose future is alive and wants to know how it finished.
    owned: RefCell<HashSet<ScopeId>>,
    drop_body: Cell<Option<ScopeId>>,
    next_token: Cell<u64>,
    scheduled: Cell<Option<Now>>,
}

thread_local! {
    static TREE: Rc<Tree> = Rc::new(Tree::new());
    static CURRENT: Cell<ScopeId> = const { Cell::new(ROOT) };
}

/// The scope of the code that runs now.
pub(crate) fn current() -> ScopeId {
    CURRENT.get()
}

/// Sets the current scope until dropped, also by unwinding.
pub(super) struct Enter(ScopeId);
impl Enter {
    pub(super) fn new(scope: ScopeId) -> Self {
        Self(CURRENT.replace(scope))
    }
}
impl Drop for Enter {
    fn drop(&mut self) {
        CURRENT.set(self.0);
    }
}

/// Whether the code that runs now is asked to stop. Every await of ours then parks.
pub(crate) fn cancelled_here() -> bool {
    TREE.with(|tree| tree.machine.borrow().cancelled_here(current()))
}

/// Why the code that runs now is asked to stop.
pub(crate) fn end_cause() -> Option<CancelCause> {
    TREE.with(|tree| {
        let cause = tree.machine.borrow().cause(current())?;
        Some(tree.describe(cause))
    })
}

/// Cancels a scope and all inside it.
pub(crate) fn cancel(scope: ScopeId, cause: CancelCause) {
    with(|tree| {
        let token = CauseToken(tree.token());
        tree.causes.borrow_mut().insert(token, cause);
        tree.input(Input::Cancel { scope, cause: token });
    });
}

/// Gives a scope an error, which cancels it.
pub(crate) fn fail(scope: ScopeId, failure: Failure) {
    with(|tree| {
        let error = tree.keep(failure);
        tree.input(Input::Fail { scope, error });
    });
}

/// Breaks the shields in a scope.
pub(crate) fn hurry(scope: ScopeId) {
    with(|tree| tree.input(Input::Hurry { scope }));
}

/// Whether somebody below this actor is stopped in the debugger: deadlines stand still.
pub(crate) fn hold_deadlines(held: bool) {
    with(|tree| tree.input(Input::Hold(held)));
}

/// A duty of some scope; say [`DutyHandle::done`] when it is done.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DutyHandle(DutyId);

/// Makes `scope` wait for `duty`.
pub(crate) fn add_duty(scope: ScopeId, duty: Rc<dyn Duty>) -> DutyHandle {
    TREE.with(Rc::clone).add_duty(scope, duty)
}

impl DutyHandle {
    /// The duty is done; `errors` become the scope's.
    pub(crate) fn done(self, errors: Vec<Failure>) {
        with(|tree| {
            let duty = tree.duties.borrow_mut().remove(&self.0);
            let errors = errors.into_iter().map(|failure| tree.keep(failure)).collect();
            tree.input(Input::DutyDone { duty: self.0, errors });
            drop(duty);
        });
    }
}

/// Runs `f` on this thread's tree; nothing when the thread is being torn down.
pub(super) fn with(f: impl FnOnce(&Rc<Tree>)) {
    if let Ok(tree) = TREE.try_with(Rc::clone) {
        f(&tree);
    }
}

/// Asks this thread's tree.
pub(super) fn ask<R>(f: impl FnOnce(&Rc<Tree>) -> R) -> R {
    let tree = TREE.with(Rc::clone);
    f(&tree)
}

impl Tree {
    fn new() -> Self {
        Self {
            machine: RefCell::new(recorded(Scopes::new(Timing::default()))),
            wakers: RefCell::default(),
            duties: RefCell::default(),
            errors: RefCell::default(),
            causes: RefCell::default(),
            finished: RefCell::default(),
            owned: RefCell::default(),
            drop_body: Cell::new(None),
            next_token: Cell::new(1),
            scheduled: Cell::new(None),
        }
    }

    fn token(&self) -> u64 {
        let token = self.next_token.get();
        self.next_token.set(token + 1);
        token
    }

    fn keep(&self, failure: Failure) -> ErrorToken {
        let token = ErrorToken(self.token());
        self.errors.borrow_mut().insert(token, failure);
        token
    }

    pub(super) fn open(self: &Rc<Self>, kind: ScopeKind, deadline: Option<u64>) -> ScopeId {
        self.open_in(current(), kind, deadline)
    }

    pub(super) fn open_in(self: &Rc<Self>, parent: ScopeId, kind: ScopeKind, deadline: Option<u64>) -> ScopeId {
        let scope = self.machine.borrow_mut().open(clock::now(), Some(parent), kind, deadline);
        self.owned.borrow_mut().insert(scope);
        self.settle();
        scope
    }

    pub(super) fn own_root(&self) {
        self.owned.borrow_mut().insert(ROOT);
    }

    pub(super) fn must_drop(&self, scope: ScopeId) -> bool {
        self.machine.borrow().must_drop(scope)
    }

    fn add_duty(self: &Rc<Self>, scope: ScopeId, duty: Rc<dyn Duty>) -> DutyHandle {
        let mut late = false;
        let id = self.machine.borrow_mut().add_duty(clock::now(), scope, &mut SinkFn(|effect| late |= matches!(effect, Effect::BeginDuty { .. })));
        self.duties.borrow_mut().insert(id, duty.clone());
        if late {
            duty.begin();
        }
        DutyHandle(id)
    }

    pub(super) fn set_waker(&self, scope: ScopeId, waker: &Waker) {
        match self.wakers.borrow_mut().entry(scope) {
            std::collections::hash_map::Entry::Occupied(mut known) => known.get_mut().clone_from(waker),
            std::collections::hash_map::Entry::Vacant(free) => {
                free.insert(waker.clone());
            }
        }
    }

    pub(super) fn take_finish(&self, scope: ScopeId) -> Option<Finish> {
        let finish = self.finished.borrow_mut().remove(&scope);
        if finish.is_some() {
            self.wakers.borrow_mut().remove(&scope);
        }
        finish
    }

    /// Nobody asks any more how the scope finished.
    pub(super) fn disown(&self, scope: ScopeId) {
        self.owned.borrow_mut().remove(&scope);
        self.finished.borrow_mut().remove(&scope);
        let waker = self.wakers.borrow_mut().remove(&scope);
        drop(waker);
    }

    /// The body is pending; whether it must be dropped now.
    pub(super) fn pending(self: &Rc<Self>, scope: ScopeId) -> bool {
        self.input(Input::BodyPending { scope });
        self.drop_body.take() == Some(scope)
    }

    /// Feeds the machine and carries out what it says; nothing of a user's runs while it is borrowed.
    pub(super) fn input(self: &Rc<Self>, input: Input) {
        let mut effects = Vec::new();
        self.machine.borrow_mut().on(clock::now(), input, &mut effects);
        self.carry_out(effects);
        self.settle();
    }

    fn carry_out(self: &Rc<Self>, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Wake { scope } => {
                    let waker = self.wakers.borrow().get(&scope).cloned();
                    if let Some(waker) = waker {
                        waker.wake();
                    }
                }
                Effect::BeginDuty { duty } => {
                    let duty = self.duties.borrow().get(&duty).cloned();
                    if let Some(duty) = duty {
                        duty.begin();
                    }
                }
                Effect::DropBody { scope } => self.drop_body.set(Some(scope)),
                Effect::Finished { scope, errors, cause, .. } => self.finish(scope, &errors, cause),
                Effect::Opened { .. } | Effect::DutyAdded { .. } | Effect::ErrorsMoved { .. } => {}
            }
        }
    }

    fn finish(&self, scope: ScopeId, errors: &[ErrorToken], own: Option<Cause>) {
        let errors = {
            let mut kept = self.errors.borrow_mut();
            errors.iter().filter_map(|token| kept.remove(token)).collect()
        };
        if self.owned.borrow_mut().remove(&scope) {
            let cause = own.map(|cause| self.describe(cause));
            self.finished.borrow_mut().insert(scope, Finish { errors, cause, own });
            let waker = self.wakers.borrow().get(&scope).cloned();
            if let Some(waker) = waker {
                waker.wake();
            }
        }
        if let Some(Cause::Asked(token)) = own {
            self.causes.borrow_mut().remove(&token);
        }
    }

    fn describe(&self, cause: Cause) -> CancelCause {
        let why = match cause {
            Cause::Asked(token) => {
                if let Some(known) = self.causes.borrow().get(&token) {
                    return known.clone();
                }
                "it was asked to"
            }
            Cause::Deadline => "its deadline passed",
            Cause::Failed => "something in it failed",
            Cause::Over => "the block around it ended",
        };
        CancelCause { by: crate::identity::current(), why: why.into(), behind: Vec::new() }
    }

    fn settle(self: &Rc<Self>) {
        let next = self.machine.borrow().next_deadline();
        if let Some(due) = next
            && self.scheduled.get().is_none_or(|known| due < known)
        {
            self.scheduled.set(Some(due));
            clock::schedule(due, self);
        }
    }
}

impl Timed for Tree {
    fn on_time(&self, now: Now) -> Option<Now> {
        let mut effects = Vec::new();
        let next = {
            let mut machine = self.machine.borrow_mut();
            machine.on_time(now, &mut effects);
            machine.next_deadline()
        };
        self.scheduled.set(next);
        with(|tree| tree.carry_out(effects));
        next
    }
}
