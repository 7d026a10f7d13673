//! The one actor of this process: who it is, whom it is connected to, and whether it is ending.
//!
//! Lives on the work thread. It knows channels and facts, not what is said over them.
pub(crate) mod greet;
pub(crate) mod listen;
pub(crate) mod shown;

use std::cell::{Cell, OnceCell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use coulter_proto::error::{CancelCause, Failure, FailureKind};
use coulter_proto::exit::ExitStatus;
use coulter_proto::id::{Aid, ContextKey, Uuid};
use coulter_proto::spawn::{Address, RuntimeVars};
use tokio::sync::Notify;

use crate::error::{Error, new_failure};
use crate::ipc::channel::{Channel, Router};
use crate::observe::watch::Watch;

/// How long someone who is not the parent waits for the news of how a peer died.
const DEATH_NEWS: Duration = Duration::from_millis(200);

/// The actor.
pub(crate) struct Actor {
    pub(crate) aid: Aid,
    pub(crate) parent: Option<Aid>,
    pub(crate) vars: RuntimeVars,
    pub(crate) tree_secret: Vec<u8>,
    pub(crate) realm_key: Vec<u8>,
    pub(crate) watch: Watch,
    pub(crate) max_frame: usize,
    exposed: RefCell<Vec<String>>,
    addresses: RefCell<Vec<Address>>,
    router: OnceCell<Rc<dyn Router>>,
    channels: RefCell<HashMap<Uuid, Rc<Channel>>>,
    connecting: tokio::sync::Mutex<()>,
    next_key: Cell<u64>,
    deaths: RefCell<HashMap<Uuid, Arc<Failure>>>,
    died: Notify,
    ending: RefCell<Option<CancelCause>>,
    end_asked: Notify,
    /// Who wants to know that the channel to a peer has ended.
    on_gone: RefCell<Vec<fn(&Aid)>>,
    hurry: Cell<bool>,
}

thread_local! {
    static ACTOR: RefCell<Option<Rc<Actor>>> = const { RefCell::new(None) };
}

/// What an actor is made of.
pub(crate) struct Parts {
    pub(crate) aid: Aid,
    pub(crate) parent: Option<Aid>,
    pub(crate) vars: RuntimeVars,
    pub(crate) tree_secret: Vec<u8>,
    pub(crate) realm_key: Vec<u8>,
    pub(crate) watch: Watch,
    pub(crate) exposed: Vec<String>,
}

impl Actor {
    /// Makes this thread the work thread of an actor.
    pub(crate) fn install(parts: Parts) -> Rc<Self> {
        let Parts { aid, parent, vars, tree_secret, realm_key, watch, exposed } = parts;
        let actor = Rc::new(Self {
            aid,
            parent,
            vars,
            tree_secret,
            realm_key,
            watch,
            max_frame: coulter_proto::message::DEFAULT_MAX_FRAME,
            exposed: RefCell::new(exposed),
            addresses: RefCell::default(),
            router: OnceCell::new(),
            channels: RefCell::default(),
            connecting: tokio::sync::Mutex::new(()),
            next_key: Cell::new(1),
            deaths: RefCell::default(),
            died: Notify::new(),
            ending: RefCell::default(),
            end_asked: Notify::new(),
            on_gone: RefCell::default(),
            hurry: Cell::new(false),
        });
        ACTOR.with(|slot| *slot.borrow_mut() = Some(actor.clone()));
        actor
    }

    /// Takes the actor off this thread.
    pub(crate) fn uninstall() {
        let actor = ACTOR.with(|slot| slot.borrow_mut().take());
        drop(actor);
    }

    /// The actor of this thread.
    pub(crate) fn try_current() -> Option<Rc<Self>> {
        ACTOR.with(|slot| slot.borrow().clone())
    }

    /// The actor of this thread, or an error that names what was asked and how to get there.
    pub(crate) fn current(asked: &str) -> Result<Rc<Self>, Error> {
        Self::try_current().ok_or_else(|| Error::no_runtime(asked))
    }

    pub(crate) fn is_root(&self) -> bool {
        self.parent.is_none()
    }

    pub(crate) fn exposed(&self) -> std::cell::Ref<'_, Vec<String>> {
        self.exposed.borrow()
    }
    pub(crate) fn addresses(&self) -> Vec<Address> {
        self.addresses.borrow().clone()
    }
    pub(crate) fn set_addresses(&self, addresses: Vec<Address>) {
        *self.addresses.borrow_mut() = addresses;
    }

    pub(crate) fn set_router(&self, router: Rc<dyn Router>) {
        let _ = self.router.set(router);
    }
    /// What routes the frames of every channel.
    pub(crate) fn router(&self) -> Result<Rc<dyn Router>, Error> {
        self.router.get().cloned().ok_or_else(|| Error::runtime("the actor is not ready to talk yet"))
    }

    /// A number for a dialog we open, unique in the tree.
    pub(crate) fn new_key(&self) -> ContextKey {
        let n = self.next_key.get();
        self.next_key.set(n + 1);
        ContextKey { opener: self.aid.uuid, n }
    }

    /// The open channel to a peer.
    pub(crate) fn channel_to(&self, peer: Uuid) -> Option<Rc<Channel>> {
        self.channels.borrow().get(&peer).filter(|channel| !channel.is_closed()).cloned()
    }
    /// The channel to a peer is this one from now on, unless there is an open one.
    pub(crate) fn add_channel(&self, channel: &Rc<Channel>) {
        let mut channels = self.channels.borrow_mut();
        let slot = channels.entry(channel.peer().uuid).or_insert_with(|| channel.clone());
        if slot.is_closed() {
            *slot = channel.clone();
        }
    }
    /// Forgets a channel that has ended.
    pub(crate) fn remove_channel(&self, channel: &Rc<Channel>) {
        let gone = {
            let mut channels = self.channels.borrow_mut();
            match channels.get(&channel.peer().uuid) {
                Some(known) if Rc::ptr_eq(known, channel) => channels.remove(&channel.peer().uuid),
                _ => None,
            }
        };
        drop(gone);
    }
    /// All channels.
    pub(crate) fn channels(&self) -> Vec<Rc<Channel>> {
        self.channels.borrow().values().cloned().collect()
    }
    /// Held while connecting, so that two tasks do not open two channels to one peer.
    pub(crate) fn connecting(&self) -> &tokio::sync::Mutex<()> {
        &self.connecting
    }

    /// Somebody died, and this is how.
    pub(crate) fn note_death(&self, actor: &Aid, status: ExitStatus, last_output: Vec<String>) -> Arc<Failure> {
        let failure = self.deaths.borrow_mut().entry(actor.uuid).or_insert_with(|| Arc::new(death(actor, status, last_output))).clone();
        self.died.notify_waiters();
        failure
    }

    /// How a peer whose channel ended without a word died: its parent's news, or after 200 ms what we know.
    pub(crate) async fn why_gone(&self, peer: &Aid) -> Arc<Failure> {
        let news = async {
            loop {
                let died = self.died.notified();
                if let Some(known) = self.deaths.borrow().get(&peer.uuid) {
                    return known.clone();
                }
                died.await;
            }
        };
        match tokio::time::timeout(DEATH_NEWS, news).await {
            Ok(known) => known,
            Err(_) => Arc::new(death(peer, ExitStatus::Unknown, Vec::new())),
        }
    }

    /// What is known about the death of a peer.
    pub(crate) fn known_death(&self, peer: Uuid) -> Option<Arc<Failure>> {
        self.deaths.borrow().get(&peer).cloned()
    }

    /// Calls `tell` whenever the channel to a peer has ended.
    pub(crate) fn when_gone(&self, tell: fn(&Aid)) {
        self.on_gone.borrow_mut().push(tell);
    }
    /// The channel to this peer has ended.
    pub(crate) fn tell_gone(&self, peer: &Aid) {
        let told = self.on_gone.borrow().clone();
        told.iter().for_each(|tell| tell(peer));
    }

    /// Asks the actor to end; the first cause stays.
    pub(crate) fn ask_end(&self, cause: CancelCause, hurry: bool) {
        if hurry {
            self.hurry.set(true);
        }
        self.ending.borrow_mut().get_or_insert(cause);
        self.end_asked.notify_waiters();
    }
    /// Why the actor is ending, if it is.
    pub(crate) fn end_cause(&self) -> Option<CancelCause> {
        self.ending.borrow().clone()
    }
    /// Whether it shall end at once.
    pub(crate) fn in_hurry(&self) -> bool {
        self.hurry.get()
    }
    /// Waits until the actor is asked to end, or asked again.
    pub(crate) fn end_asked(&self) -> tokio::sync::futures::Notified<'_> {
        self.end_asked.notified()
    }
}

fn death(actor: &Aid, status: ExitStatus, last_output: Vec<String>) -> Failure {
    let advice = match status {
        ExitStatus::Signal(9) => "something killed it (the OOM killer does so too)",
        ExitStatus::Signal(_) => "look at its last output",
        ExitStatus::Code(_) => "it left on its own; look at its last output",
        ExitStatus::Unknown => "its parent knows more",
    };
    new_failure(FailureKind::ActorDied { actor: actor.clone(), status, last_output }, format!("actor {actor} died: {status}; {advice}"))
}
