//! A scope around a future.
use std::future::Future;
use std::pin::Pin;
use std::task::{Context as TaskContext, Poll};
use std::time::Duration;

use coulter_proto::error::{CancelCause, Failure};
use coulter_proto::scope::{Cause, Input, ROOT, ScopeId, ScopeKind};

use super::tree::{Enter, ask, with};

/// What became of a scope and its body.
pub(crate) struct Outcome<T> {
    /// The body's value; none when it was dropped.
    pub(crate) value: Option<T>,
    /// Why the scope itself was cancelled, if it was.
    pub(crate) cause: Option<CancelCause>,
    /// Errors met while tearing down what it had opened.
    pub(crate) errors: Vec<Failure>,
    /// The cancel was its own deadline.
    pub(crate) timed_out: bool,
}

enum Phase<T> {
    Body,
    Teardown(Option<T>),
    Over,
}

/// Runs its body in a scope of its own, and ends when everything opened in it has ended.
///
/// It belongs to the scope it is first polled in. Dropping it drops the body; what the body had
/// opened is then waited for by the scope around it.
pub(crate) struct ScopeFuture<F: Future> {
    kind: ScopeKind,
    deadline: Option<Duration>,
    scope: Option<ScopeId>,
    body: Option<Pin<Box<F>>>,
    phase: Phase<F::Output>,
}

impl<F: Future> Unpin for ScopeFuture<F> {}

/// Runs `body` in a scope inside the current one.
pub(crate) fn run<F: Future>(body: F) -> ScopeFuture<F> {
    ScopeFuture::new(ScopeKind::Inline, body)
}
/// Runs `body` as the actor's own scope.
pub(crate) fn run_root<F: Future>(body: F) -> ScopeFuture<F> {
    let mut future = ScopeFuture::new(ScopeKind::Task, body);
    future.scope = Some(ROOT);
    with(|tree| tree.own_root());
    future
}

/// A task of the actor itself, not of the scope that runs now; cancel the scope to cancel the task.
pub(crate) fn task_in_root<F: Future>(body: F) -> (ScopeId, ScopeFuture<F>) {
    let scope = ask(|tree| tree.open_in(ROOT, ScopeKind::Task, None));
    let mut task = ScopeFuture::new(ScopeKind::Task, body);
    task.scope = Some(scope);
    (scope, task)
}

impl<F: Future> ScopeFuture<F> {
    pub(super) fn new(kind: ScopeKind, body: F) -> Self {
        Self { kind, deadline: None, scope: None, body: Some(Box::pin(body)), phase: Phase::Body }
    }

    /// Cancels itself after `after`.
    pub(crate) fn deadline(mut self, after: Duration) -> Self {
        self.deadline = Some(after);
        self
    }

    /// Opens the scope now, inside the current one, instead of at the first poll: a task is its spawner's.
    pub(crate) fn bound(mut self) -> Self {
        self.bind();
        self
    }

    fn bind(&mut self) -> ScopeId {
        let (kind, deadline) = (self.kind, self.deadline);
        *self.scope.get_or_insert_with(|| {
            let micros = deadline.map(|after| u64::try_from(after.as_micros()).unwrap_or(u64::MAX));
            ask(|tree| tree.open(kind, micros))
        })
    }

    fn end_body(&mut self, scope: ScopeId, value: Option<F::Output>) {
        // The body goes first: what it drops may still open and close things in its scope.
        self.body = None;
        self.phase = Phase::Teardown(value);
        with(|tree| tree.input(Input::BodyEnded { scope }));
    }
}

impl<F: Future> Future for ScopeFuture<F> {
    type Output = Outcome<F::Output>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<Self::Output> {
        let scope = self.bind();
        let _inside = Enter::new(scope);
        ask(|tree| tree.set_waker(scope, cx.waker()));
        if let Phase::Body = self.phase {
            let mut done = Poll::Pending;
            if !ask(|tree| tree.must_drop(scope))
                && let Some(body) = self.body.as_mut()
            {
                done = body.as_mut().poll(cx);
            }
            match done {
                Poll::Ready(value) => self.end_body(scope, Some(value)),
                Poll::Pending if ask(|tree| tree.pending(scope)) => self.end_body(scope, None),
                Poll::Pending => return Poll::Pending,
            }
        }
        let Some(finish) = ask(|tree| tree.take_finish(scope)) else { return Poll::Pending };
        let Phase::Teardown(value) = std::mem::replace(&mut self.phase, Phase::Over) else { return Poll::Pending };
        let timed_out = finish.own == Some(Cause::Deadline);
        Poll::Ready(Outcome { value, cause: finish.cause, errors: finish.errors, timed_out })
    }
}

impl<F: Future> Drop for ScopeFuture<F> {
    fn drop(&mut self) {
        let Some(scope) = self.scope else { return };
        if matches!(self.phase, Phase::Over) {
            return;
        }
        {
            let _inside = Enter::new(scope);
            self.body = None;
        }
        with(|tree| {
            tree.disown(scope);
            tree.input(Input::BodyDropped { scope });
        });
    }
}
