//! Finding actors by name: the registrar's table as calls, and channels to those found.
pub(crate) mod registry;

use std::rc::Rc;

use coulter_proto::handshake::{Purpose, Role};
use coulter_proto::id::Aid;
use coulter_proto::registrar::Entry;
use coulter_proto::spawn::Address;

use crate::actor::Actor;
use crate::actor::greet::greet;
use crate::context::caller::CallFuture;
use crate::error::Error;
use crate::ipc::channel::Channel;
use crate::ipc::socket::Socket;
use crate::log::log_runtime;
use crate::portal::Portal;
use crate::rpc::endpoint::Call;

/// A portal to the newest actor of that name, or `None` when there is none.
///
/// # Errors
/// When the registrar cannot be reached, or the actor is known but answers at none of its addresses.
///
/// # Cancel safety
/// Nothing is left behind but perhaps an open channel, which is used again.
pub async fn find_actor(name: &str) -> Result<Option<Portal>, Error> {
    let actor = Actor::current("find_actor")?;
    match registry::find(&actor, name).await? {
        Some(entry) => portal_to(&actor, &entry).await.map(Some),
        None => Ok(None),
    }
}

/// Portals to all actors of that name, newest first.
///
/// # Errors
/// As [`find_actor`].
pub async fn find_actors(name: &str) -> Result<Vec<Portal>, Error> {
    let actor = Actor::current("find_actors")?;
    let mut portals = Vec::new();
    for entry in registry::find_all(&actor, name).await? {
        portals.push(portal_to(&actor, &entry).await?);
    }
    Ok(portals)
}

/// Waits until an actor of that name is registered; a portal to it.
///
/// # Errors
/// As [`find_actor`].
///
/// # Cancel safety
/// The registrar forgets the wait.
pub async fn wait_for_actor(name: &str) -> Result<Portal, Error> {
    let actor = Actor::current("wait_for_actor")?;
    let entry = registry::wait(&actor, name).await?;
    portal_to(&actor, &entry).await
}

/// Who is registered under a name, and where it listens; opens no channel.
///
/// # Errors
/// When the registrar cannot be reached.
pub async fn query_actor(name: &str) -> Result<Option<(Aid, Vec<Address>)>, Error> {
    let actor = Actor::current("query_actor")?;
    Ok(registry::find(&actor, name).await?.map(|entry| (entry.aid, entry.addresses)))
}

/// A portal to the root of the tree.
///
/// # Errors
/// In the root itself, and when the root is gone.
pub async fn get_root() -> Result<Portal, Error> {
    let actor = Actor::current("get_root")?;
    if actor.is_root() {
        return Err(oneself(&actor.aid));
    }
    channel_to_root(&actor).await.map(Portal::new)
}

/// A portal to the registrar: in this version the root of the tree.
///
/// # Errors
/// In the registrar itself, and when it is gone.
pub async fn get_registry() -> Result<Portal, Error> {
    get_root().await
}

/// A portal to the parent; `None` in the root.
///
/// # Errors
/// On a thread that runs no actor, and when the parent is gone.
pub fn get_parent() -> Result<Option<Portal>, Error> {
    let actor = Actor::current("get_parent")?;
    let Some(parent) = &actor.parent else { return Ok(None) };
    match actor.channel_to(parent.uuid) {
        Some(channel) => Ok(Some(Portal::new(channel))),
        None => Err(Error::runtime(format!("the channel to the parent {parent} is closed; this actor is about to end"))),
    }
}

fn oneself(aid: &Aid) -> Error {
    Error::runtime(format!("{aid} is this very actor; call the function itself instead of going through a portal"))
}

pub(crate) async fn channel_to_root(actor: &Rc<Actor>) -> Result<Rc<Channel>, Error> {
    let root = Entry { aid: actor.vars.root.clone(), addresses: actor.vars.root_addresses.clone(), parent: None };
    channel_to(actor, &root).await
}

async fn portal_to(actor: &Rc<Actor>, entry: &Entry) -> Result<Portal, Error> {
    channel_to(actor, entry).await.map(Portal::new)
}

/// The open channel to an actor, or a new one: all its addresses are tried, UDS first.
async fn channel_to(actor: &Rc<Actor>, entry: &Entry) -> Result<Rc<Channel>, Error> {
    if entry.aid == actor.aid {
        return Err(oneself(&actor.aid));
    }
    if let Some(known) = actor.channel_to(entry.aid.uuid) {
        return Ok(known);
    }
    let _one_at_a_time = actor.connecting().lock().await;
    if let Some(known) = actor.channel_to(entry.aid.uuid) {
        return Ok(known);
    }
    let mut addresses = entry.addresses.clone();
    // What this actor speaks first of what the other listens on.
    addresses.sort_by_key(|address| actor.vars.transports.iter().position(|ours| *ours == address.transport()).unwrap_or(usize::MAX));
    let mut tried = Vec::new();
    for address in &addresses {
        let socket = match Socket::connect(address).await {
            Ok(socket) => socket,
            Err(error) => {
                tried.push(format!("{address}: {error}"));
                continue;
            }
        };
        match greet(actor, socket, Role::Initiator, Purpose::Realm, Some(entry.aid.uuid)).await {
            Ok(channel) => {
                log_runtime!("connected to {} at {address}", entry.aid);
                return Ok(channel);
            }
            Err(error) => tried.push(format!("{address}: {error}")),
        }
    }
    if let Some(death) = actor.known_death(entry.aid.uuid) {
        return Err(Error::from_failure(death));
    }
    Err(Error::runtime(format!("{} is registered, but answers at none of its addresses ({}); it may have just ended", entry.aid, tried.join("; "))))
}

/// Calls an endpoint of the runtime itself in the registrar.
async fn ask<E: crate::rpc::endpoint::Endpoint>(actor: &Rc<Actor>, call: Call<E>) -> Result<E::Ok, Error> {
    let channel = channel_to_root(actor).await?;
    CallFuture::start(&channel, &call)?.await
}
