//! The task that runs an endpoint for a peer: arguments in, value or error out, panics caught, its end told once.
use std::any::Any;
use std::cell::Cell;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::rc::{Rc, Weak};
use std::sync::Arc;

use bytes::Bytes;
use coulter_proto::dialog::{CalleeInput, TaskEnd};
use coulter_proto::error::{CancelCause, Failure, FailureKind};
use coulter_proto::id::ErrorToken;
use serde::Serialize;
use tokio::sync::Notify;

use super::arguments::{ArgReader, Arguments, encode};
use super::endpoint::{ContextEndpoint, ContextTypes, Endpoint, Entry, TaskFuture};
use crate::actor::Actor;
use crate::dialog::{Dialog, FinalWord, Owner};
use crate::error::{Error, Report, group, new_failure};
use crate::hooks;
use crate::log::log_runtime;
use crate::scope::{self, CatchPanic, Panicked, ScopeId, Tracked};

/// A call that came in: what the generated code runs an endpoint with.
pub struct Invocation {
    dialog: Rc<Dialog>,
    args: Bytes,
}

impl Invocation {
    pub(crate) fn dialog(&self) -> &Rc<Dialog> {
        &self.dialog
    }

    fn arguments<E: Endpoint>(&self) -> Result<E::Args, Report> {
        let mut reader = ArgReader::new(&self.args);
        let decoded = E::Args::decode(&mut reader).map_err(|error| (error.expected, error.name, error.to_string())).and_then(|args| {
            let surplus = || ("no more arguments", "behind the last", "there are more arguments than it takes".to_owned());
            if reader.is_done() { Ok(args) } else { Err(surplus()) }
        });
        decoded.map_err(|(expected, what, why)| {
            Error::new(
                FailureKind::MsgType { expected: expected.to_owned(), what: format!("argument `{what}`") },
                format!("{} cannot be called: {why}; build both sides from the same source", E::ENTRY.path()),
            )
            .into()
        })
    }
}

fn encoded<T: Serialize>(entry: &Entry, value: &T) -> Result<Bytes, Report> {
    encode(value).map_err(|error| Error::runtime(format!("the result of {}: {error}", entry.path())).into())
}

/// Runs an async endpoint.
pub fn run_call<E, Fut>(invocation: Invocation, body: impl FnOnce(E::Args) -> Fut + 'static) -> TaskFuture
where
    E: Endpoint,
    Fut: Future<Output = Result<E::Ok, Report>>,
{
    Box::pin(async move {
        let args = invocation.arguments::<E>()?;
        encoded(E::ENTRY, &body(args).await?)
    })
}

/// Runs a plain endpoint on the blocking pool.
pub fn run_blocking<E>(invocation: Invocation, body: impl FnOnce(E::Args) -> Result<E::Ok, Report> + Send + 'static) -> TaskFuture
where
    E: Endpoint,
    E::Args: Send,
    E::Ok: Send,
{
    Box::pin(async move {
        let args = invocation.arguments::<E>()?;
        let done = tokio::task::spawn_blocking(move || match std::panic::catch_unwind(AssertUnwindSafe(|| body(args))) {
            Ok(done) => done.map_err(|report| Box::new(report.to_failure())),
            Err(payload) => Err(Box::new(panic_failure(&*payload))),
        })
        .await;
        match done {
            Ok(Ok(value)) => encoded(E::ENTRY, &value),
            Ok(Err(failure)) => Err(Report::from_failure(*failure)),
            Err(error) => Err(Error::runtime(format!("{} could not be run on the blocking pool: {error}", E::ENTRY.path())).into()),
        }
    })
}

/// Runs a context.
pub fn run_context<E, Fut>(invocation: Invocation, body: impl FnOnce(E::Types, E::Args) -> Fut + 'static) -> TaskFuture
where
    E: ContextEndpoint,
    Fut: Future<Output = Result<E::Ok, Report>>,
{
    Box::pin(async move {
        let args = invocation.arguments::<E>()?;
        let ctx = E::Types::from_invocation(&invocation);
        encoded(E::ENTRY, &body(ctx, args).await?)
    })
}

/// What cancels the task of a dialog.
struct TaskOwner {
    scope: ScopeId,
    key: coulter_proto::id::ContextKey,
    actor: Weak<Actor>,
}

impl Owner for TaskOwner {
    fn cancel_task(&self, cause: CancelCause) {
        scope::cancel(self.scope, cause);
    }
    fn drop_block(&self, _cause: CancelCause) {}
    fn ended(&self) {
        if let Some(actor) = self.actor.upgrade() {
            super::router::forget_served(&actor, self.key);
        }
    }
}

/// Runs `entry` for `dialog` in a task of its own.
pub(crate) fn serve(actor: &Rc<Actor>, entry: &'static Entry, dialog: &Rc<Dialog>, args: Bytes) {
    let invocation = Invocation { dialog: dialog.clone(), args };
    let body = CatchPanic::new((entry.run)(invocation));
    let name = entry.path();
    let task = Tracked::at(&name, format!("{}:{}", entry.file, entry.line), body).in_context(dialog.key);
    let (scope, future) = scope::task_in_root(task);
    dialog.set_owner(Rc::new(TaskOwner { scope, key: dialog.key, actor: Rc::downgrade(actor) }));
    let dialog = dialog.clone();
    let task = Serving::begin();
    tokio::task::spawn_local(async move {
        let outcome = future.await;
        finish(&dialog, &name, outcome);
        drop(task);
    });
}

thread_local! {
    static SERVING: Cell<usize> = const { Cell::new(0) };
    static NONE_LEFT: Rc<Notify> = Rc::new(Notify::new());
}

/// Counts the tasks that have not said their final word.
struct Serving;

impl Serving {
    fn begin() -> Self {
        SERVING.set(SERVING.get() + 1);
        Self
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        SERVING.set(SERVING.get() - 1);
        if SERVING.get() == 0 {
            let _ = NONE_LEFT.try_with(|none| none.notify_waiters());
        }
    }
}

/// Waits until every task has said its final word: an actor must not end before.
pub(crate) async fn all_said() {
    let none_left = NONE_LEFT.with(Rc::clone);
    while SERVING.get() > 0 {
        none_left.notified().await;
    }
}

fn finish(dialog: &Rc<Dialog>, name: &str, outcome: scope::Outcome<Result<Result<Bytes, Report>, Panicked>>) {
    let mut failures = outcome.errors;
    if outcome.value.is_none() {
        // Cancelled with the whole actor: then who asked for that is who cancelled this.
        let cause = Actor::try_current().and_then(|actor| actor.end_cause()).or(outcome.cause);
        let mut known = dialog.cause.borrow_mut();
        if known.is_none() {
            *known = cause;
        }
    }
    let end = match outcome.value {
        Some(Ok(Ok(value))) if failures.is_empty() => {
            *dialog.final_word.borrow_mut() = Some(FinalWord::Returned(value));
            TaskEnd::Value
        }
        Some(Ok(Ok(_))) => TaskEnd::Error(ErrorToken(0)),
        Some(Ok(Err(report))) => {
            failures.insert(0, passed_on(report.to_failure(), name));
            TaskEnd::Error(ErrorToken(0))
        }
        Some(Err(Panicked(payload))) => {
            failures.insert(0, passed_on(panic_failure(&*payload), name));
            TaskEnd::Panicked(ErrorToken(0))
        }
        None if failures.iter().all(Failure::is_cancelled) => TaskEnd::Cancelled,
        None => TaskEnd::Error(ErrorToken(0)),
    };
    if let TaskEnd::Error(_) | TaskEnd::Panicked(_) = end
        && let Some(failure) = group(failures)
    {
        let failure = stop_at(dialog, name, failure);
        log_runtime!("{name} failed: {failure}");
        *dialog.final_word.borrow_mut() = Some(FinalWord::Failed(Arc::new(failure)));
    }
    dialog.callee_input(CalleeInput::TaskEnded(end));
}

/// Marks this actor as the source, or as one more it passed.
fn passed_on(mut failure: Failure, origin: &str) -> Failure {
    let Some(here) = crate::identity::current() else { return failure };
    match &failure.source {
        None => {
            failure.source = Some(here);
            failure.origin.get_or_insert_with(|| origin.to_owned());
        }
        Some(source) if *source == here && failure.origin.is_none() => failure.origin = Some(origin.to_owned()),
        Some(source) if *source == here => {}
        Some(_) => {
            if failure.relay.last() != Some(&here) {
                failure.relay.push(here);
            }
        }
    }
    failure
}

/// In debug mode an error stops where it leaves its endpoint, at its source only.
fn stop_at(dialog: &Dialog, name: &str, failure: Failure) -> Failure {
    let arose_here = failure.source == crate::identity::current() && failure.relay.is_empty();
    let is_error = matches!(failure.kind, FailureKind::Application | FailureKind::NotStarted | FailureKind::MsgType { .. });
    if !(arose_here && is_error) {
        return failure;
    }
    match hooks::on_endpoint_error(name, Some(dialog.key), &failure) {
        hooks::Verdict::Continue => failure,
        hooks::Verdict::Quit => debug_quit(name),
    }
}

fn debug_quit(name: &str) -> Failure {
    let mut failure = new_failure(FailureKind::DebugQuit, format!("{name} was quit in the debugger"));
    failure.source = crate::identity::current();
    failure
}

/// The failure a panic is.
pub(crate) fn panic_failure(payload: &(dyn Any + Send)) -> Failure {
    if hooks::is_debug_quit(payload) {
        return debug_quit("the task");
    }
    let info = hooks::take_panic().unwrap_or_default();
    if info.quit {
        return debug_quit("the task");
    }
    let message = if info.message.is_empty() {
        payload
            .downcast_ref::<&str>()
            .map(|text| (*text).to_owned())
            .or_else(|| payload.downcast_ref::<String>().cloned())
            .unwrap_or_else(|| "a panic without a message".into())
    } else {
        info.message
    };
    let mut failure = new_failure(FailureKind::Panic, message);
    failure.type_name = "panic".into();
    failure.location = info.location;
    failure.backtrace = info.backtrace;
    failure.source = crate::identity::current();
    failure
}
