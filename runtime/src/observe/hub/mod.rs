//! The hub: what the root knows of its tree, who looks, and who may have the terminal.
//!
//! No sockets and no clock in here: messages come in by name of who said them, and what is to be
//! sent gathers in [`Hub::take_out`]. The hub keeps no tables of actors: a console that asks gets
//! each actor's own answer, page by page, so that a tree nobody looks at costs nothing here.
mod consoles;
mod seat;
mod snapshot;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use coulter_proto::bus::{Down, Up};
use coulter_proto::exit::ExitStatus;
use coulter_proto::hub::{FromHub, TreeInfo};
use coulter_proto::id::{Aid, StopId, Uuid};
use coulter_proto::level::Level;
use coulter_proto::machine::Machine as _;
use coulter_proto::observe::{ActorRow, ActorState};
use coulter_proto::seat::{Input, Seat};
use coulter_proto::time::Now;

use consoles::{Console, Routes};
use seat::StopFacts;

/// How many ended actors are remembered.
const ENDED: usize = 256;

/// Names one console's connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct ConsoleId(pub(super) u64);

/// Something to be sent.
#[derive(Debug)]
pub(super) enum Out {
    /// To an actor.
    Down(Uuid, Down),
    /// To a console.
    Console(ConsoleId, FromHub),
    /// This console is done with.
    Drop(ConsoleId),
}

/// An actor on the bus.
struct Member {
    aid: Aid,
    /// It said goodbye: its end is no news.
    leaving: bool,
}

/// The hub of one tree.
pub(super) struct Hub {
    tree: TreeInfo,
    me: Uuid,
    seat: Seat,
    members: BTreeMap<Uuid, Member>,
    /// Rows as the parents tell them; beats what an actor says of itself.
    told: BTreeMap<Uuid, ActorRow>,
    ended: VecDeque<Uuid>,
    consoles: BTreeMap<ConsoleId, Console>,
    stops: BTreeMap<StopId, StopFacts>,
    /// The facts of the stop that is being asked for right now.
    asking: Option<StopFacts>,
    routes: Routes,
    /// Actors that joined while followed: their first tables go to everybody.
    newcomers: BTreeSet<Uuid>,
    /// Whose output is read by its parent, as long as it has not joined to be told so.
    adopted: BTreeMap<Uuid, Vec<u64>>,
    watched: (bool, Option<Level>),
    out: Vec<Out>,
}

impl Hub {
    pub(super) fn new(tree: TreeInfo, terminal: bool) -> Self {
        let me = tree.root.uuid;
        let mut hub = Self {
            seat: Seat::new(terminal),
            members: BTreeMap::new(),
            told: BTreeMap::new(),
            ended: VecDeque::new(),
            consoles: BTreeMap::new(),
            stops: BTreeMap::new(),
            asking: None,
            routes: Routes::default(),
            newcomers: BTreeSet::new(),
            adopted: BTreeMap::new(),
            watched: (false, None),
            out: Vec::new(),
            me,
            tree,
        };
        hub.members.insert(me, Member { aid: hub.tree.root.clone(), leaving: false });
        hub.seat_on(Now(0), Input::Actor { actor: me, parent: None });
        hub
    }

    /// What is to be sent, in order.
    pub(super) fn take_out(&mut self) -> Vec<Out> {
        std::mem::take(&mut self.out)
    }

    pub(super) fn has_out(&self) -> bool {
        !self.out.is_empty()
    }

    pub(super) fn is_member(&self, actor: Uuid) -> bool {
        self.members.contains_key(&actor)
    }

    /// Whether the root's own terminal shows a prompt.
    pub(super) fn holds_terminal(&self) -> bool {
        self.seat.is_in_own_terminal()
    }

    /// Whether a stop waits for, or is at, a prompt in the root's own terminal: Ctrl-C is for that prompt then.
    pub(super) fn shields_interrupt(&self) -> bool {
        self.seat.stops().next().is_some() && self.consoles.values().any(|console| console.own)
    }

    pub(super) fn next_deadline(&self) -> Option<Now> {
        self.seat.next_deadline()
    }

    /// Somebody who attends is on the way.
    pub(super) fn expect(&mut self, now: Now, micros: u64) {
        self.seat_on(now, Input::Expect { micros });
    }

    pub(super) fn on_time(&mut self, now: Now) {
        let mut effects = Vec::new();
        self.seat.on_time(now, &mut effects);
        self.seat_effects(effects);
    }

    fn down(&mut self, to: Uuid, message: Down) {
        self.out.push(Out::Down(to, message));
    }

    fn everybody(&mut self, message: &Down) {
        let out = self.members.keys().map(|to| Out::Down(*to, message.clone()));
        self.out.extend(out);
    }

    /// To all consoles that follow the rows.
    fn followers(&mut self, message: &FromHub) {
        let out = self.consoles.iter().filter(|(_, console)| console.tables).map(|(id, _)| Out::Console(*id, message.clone()));
        self.out.extend(out);
    }

    /// An actor proved itself.
    pub(super) fn joined(&mut self, now: Now, aid: Aid, parent: Uuid) {
        let actor = aid.uuid;
        self.members.insert(actor, Member { aid, leaving: false });
        self.seat_on(now, Input::Actor { actor, parent: Some(parent) });
        self.down(actor, Down::Welcome);
        if let Some(pipes) = self.adopted.remove(&actor) {
            self.down(actor, Down::Adopted { pipes });
        }
        let (tables, logs) = self.watched;
        if tables || logs.is_some() {
            self.down(actor, Down::Watch { tables, logs });
        }
        if tables {
            self.newcomers.insert(actor);
            self.down(actor, Down::Tables { follow: true });
        }
        if !self.seat.debugged().is_empty() {
            let actors = self.seat.debugged().iter().copied().collect();
            self.down(actor, Down::Debugged { actors });
        }
    }

    /// An actor's bus is gone, and so is the actor, or it soon will be.
    pub(super) fn lost(&mut self, now: Now, actor: Uuid) {
        let Some(member) = self.members.remove(&actor) else { return };
        self.newcomers.remove(&actor);
        self.give_up_pages_of(actor);
        self.gone(now, actor, !member.leaving);
    }

    /// Nothing of a dead actor stays in the seat's queue; what hangs below it is told at once.
    fn gone(&mut self, now: Now, actor: Uuid, tell: bool) {
        if tell {
            for below in self.seat.below(actor) {
                if self.members.contains_key(&below) {
                    self.down(below, Down::ParentGone);
                }
            }
        }
        self.adopted.remove(&actor);
        self.seat_on(now, Input::Gone { actor });
    }

    /// An actor says something.
    pub(super) fn on_up(&mut self, now: Now, from: Uuid, message: Up) {
        match message {
            // Only the first word on a connection, which is read elsewhere.
            Up::Hello { .. } => {}
            Up::Tables { seq, tables } => self.page(now, from, seq, tables),
            Up::Delta(delta) => {
                // An actor tells of itself only.
                if delta.actor == from {
                    self.followers(&FromHub::Delta(delta));
                }
            }
            Up::Logs(rows) => self.logs(&rows),
            Up::Child(row) => self.child(now, row),
            Up::Died { actor, status, asked, last_output } => self.died(now, from, actor, status, asked, last_output),
            Up::StopAsk { local, task, context, reason, place, function, banner } => {
                let Some(member) = self.members.get(&from) else { return };
                self.asking =
                    Some(StopFacts { actor: member.aid.clone(), task, context, reason, place, function, banner, since: crate::observe::probe::unix_micros() });
                self.seat_on(now, Input::Ask { actor: from, local });
                self.asking = None;
            }
            Up::StopOver { stop } => self.seat_on(now, Input::Over { actor: from, stop }),
            Up::Reply { stop, line, reply } => {
                if let Some((console, line)) = self.routes.take(stop, line) {
                    self.out.push(Out::Console(console, FromHub::Reply { stop, line, reply }));
                }
            }
            Up::Completed { stop, line, completion } => {
                if let Some((console, line)) = self.routes.take(stop, line) {
                    self.out.push(Out::Console(console, FromHub::Completed { stop, line, completion }));
                }
            }
            Up::Adopted { child, pipes } if self.members.contains_key(&child) => self.down(child, Down::Adopted { pipes }),
            Up::Adopted { child, pipes } => drop(self.adopted.insert(child, pipes)),
            Up::MaySignal { ask, child } => self.seat_on(now, Input::MaySignal { asker: from, ask, child }),
            Up::Goodbye => {
                if let Some(member) = self.members.get_mut(&from) {
                    member.leaving = true;
                }
            }
        }
    }

    /// A parent tells about its child.
    fn child(&mut self, now: Now, row: ActorRow) {
        let actor = row.aid.uuid;
        if matches!(self.told.get(&actor), Some(known) if is_ended(known) && !is_ended(&row)) {
            return;
        }
        if is_ended(&row) {
            self.remember_ended(actor);
            self.gone(now, actor, true);
        } else {
            self.seat_on(now, Input::Actor { actor, parent: row.parent.as_ref().map(|parent| parent.uuid) });
        }
        self.followers(&FromHub::Actor(row.clone()));
        self.told.insert(actor, row);
    }

    fn remember_ended(&mut self, actor: Uuid) {
        if !self.ended.contains(&actor) {
            self.ended.push_back(actor);
        }
        if self.ended.len() > ENDED
            && let Some(oldest) = self.ended.pop_front()
        {
            self.told.remove(&oldest);
        }
    }

    fn died(&mut self, now: Now, from: Uuid, actor: Aid, status: ExitStatus, asked: bool, last_output: Vec<String>) {
        if let Some(known) = self.told.get(&actor.uuid)
            && !is_ended(known)
        {
            let mut row = known.clone();
            row.state = ActorState::Ended { status, asked };
            self.child(now, row);
        } else {
            self.gone(now, actor.uuid, true);
        }
        // A graceful end nobody waits to hear of; telling all of it would be quadratic at the end of a large tree.
        if asked && status.is_clean() {
            return;
        }
        let to: Vec<Uuid> = self.members.keys().copied().filter(|to| *to != from && *to != actor.uuid).collect();
        for to in to {
            self.down(to, Down::Died { actor: actor.clone(), status, last_output: last_output.clone() });
        }
    }

    /// The tree is ending.
    pub(super) fn ending(&mut self) {
        let out = self.consoles.keys().map(|id| Out::Console(*id, FromHub::Ending));
        self.out.extend(out);
    }
}

fn is_ended(row: &ActorRow) -> bool {
    matches!(row.state, ActorState::Ended { .. })
}

#[cfg(test)]
mod tests;
