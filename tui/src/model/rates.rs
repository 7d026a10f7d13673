//! Rates, from the totals that rows carry: a sample a second, and a short history of each.
use std::collections::{HashMap, VecDeque};

use coulter_proto::id::Uuid;
use coulter_proto::observe::{ActorState, Model, UnixMicros};

/// The time between samples.
const SECOND: u64 = 1_000_000;
/// How many samples a sparkline shows.
pub const HISTORY: usize = 8;

/// What one actor does in a second.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rate {
    messages: u64,
    cpu: u64,
    /// Messages in the last second.
    pub per_second: u64,
    /// Of one core, in percent.
    pub cpu_percent: u64,
    /// The last seconds, oldest first.
    pub history: VecDeque<u64>,
}

/// The rates of all actors.
#[derive(Clone, Debug, Default)]
pub struct Rates {
    sampled: Option<UnixMicros>,
    all: HashMap<Uuid, Rate>,
}

impl Rates {
    /// Takes a sample if it is time; whether anything to be seen changed.
    pub fn sample(&mut self, model: &Model, now: UnixMicros) -> bool {
        let Some(before) = self.sampled else {
            self.sampled = Some(now);
            self.note(model);
            return false;
        };
        let passed = now.saturating_sub(before);
        if passed < SECOND {
            return false;
        }
        self.sampled = Some(now);
        let mut changed = false;
        for row in model.actors().filter(|row| !matches!(row.state, ActorState::Ended { .. })) {
            let new = !self.all.contains_key(&row.aid.uuid);
            let rate = self.all.entry(row.aid.uuid).or_default();
            let per_second = |from: u64, to: u64| if new { 0 } else { to.saturating_sub(from).saturating_mul(SECOND) / passed };
            let (messages, cpu) = (per_second(rate.messages, row.messages), per_second(rate.cpu, row.cpu) * 100 / SECOND);
            changed |= messages != rate.per_second || cpu != rate.cpu_percent || rate.history.iter().any(|past| *past != messages);
            rate.per_second = messages;
            rate.cpu_percent = cpu;
            (rate.messages, rate.cpu) = (row.messages, row.cpu);
            rate.history.push_back(messages);
            if rate.history.len() > HISTORY {
                rate.history.pop_front();
            }
        }
        self.all.retain(|id, _| model.actor(*id).is_some_and(|row| !matches!(row.state, ActorState::Ended { .. })));
        changed
    }
    fn note(&mut self, model: &Model) {
        for row in model.actors() {
            let rate = self.all.entry(row.aid.uuid).or_default();
            (rate.messages, rate.cpu) = (row.messages, row.cpu);
        }
    }
    /// One actor's.
    #[must_use]
    pub fn of(&self, actor: Uuid) -> Option<&Rate> {
        self.all.get(&actor)
    }
    /// Messages a second, all actors.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.all.values().map(|rate| rate.per_second).sum()
    }
}
