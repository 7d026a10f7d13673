//! Nurseries: blocks that own actors, and end only when all of them have.
//!
//! What a nursery waits for and whose error cancels whom is [`coulter_proto::nursery`]; how one
//! child is ended is [`coulter_proto::ladder`]. Here are the processes, channels and results.
mod child;
mod options;
mod result;
mod start;

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::{Rc, Weak};

use coulter_proto::error::{CancelCause, Failure, FailureKind};
use coulter_proto::id::{ErrorToken, Uuid};
use coulter_proto::machine::Machine;
use coulter_proto::nursery::{BodyEnd, ChildId, ChildKind, ChildResult, Effect, Input, Nursery as Policy, Verdict};
use coulter_proto::trace::Recorded;
use tokio::sync::Notify;

use crate::actor::Actor;
use crate::clock;
use crate::error::{Error, Report, Result, group};
use crate::rpc::endpoint::{Call, Endpoint};
use crate::scope::{self, Duty, DutyHandle, ScopeId};
use crate::trace::recorded;

pub(crate) use child::Child;
pub(crate) use child::{debugged, hurry_all};
pub use options::{RunInActor, StartActor};
pub use result::ResultPortal;

/// Owns the actors spawned in it; lent to the block of [`open_nursery`].
pub struct Nursery {
    inner: Rc<Inner>,
}

impl std::fmt::Debug for Nursery {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Nursery({} children)", self.inner.policy.borrow().live_children())
    }
}

/// A nursery, as its children and its scope know it.
pub(crate) struct Inner {
    pub(crate) actor: Rc<Actor>,
    me: Weak<Inner>,
    policy: RefCell<Recorded<Policy>>,
    children: RefCell<HashMap<ChildId, Rc<Child>>>,
    errors: RefCell<HashMap<ErrorToken, Failure>>,
    tokens: RefCell<HashMap<Uuid, ErrorToken>>,
    next: Cell<u64>,
    scope: ScopeId,
    duty: Cell<Option<DutyHandle>>,
    finished: Notify,
    is_finished: Cell<bool>,
    /// The future of the block is gone: its errors are those of the scope around.
    abandoned: Cell<bool>,
    /// Why the children are being cancelled.
    cause: RefCell<Option<CancelCause>>,
}

/// Opens a nursery, runs `block` with it, and ends when every actor spawned in it has ended.
///
/// A block that returns a value waits for one-shot actors, then for daemons (for ever, unless they
/// are cancelled). The first failure in it, of a child or of the block, cancels everything else at
/// once and comes out of it; several come out as [`Error::Group`].
///
/// # Errors
/// Those of the block and of its actors; [`Error::NoRuntime`] on a thread that runs no actor.
///
/// # Cancel safety
/// When it is dropped, its actors are cancelled and reaped by the runtime, and the scope around waits for that.
///
/// ```
/// use coulter::prelude::*;
///
/// #[coulter::endpoint]
/// async fn double(n: u32) -> u32 {
///     n * 2
/// }
///
/// # fn main() {
/// # coulter::init();
/// # coulter::Root::builder().run(async || {
/// let four: Result<u32> = coulter::open_nursery(async |an| {
///     let portal = an.run_in_actor("doubler", double::with(2)).await?;
///     Ok(portal.wait_for_result().await?)
/// })
/// .await;
/// assert_eq!(four.unwrap(), 4);
/// # });
/// # }
/// ```
pub async fn open_nursery<T, F>(block: F) -> Result<T>
where
    F: AsyncFnOnce(&Nursery) -> Result<T>,
{
    let actor = Actor::current("open_nursery")?;
    let kept = Rc::new(Kept::default());
    let opened = kept.clone();
    let owner = BlockOwner(kept.clone());
    let outcome = scope::run(async move {
        let inner = Inner::open(actor);
        *opened.borrow_mut() = Some(inner.clone());
        let nursery = Nursery { inner: inner.clone() };
        let ended = block(&nursery).await;
        inner.body_ended(ended.as_ref().err());
        inner.wait_finished().await;
        ended
    })
    .await;
    let mut failures = outcome.errors;
    let taken = kept.borrow_mut().take();
    drop(owner);
    let Some(inner) = taken else {
        // Never polled: the code around it is cancelled.
        return std::future::pending().await;
    };
    let verdict = inner.policy.borrow().verdict();
    match (verdict, outcome.value) {
        (Some(Verdict::BodyValue), Some(value)) if failures.is_empty() => return value,
        (_, value) => {
            let own = inner.take_errors();
            // One error of the body alone keeps its report: place, type, chain.
            if let ([only], Some(Err(report)), true) = (&own[..], value, failures.is_empty())
                && only.id == report.id()
            {
                return Err(report);
            }
            failures.splice(0..0, own);
        }
    }
    match group(failures) {
        Some(failure) => Err(Error::from_failure(failure).into()),
        None if outcome.cause.is_some() => Err(cancelled(inner.cause.borrow().clone().or(outcome.cause)).into()),
        None => std::future::pending().await,
    }
}

type Kept = RefCell<Option<Rc<Inner>>>;

/// Lives in the block's future. Dropped with the nursery still in it, nobody returns the nursery's errors.
struct BlockOwner(Rc<Kept>);

impl Drop for BlockOwner {
    fn drop(&mut self) {
        if let Some(inner) = self.0.borrow_mut().take() {
            inner.abandoned.set(true);
            if inner.is_finished.get() {
                inner.take_errors().into_iter().for_each(|failure| scope::fail(scope::current(), failure));
            }
        }
    }
}

fn cancelled(cause: Option<CancelCause>) -> Error {
    let cause = cause.unwrap_or_else(|| CancelCause { by: crate::identity::current(), why: "the code around it was cancelled".into(), behind: Vec::new() });
    let text = format!("the nursery was cancelled: {}", cause.why);
    Error::new(FailureKind::Cancelled(cause), text)
}

impl Nursery {
    /// Starts an actor that lives until it is cancelled; the portal is given when it is ready.
    ///
    /// It answers only for what is exposed: `an.start_actor("frank").expose(module_path!()).await?`.
    pub fn start_actor(&self, name: impl Into<String>) -> StartActor<'_> {
        StartActor::new(&self.inner, name.into())
    }

    /// Starts an actor that runs one endpoint; the portal gives its result.
    ///
    /// The actor exposes the endpoint's module. It stays until the block has ended, then is
    /// cancelled as soon as its result is in.
    pub fn run_in_actor<E: Endpoint>(&self, name: impl Into<String>, call: Call<E>) -> RunInActor<'_, E> {
        RunInActor::new(&self.inner, name.into(), call)
    }

    /// Cancels every actor of the nursery; the block goes on.
    pub fn cancel(&self) {
        self.inner.set_cause("an.cancel()");
        self.inner.input(Input::CancelCalled);
    }

    /// Ends every actor of the nursery by SIGTERM, then SIGKILL; the block goes on.
    pub fn kill(&self) {
        self.inner.set_cause("an.kill()");
        let children: Vec<_> = self.inner.children.borrow().values().cloned().collect();
        for child in children {
            child.kill();
        }
        self.inner.input(Input::CancelCalled);
    }

    /// Whether the nursery is being cancelled, by [`Nursery::cancel`] or by a failure.
    #[must_use]
    pub fn cancel_called(&self) -> bool {
        self.inner.policy.borrow().cancel_called()
    }

    /// Whether that has ended every actor without an error.
    #[must_use]
    pub fn cancelled_caught(&self) -> bool {
        self.inner.policy.borrow().cancelled_caught()
    }

    /// How many actors are alive in it.
    #[must_use]
    pub fn live_children(&self) -> usize {
        self.inner.policy.borrow().live_children()
    }
}

impl Inner {
    fn open(actor: Rc<Actor>) -> Rc<Self> {
        let inner = Rc::new_cyclic(|me| Self {
            actor,
            me: me.clone(),
            policy: RefCell::new(recorded(Policy::new())),
            children: RefCell::default(),
            errors: RefCell::default(),
            tokens: RefCell::default(),
            next: Cell::new(1),
            scope: scope::current(),
            duty: Cell::new(None),
            finished: Notify::new(),
            is_finished: Cell::new(false),
            abandoned: Cell::new(false),
            cause: RefCell::default(),
        });
        inner.duty.set(Some(scope::add_duty(inner.scope, inner.clone())));
        inner
    }

    fn new_number(&self) -> u64 {
        let n = self.next.get();
        self.next.set(n + 1);
        n
    }

    /// The token of a failure: the same failure has the same one.
    pub(crate) fn keep(&self, failure: &Failure) -> ErrorToken {
        if let Some(token) = self.tokens.borrow().get(&failure.id) {
            return *token;
        }
        let token = ErrorToken(self.new_number());
        self.tokens.borrow_mut().insert(failure.id, token);
        self.errors.borrow_mut().insert(token, failure.clone());
        token
    }

    fn take_errors(&self) -> Vec<Failure> {
        let tokens = self.policy.borrow().errors().to_vec();
        let mut kept = self.errors.borrow_mut();
        tokens.iter().filter_map(|token| kept.remove(token)).collect()
    }

    fn set_cause(&self, why: &str) {
        self.cause.borrow_mut().get_or_insert_with(|| CancelCause { by: Some(self.actor.aid.clone()), why: why.to_owned(), behind: Vec::new() });
    }

    /// Why its children are cancelled, for the request that is sent to them.
    pub(crate) fn cause(&self) -> CancelCause {
        let known = self.cause.borrow().clone();
        known.unwrap_or_else(|| {
            let first = self.policy.borrow().errors().first().and_then(|token| self.errors.borrow().get(token).map(|failure| failure.message.clone()));
            let why = match &first {
                Some(error) => format!("nursery teardown after: {error}"),
                None => "the end of its nursery".to_owned(),
            };
            CancelCause { by: Some(self.actor.aid.clone()), why, behind: Vec::new() }
        })
    }

    pub(crate) fn is_cancelling(&self) -> bool {
        self.policy.borrow().cancel_called()
    }

    fn add(&self, child: &Rc<Child>, kind: ChildKind) {
        self.children.borrow_mut().insert(child.id, child.clone());
        self.input(Input::ChildAdded { child: child.id, kind });
    }

    fn body_ended(&self, error: Option<&Report>) {
        let end = match error {
            None => BodyEnd::Value,
            Some(report) => {
                let failure = report.to_failure();
                let token = self.keep(&failure);
                if failure.is_cancelled() { BodyEnd::Cancelled(token) } else { BodyEnd::Error(token) }
            }
        };
        self.input(Input::BodyEnded(end));
    }

    async fn wait_finished(&self) {
        loop {
            let finished = self.finished.notified();
            if self.is_finished.get() {
                return;
            }
            finished.await;
        }
    }

    /// A one-shot's result is in.
    pub(crate) fn result(&self, child: ChildId, failure: Option<&Failure>) {
        let result = match failure {
            None => ChildResult::Value,
            Some(failure) if failure.is_cancelled() => ChildResult::Cancelled(self.keep(failure)),
            Some(failure) => ChildResult::Error(self.keep(failure)),
        };
        self.input(Input::ChildResult { child, result });
    }

    pub(crate) fn release(&self, child: ChildId) {
        self.input(Input::ChildReleased { child });
    }

    pub(crate) fn exited(&self, child: ChildId, asked: bool, clean: bool, failure: &Failure) {
        let error = self.keep(failure);
        self.input(Input::ChildExited { child, asked, clean, error });
        let gone = self.children.borrow_mut().remove(&child);
        drop(gone);
    }

    fn input(&self, input: Input) {
        let mut effects = Vec::new();
        self.policy.borrow_mut().on(clock::now(), input, &mut effects);
        for effect in effects {
            match effect {
                Effect::DropBody => scope::cancel(self.scope, self.cause()),
                Effect::CancelChild { child } => {
                    let child = self.children.borrow().get(&child).cloned();
                    if let Some(child) = child {
                        child.cancel();
                    }
                }
                Effect::Finished { .. } => {
                    self.is_finished.set(true);
                    self.finished.notify_waiters();
                    if let Some(duty) = self.duty.take() {
                        duty.done(if self.abandoned.get() { self.take_errors() } else { Vec::new() });
                    }
                }
            }
        }
    }

    pub(crate) fn weak(&self) -> Weak<Self> {
        self.me.clone()
    }
}

impl Duty for Inner {
    fn begin(&self) {
        if let Some(mut around) = scope::end_cause() {
            around.behind.insert(0, around.why.clone());
            around.why = "the code around its nursery was cancelled".into();
            self.cause.borrow_mut().get_or_insert(around);
        }
        self.input(Input::BodyDropped);
    }
}
