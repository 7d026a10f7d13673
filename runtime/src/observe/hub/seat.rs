//! The seat as the hub serves it: the machine's decisions become messages, in an order that lets a
//! front know a stop before it is told to open its prompt.
use coulter_proto::bus::Down;
use coulter_proto::hub::FromHub;
use coulter_proto::id::{Aid, ContextKey};
use coulter_proto::machine::Machine as _;
use coulter_proto::observe::{StopReason, StopRow, StopStatus, UnixMicros};
use coulter_proto::repl::Line;
use coulter_proto::seat::{Effect, Input, Refusal};
use coulter_proto::time::Now;

use super::{ConsoleId, Hub, Out};

/// What a stop's actor said of it.
pub(super) struct StopFacts {
    pub(super) actor: Aid,
    pub(super) task: String,
    pub(super) context: Option<ContextKey>,
    pub(super) reason: StopReason,
    pub(super) place: String,
    pub(super) function: String,
    pub(super) banner: Vec<Line>,
    pub(super) since: UnixMicros,
}

fn words(why: Refusal) -> &'static str {
    match why {
        Refusal::Unattended => "nobody attends to stops: there is no terminal and no console; run it in a terminal, or under `coulter run`",
        Refusal::Ending => "this actor is about to be ended by its parent",
    }
}

impl Hub {
    pub(super) fn seat_on(&mut self, now: Now, input: Input) {
        let mut effects = Vec::new();
        self.seat.on(now, input, &mut effects);
        self.seat_effects(effects);
    }

    pub(super) fn seat_effects(&mut self, effects: Vec<Effect>) {
        let (mut changed, mut prompts) = (false, Vec::new());
        for effect in effects {
            match effect {
                Effect::Debugged { actors } => self.everybody(&Down::Debugged { actors }),
                Effect::Queued { actor, local, stop } => {
                    if let Some(facts) = self.asking.take() {
                        self.stops.insert(stop, facts);
                    }
                    self.down(actor, Down::StopQueued { local, stop });
                }
                Effect::Refused { actor, local, why } => {
                    let unattended = why == Refusal::Unattended;
                    self.down(actor, Down::StopRefused { local, why: words(why).to_owned(), unattended });
                }
                Effect::Seated { .. } | Effect::Unseated { .. } => prompts.push(effect),
                Effect::End { actor, stop } => self.down(actor, Down::EndStop { stop, quit: false }),
                Effect::Signal { asker, ask, go } => self.down(asker, Down::Signal { ask, go }),
                Effect::Changed => changed = true,
            }
        }
        if changed {
            let live: std::collections::BTreeSet<_> = self.seat.stops().map(|stop| stop.id).collect();
            self.stops.retain(|id, _| live.contains(id));
            let message = FromHub::Stops(self.stop_rows());
            let out = self.consoles.iter().filter(|(_, console)| console.tables || console.attends).map(|(id, _)| Out::Console(*id, message.clone()));
            self.out.extend(out);
        }
        for prompt in prompts {
            match prompt {
                Effect::Seated { stop, who, .. } => {
                    let banner = self.stops.get(&stop).map(|facts| facts.banner.clone()).unwrap_or_default();
                    self.out.push(Out::Console(ConsoleId(who.0), FromHub::Seated { stop, banner }));
                }
                Effect::Unseated { stop, who } => self.out.push(Out::Console(ConsoleId(who.0), FromHub::Unseated { stop })),
                _ => {}
            }
        }
    }

    /// The queue as consoles see it.
    pub(super) fn stop_rows(&self) -> Vec<StopRow> {
        let seated = self.seat.lease().map(|lease| lease.stop.id);
        let mut place = 0;
        let rows = self.seat.stops().filter_map(|stop| {
            let facts = self.stops.get(&stop.id)?;
            let status = if seated == Some(stop.id) {
                StopStatus::Seated
            } else {
                place += 1;
                StopStatus::Queued(place)
            };
            Some(StopRow {
                id: stop.id,
                actor: facts.actor.clone(),
                task: facts.task.clone(),
                context: facts.context,
                reason: facts.reason.clone(),
                place: facts.place.clone(),
                function: facts.function.clone(),
                since: facts.since,
                status,
            })
        });
        rows.collect()
    }
}
