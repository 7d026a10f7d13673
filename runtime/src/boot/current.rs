//! Who this process is, for those who ask.
use coulter_proto::id::{Aid, ContextKey};

use crate::actor::Actor;
use crate::error::Error;

/// The actor this process is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActorRef {
    aid: Aid,
}

impl ActorRef {
    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.aid.name
    }
    /// Its process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.aid.pid
    }
    /// Its whole identity.
    #[must_use]
    pub fn aid(&self) -> &Aid {
        &self.aid
    }
}

/// The actor this process is, on any of its threads.
///
/// # Panics
/// In a process that is no actor; [`try_current_actor`] gives `None` there.
#[must_use]
pub fn current_actor() -> ActorRef {
    match try_current_actor() {
        Some(actor) => actor,
        None => panic!("this process is no actor yet; call from `#[coulter::main]`, an endpoint, or inside `coulter::Root::run`"),
    }
}

/// The actor this process is, on any of its threads; `None` if it is none.
#[must_use]
pub fn try_current_actor() -> Option<ActorRef> {
    crate::identity::current().map(|aid| ActorRef { aid })
}

/// The context (or call) the running task serves; `None` outside of one.
#[must_use]
pub fn current_context() -> Option<ContextKey> {
    crate::log::current_context()
}

/// Whether this process is the root of a tree.
#[must_use]
pub fn is_root_process() -> bool {
    Actor::try_current().is_some_and(|actor| actor.is_root())
}

/// The runtime variables of this actor, by name; no secrets.
///
/// # Errors
/// [`Error::NoRuntime`] on a thread that runs no actor.
pub fn runtime_vars() -> Result<Vec<(String, String)>, Error> {
    Ok(crate::actor::shown::vars(&Actor::current("runtime_vars")?.vars))
}
