//! The life of an actor on its work thread: from its first task to the last word on its channels.
use std::rc::Rc;
use std::time::Duration;

use coulter_proto::error::{CancelCause, Failure};
use coulter_proto::id::DialogId;
use coulter_proto::message::{Kind, Ready};
use coulter_proto::observe::ActorState;
use tokio::sync::mpsc::UnboundedReceiver;

use crate::actor::Actor;
use crate::actor::listen::Listening;
use crate::error::Error;
use crate::log::{log_cancel, log_runtime};
use crate::observe::probe;
use crate::observe::watch::ToWork;
use crate::rpc::invoke;
use crate::rpc::router::{self, ActorRouter};
use crate::scope::{self, CatchPanic, Panicked, ROOT};
use crate::{clock, discovery, nursery};

/// How long the last words may take.
const FAREWELL: Duration = Duration::from_millis(200);

/// How an actor's main task ended.
pub(super) enum Ended<T> {
    Value(T),
    Cancelled(CancelCause),
    Panicked(Panicked),
}

/// Everything that serves an actor while it lives.
struct Servants(Vec<tokio::task::AbortHandle>);

impl Drop for Servants {
    fn drop(&mut self) {
        for servant in &self.0 {
            servant.abort();
        }
    }
}

/// Routes frames, serves listeners and timers, heeds the watch thread; must run before anything talks.
fn serve(actor: &Rc<Actor>, from_watch: UnboundedReceiver<ToWork>) -> Servants {
    ActorRouter::install(actor);
    Servants(vec![
        tokio::task::spawn_local(clock::serve()).abort_handle(),
        tokio::task::spawn_local(heed(actor.clone(), from_watch)).abort_handle(),
        tokio::task::spawn_local(end_when_asked(actor.clone())).abort_handle(),
    ])
}

/// Lives a root's life: `body` is its main task.
pub(super) async fn live<T>(
    actor: Rc<Actor>,
    listening: Listening,
    from_watch: UnboundedReceiver<ToWork>,
    body: impl AsyncFnOnce() -> T,
) -> Result<Ended<T>, Error> {
    let servants = serve(&actor, from_watch);
    actor.set_addresses(listening.addresses());
    let serving = listening.serve(&actor);
    discovery::registry::register_self(&actor).await?;
    probe::get().set_state(ActorState::Running);
    let main = scope::Tracked::at("main", "main".into(), CatchPanic::new(body()));
    let outcome = scope::run_root(main).await;
    // Errors nobody else could report end here, in front of the person who started the tree.
    for failure in outcome.errors.iter().filter(|failure| !failure.is_cancelled()) {
        tracing::error!(target: "coulter::runtime", "an error nobody awaited: {failure}");
    }
    farewell(&actor).await;
    drop(serving);
    drop(servants);
    let cause = actor.end_cause();
    Actor::uninstall();
    Ok(match outcome.value {
        Some(Ok(value)) => Ended::Value(value),
        Some(Err(panicked)) => Ended::Panicked(panicked),
        None => {
            Ended::Cancelled(cause.or(outcome.cause).unwrap_or_else(|| CancelCause { by: None, why: "its main task was dropped".into(), behind: Vec::new() }))
        }
    })
}

/// Lives a child's life: serves its peers until it is asked to end. The errors nobody reported.
pub(super) async fn serve_peers(
    actor: Rc<Actor>,
    from_watch: UnboundedReceiver<ToWork>,
    connect: impl AsyncFnOnce(&Rc<Actor>) -> Result<(), Error>,
    listening: Listening,
) -> Result<Vec<Failure>, Error> {
    let servants = serve(&actor, from_watch);
    actor.set_addresses(listening.addresses());
    let serving = listening.serve(&actor);
    let main = async {
        connect(&actor).await?;
        discovery::registry::register_self(&actor).await?;
        probe::get().set_state(ActorState::Running);
        tell_ready(&actor)?;
        std::future::pending::<Result<(), Error>>().await
    };
    let outcome = scope::run_root(main).await;
    farewell(&actor).await;
    drop(serving);
    drop(servants);
    Actor::uninstall();
    match outcome.value {
        Some(Err(error)) => Err(error),
        _ => Ok(outcome.errors.into_iter().filter(|failure| !failure.is_cancelled()).collect()),
    }
}

fn tell_ready(actor: &Rc<Actor>) -> Result<(), Error> {
    let parent = actor.parent.as_ref().and_then(|parent| actor.channel_to(parent.uuid));
    let Some(channel) = parent else { return Err(Error::runtime("the channel to the parent closed before this actor was ready")) };
    channel.send(Kind::Ready, DialogId(0), &Ready { addresses: actor.addresses() }).map_err(|error| Error::runtime(error.to_string()))
}

/// What the watch thread tells.
async fn heed(actor: Rc<Actor>, mut from_watch: UnboundedReceiver<ToWork>) {
    while let Some(word) = from_watch.recv().await {
        match word {
            ToWork::CancelActor { cause, hurry } => actor.ask_end(cause, hurry),
            ToWork::CancelContext(key) => {
                let cause = CancelCause { by: None, why: "a console asked for it".into(), behind: Vec::new() };
                if !router::cancel_served(key, cause) {
                    log_runtime!("a console asked to cancel a context that is not served here");
                }
            }
            ToWork::Died { actor: who, status, last_output } => {
                actor.note_death(&who, status, last_output);
            }
            ToWork::Debugged(set) => {
                nursery::debugged(&set);
                for channel in actor.channels() {
                    channel.debugged(set.contains(&channel.peer().uuid));
                }
                // In the set is who is stopped, and everyone above.
                scope::hold_deadlines(set.contains(&actor.aid.uuid));
            }
        }
    }
}

/// Cancels the actor's scope once it is asked to end, and hurries when asked again.
async fn end_when_asked(actor: Rc<Actor>) {
    let mut begun = false;
    loop {
        let asked = actor.end_asked();
        tokio::pin!(asked);
        asked.as_mut().enable();
        if let Some(cause) = actor.end_cause()
            && !std::mem::replace(&mut begun, true)
        {
            log_cancel!("this actor is cancelled: {}", cause.why);
            probe::get().set_state(ActorState::Cancelling);
            scope::cancel(ROOT, cause);
        }
        if actor.in_hurry() {
            scope::hurry(ROOT);
            nursery::hurry_all();
        }
        asked.await;
    }
}

/// Says goodbye on every channel (the registrar's among them: it forgets us by that), and hands what was said to the
/// kernel; within a limit.
async fn farewell(actor: &Rc<Actor>) {
    let words = async {
        invoke::all_said().await;
        for channel in actor.channels() {
            channel.send_empty(Kind::Goodbye, DialogId(0));
            channel.flush().await;
        }
    };
    if tokio::time::timeout(FAREWELL, words).await.is_err() {
        log_runtime!("some peers took the last words too slowly");
    }
    for channel in actor.channels() {
        channel.close();
    }
}
