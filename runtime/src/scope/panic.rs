//! A panic in a task ends the task, not the thread.
use std::any::Any;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context as TaskContext, Poll};

/// What a future panicked with.
pub(crate) struct Panicked(pub(crate) Box<dyn Any + Send>);

/// A future whose panic is its result.
pub(crate) struct CatchPanic<F>(Option<Pin<Box<F>>>);

impl<F> CatchPanic<F> {
    pub(crate) fn new(body: F) -> Self {
        Self(Some(Box::pin(body)))
    }
}

impl<F: Future> Future for CatchPanic<F> {
    type Output = Result<F::Output, Panicked>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<Self::Output> {
        let Some(body) = self.0.as_mut() else { return Poll::Pending };
        match catch_unwind(AssertUnwindSafe(|| body.as_mut().poll(cx))) {
            Ok(polled) => polled.map(Ok),
            Err(payload) => {
                // A future that panicked is not polled again; what its drop does is its own affair.
                let body = self.0.take();
                drop(catch_unwind(AssertUnwindSafe(|| drop(body))));
                Poll::Ready(Err(Panicked(payload)))
            }
        }
    }
}
