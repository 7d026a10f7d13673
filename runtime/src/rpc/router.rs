//! Where frames go: opens dialogs for peers, answers what concerns the channel itself, and finds out why a channel ended.
//!
//! Nothing a peer sends can end the actor: what breaks the protocol closes its channel and nothing else.
use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::{Rc, Weak};
use std::sync::Arc;

use coulter_proto::dialog::{CalleeInput, Terms};
use coulter_proto::error::{CancelCause, Failure, FailureKind};
use coulter_proto::id::{CauseToken, ContextKey, DialogId, Uuid};
use coulter_proto::message::{self, Frame, Kind, Ready, StartHead};
use coulter_proto::observe::{DialogKind, Side};
use tokio::sync::oneshot;

use super::endpoint::{self, Entry, EntryKind};
use super::invoke;
use crate::actor::Actor;
use crate::dialog::{Dialog, Opening};
use crate::error::new_failure;
use crate::ipc::channel::{Channel, Router};
use crate::log::{log_cancel, log_runtime};

/// A child's channel, and its word that it can be called.
type IsReady = (Rc<Channel>, Ready);

thread_local! {
    /// Dialogs served here, by their number in the tree: what a console can cancel.
    static SERVED: RefCell<HashMap<ContextKey, Weak<Dialog>>> = RefCell::default();
    /// Children that have not said they are ready.
    static AWAITED: RefCell<HashMap<Uuid, oneshot::Sender<IsReady>>> = RefCell::default();
    /// Those who wait for the acknowledgement of an actor's cancel.
    static CANCEL_ACKS: RefCell<HashMap<Uuid, Vec<oneshot::Sender<()>>>> = RefCell::default();
}

/// Tells when the child with this uuid is ready.
pub(crate) fn await_ready(child: Uuid) -> oneshot::Receiver<IsReady> {
    let (tell, told) = oneshot::channel();
    AWAITED.with(|awaited| awaited.borrow_mut().insert(child, tell));
    told
}

/// Nobody waits for that child any more.
pub(crate) fn forget_awaited(child: Uuid) {
    AWAITED.with(|awaited| awaited.borrow_mut().remove(&child));
}

/// Asks the whole peer to cancel; resolves with its acknowledgement.
pub(crate) fn ask_actor_to_cancel(channel: &Channel, cause: &CancelCause) -> oneshot::Receiver<()> {
    let (tell, told) = oneshot::channel();
    CANCEL_ACKS.with(|acks| acks.borrow_mut().entry(channel.peer().uuid).or_default().push(tell));
    if channel.send(Kind::CancelActor, DialogId(0), cause).is_err() {
        CANCEL_ACKS.with(|acks| acks.borrow_mut().remove(&channel.peer().uuid));
    }
    told
}

pub(super) fn forget_served(_actor: &Actor, key: ContextKey) {
    let _ = SERVED.try_with(|served| served.borrow_mut().remove(&key));
}

/// Cancels a dialog served here, on behalf of a console.
pub(crate) fn cancel_served(key: ContextKey, cause: CancelCause) -> bool {
    let dialog = SERVED.with(|served| served.borrow().get(&key).and_then(Weak::upgrade));
    match dialog {
        Some(dialog) => {
            dialog.cause.borrow_mut().get_or_insert(cause);
            dialog.callee_input(CalleeInput::CancelLocal { token: CauseToken(0) });
            true
        }
        None => false,
    }
}

/// The router of this actor.
pub(crate) struct ActorRouter {
    actor: Weak<Actor>,
}

impl ActorRouter {
    pub(crate) fn install(actor: &Rc<Actor>) {
        actor.set_router(Rc::new(Self { actor: Rc::downgrade(actor) }));
    }
}

impl Router for ActorRouter {
    fn on_start(&self, channel: &Rc<Channel>, frame: Frame) -> Result<(), String> {
        let Some(actor) = self.actor.upgrade() else { return Ok(()) };
        let Frame { dialog: id, mut body, .. } = frame;
        if !channel.is_peers(id) {
            return Err(format!("it opened dialog {} under a number that is not its own", id.0));
        }
        let head: StartHead = message::read_front(&mut body).map_err(|error| error.to_string())?;
        if head.key.opener != channel.peer().uuid {
            return Err("it opened a context in the name of another actor".into());
        }
        match admit(&actor, &head) {
            Ok(entry) => {
                let terms = Terms { window: head.window, overrun: head.overrun, ..Terms::new(head.kind) };
                let opening = Opening { id, key: head.key, terms, side: Side::Callee, endpoint: entry.path(), arguments: String::new() };
                let dialog = Dialog::new(channel, &actor.aid, opening);
                if !channel.attach(id, dialog.clone()) {
                    return Err(format!("it opened dialog {} twice", id.0));
                }
                SERVED.with(|served| served.borrow_mut().insert(head.key, Rc::downgrade(&dialog)));
                dialog.callee_input(CalleeInput::Accept);
                invoke::serve(&actor, entry, &dialog, body);
            }
            Err(refusal) => {
                log_runtime!("refused {}: {}", channel.peer(), refusal.message);
                channel.send(Kind::Fail, id, &*refusal).map_err(|error| error.to_string())?;
            }
        }
        Ok(())
    }

    fn on_control(&self, channel: &Rc<Channel>, frame: Frame) -> Result<(), String> {
        let Some(actor) = self.actor.upgrade() else { return Ok(()) };
        match frame.kind {
            Kind::Ping => channel.send_empty(Kind::Pong, DialogId(0)),
            Kind::Pong => {}
            Kind::Goodbye => channel.note_goodbye(),
            Kind::Ready => {
                let ready: Ready = message::read(&frame.body).map_err(|error| error.to_string())?;
                if let Some(tell) = AWAITED.with(|awaited| awaited.borrow_mut().remove(&channel.peer().uuid)) {
                    let _ = tell.send((channel.clone(), ready));
                }
            }
            Kind::CancelActor => {
                let mut cause: CancelCause = message::read(&frame.body).map_err(|error| error.to_string())?;
                // Who asked is who is at the other end, whatever the frame says.
                cause.by = Some(channel.peer().clone());
                log_cancel!("{} asks this actor to cancel: {}", channel.peer(), cause.why);
                channel.send_empty(Kind::CancelActorAck, DialogId(0));
                actor.ask_end(cause, false);
            }
            Kind::CancelActorAck => {
                let acked = CANCEL_ACKS.with(|acks| acks.borrow_mut().remove(&channel.peer().uuid));
                for tell in acked.into_iter().flatten() {
                    let _ = tell.send(());
                }
            }
            other => return Err(format!("{other:?} is no message for the channel itself")),
        }
        Ok(())
    }

    fn on_end(&self, channel: Rc<Channel>, breach: Option<String>) {
        let Some(actor) = self.actor.upgrade() else { return };
        actor.remove_channel(&channel);
        CANCEL_ACKS.with(|acks| acks.borrow_mut().remove(&channel.peer().uuid));
        if let Some(breach) = breach {
            let text = format!("{} broke the protocol ({breach}); the channel to it was closed", channel.peer());
            tracing::warn!(target: "coulter::transport", "{text}");
            channel.lost(Arc::new(new_failure(FailureKind::TransportClosed, text)));
            actor.tell_gone(channel.peer());
            return;
        }
        tokio::task::spawn_local(async move {
            let why = why_ended(&actor, &channel).await;
            channel.lost(why);
            actor.tell_gone(channel.peer());
        });
    }
}

async fn why_ended(actor: &Actor, channel: &Channel) -> Arc<Failure> {
    let peer = channel.peer();
    if channel.said_goodbye() {
        let text = format!("actor {peer} has ended; what was asked of it will not be answered");
        return Arc::new(new_failure(FailureKind::TransportClosed, text));
    }
    actor.why_gone(peer).await
}

/// Endpoints of the runtime itself, a closed set, need no exposing.
fn is_of_the_runtime(entry: &Entry) -> bool {
    entry.module.split("::").next() == Some(env!("CARGO_CRATE_NAME"))
}

/// What a `Start` asks for, if it may have it. Refusals happen before any task starts.
fn admit(actor: &Actor, head: &StartHead) -> Result<&'static Entry, Box<Failure>> {
    let refuse = |kind: FailureKind, message: String| {
        let mut failure = new_failure(kind, message);
        failure.source = Some(actor.aid.clone());
        Box::new(failure)
    };
    let path = head.endpoint.split('@').next().unwrap_or(&head.endpoint).to_owned();
    let module = path.rsplit_once("::").map_or(path.as_str(), |(module, _)| module).to_owned();
    if let Some(cause) = actor.end_cause() {
        return Err(refuse(FailureKind::Cancelled(cause.clone()), format!("{} is ending and starts nothing new: {}", actor.aid, cause.why)));
    }
    let entry = match endpoint::find(&head.endpoint) {
        Some(entry) => Some(entry),
        None => match &endpoint::at_path(&head.endpoint)[..] {
            [] => None,
            [entry] => Some(*entry),
            several => {
                let places: Vec<_> = several.iter().map(|entry| format!("{}:{}", entry.file, entry.line)).collect();
                return Err(refuse(
                    FailureKind::NoSuchEndpoint { endpoint: path.clone() },
                    format!(
                        "{} has several endpoints `{path}` ({}); give one a name of its own: `#[coulter::endpoint(path = \"..\")]`",
                        actor.aid,
                        places.join(", ")
                    ),
                ));
            }
        },
    };
    let exposed = match entry {
        Some(entry) => is_of_the_runtime(entry) || entry.is_exposed_by(&actor.exposed()),
        None => actor.exposed().contains(&module),
    };
    if !exposed {
        return Err(refuse(
            FailureKind::ModuleNotExposed { module: module.clone() },
            format!("{} does not expose module `{module}`; start it with `.expose(\"{module}\")`", actor.aid),
        ));
    }
    let Some(entry) = entry else {
        return Err(refuse(
            FailureKind::NoSuchEndpoint { endpoint: path.clone() },
            format!("{} has no endpoint `{path}`; mark it `#[coulter::endpoint]`, and `use` its crate so that it is linked", actor.aid),
        ));
    };
    let kind = match entry.kind {
        EntryKind::Call => DialogKind::Call,
        EntryKind::Context => DialogKind::Context,
    };
    // A caller that goes by name does not know the types: the arguments are checked one by one as they are read.
    let same_types = head.fingerprint == 0 || (entry.fingerprint)() == head.fingerprint;
    if kind != head.kind || !same_types {
        return Err(refuse(
            FailureKind::MsgType { expected: format!("{path} as built here"), what: "the endpoint's payload types".into() },
            format!("{path} has other payload types in {} than in its caller; build both from the same source", actor.aid),
        ));
    }
    Ok(entry)
}
