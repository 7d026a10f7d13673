//! The shell around the machines: actors, links, the root's seat, processes and their deaths.
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap, VecDeque};

use coulter_proto::dialog::{
    Callee, CalleeEffect, CalleeInput, Caller, CallerEffect, CallerInput, DialogKind, Final, FinalFailure, FinalKind, FromPeer, Overrun, Terms, ToPeer, Verdict, WindowSize,
};
use coulter_proto::id::{CauseToken, ErrorToken, StopId, Uuid};
use coulter_proto::ladder::{self, Ladder, Signal};
use coulter_proto::machine::Machine;
use coulter_proto::nursery::{self, ChildId, ChildKind, ChildResult, Nursery};
use coulter_proto::scope::{self, Cause, DutyId, ROOT, ScopeId, Scopes};
use coulter_proto::seat::{self, Seat};
use coulter_proto::time::Now;

use super::script::{Body, Rng, Wildness};
use super::tasks::{Task, TaskKind};

/// What may go wrong besides the script.
#[derive(Clone, Copy, Debug)]
pub(super) struct Dangers {
    pub(super) kills: bool,
    pub(super) cuts: bool,
}

/// What a run went through.
#[derive(Clone, Debug, Default)]
pub(super) struct Report {
    pub(super) actors: u64,
    pub(super) contexts: u64,
    pub(super) calls: u64,
    pub(super) items: u64,
    pub(super) errors: u64,
    pub(super) stops: u64,
    pub(super) asks: u64,
    pub(super) signals: u64,
    pub(super) deaths: u64,
    pub(super) cuts: u64,
    pub(super) too_slow: u64,
    pub(super) longest: u64,
}

impl Report {
    pub(super) fn add(&mut self, other: &Self) {
        self.actors += other.actors;
        self.contexts += other.contexts;
        self.calls += other.calls;
        self.items += other.items;
        self.errors += other.errors;
        self.stops += other.stops;
        self.asks += other.asks;
        self.signals += other.signals;
        self.deaths += other.deaths;
        self.cuts += other.cuts;
        self.too_slow += other.too_slow;
        self.longest = self.longest.max(other.longest);
    }
}

#[derive(Clone, Debug)]
pub(super) enum Message {
    Start { dialog: usize },
    /// To the callee.
    Down { dialog: usize, message: FromPeer },
    /// To the caller.
    Up { dialog: usize, message: ToPeer, len: u64, cause: Option<CauseToken> },
    CancelActor,
    CancelActorAck,
    /// The end of the stream of bytes; of a child's own channel: it can be reaped.
    Eof,
}

#[derive(Clone, Debug)]
pub(super) enum ToRoot {
    Ask { local: u64 },
    Over { stop: StopId },
    MaySignal { ask: u64, child: usize },
    Gone,
}

#[derive(Clone, Debug)]
pub(super) enum ToActor {
    Debugged(BTreeSet<Uuid>),
    Queued { local: u64, stop: StopId },
    Refused { local: u64 },
    Signal { ask: u64, go: bool },
}

#[derive(Clone, Debug)]
enum Event {
    Deliver { channel: usize, to: usize, epoch: u32, message: Message },
    Bus { from: usize, message: ToRoot },
    Told { to: usize, message: ToActor },
    Timer { actor: usize, task: usize },
    Tick { actor: usize },
    Unfreeze { actor: usize, over: Option<StopId> },
    Cancel { actor: usize },
    Kill { actor: usize },
    KillAny,
    CutAny,
    CheckOrphans { actor: usize },
}

pub(super) struct Channel {
    ends: [usize; 2],
    up: bool,
    epoch: u32,
    last: [u64; 2],
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Frozen {
    Stopped { local: u64, lasts: u64 },
    Stuck,
}

pub(super) enum DutyOf {
    Dialog(usize),
    Nursery(usize),
}

pub(super) struct Ending {
    pub(super) errors: Vec<ErrorToken>,
    pub(super) cause: Option<Cause>,
    pub(super) caught: bool,
}

pub(super) struct Actor {
    pub(super) parent: Option<usize>,
    pub(super) uuid: Uuid,
    pub(super) alive: bool,
    graceful: bool,
    pub(super) main_over: bool,
    pub(super) scopes: Scopes,
    pub(super) tasks: BTreeMap<usize, Task>,
    next_task: usize,
    pub(super) owners: HashMap<ScopeId, usize>,
    pub(super) duties: HashMap<DutyId, DutyOf>,
    pub(super) finished: HashMap<ScopeId, Ending>,
    pub(super) frozen: Option<Frozen>,
    inbox: VecDeque<Event>,
    debugged: BTreeSet<Uuid>,
    told: u64,
    tells: u64,
    stops: u64,
    ladder: Option<(Ladder, usize)>,
    tick: Option<u64>,
}

pub(super) struct Dialog {
    channel: usize,
    pub(super) ends: [usize; 2],
    pub(super) caller: Caller,
    pub(super) block_scope: Option<ScopeId>,
    pub(super) owner: Option<usize>,
    pub(super) duty: Option<DutyId>,
    pub(super) duty_done: bool,
    oneshot: Option<(usize, ChildId)>,
    remote: Vec<u64>,
    remote_real: bool,
    pub(super) inbound: [VecDeque<u64>; 2],
    pub(super) queued: [VecDeque<u64>; 2],
    child: Body,
    pub(super) callee: Option<Callee>,
    pub(super) callee_task: Option<usize>,
    pub(super) callee_over: bool,
}

pub(super) struct NurseryRow {
    pub(super) machine: Nursery,
    pub(super) actor: usize,
    pub(super) scope: ScopeId,
    pub(super) duty: DutyId,
    pub(super) duty_done: bool,
    pub(super) owner: Option<usize>,
    pub(super) finished: bool,
}

pub(super) struct World {

    pub(super) rng: Rng,
    pub(super) now: u64,
    queue: BinaryHeap<std::cmp::Reverse<(u64, u64)>>,
    events: HashMap<u64, Event>,
    next_event: u64,
    pub(super) actors: Vec<Actor>,
    channels: Vec<Channel>,
    pub(super) dialogs: Vec<Dialog>,
    pub(super) nurseries: Vec<NurseryRow>,
    seat: Seat,
    asks: HashMap<u64, (usize, u32)>,
    pub(super) groups: HashMap<u64, Vec<u64>>,
    next_token: u64,
    raised: BTreeSet<u64>,
    handled: BTreeMap<u64, u32>,
    /// Somebody died or was cut off: errors may be lost with them, but still never doubled.
    lossy: bool,
    dangers: Dangers,
    pub(super) wild: Wildness,
    pub(super) report: Report,
}

/// Causes tell who asked: the dialog's own `ctx.cancel()` or anything else.
const ACTOR_CANCELLED: CauseToken = CauseToken(1);
fn asked_by_user(dialog: usize) -> CauseToken {
    CauseToken(dialog as u64 * 2 + 10)
}
fn teardown_of(dialog: usize) -> CauseToken {
    CauseToken(dialog as u64 * 2 + 11)
}

impl World {
    pub(super) fn new(rng: Rng, dangers: Dangers, wild: Wildness, body: Body) -> Self {
        let mut world = Self {

            rng,
            now: 0,
            queue: BinaryHeap::new(),
            events: HashMap::new(),
            next_event: 0,
            actors: Vec::new(),
            channels: Vec::new(),
            dialogs: Vec::new(),
            nurseries: Vec::new(),
            seat: Seat::new(true),
            asks: HashMap::new(),
            groups: HashMap::new(),
            next_token: 0,
            raised: BTreeSet::new(),
            handled: BTreeMap::new(),
            lossy: false,
            dangers,
            wild,
            report: Report::default(),
        };
        let mut out = Vec::new();
        world.seat.on(Now(0), seat::Input::Attend { who: seat::AttendantId(1), place: seat::Place::OwnTerminal }, &mut out);
        world.add_actor(None, body);
        world
    }

    pub(super) fn run(mut self) -> Report {
        // A finite run ends by itself, or hangs; others may wait for ever and are cancelled.
        let limit = if self.wild.finite { 100_000_000 } else { 90_000_000 };
        if !self.wild.finite {
            self.at(20_000_000, Event::Cancel { actor: 0 });
        }
        if self.dangers.kills {
            for _ in 0..1 + self.rng.below(2) {
                let when = self.rng.below(600_000);
                self.at(when, Event::KillAny);
            }
        }
        if self.dangers.cuts {
            let when = self.rng.below(400_000);
            self.at(when, Event::CutAny);
        }
        self.run_actor(0);
        while let Some(std::cmp::Reverse((when, number))) = self.queue.pop() {
            let Some(event) = self.events.remove(&number) else { continue };
            assert!(when < limit, "a hang: still busy after {limit} us, at {event:?}");
            self.now = when;
            self.handle(event);
            if self.actors.iter().all(|actor| !actor.alive) {
                break;
            }
        }
        self.check_end();
        self.report.actors = self.actors.len() as u64;
        self.report.errors = self.raised.len() as u64;
        self.report.longest = self.now;
        self.report
    }

    fn check_end(&self) {
        for (n, actor) in self.actors.iter().enumerate() {
            let waits = || self.actors.iter().enumerate().filter(|(_, actor)| actor.alive).flat_map(|(n, actor)| actor.tasks.values().map(move |task| format!("\n  actor {n} {task}")));
            assert!(!actor.alive, "rule 2.7: a hang: actor {n} is left:{}", waits().collect::<String>());
            assert!(!actor.graceful || actor.scopes.live() == 0, "actor {n} ended before its scopes");
        }
        for (n, dialog) in self.dialogs.iter().enumerate() {
            if self.actors[dialog.ends[0]].graceful {
                assert!(dialog.caller.final_word().is_some(), "dialog {n} has no final word");
            }
            if self.actors[dialog.ends[1]].graceful && dialog.callee.is_some() {
                assert!(dialog.callee_over, "dialog {n}'s task has not ended");
            }
        }
        for (error, times) in &self.handled {
            assert_eq!(*times, 1, "rule 7.2: error {error} was reported {times} times");
            assert!(self.raised.contains(error));
        }
        if !self.lossy {
            let lost: Vec<_> = self.raised.iter().filter(|error| !self.handled.contains_key(error)).collect();
            assert!(lost.is_empty(), "no error is lost: {lost:?}");
        }
    }

    // ---- time and links

    fn at(&mut self, when: u64, event: Event) {
        self.next_event += 1;
        self.queue.push(std::cmp::Reverse((when, self.next_event)));
        self.events.insert(self.next_event, event);
    }
    pub(super) fn timer(&mut self, when: u64, actor: usize, task: usize) {
        self.at(when, Event::Timer { actor, task });
    }
    fn post(&mut self, channel: usize, from: usize, message: Message) {
        let delay = 20 + self.rng.below(3_000);
        let now = self.now;
        let link = &mut self.channels[channel];
        if !link.up {
            return;
        }
        let side = usize::from(link.ends[0] == from);
        let to = link.ends[side];
        let when = (now + delay).max(link.last[side]);
        link.last[side] = when;
        let epoch = link.epoch;
        self.at(when, Event::Deliver { channel, to, epoch, message });
    }
    fn tell_root(&mut self, from: usize, message: ToRoot) {
        let when = (self.now + self.rng.below(30_000)).max(self.actors[from].tells);
        self.actors[from].tells = when;
        self.at(when, Event::Bus { from, message });
    }
    fn tell(&mut self, to: usize, message: ToActor) {
        let when = (self.now + self.rng.below(30_000)).max(self.actors[to].told);
        self.actors[to].told = when;
        self.at(when, Event::Told { to, message });
    }
    pub(super) fn channel_between(&mut self, a: usize, b: usize) -> usize {
        let known = self.channels.iter().position(|link| link.up && link.ends.contains(&a) && link.ends.contains(&b));
        known.unwrap_or_else(|| {
            self.channels.push(Channel { ends: [a, b], up: self.actors[a].alive && self.actors[b].alive, epoch: 0, last: [0; 2] });
            self.channels.len() - 1
        })
    }

    // ---- errors

    pub(super) fn raise(&mut self) -> u64 {
        self.next_token += 1;
        self.raised.insert(self.next_token);
        self.next_token
    }
    pub(super) fn group(&mut self, errors: Vec<u64>) -> ErrorToken {
        self.next_token += 1;
        self.groups.insert(self.next_token, errors);
        ErrorToken(self.next_token)
    }
    pub(super) fn members(&self, tokens: &[ErrorToken]) -> Vec<u64> {
        tokens.iter().flat_map(|token| self.groups[&token.0].clone()).collect()
    }
    pub(super) fn handle_errors(&mut self, errors: &[u64]) {
        for error in errors {
            *self.handled.entry(*error).or_default() += 1;
        }
    }

    // ---- actors

    pub(super) fn add_actor(&mut self, parent: Option<usize>, body: Body) -> usize {
        let number = self.actors.len();
        let uuid = Uuid::from_u128(number as u128 + 1);
        let mut actor = Actor {
            parent,
            uuid,
            alive: true,
            graceful: false,
            main_over: false,
            scopes: Scopes::new(scope::Timing::default()),
            tasks: BTreeMap::new(),
            next_task: 1,
            owners: HashMap::from([(ROOT, 0)]),
            duties: HashMap::new(),
            finished: HashMap::new(),
            frozen: None,
            inbox: VecDeque::new(),
            debugged: BTreeSet::new(),
            told: 0,
            tells: 0,
            stops: 0,
            ladder: None,
            tick: None,
        };
        actor.tasks.insert(0, Task::new(TaskKind::Main, ROOT, body, parent.is_some()));
        self.actors.push(actor);
        let above = parent.map(|parent| self.actors[parent].uuid);
        self.seat.on(Now(self.now), seat::Input::Actor { actor: uuid, parent: above }, &mut Vec::new());
        number
    }
    pub(super) fn add_task(&mut self, actor: usize, kind: TaskKind, scope: ScopeId, body: Body) -> usize {
        let row = &mut self.actors[actor];
        let task = row.next_task;
        row.next_task += 1;
        row.owners.insert(scope, task);
        row.tasks.insert(task, Task::new(kind, scope, body, false));
        task
    }
    pub(super) fn add_kid(&mut self, nursery: usize, kind: ChildKind, body: Body) {
        let parent = self.nurseries[nursery].actor;
        let kid = self.add_actor(Some(parent), Body::default());
        let channel = self.channel_between(parent, kid);
        self.actors[kid].ladder = Some((Ladder::new(ladder::Timing::default()), nursery));
        let child = ChildId(kid as u64);
        self.feed_nursery(nursery, nursery::Input::ChildAdded { child, kind });
        if kind == ChildKind::OneShot {
            let dialog = self.open_dialog(DialogKind::Call, parent, kid, body);
            self.dialogs[dialog].oneshot = Some((nursery, child));
            debug_assert_eq!(self.dialogs[dialog].channel, channel);
        }
    }
    pub(super) fn alive_kids(&self, actor: usize) -> usize {
        self.actors.iter().filter(|kid| kid.alive && kid.parent == Some(actor)).count()
    }
    pub(super) fn pick_peer(&self, actor: usize, number: u64) -> Option<usize> {
        let alive: Vec<usize> = (0..self.actors.len()).filter(|other| *other != actor && self.actors[*other].alive).collect();
        // Mostly the newest: the kids of the nursery around.
        let pick = if number % 3 == 0 { number / 3 % alive.len().max(1) as u64 } else { alive.len().saturating_sub(1) as u64 };
        alive.get(usize::try_from(pick).unwrap()).copied()
    }

    /// The actor's last task is over: it exits.
    pub(super) fn exit_gracefully(&mut self, actor: usize) {
        assert_eq!(self.alive_kids(actor), 0, "rule 3.1: actor {actor} ended before its children");
        assert_eq!(self.actors[actor].tasks.len(), 0, "actor {actor} ended before its tasks");
        self.actors[actor].graceful = true;
        self.die(actor);
    }
    fn die(&mut self, actor: usize) {
        self.actors[actor].alive = false;
        for channel in 0..self.channels.len() {
            if self.channels[channel].ends.contains(&actor) {
                self.post(channel, actor, Message::Eof);
                self.channels[channel].up = false;
            }
        }
        self.tell_root(actor, ToRoot::Gone);
        for dialog in &mut self.dialogs {
            if dialog.ends[1] == actor && dialog.callee.is_some() && !self.actors[actor].graceful {
                dialog.callee_over = true;
            }
        }
        if !self.actors[actor].graceful {
            self.report.deaths += 1;
            self.lossy = true;
            for other in 0..self.actors.len() {
                if other != actor && self.actors[other].alive && self.is_below(other, actor) {
                    let notice = self.now + self.rng.below(20_000);
                    self.at(notice, Event::Cancel { actor: other });
                    self.at(notice + 1_000_000, Event::Kill { actor: other });
                }
            }
            self.at(self.now + 2_000_000, Event::CheckOrphans { actor });
        }
    }
    fn is_below(&self, actor: usize, above: usize) -> bool {
        std::iter::successors(self.actors[actor].parent, |at| self.actors[*at].parent).any(|at| at == above)
    }

    // ---- events

    fn handle(&mut self, event: Event) {
        let actor = match &event {
            Event::Deliver { to, epoch, channel, .. } => {
                if self.channels[*channel].epoch != *epoch {
                    return;
                }
                *to
            }
            Event::Told { to, .. } => *to,
            Event::Timer { actor, .. } | Event::Tick { actor } | Event::Cancel { actor } => *actor,
            Event::Bus { from, message } => return self.on_bus(*from, &message.clone()),
            Event::Unfreeze { actor, over } => return self.unfreeze(*actor, *over),
            Event::Kill { actor } => {
                if self.actors[*actor].alive {
                    self.die(*actor);
                }
                return;
            }
            Event::KillAny => return self.kill_any(),
            Event::CutAny => return self.cut_any(),
            Event::CheckOrphans { actor } => {
                let left = (0..self.actors.len()).find(|other| self.actors[*other].alive && self.is_below(*other, *actor));
                assert_eq!(left, None, "rule 2.5: an orphan of {actor} two seconds after its death");
                return;
            }
        };
        if !self.actors[actor].alive {
            return;
        }
        if let (Event::Told { message, .. }, Some(frozen)) = (&event, self.actors[actor].frozen) {
            // A halted thread is served by the watch thread.
            match (message, frozen) {
                (ToActor::Queued { local, stop }, Frozen::Stopped { local: mine, lasts }) if *local == mine => {
                    self.report.stops += 1;
                    let over = Some(*stop);
                    return self.at(self.now + lasts, Event::Unfreeze { actor, over });
                }
                (ToActor::Refused { local }, Frozen::Stopped { local: mine, .. }) if *local == mine => return self.unfreeze(actor, None),
                _ => {}
            }
        }
        if self.actors[actor].frozen.is_some() {
            self.actors[actor].inbox.push_back(event);
            return;
        }
        self.on_event(actor, event);
        self.run_actor(actor);
    }

    fn on_event(&mut self, actor: usize, event: Event) {
        match event {
            Event::Deliver { channel, message, .. } => self.on_message(actor, channel, message),
            Event::Told { message, .. } => self.on_told(actor, message),
            Event::Timer { task, .. } => self.wake(actor, task),
            Event::Tick { .. } => self.on_tick(actor),
            Event::Cancel { .. } => self.feed_scopes(actor, scope::Input::Cancel { scope: ROOT, cause: ACTOR_CANCELLED }),
            _ => unreachable!("not an actor's event"),
        }
    }

    pub(super) fn freeze(&mut self, actor: usize, lasts: u64, stop: bool) {
        if stop {
            self.actors[actor].stops += 1;
            let local = self.actors[actor].stops;
            self.actors[actor].frozen = Some(Frozen::Stopped { local, lasts });
            self.tell_root(actor, ToRoot::Ask { local });
        } else {
            self.actors[actor].frozen = Some(Frozen::Stuck);
            self.at(self.now + lasts, Event::Unfreeze { actor, over: None });
        }
    }
    fn unfreeze(&mut self, actor: usize, over: Option<StopId>) {
        if !self.actors[actor].alive {
            return;
        }
        if let Some(stop) = over {
            self.tell_root(actor, ToRoot::Over { stop });
        }
        self.actors[actor].frozen = None;
        // What was said meanwhile comes before what ran out meanwhile: an answer may lie among it.
        let mut later = Vec::new();
        while let Some(event) = self.actors[actor].inbox.pop_front() {
            if matches!(event, Event::Tick { .. }) {
                later.push(event);
            } else if self.actors[actor].alive {
                self.on_event(actor, event);
            }
        }
        for event in later {
            self.on_event(actor, event);
        }
        self.run_actor(actor);
    }
    fn kill_any(&mut self) {
        let alive: Vec<usize> = (0..self.actors.len()).filter(|actor| self.actors[*actor].alive).collect();
        let victim = alive[usize::try_from(self.rng.below(alive.len() as u64)).unwrap()];
        if victim != 0 || self.rng.one_in(4) {
            self.die(victim);
        }
    }
    /// Cuts a channel between actors that are not parent and child.
    fn cut_any(&mut self) {
        let cut = (0..self.channels.len()).find(|channel| {
            let [a, b] = self.channels[*channel].ends;
            self.channels[*channel].up && self.actors[a].parent != Some(b) && self.actors[b].parent != Some(a)
        });
        let Some(channel) = cut else { return };
        self.report.cuts += 1;
        self.lossy = true;
        let [a, b] = self.channels[channel].ends;
        self.channels[channel].epoch += 1;
        self.channels[channel].last = [self.now; 2];
        self.post(channel, a, Message::Eof);
        self.post(channel, b, Message::Eof);
        self.channels[channel].up = false;
    }

    fn on_message(&mut self, actor: usize, channel: usize, message: Message) {
        match message {
            Message::Start { dialog } => self.start_task(actor, dialog),
            Message::Down { dialog, message } => self.feed_callee(dialog, CalleeInput::Peer(message)),
            Message::Up { dialog, message, len, cause } => self.on_up(dialog, message, len, cause),
            Message::CancelActor => {
                self.post(channel, actor, Message::CancelActorAck);
                self.feed_scopes(actor, scope::Input::Cancel { scope: ROOT, cause: ACTOR_CANCELLED });
            }
            Message::CancelActorAck => {
                let kid = self.channels[channel].ends.into_iter().find(|end| *end != actor).unwrap();
                self.feed_ladder(kid, ladder::Input::Acked);
            }
            Message::Eof => self.on_eof(actor, channel),
        }
    }
    fn on_eof(&mut self, actor: usize, channel: usize) {
        self.channels[channel].up = false;
        for dialog in 0..self.dialogs.len() {
            if self.dialogs[dialog].channel != channel {
                continue;
            }
            if self.dialogs[dialog].ends[0] == actor {
                self.feed_caller(dialog, CallerInput::ChannelLost);
            }
            if self.dialogs[dialog].ends[1] == actor && self.dialogs[dialog].callee.is_some() {
                self.feed_callee(dialog, CalleeInput::ChannelLost);
            }
        }
        let kid = self.channels[channel].ends.into_iter().find(|end| *end != actor).unwrap();
        if self.actors[kid].parent == Some(actor) && !self.actors[kid].alive {
            self.reap(kid);
        }
    }
    /// Only after the channel was read to its end: a result may be among what it said last.
    fn reap(&mut self, kid: usize) {
        let Some((ladder, nursery)) = self.actors[kid].ladder.as_ref() else { return };
        let (asked, clean, nursery) = (ladder.begun(), self.actors[kid].graceful || ladder.signalled(), *nursery);
        self.feed_ladder(kid, ladder::Input::Exited);
        let death = self.raise();
        let error = self.group(vec![death]);
        self.feed_nursery(nursery, nursery::Input::ChildExited { child: ChildId(kid as u64), asked, clean, error });
        let told = self.nurseries[nursery].machine.errors().contains(&error);
        assert!(told || asked || clean, "rule 3.2: actor {kid} died unasked and its nursery does not mind");
        if !told {
            self.raised.remove(&death);
        }
    }

    fn on_bus(&mut self, from: usize, message: &ToRoot) {
        if !self.actors[0].alive {
            return;
        }
        let actor = self.actors[from].uuid;
        let input = match *message {
            ToRoot::Ask { local } => seat::Input::Ask { actor, local },
            ToRoot::Over { stop } => seat::Input::Over { actor, stop },
            ToRoot::MaySignal { ask, child } => seat::Input::MaySignal { asker: actor, ask, child: self.actors[child].uuid },
            ToRoot::Gone => seat::Input::Gone { actor },
        };
        let mut out = Vec::new();
        self.seat.on(Now(self.now), input, &mut out);
        for effect in out {
            match effect {
                seat::Effect::Debugged { actors } => {
                    let set: BTreeSet<Uuid> = actors.into_iter().collect();
                    for to in 0..self.actors.len() {
                        self.tell(to, ToActor::Debugged(set.clone()));
                    }
                }
                seat::Effect::Queued { actor, local, stop } => self.tell(number(actor), ToActor::Queued { local, stop }),
                seat::Effect::Refused { actor, local, .. } => self.tell(number(actor), ToActor::Refused { local }),
                seat::Effect::Signal { asker, ask, go } => self.tell(number(asker), ToActor::Signal { ask, go }),
                _ => {}
            }
        }
    }
    fn on_told(&mut self, actor: usize, message: ToActor) {
        match message {
            ToActor::Debugged(set) => {
                let before = std::mem::replace(&mut self.actors[actor].debugged, set.clone());
                for kid in 0..self.actors.len() {
                    let uuid = self.actors[kid].uuid;
                    if before.contains(&uuid) == set.contains(&uuid) {
                        continue;
                    }
                    let debugged = set.contains(&uuid);
                    if self.actors[kid].parent == Some(actor) {
                        self.feed_ladder(kid, ladder::Input::Debugged(debugged));
                    }
                    for dialog in 0..self.dialogs.len() {
                        if self.dialogs[dialog].ends == [actor, kid] {
                            self.feed_caller(dialog, if debugged { CallerInput::HoldClocks } else { CallerInput::ReleaseClocks });
                        }
                    }
                }
            }
            ToActor::Signal { ask, go } => {
                let (kid, number) = self.asks[&ask];
                self.feed_ladder(kid, if go { ladder::Input::Go { ask: number } } else { ladder::Input::Wait { ask: number } });
            }
            ToActor::Queued { .. } | ToActor::Refused { .. } => {}
        }
    }
    fn on_tick(&mut self, actor: usize) {
        self.actors[actor].tick = None;
        let now = Now(self.now);
        let mut out = Vec::new();
        self.actors[actor].scopes.on_time(now, &mut out);
        self.apply_scopes(actor, out);
        for dialog in 0..self.dialogs.len() {
            if self.dialogs[dialog].ends[0] == actor {
                let mut out = Vec::new();
                self.dialogs[dialog].caller.on_time(now, &mut out);
                self.apply_caller(dialog, out);
            }
        }
        for kid in 0..self.actors.len() {
            if self.actors[kid].parent == Some(actor)
                && let Some((ladder, _)) = &mut self.actors[kid].ladder
            {
                let mut out = Vec::new();
                ladder.on_time(now, &mut out);
                self.apply_ladder(kid, out);
            }
        }
    }
    pub(super) fn schedule_tick(&mut self, actor: usize) {
        let dialogs = self.dialogs.iter().filter(|dialog| dialog.ends[0] == actor).filter_map(|dialog| dialog.caller.next_deadline());
        let ladders = self.actors.iter().filter(|kid| kid.parent == Some(actor)).filter_map(|kid| kid.ladder.as_ref()?.0.next_deadline());
        let next = dialogs.chain(ladders).chain(self.actors[actor].scopes.next_deadline()).min();
        if let Some(due) = next
            && self.actors[actor].tick.is_none_or(|tick| due.0 < tick)
        {
            let when = due.0.max(self.now);
            self.actors[actor].tick = Some(when);
            self.at(when, Event::Tick { actor });
        }
    }

    // ---- dialogs

    pub(super) fn open_dialog(&mut self, kind: DialogKind, from: usize, to: usize, child: Body) -> usize {
        let dialog = self.dialogs.len();
        let overrun = [Overrun::Wait, Overrun::Error, Overrun::Drop][usize::try_from(self.rng.below(3)).unwrap()];
        let window = WindowSize { messages: 1 + u32::try_from(self.rng.below(4)).unwrap(), bytes: 60 + self.rng.below(200) };
        let channel = self.channel_between(from, to);
        let terms = Terms { window, overrun, ..Terms::new(kind) };
        self.dialogs.push(Dialog {
            channel,
            ends: [from, to],
            caller: Caller::new(terms),
            block_scope: None,
            owner: None,
            duty: None,
            duty_done: false,
            oneshot: None,
            remote: Vec::new(),
            remote_real: false,
            inbound: Default::default(),
            queued: Default::default(),
            child,
            callee: None,
            callee_task: None,
            callee_over: false,
        });
        match kind {
            DialogKind::Call => self.report.calls += 1,
            DialogKind::Context => self.report.contexts += 1,
        }
        if self.actors[from].debugged.contains(&self.actors[to].uuid) {
            self.feed_caller(dialog, CallerInput::HoldClocks);
        }
        self.post(channel, from, Message::Start { dialog });
        dialog
    }
    pub(super) fn channel_lost(&self, dialog: usize) -> bool {
        self.dialogs[dialog].caller.final_word() == Some(Final::Lost)
    }
    pub(super) fn lost_at_once(&self, dialog: usize) -> bool {
        !self.channels[self.dialogs[dialog].channel].up
    }
    fn start_task(&mut self, actor: usize, dialog: usize) {
        let terms = self.dialogs[dialog].caller.terms();
        self.dialogs[dialog].callee = Some(Callee::new(terms));
        let scope = self.actors[actor].scopes.open(Now(self.now), Some(ROOT), scope::ScopeKind::Task, None);
        let body = self.dialogs[dialog].child.clone();
        let task = self.add_task(actor, TaskKind::Callee(dialog), scope, body);
        self.dialogs[dialog].callee_task = Some(task);
        self.feed_callee(dialog, CalleeInput::Accept);
    }
    /// A message of the callee reaches its caller: the shell keeps payloads and failures.
    fn on_up(&mut self, dialog: usize, message: ToPeer, len: u64, cause: Option<CauseToken>) {
        let message = match message {
            ToPeer::Accepted => FromPeer::Accepted,
            ToPeer::Started => FromPeer::Started,
            ToPeer::QueuedItem => {
                self.dialogs[dialog].inbound[0].push_back(len);
                FromPeer::Item { len }
            }
            ToPeer::EndOfStream => FromPeer::EndOfStream,
            ToPeer::Credit { messages, bytes } => FromPeer::Credit { messages, bytes },
            ToPeer::Dropped { count } => FromPeer::Dropped { count },
            ToPeer::Return => FromPeer::Return,
            ToPeer::CancelAck => FromPeer::CancelAck,
            ToPeer::Cancel => unreachable!("a callee asks for no cancel"),
            ToPeer::Fail(kind) => {
                let failure = match kind {
                    FinalKind::Error(token) | FinalKind::Panic(token) => {
                        self.dialogs[dialog].remote = self.groups[&token.0].clone();
                        FinalFailure::Real
                    }
                    FinalKind::NotStarted => {
                        self.dialogs[dialog].remote = vec![self.raise()];
                        FinalFailure::Real
                    }
                    FinalKind::Cancelled => FinalFailure::Cancelled { asked_by_us: cause == Some(asked_by_user(dialog)) },
                };
                self.dialogs[dialog].remote_real = failure == FinalFailure::Real;
                FromPeer::Fail { failure }
            }
        };
        self.feed_caller(dialog, CallerInput::Peer(message));
        self.check_window(dialog, 0);
    }
    fn check_window(&self, dialog: usize, side: usize) {
        let row = &self.dialogs[dialog];
        let (unread, queue) = if side == 0 { (row.caller.unread(), &row.inbound[0]) } else { (row.callee.as_ref().unwrap().unread(), &row.inbound[1]) };
        assert!(unread <= row.caller.terms().window.messages, "rule 6.2: window exceeded");
        let over = row.caller.final_word().is_some() || row.callee_over;
        assert!(over || queue.len() == unread as usize, "the queue and the window disagree");
    }
    pub(super) fn feed_caller(&mut self, dialog: usize, input: CallerInput) {
        let mut out = Vec::new();
        self.dialogs[dialog].caller.on(Now(self.now), input, &mut out);
        self.apply_caller(dialog, out);
    }
    fn apply_caller(&mut self, dialog: usize, effects: Vec<CallerEffect>) {
        let actor = self.dialogs[dialog].ends[0];
        let channel = self.dialogs[dialog].channel;
        for effect in effects {
            match effect {
                CallerEffect::Send(message) => {
                    let message = match message {
                        ToPeer::Cancel if self.dialogs[dialog].caller.cancel_called() => FromPeer::Cancel { token: asked_by_user(dialog) },
                        ToPeer::Cancel => FromPeer::Cancel { token: teardown_of(dialog) },
                        ToPeer::Credit { messages, bytes } => FromPeer::Credit { messages, bytes },
                        ToPeer::EndOfStream => FromPeer::EndOfStream,
                        ToPeer::Dropped { count } => FromPeer::Dropped { count },
                        ToPeer::QueuedItem => FromPeer::Item { len: self.dialogs[dialog].queued[0].pop_front().expect("queued") },
                        other => unreachable!("a caller does not send {other:?}"),
                    };
                    self.post(channel, actor, Message::Down { dialog, message });
                }
                CallerEffect::Wake(waiter) => self.wake_waiter(actor, self.dialogs[dialog].owner, dialog, waiter),
                CallerEffect::Discard => {
                    self.dialogs[dialog].inbound[0].pop_back();
                }
                CallerEffect::DiscardUnread => self.dialogs[dialog].inbound[0].clear(),
                CallerEffect::DropBlock => {
                    let scope = self.dialogs[dialog].block_scope.expect("a block has a scope");
                    self.feed_scopes(actor, scope::Input::Cancel { scope, cause: teardown_of(dialog) });
                }
                CallerEffect::CancelTooSlow => {
                    self.report.too_slow += 1;
                    assert!(self.wild.stops || self.lossy, "rule 5.3: a cancel was not acknowledged though nothing hinders it");
                    let there = self.actors[self.dialogs[dialog].ends[1]].uuid;
                    assert!(!self.actors[actor].debugged.contains(&there), "rule 9: a clock ran out on somebody who is stopped");
                }
                CallerEffect::Ended => {}
                CallerEffect::Violation(violation) => panic!("dialog {dialog}: {violation}"),
            }
        }
        self.settle_dialog(dialog);
    }
    fn settle_dialog(&mut self, dialog: usize) {
        let row = &self.dialogs[dialog];
        if row.caller.verdict().is_none() || row.duty_done {
            return;
        }
        if let Some((nursery, child)) = row.oneshot {
            self.dialogs[dialog].duty_done = true;
            let token = self.group(self.dialogs[dialog].remote.clone());
            let result = match self.dialogs[dialog].caller.final_word() {
                Some(Final::Returned) => ChildResult::Value,
                Some(Final::Failed(FinalFailure::Real)) => ChildResult::Error(token),
                Some(Final::Failed(_)) => ChildResult::Cancelled(token),
                // Its exit tells.
                Some(Final::Lost) | None => return,
            };
            self.feed_nursery(nursery, nursery::Input::ChildResult { child, result });
        } else if let Some(duty) = row.duty {
            let orphan = row.owner.is_none();
            self.dialogs[dialog].duty_done = true;
            let errors = if orphan { self.verdict_errors(dialog) } else { Vec::new() };
            let errors = if errors.is_empty() { Vec::new() } else { vec![self.group(errors)] };
            let actor = self.dialogs[dialog].ends[0];
            self.feed_scopes(actor, scope::Input::DutyDone { duty, errors });
        }
    }
    /// The errors that come out of a dialog; only to be asked once, as a lost channel is an error of its own.
    pub(super) fn verdict_errors(&mut self, dialog: usize) -> Vec<u64> {
        let row = &self.dialogs[dialog];
        let remote = if row.remote_real { row.remote.clone() } else { Vec::new() };
        match row.caller.verdict() {
            Some(Verdict::Remote) => remote,
            Some(Verdict::BlockError(token)) => self.members(&[token]),
            Some(Verdict::BlockErrorAndRemote(token)) => [self.members(&[token]), remote].concat(),
            Some(Verdict::Lost) => vec![self.raise()],
            Some(Verdict::BlockValue | Verdict::Cancelled) | None => Vec::new(),
        }
    }
    pub(super) fn feed_callee(&mut self, dialog: usize, input: CalleeInput) {
        if let CalleeInput::Peer(FromPeer::Item { len }) = input {
            self.dialogs[dialog].inbound[1].push_back(len);
        }
        let mut out = Vec::new();
        let now = Now(self.now);
        self.dialogs[dialog].callee.as_mut().expect("a callee").on(now, input, &mut out);
        let actor = self.dialogs[dialog].ends[1];
        let channel = self.dialogs[dialog].channel;
        for effect in out {
            match effect {
                CalleeEffect::Send(message) => {
                    let len = if message == ToPeer::QueuedItem { self.dialogs[dialog].queued[1].pop_front().expect("queued") } else { 0 };
                    let cause = self.dialogs[dialog].callee.as_ref().and_then(Callee::cause);
                    self.post(channel, actor, Message::Up { dialog, message, len, cause });
                }
                CalleeEffect::Wake(waiter) => self.wake_waiter(actor, self.dialogs[dialog].callee_task, dialog, waiter),
                CalleeEffect::Discard => {
                    self.dialogs[dialog].inbound[1].pop_back();
                }
                CalleeEffect::DiscardUnread => self.dialogs[dialog].inbound[1].clear(),
                CalleeEffect::CancelTask { token } => {
                    let task = self.dialogs[dialog].callee_task.expect("a task");
                    if let Some(scope) = self.actors[actor].tasks.get(&task).map(Task::scope) {
                        self.feed_scopes(actor, scope::Input::Cancel { scope, cause: token.unwrap_or(ACTOR_CANCELLED) });
                    }
                }
                CalleeEffect::Ended => self.dialogs[dialog].callee_over = true,
                CalleeEffect::Violation(violation) => panic!("dialog {dialog}: {violation}"),
            }
        }
        self.check_window(dialog, 1);
    }
    pub(super) fn send_item(&mut self, dialog: usize, side: usize, len: u64) {
        self.report.items += 1;
        let channel = self.dialogs[dialog].channel;
        let actor = self.dialogs[dialog].ends[side];
        let message = if side == 0 { Message::Down { dialog, message: FromPeer::Item { len } } } else { Message::Up { dialog, message: ToPeer::QueuedItem, len, cause: None } };
        self.post(channel, actor, message);
    }

    // ---- scopes, nurseries, ladders

    pub(super) fn feed_scopes(&mut self, actor: usize, input: scope::Input) {
        let mut out = Vec::new();
        self.actors[actor].scopes.on(Now(self.now), input, &mut out);
        self.apply_scopes(actor, out);
    }
    pub(super) fn apply_scopes(&mut self, actor: usize, effects: Vec<scope::Effect>) {
        for effect in effects {
            match effect {
                scope::Effect::Wake { scope } => {
                    if let Some(task) = self.actors[actor].owners.get(&scope).copied() {
                        self.wake(actor, task);
                    }
                }
                scope::Effect::BeginDuty { duty } => match self.actors[actor].duties[&duty] {
                    DutyOf::Dialog(dialog) => self.feed_caller(dialog, CallerInput::BlockDropped),
                    DutyOf::Nursery(nursery) => self.feed_nursery(nursery, nursery::Input::BodyDropped),
                },
                scope::Effect::Finished { scope, errors, cause, caught } => {
                    let owner = self.actors[actor].owners.remove(&scope);
                    assert!(owner.is_some() || errors.is_empty(), "errors of a scope nobody owns");
                    if let Some(task) = owner {
                        self.actors[actor].finished.insert(scope, Ending { errors, cause, caught });
                        self.wake(actor, task);
                    }
                }
                scope::Effect::DropBody { .. } | scope::Effect::ErrorsMoved { .. } | scope::Effect::Opened { .. } | scope::Effect::DutyAdded { .. } => {}
            }
        }
    }
    pub(super) fn feed_nursery(&mut self, nursery: usize, input: nursery::Input) {
        let mut out = Vec::new();
        self.nurseries[nursery].machine.on(Now(self.now), input, &mut out);
        let actor = self.nurseries[nursery].actor;
        for effect in out {
            match effect {
                nursery::Effect::DropBody => {
                    let scope = self.nurseries[nursery].scope;
                    self.feed_scopes(actor, scope::Input::Cancel { scope, cause: CauseToken(2) });
                }
                nursery::Effect::CancelChild { child } => self.feed_ladder(usize::try_from(child.0).unwrap(), ladder::Input::Cancel),
                nursery::Effect::Finished { errors } => {
                    let live = self.actors.iter().filter(|kid| kid.alive && kid.ladder.as_ref().is_some_and(|(_, of)| *of == nursery)).count();
                    assert_eq!(live, 0, "rule 3.1: a nursery finished before its actors");
                    self.nurseries[nursery].finished = true;
                    self.nurseries[nursery].duty_done = true;
                    let orphan = self.nurseries[nursery].owner.is_none();
                    let duty = self.nurseries[nursery].duty;
                    self.feed_scopes(actor, scope::Input::DutyDone { duty, errors: if orphan { errors } else { Vec::new() } });
                    if let Some(task) = self.nurseries[nursery].owner {
                        self.wake(actor, task);
                    }
                }
            }
        }
    }
    fn feed_ladder(&mut self, kid: usize, input: ladder::Input) {
        let now = Now(self.now);
        let parent = self.actors[kid].parent.expect("a kid");
        let debugged = self.actors[parent].debugged.contains(&self.actors[kid].uuid);
        let Some((ladder, _)) = &mut self.actors[kid].ladder else { return };
        let mut out = Vec::new();
        if !ladder.begun() {
            ladder.on(now, ladder::Input::Debugged(debugged), &mut out);
        }
        ladder.on(now, input, &mut out);
        self.apply_ladder(kid, out);
    }
    fn apply_ladder(&mut self, kid: usize, effects: Vec<ladder::Effect>) {
        let parent = self.actors[kid].parent.expect("a kid");
        for effect in effects {
            match effect {
                ladder::Effect::SendCancel => {
                    let channel = self.channels.iter().position(|link| link.ends == [parent, kid]).expect("a channel");
                    self.post(channel, parent, Message::CancelActor);
                }
                ladder::Effect::AskRoot { ask } => {
                    self.report.asks += 1;
                    let debugged = self.actors[parent].debugged.contains(&self.actors[kid].uuid);
                    assert!(!debugged, "rule 2.4: a clock ran out on actor {kid} in the debugger");
                    let number = self.asks.len() as u64;
                    self.asks.insert(number, (kid, ask));
                    self.tell_root(parent, ToRoot::MaySignal { ask: number, child: kid });
                }
                ladder::Effect::Signal(signal) => {
                    self.report.signals += 1;
                    assert!(!self.actors[0].alive || !self.seat.debugged().contains(&self.actors[kid].uuid), "rule 2.4: actor {kid} is in the debugger and was signalled");
                    let when = self.now + self.rng.below(1000);
                    let event = if signal == Signal::Term { Event::Cancel { actor: kid } } else { Event::Kill { actor: kid } };
                    self.at(when, event);
                }
                ladder::Effect::Done => {}
            }
        }
    }
}

fn number(uuid: Uuid) -> usize {
    usize::try_from(uuid.as_u128() - 1).unwrap()
}
