//! One child: its process, its ladder, its channel, and the news of its end.
use std::cell::{Cell, RefCell};
use std::collections::HashSet;
use std::rc::{Rc, Weak};
use std::time::Duration;

use coulter_proto::error::Failure;
use coulter_proto::exit::ExitStatus;
use coulter_proto::id::{Aid, Uuid};
use coulter_proto::ladder::{Effect, Input, Ladder, Signal as LadderSignal, Timing};
use coulter_proto::machine::Machine;
use coulter_proto::nursery::ChildId;
use coulter_proto::observe::{ActorRow, ActorState};
use coulter_proto::time::Now;
use coulter_proto::trace::Recorded;
use rustix::process::Signal;

use super::Inner;
use crate::clock::{self, Timed};
use crate::ipc::channel::Channel;
use crate::log::{log_cancel, log_runtime};
use crate::observe::{probe, watch::OutputTail};
use crate::rpc::router;
use crate::spawn::process::Process;
use crate::trace::recorded;

/// How long what a dead child has said may take to come in: it is in the kernel's buffers already.
const LAST_WORDS: Duration = Duration::from_millis(100);

thread_local! {
    /// The live children of this actor, whichever nursery owns them.
    static CHILDREN: RefCell<Vec<Weak<Child>>> = const { RefCell::new(Vec::new()) };
}

/// A child of a nursery.
pub(crate) struct Child {
    pub(crate) id: ChildId,
    pub(crate) aid: Aid,
    me: Weak<Child>,
    nursery: Weak<Inner>,
    process: Process,
    output: OutputTail,
    ladder: RefCell<Recorded<Ladder>>,
    channel: RefCell<Option<Rc<Channel>>>,
    row: RefCell<ActorRow>,
    killed: Cell<bool>,
    /// The socket it was spawned with, where its channel is another: closed, it takes us for dead.
    lifeline: RefCell<Option<crate::ipc::socket::Socket>>,
}

/// The news of which actors are debugged reaches every ladder.
pub(crate) fn debugged(set: &HashSet<Uuid>) {
    for child in live() {
        child.ladder(Input::Debugged(set.contains(&child.aid.uuid)));
    }
}

/// A second signal to the root: no more waiting.
pub(crate) fn hurry_all() {
    for child in live() {
        child.ladder(Input::Kill);
    }
}

fn live() -> Vec<Rc<Child>> {
    CHILDREN.with(|children| {
        let mut children = children.borrow_mut();
        children.retain(|child| child.strong_count() > 0);
        children.iter().filter_map(Weak::upgrade).collect()
    })
}

impl Child {
    pub(super) fn new(id: ChildId, row: ActorRow, nursery: &Inner, process: Process, output: OutputTail) -> Rc<Self> {
        let child = Rc::new_cyclic(|me| Self {
            id,
            aid: row.aid.clone(),
            me: me.clone(),
            nursery: nursery.weak(),
            process,
            output,
            ladder: RefCell::new(recorded(Ladder::new(Timing::default()))),
            channel: RefCell::default(),
            row: RefCell::new(row),
            killed: Cell::new(false),
            lifeline: RefCell::default(),
        });
        CHILDREN.with(|children| children.borrow_mut().push(Rc::downgrade(&child)));
        child.tell(|_| {});
        tokio::task::spawn_local(child.clone().reap());
        child
    }

    /// Changes the row the tables show of it.
    fn tell(&self, change: impl FnOnce(&mut ActorRow)) {
        let mut row = self.row.borrow_mut();
        change(&mut row);
        probe::get().child(row.clone());
    }

    pub(super) fn ready(&self, channel: &Rc<Channel>, addresses: Vec<String>) {
        *self.channel.borrow_mut() = Some(channel.clone());
        self.tell(|row| {
            row.addresses = addresses;
            if row.state == ActorState::Starting {
                row.state = ActorState::Running;
            }
        });
    }

    /// The channel to it is there, though it is not ready yet.
    pub(super) fn connected(&self, channel: &Rc<Channel>) {
        *self.channel.borrow_mut() = Some(channel.clone());
    }

    pub(super) fn hold(&self, lifeline: Option<crate::ipc::socket::Socket>) {
        *self.lifeline.borrow_mut() = lifeline;
    }

    pub(super) fn process(&self) -> &Process {
        &self.process
    }

    pub(super) fn last_output(&self) -> Vec<String> {
        self.output.lines()
    }

    /// Starts its ladder.
    pub(super) fn cancel(&self) {
        log_cancel!("cancelling {}", self.aid);
        self.ending();
        self.ladder(Input::Cancel);
    }

    /// Starts its ladder at SIGTERM.
    pub(super) fn kill(&self) {
        log_cancel!("killing {}", self.aid);
        self.ending();
        self.ladder(Input::Kill);
    }

    /// Ends it at once: it never became an actor.
    pub(super) fn kill_now(&self) {
        self.killed.set(true);
        self.process.signal(Signal::KILL);
    }

    fn ending(&self) {
        self.tell(|row| {
            if !matches!(row.state, ActorState::Ended { .. }) {
                row.state = ActorState::Cancelling;
            }
        });
    }

    fn ladder(&self, input: Input) {
        let mut effects = Vec::new();
        self.ladder.borrow_mut().on(clock::now(), input, &mut effects);
        self.carry_out(effects);
        self.set_timer();
    }

    fn set_timer(&self) {
        let due = self.ladder.borrow().next_deadline();
        if let (Some(due), Some(me)) = (due, self.me.upgrade()) {
            clock::schedule(due, &me);
        }
    }

    fn carry_out(&self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::SendCancel => self.send_cancel(),
                Effect::AskRoot { ask } => self.ask_root(ask),
                Effect::Signal(signal) => {
                    let signal = match signal {
                        LadderSignal::Term => Signal::TERM,
                        LadderSignal::Kill => Signal::KILL,
                    };
                    log_cancel!("{signal:?} to {}", self.aid);
                    self.process.signal(signal);
                }
                Effect::Done => {}
            }
        }
    }

    fn send_cancel(&self) {
        let (Some(me), Some(nursery)) = (self.me.upgrade(), self.nursery.upgrade()) else { return };
        let channel = self.channel.borrow().clone();
        let cause = nursery.cause();
        tokio::task::spawn_local(async move {
            let acked = match channel {
                Some(channel) if !channel.is_closed() => router::ask_actor_to_cancel(&channel, &cause).await.is_ok(),
                _ => false,
            };
            me.ladder(if acked { Input::Acked } else { Input::RequestUnsendable });
        });
    }

    fn ask_root(&self, ask: u32) {
        let (Some(me), Some(nursery)) = (self.me.upgrade(), self.nursery.upgrade()) else { return };
        let answer = nursery.actor.watch.may_signal(self.aid.uuid);
        tokio::task::spawn_local(async move {
            // No answer in time is the machine's business.
            if let Ok(go) = answer.await {
                me.ladder(if go { Input::Go { ask } } else { Input::Wait { ask } });
            }
        });
    }

    async fn reap(self: Rc<Self>) {
        let status = self.process.wait().await;
        // Somebody it left behind may hold its pipes open: then what came so far has to do.
        let _ = tokio::time::timeout(LAST_WORDS, self.output.closed()).await;
        let (begun, signalled) = {
            let ladder = self.ladder.borrow();
            (ladder.begun(), ladder.signalled())
        };
        self.ladder(Input::Exited);
        let channel = self.channel.borrow().clone();
        if let Some(channel) = &channel {
            // Its last words are on the way to us: they tell a graceful end from a death.
            let _ = tokio::time::timeout(LAST_WORDS, channel.ended()).await;
        }
        let goodbye = channel.as_ref().is_some_and(|channel| channel.said_goodbye());
        let asked = begun || goodbye || self.killed.get();
        log_runtime!("{} ended: {status}", self.aid);
        self.tell(|row| row.state = ActorState::Ended { status, asked });
        let Some(nursery) = self.nursery.upgrade() else { return };
        let failure = self.announce(&nursery, status, asked);
        if let Some(channel) = channel.filter(|_| !goodbye) {
            channel.lost(failure.clone().into());
        }
        self.remove_sockets(&nursery);
        let clean = status.is_clean() || signalled || self.killed.get();
        nursery.exited(self.id, asked, clean, &failure);
    }

    fn announce(&self, nursery: &Inner, status: ExitStatus, asked: bool) -> Failure {
        let last_output = self.last_output();
        nursery.actor.watch.up(coulter_proto::bus::Up::Died { actor: self.aid.clone(), status, asked, last_output: last_output.clone() });
        Failure::clone(&nursery.actor.note_death(&self.aid, status, last_output))
    }

    /// What a killed child could not remove itself.
    fn remove_sockets(&self, nursery: &Inner) {
        let path = crate::realm::directory::socket_path(&nursery.actor.vars.tree_dir, &self.aid);
        let _ = std::fs::remove_file(path);
    }
}

impl Timed for Child {
    fn on_time(&self, now: Now) -> Option<Now> {
        let mut effects = Vec::new();
        self.ladder.borrow_mut().on_time(now, &mut effects);
        self.carry_out(effects);
        self.ladder.borrow().next_deadline()
    }
}
