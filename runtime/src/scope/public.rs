//! What users say of scopes: shields, deadlines, tasks of ours, checkpoints.
use std::future::Future;
use std::panic::Location;
use std::task::Poll;
use std::time::Duration;

use coulter_proto::error::FailureKind;
use coulter_proto::scope::ScopeKind;

use super::future::ScopeFuture;
use super::tree::{cancelled_here, current, fail};
use crate::error::{Error, Report};

/// Runs `future` to its end although the code around it is cancelled.
///
/// While it runs nothing around it in this task is dropped, and awaits inside do not see the
/// cancel. The shield gives way after 10 seconds of holding off a cancel, and at once when the
/// tree is hurried (a second Ctrl-C). It does not protect against `select!` dropping it.
///
/// ```
/// # coulter::init();
/// # coulter::Root::builder().run(async || {
/// let saved = coulter::shield(async { "saved" }).await;
/// assert_eq!(saved, "saved");
/// # });
/// ```
pub async fn shield<F: Future>(future: F) -> F::Output {
    let outcome = ScopeFuture::new(ScopeKind::Shield, future).await;
    hand_up(outcome.errors);
    match outcome.value {
        Some(value) => value,
        // Broken: what is around us is about to be dropped.
        None => std::future::pending().await,
    }
}

/// Runs `future` for at most `limit`; `None` when that was not enough.
///
/// Returns after `limit` plus what the teardown of everything opened inside takes: unlike
/// `tokio::time::timeout`, nothing of it runs on behind your back.
///
/// # Cancel safety
/// As that of `future`: it is dropped when the time is up.
///
/// ```
/// # coulter::init();
/// # coulter::Root::builder().run(async || {
/// use std::time::Duration;
/// let done = coulter::move_on_after(Duration::from_millis(1), std::future::pending::<()>()).await;
/// assert_eq!(done, None);
/// # });
/// ```
pub async fn move_on_after<F: Future>(limit: Duration, future: F) -> Option<F::Output> {
    let outcome = ScopeFuture::new(ScopeKind::Inline, future).deadline(limit).await;
    hand_up(outcome.errors);
    match outcome.value {
        None if !outcome.timed_out => std::future::pending().await,
        value => value,
    }
}

/// Runs `future` for at most `limit`, which it may not exceed.
///
/// # Errors
/// [`Error::ActorTooSlow`] when the time is up; it returns after `limit` plus what the teardown takes.
///
/// # Cancel safety
/// As that of `future`: it is dropped when the time is up.
pub async fn fail_after<F: Future>(limit: Duration, future: F) -> Result<F::Output, Error> {
    match move_on_after(limit, future).await {
        Some(value) => Ok(value),
        None => Err(Error::new(
            FailureKind::ActorTooSlow,
            format!("`fail_after` gave it {limit:?}, and that was not enough; give it more, or look at what it waits for"),
        )),
    }
}

/// Starts a task of ours: its scope hangs under the current one, which waits for it and fails with it.
///
/// # Panics
/// Outside of an actor's work thread.
#[track_caller]
pub fn spawn<F, T>(task: F)
where
    F: Future<Output = T> + 'static,
    T: TaskOutput + 'static,
{
    let (place, parent) = (Location::caller(), current());
    let future = ScopeFuture::new(
        ScopeKind::Spawned,
        super::task::Tracked::new("spawned", place, async move {
            if let Err(report) = task.await.into_result() {
                let mut failure = report.to_failure();
                failure.origin.get_or_insert_with(|| format!("task spawned at {place}"));
                fail(parent, failure);
            }
        }),
    )
    .bound();
    tokio::task::spawn_local(async move {
        future.await;
    });
}

/// What a spawned task may return: nothing, or a `Result` of nothing.
pub trait TaskOutput {
    #[doc(hidden)]
    fn into_result(self) -> Result<(), Report>;
}
impl TaskOutput for () {
    fn into_result(self) -> Result<(), Report> {
        Ok(())
    }
}
impl<E: Into<Report>> TaskOutput for Result<(), E> {
    fn into_result(self) -> Result<(), Report> {
        self.map_err(Into::into)
    }
}

/// Gives a cancel the chance to take effect, in a loop that awaits nothing else of ours.
pub async fn checkpoint() {
    tokio::task::yield_now().await;
    std::future::poll_fn(|_| if cancelled_here() { Poll::Pending } else { Poll::Ready(()) }).await;
}

/// Errors met on the teardown list of a scope that has no result to put them in are those of the scope around.
fn hand_up(errors: Vec<coulter_proto::error::Failure>) {
    for failure in errors {
        fail(current(), failure);
    }
}
