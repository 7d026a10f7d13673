//! Who has the terminal: the seat's lease and its queue.
//!
//! One machine, in the root, is the one place where "this actor is stopped" and "this actor may be
//! signalled" are put in order: whoever stands in the queue is never signalled, nor is any ancestor
//! of such an actor; and whoever was cleared for a signal, or hangs below one that was, is refused.
//! At most one stop holds the lease. Who attends (a console, or the root's own front) is known here
//! by number only; what is typed passes elsewhere.
use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde::{Deserialize, Serialize};

use crate::id::{StopId, Uuid};
use crate::machine::{Machine, Sink};
use crate::time::{Deadline, Now};

/// How long stops wait for somebody after the last one who attended has left.
pub const PATIENCE: u64 = 10_000_000;

/// Somebody who can attend to stops: one connection to the hub.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct AttendantId(pub u64);

/// Whether an attendant is the root's own front, which stays away while a console attends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Place {
    /// A console.
    Console,
    /// The root's own terminal.
    OwnTerminal,
}

/// Why a stop is not queued.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Refusal {
    /// Nobody could attend to it.
    Unattended,
    /// The actor, or one above it, was cleared for a signal, or is dead.
    Ending,
}

/// What can happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Input {
    /// An actor is there, below this one.
    Actor {
        /// Who.
        actor: Uuid,
        /// Its parent; `None` for the root.
        parent: Option<Uuid>,
    },
    /// An actor died, or its bus is lost.
    Gone {
        /// Who.
        actor: Uuid,
    },
    /// A thread of an actor halted and asks for the seat. Asking twice is one stop.
    Ask {
        /// Who.
        actor: Uuid,
        /// The actor's own number for the stop.
        local: u64,
    },
    /// The halted thread goes on. Of an old stop, or another's: nothing.
    Over {
        /// Who says so.
        actor: Uuid,
        /// Which.
        stop: StopId,
    },
    /// Somebody can attend from now on.
    Attend {
        /// Who.
        who: AttendantId,
        /// From where.
        place: Place,
    },
    /// Somebody no longer can.
    Leave {
        /// Who.
        who: AttendantId,
    },
    /// Somebody is on the way: stops are queued for so long, although nobody attends yet.
    Expect {
        /// For how long, microseconds.
        micros: u64,
    },
    /// A person gives the seat to this stop, in whatever order.
    Seat {
        /// Which.
        stop: StopId,
        /// To be attended by; `None` for whoever is next.
        who: Option<AttendantId>,
    },
    /// A person puts this stop behind the others.
    Skip {
        /// Which.
        stop: StopId,
    },
    /// A parent wants to signal a child.
    MaySignal {
        /// The parent.
        asker: Uuid,
        /// Its number for the question.
        ask: u64,
        /// The child.
        child: Uuid,
    },
}

/// What is decided.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Effect {
    /// The actors nobody may signal or let a clock run out on: the stopped and all above them.
    /// Told before the stop that changed them is.
    Debugged {
        /// All of them, in order.
        actors: Vec<Uuid>,
    },
    /// The stop stands in the queue.
    Queued {
        /// Whose.
        actor: Uuid,
        /// The actor's number.
        local: u64,
        /// The tree's number.
        stop: StopId,
    },
    /// It does not.
    Refused {
        /// Whose.
        actor: Uuid,
        /// The actor's number.
        local: u64,
        /// Why.
        why: Refusal,
    },
    /// A stop got the seat.
    Seated {
        /// Which.
        stop: StopId,
        /// Who attends to it.
        who: AttendantId,
        /// Counts the leases.
        epoch: u64,
    },
    /// A stop no longer has it: its prompt closes.
    Unseated {
        /// Which.
        stop: StopId,
        /// Who attended to it.
        who: AttendantId,
    },
    /// Nobody came: the stop goes on.
    End {
        /// Whose.
        actor: Uuid,
        /// Which.
        stop: StopId,
    },
    /// The answer to a question.
    Signal {
        /// Who asked.
        asker: Uuid,
        /// Its number for the question.
        ask: u64,
        /// Go, or hold until the stops are over and ask again.
        go: bool,
    },
    /// The queue, or who is first in it, changed.
    Changed,
}

/// One stop in the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stop {
    /// The tree's number.
    pub id: StopId,
    /// Whose.
    pub actor: Uuid,
    /// The actor's number.
    pub local: u64,
}

/// The lease: one stop, one attendant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    /// Which stop.
    pub stop: Stop,
    /// Who attends to it.
    pub who: AttendantId,
    /// Counts the leases.
    pub epoch: u64,
    /// Since when.
    pub since: Now,
}

/// The seat of one tree.
#[derive(Clone, Debug, Default)]
pub struct Seat {
    /// The root has a terminal, and a front of its own will come for it.
    terminal: bool,
    parents: BTreeMap<Uuid, Option<Uuid>>,
    /// Cleared for a signal, or below one that is dead.
    condemned: BTreeSet<Uuid>,
    /// Those that wait, next first.
    queue: VecDeque<Stop>,
    lease: Option<Lease>,
    attendants: Vec<(AttendantId, Place)>,
    debugged: BTreeSet<Uuid>,
    /// While it runs, somebody is expected.
    patience: Deadline,
    last_stop: u64,
    epoch: u64,
}

impl Seat {
    /// A free seat. With a terminal, stops wait for the root's own front as long as it takes.
    #[must_use]
    pub fn new(terminal: bool) -> Self {
        Self { terminal, ..Self::default() }
    }

    /// Who has the seat.
    #[must_use]
    pub fn lease(&self) -> Option<&Lease> {
        self.lease.as_ref()
    }

    /// Whether the root's own front has it.
    #[must_use]
    pub fn is_in_own_terminal(&self) -> bool {
        self.lease.is_some_and(|lease| self.attendants.contains(&(lease.who, Place::OwnTerminal)))
    }

    /// All stops: the seated one, then those that wait, next first.
    pub fn stops(&self) -> impl Iterator<Item = &Stop> {
        self.lease.iter().map(|lease| &lease.stop).chain(&self.queue)
    }

    /// The stopped actors and all above them.
    #[must_use]
    pub fn debugged(&self) -> &BTreeSet<Uuid> {
        &self.debugged
    }

    /// The actors below this one, as far as known.
    #[must_use]
    pub fn below(&self, actor: Uuid) -> BTreeSet<Uuid> {
        self.parents.keys().copied().filter(|&other| other != actor && self.line(other).any(|above| above == actor)).collect()
    }

    /// An actor and all above it. The map comes from peers, so a circle in it must end too.
    fn line(&self, actor: Uuid) -> impl Iterator<Item = Uuid> {
        let mut left = self.parents.len() + 1;
        std::iter::successors(Some(actor), move |at| {
            left = left.checked_sub(1)?;
            self.parents.get(at).copied().flatten()
        })
    }

    fn is_ending(&self, actor: Uuid) -> bool {
        self.line(actor).any(|above| self.condemned.contains(&above))
    }

    fn is_attended(&self) -> bool {
        self.terminal || !self.attendants.is_empty() || self.patience.due().is_some()
    }

    /// Who gets the next stop: the console that came last, else the root's own front.
    fn next_attendant(&self) -> Option<AttendantId> {
        let console = self.attendants.iter().rev().find(|(_, place)| *place == Place::Console);
        console.or(self.attendants.last()).map(|(who, _)| *who)
    }

    fn tell_debugged(&mut self, out: &mut impl Sink<Effect>) {
        let now: BTreeSet<Uuid> = self.stops().flat_map(|stop| self.line(stop.actor)).collect();
        if now != self.debugged {
            self.debugged = now;
            out.emit(Effect::Debugged { actors: self.debugged.iter().copied().collect() });
        }
    }

    fn unseat(&mut self, out: &mut impl Sink<Effect>) -> Option<Stop> {
        let lease = self.lease.take()?;
        if self.attendants.iter().any(|(who, _)| *who == lease.who) {
            out.emit(Effect::Unseated { stop: lease.stop.id, who: lease.who });
        }
        Some(lease.stop)
    }

    fn grant(&mut self, now: Now, stop: Stop, who: AttendantId, out: &mut impl Sink<Effect>) {
        self.epoch += 1;
        self.lease = Some(Lease { stop, who, epoch: self.epoch, since: now });
        out.emit(Effect::Seated { stop: stop.id, who, epoch: self.epoch });
    }

    /// After every change: a free seat goes to the next in line.
    fn settle(&mut self, now: Now, out: &mut impl Sink<Effect>) {
        if self.lease.is_none()
            && let Some(who) = self.next_attendant()
            && let Some(stop) = self.queue.pop_front()
        {
            self.grant(now, stop, who, out);
        }
        self.tell_debugged(out);
        out.emit(Effect::Changed);
    }

    fn ask(&mut self, now: Now, actor: Uuid, local: u64, out: &mut impl Sink<Effect>) {
        if let Some(stop) = self.stops().find(|stop| stop.actor == actor && stop.local == local) {
            return out.emit(Effect::Queued { actor, local, stop: stop.id });
        }
        if self.is_ending(actor) {
            return out.emit(Effect::Refused { actor, local, why: Refusal::Ending });
        }
        if !self.is_attended() {
            return out.emit(Effect::Refused { actor, local, why: Refusal::Unattended });
        }
        self.last_stop += 1;
        let stop = Stop { id: StopId(self.last_stop), actor, local };
        self.queue.push_back(stop);
        self.tell_debugged(out);
        out.emit(Effect::Queued { actor, local, stop: stop.id });
        self.settle(now, out);
    }

    fn forget(&mut self, now: Now, over: impl Fn(&Stop) -> bool, out: &mut impl Sink<Effect>) {
        let before = self.queue.len();
        self.queue.retain(|stop| !over(stop));
        let seated = self.lease.is_some_and(|lease| over(&lease.stop));
        if seated {
            self.unseat(out);
        }
        if seated || self.queue.len() != before {
            self.settle(now, out);
        }
    }

    fn leave(&mut self, now: Now, who: AttendantId, out: &mut impl Sink<Effect>) {
        self.attendants.retain(|(other, _)| *other != who);
        if self.lease.is_some_and(|lease| lease.who == who) {
            let stop = self.unseat(out);
            self.queue.extend(stop);
            self.queue.rotate_right(1);
            self.settle(now, out);
        }
        if self.attendants.is_empty() && !self.terminal && self.stops().next().is_some() {
            self.patience = Deadline::after(now, PATIENCE);
        }
    }

    fn seat(&mut self, now: Now, stop: StopId, who: Option<AttendantId>, out: &mut impl Sink<Effect>) {
        let known = who.filter(|who| self.attendants.iter().any(|(other, _)| other == who));
        let who = known.or(self.next_attendant());
        if self.lease.is_some_and(|lease| lease.stop.id == stop && Some(lease.who) == who) {
            return;
        }
        let seated = self.lease.is_some_and(|lease| lease.stop.id == stop);
        let waiting = self.queue.iter().position(|waiting| waiting.id == stop);
        if !seated && waiting.is_none() {
            return;
        }
        let picked = waiting.and_then(|at| self.queue.remove(at));
        let evicted = self.unseat(out);
        let picked = if seated {
            evicted
        } else {
            evicted.into_iter().for_each(|stop| self.queue.push_front(stop));
            picked
        };
        match (picked, who) {
            (Some(stop), Some(who)) => self.grant(now, stop, who, out),
            (Some(stop), None) => self.queue.push_front(stop),
            (None, _) => {}
        }
        self.settle(now, out);
    }

    fn skip(&mut self, now: Now, stop: StopId, out: &mut impl Sink<Effect>) {
        if self.lease.is_some_and(|lease| lease.stop.id == stop) {
            if !self.queue.is_empty() {
                let stop = self.unseat(out);
                self.queue.extend(stop);
                self.settle(now, out);
            }
        } else if let Some(stop) = self.queue.iter().position(|waiting| waiting.id == stop).and_then(|at| self.queue.remove(at)) {
            self.queue.push_back(stop);
            self.settle(now, out);
        }
    }
}

impl Machine for Seat {
    type Input = Input;
    type Effect = Effect;

    fn on(&mut self, now: Now, input: Input, out: &mut impl Sink<Effect>) {
        match input {
            Input::Actor { actor, parent } => {
                if self.parents.insert(actor, parent) != Some(parent) {
                    self.tell_debugged(out);
                }
            }
            Input::Gone { actor } => {
                // What hangs below a dead one is ending: it may not begin a stop any more.
                self.condemned.extend(self.below(actor));
                self.parents.remove(&actor);
                self.condemned.remove(&actor);
                self.forget(now, |stop| stop.actor == actor, out);
                self.tell_debugged(out);
            }
            Input::Ask { actor, local } => self.ask(now, actor, local, out),
            Input::Over { actor, stop } => self.forget(now, |known| known.id == stop && known.actor == actor, out),
            Input::Attend { who, place } => {
                self.attendants.retain(|(other, _)| *other != who);
                self.attendants.push((who, place));
                self.patience = Deadline::Off;
                if self.lease.is_none() && !self.queue.is_empty() {
                    self.settle(now, out);
                }
            }
            Input::Leave { who } => self.leave(now, who, out),
            Input::Expect { micros } => {
                if self.attendants.is_empty() {
                    self.patience = Deadline::after(now, micros);
                }
            }
            Input::Seat { stop, who } => self.seat(now, stop, who, out),
            Input::Skip { stop } => self.skip(now, stop, out),
            Input::MaySignal { asker, ask, child } => {
                let go = !self.debugged.contains(&child);
                if go {
                    self.condemned.insert(child);
                }
                out.emit(Effect::Signal { asker, ask, go });
            }
        }
    }

    fn next_deadline(&self) -> Option<Now> {
        self.patience.due()
    }

    fn on_time(&mut self, now: Now, out: &mut impl Sink<Effect>) {
        if self.patience.take_due(now) && !self.is_attended() {
            // They stay in the queue, and debugged, until each says that it went on.
            for stop in self.stops() {
                out.emit(Effect::End { actor: stop.actor, stop: stop.id });
            }
        }
    }
}

#[cfg(test)]
mod tests;
