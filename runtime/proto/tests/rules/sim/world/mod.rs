//! The shell around the machines: actors, links, the root's seat, processes and their deaths.
mod dialogs;
mod events;
mod teardown;

use std::collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap, VecDeque};

use coulter_proto::dialog::{
    Callee, CalleeEffect, CalleeInput, Caller, CallerEffect, CallerInput, DialogKind, Final, FinalFailure, FinalKind, FromPeer, Overrun, Terms, ToPeer,
    Verdict, WindowSize,
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
pub(in crate::sim) struct Dangers {
    pub(in crate::sim) kills: bool,
    pub(in crate::sim) cuts: bool,
}

/// What a run went through.
#[derive(Clone, Debug, Default)]
pub(in crate::sim) struct Report {
    pub(in crate::sim) actors: u64,
    pub(in crate::sim) contexts: u64,
    pub(in crate::sim) calls: u64,
    pub(in crate::sim) items: u64,
    pub(in crate::sim) errors: u64,
    pub(in crate::sim) stops: u64,
    pub(in crate::sim) asks: u64,
    pub(in crate::sim) signals: u64,
    pub(in crate::sim) deaths: u64,
    pub(in crate::sim) cuts: u64,
    pub(in crate::sim) too_slow: u64,
    pub(in crate::sim) longest: u64,
}

impl Report {
    pub(in crate::sim) fn add(&mut self, other: &Self) {
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
pub(in crate::sim) enum Message {
    Start {
        dialog: usize,
    },
    /// To the callee.
    Down {
        dialog: usize,
        message: FromPeer,
    },
    /// To the caller.
    Up {
        dialog: usize,
        message: ToPeer,
        len: u64,
        cause: Option<CauseToken>,
    },
    CancelActor,
    CancelActorAck,
    /// The end of the stream of bytes; of a child's own channel: it can be reaped.
    Eof,
}

#[derive(Clone, Debug)]
pub(in crate::sim) enum ToRoot {
    Ask { local: u64 },
    Over { stop: StopId },
    MaySignal { ask: u64, child: usize },
    Gone,
}

#[derive(Clone, Debug)]
pub(in crate::sim) enum ToActor {
    Debugged(BTreeSet<Uuid>),
    Queued { local: u64, stop: StopId },
    Refused { local: u64 },
    Signal { ask: u64, go: bool },
}

#[derive(Clone, Debug)]
pub(in crate::sim) enum Event {
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

pub(in crate::sim) struct Channel {
    ends: [usize; 2],
    up: bool,
    epoch: u32,
    last: [u64; 2],
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::sim) enum Frozen {
    Stopped { local: u64, lasts: u64 },
    Stuck,
}

pub(in crate::sim) enum DutyOf {
    Dialog(usize),
    Nursery(usize),
}

pub(in crate::sim) struct Ending {
    pub(in crate::sim) errors: Vec<ErrorToken>,
    pub(in crate::sim) cause: Option<Cause>,
    pub(in crate::sim) caught: bool,
}

pub(in crate::sim) struct Actor {
    pub(in crate::sim) parent: Option<usize>,
    pub(in crate::sim) uuid: Uuid,
    pub(in crate::sim) alive: bool,
    graceful: bool,
    pub(in crate::sim) main_over: bool,
    pub(in crate::sim) scopes: Scopes,
    pub(in crate::sim) tasks: BTreeMap<usize, Task>,
    next_task: usize,
    pub(in crate::sim) owners: HashMap<ScopeId, usize>,
    pub(in crate::sim) duties: HashMap<DutyId, DutyOf>,
    pub(in crate::sim) finished: HashMap<ScopeId, Ending>,
    pub(in crate::sim) frozen: Option<Frozen>,
    inbox: VecDeque<Event>,
    debugged: BTreeSet<Uuid>,
    told: u64,
    tells: u64,
    stops: u64,
    ladder: Option<(Ladder, usize)>,
    tick: Option<u64>,
}

pub(in crate::sim) struct Dialog {
    channel: usize,
    pub(in crate::sim) ends: [usize; 2],
    pub(in crate::sim) caller: Caller,
    pub(in crate::sim) block_scope: Option<ScopeId>,
    pub(in crate::sim) owner: Option<usize>,
    pub(in crate::sim) duty: Option<DutyId>,
    pub(in crate::sim) duty_done: bool,
    oneshot: Option<(usize, ChildId)>,
    remote: Vec<u64>,
    remote_real: bool,
    pub(in crate::sim) inbound: [VecDeque<u64>; 2],
    pub(in crate::sim) queued: [VecDeque<u64>; 2],
    child: Body,
    pub(in crate::sim) callee: Option<Callee>,
    pub(in crate::sim) callee_task: Option<usize>,
    pub(in crate::sim) callee_over: bool,
}

pub(in crate::sim) struct NurseryRow {
    pub(in crate::sim) machine: Nursery,
    pub(in crate::sim) actor: usize,
    pub(in crate::sim) scope: ScopeId,
    pub(in crate::sim) duty: DutyId,
    pub(in crate::sim) duty_done: bool,
    pub(in crate::sim) owner: Option<usize>,
    pub(in crate::sim) finished: bool,
}

pub(in crate::sim) struct World {
    pub(in crate::sim) rng: Rng,
    pub(in crate::sim) now: u64,
    queue: BinaryHeap<std::cmp::Reverse<(u64, u64)>>,
    events: HashMap<u64, Event>,
    next_event: u64,
    pub(in crate::sim) actors: Vec<Actor>,
    channels: Vec<Channel>,
    pub(in crate::sim) dialogs: Vec<Dialog>,
    pub(in crate::sim) nurseries: Vec<NurseryRow>,
    seat: Seat,
    asks: HashMap<u64, (usize, u32)>,
    pub(in crate::sim) groups: HashMap<u64, Vec<u64>>,
    next_token: u64,
    raised: BTreeSet<u64>,
    handled: BTreeMap<u64, u32>,
    /// Somebody died or was cut off: errors may be lost with them, but still never doubled.
    lossy: bool,
    dangers: Dangers,
    pub(in crate::sim) wild: Wildness,
    pub(in crate::sim) report: Report,
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
    pub(in crate::sim) fn new(rng: Rng, dangers: Dangers, wild: Wildness, body: Body) -> Self {
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

    pub(in crate::sim) fn run(mut self) -> Report {
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

    pub(in crate::sim) fn check_end(&self) {
        for (n, actor) in self.actors.iter().enumerate() {
            let waits = || {
                self.actors
                    .iter()
                    .enumerate()
                    .filter(|(_, actor)| actor.alive)
                    .flat_map(|(n, actor)| actor.tasks.values().map(move |task| format!("\n  actor {n} {task}")))
            };
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

    pub(in crate::sim) fn at(&mut self, when: u64, event: Event) {
        self.next_event += 1;
        self.queue.push(std::cmp::Reverse((when, self.next_event)));
        self.events.insert(self.next_event, event);
    }
    pub(in crate::sim) fn timer(&mut self, when: u64, actor: usize, task: usize) {
        self.at(when, Event::Timer { actor, task });
    }
    pub(in crate::sim) fn post(&mut self, channel: usize, from: usize, message: Message) {
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
    pub(in crate::sim) fn tell_root(&mut self, from: usize, message: ToRoot) {
        let when = (self.now + self.rng.below(30_000)).max(self.actors[from].tells);
        self.actors[from].tells = when;
        self.at(when, Event::Bus { from, message });
    }
    pub(in crate::sim) fn tell(&mut self, to: usize, message: ToActor) {
        let when = (self.now + self.rng.below(30_000)).max(self.actors[to].told);
        self.actors[to].told = when;
        self.at(when, Event::Told { to, message });
    }
    pub(in crate::sim) fn channel_between(&mut self, a: usize, b: usize) -> usize {
        let known = self.channels.iter().position(|link| link.up && link.ends.contains(&a) && link.ends.contains(&b));
        known.unwrap_or_else(|| {
            self.channels.push(Channel { ends: [a, b], up: self.actors[a].alive && self.actors[b].alive, epoch: 0, last: [0; 2] });
            self.channels.len() - 1
        })
    }

    // ---- errors

    pub(in crate::sim) fn raise(&mut self) -> u64 {
        self.next_token += 1;
        self.raised.insert(self.next_token);
        self.next_token
    }
    pub(in crate::sim) fn group(&mut self, errors: Vec<u64>) -> ErrorToken {
        self.next_token += 1;
        self.groups.insert(self.next_token, errors);
        ErrorToken(self.next_token)
    }
    pub(in crate::sim) fn members(&self, tokens: &[ErrorToken]) -> Vec<u64> {
        tokens.iter().flat_map(|token| self.groups[&token.0].clone()).collect()
    }
    pub(in crate::sim) fn handle_errors(&mut self, errors: &[u64]) {
        for error in errors {
            *self.handled.entry(*error).or_default() += 1;
        }
    }

    // ---- actors

    pub(in crate::sim) fn add_actor(&mut self, parent: Option<usize>, body: Body) -> usize {
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
    pub(in crate::sim) fn add_task(&mut self, actor: usize, kind: TaskKind, scope: ScopeId, body: Body) -> usize {
        let row = &mut self.actors[actor];
        let task = row.next_task;
        row.next_task += 1;
        row.owners.insert(scope, task);
        row.tasks.insert(task, Task::new(kind, scope, body, false));
        task
    }
    pub(in crate::sim) fn add_kid(&mut self, nursery: usize, kind: ChildKind, body: Body) {
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
    pub(in crate::sim) fn alive_kids(&self, actor: usize) -> usize {
        self.actors.iter().filter(|kid| kid.alive && kid.parent == Some(actor)).count()
    }
    pub(in crate::sim) fn pick_peer(&self, actor: usize, number: u64) -> Option<usize> {
        let alive: Vec<usize> = (0..self.actors.len()).filter(|other| *other != actor && self.actors[*other].alive).collect();
        // Mostly the newest: the kids of the nursery around.
        let pick = if number.is_multiple_of(3) { number / 3 % alive.len().max(1) as u64 } else { alive.len().saturating_sub(1) as u64 };
        alive.get(usize::try_from(pick).unwrap()).copied()
    }

    /// The actor's last task is over: it exits.
    pub(in crate::sim) fn exit_gracefully(&mut self, actor: usize) {
        assert_eq!(self.alive_kids(actor), 0, "rule 3.1: actor {actor} ended before its children");
        assert_eq!(self.actors[actor].tasks.len(), 0, "actor {actor} ended before its tasks");
        self.actors[actor].graceful = true;
        self.die(actor);
    }
    pub(in crate::sim) fn die(&mut self, actor: usize) {
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
    pub(in crate::sim) fn is_below(&self, actor: usize, above: usize) -> bool {
        std::iter::successors(self.actors[actor].parent, |at| self.actors[*at].parent).any(|at| at == above)
    }
}

fn number(uuid: Uuid) -> usize {
    usize::try_from(uuid.as_u128() - 1).unwrap()
}
