//! What one console knows of a tree: the fold of everything the hub said so far.
//!
//! Rows are state, and each actor numbers its own changes: a number that does not follow makes
//! this side ask for a snapshot ([`Applied::NeedSnapshot`]) instead of guessing. A parent's word
//! that its child has ended is final, whatever the child said or still says. Every store has a
//! bound, and what was let go is counted ([`Lost`]), so a view can say that it is not all.
//! No clock, no I/O: rates and ages are the reader's business.
mod linked;
mod query;

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};

use super::{ActorRow, ActorState, Change, ChannelRow, ContextRow, Delta, LogRow, Phase, Side, StopRow, Tables, TaskRow};
use crate::hub::{FromHub, TreeInfo};
use crate::id::{ContextKey, StopId, TaskId, Uuid};
use crate::repl::Line;

pub use linked::{Linked, is_over};

/// What a message did to the [`Model`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Applied {
    /// Nothing that can be seen.
    Nothing,
    /// Something that can be seen.
    Changed,
    /// A change was missed: ask for a snapshot. Said once for each gap, not for each message behind it.
    NeedSnapshot,
}

/// How much a [`Model`] keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Actors, ended ones included; the longest ended go first.
    pub actors: usize,
    /// Contexts; those beyond are counted, not kept.
    pub contexts: usize,
    /// Channels; those beyond are counted, not kept.
    pub channels: usize,
    /// Tasks; those beyond are counted, not kept.
    pub tasks: usize,
    /// Log records, in bytes of text; the oldest go first.
    pub log_bytes: usize,
    /// The longest text kept of one field.
    pub text: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { actors: 4096, contexts: 200_000, channels: 50_000, tasks: 100_000, log_bytes: 16 << 20, text: 4096 }
    }
}

/// What a [`Model`] could not keep, or never got.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lost {
    /// Records the hub dropped before they came here.
    pub logs_on_the_way: u64,
    /// Records that were here and had to make room.
    pub logs_let_go: u64,
    /// Rows beyond a bound: actors, contexts, channels, tasks.
    pub rows: u64,
}

/// Where one actor's numbered changes stand.
#[derive(Clone, Copy, Debug, Default)]
struct Heard {
    /// The last number folded; `None` before the first page.
    seq: Option<u64>,
    /// A number was missed: nothing is folded until a page comes.
    stale: bool,
}

/// The fold of a tree. See the module's text.
#[derive(Clone, Debug, Default)]
pub struct Model {
    bounds: Bounds,
    tree: Option<TreeInfo>,
    actors: HashMap<Uuid, ActorRow>,
    /// Ended actors, the longest ended first.
    ended: VecDeque<Uuid>,
    heard: HashMap<Uuid, Heard>,
    contexts: BTreeMap<ContextKey, Linked>,
    /// Which sides of which contexts each actor told about.
    told: HashMap<Uuid, HashSet<(ContextKey, Side)>>,
    channels: BTreeMap<(Uuid, u64), ChannelRow>,
    tasks: BTreeMap<(Uuid, TaskId), TaskRow>,
    stops: Vec<StopRow>,
    banner: Option<(StopId, Vec<Line>)>,
    logs: VecDeque<LogRow>,
    log_bytes: usize,
    logs_seen: u64,
    lost: Lost,
    asked: bool,
    complete: bool,
    ending: bool,
}

impl Model {
    /// An empty model with the default bounds. Whoever feeds it asks the hub for a snapshot first.
    #[must_use]
    pub fn new() -> Self {
        Self { asked: true, ..Self::default() }
    }
    /// The same with other bounds.
    #[must_use]
    pub fn bounded(bounds: Bounds) -> Self {
        Self { bounds, ..Self::new() }
    }

    /// Folds one message in.
    pub fn apply(&mut self, message: &FromHub) -> Applied {
        match message {
            FromHub::Welcome { tree, .. } => self.tree = Some(tree.clone()),
            FromHub::Snapshot { actor, seq, tables, last } => self.page(*actor, *seq, tables, *last),
            FromHub::Delta(delta) => return self.delta(delta),
            FromHub::Actor(row) => self.told_by_parent(row),
            FromHub::Stops(stops) => {
                self.stops.clone_from(stops);
                if self.banner.as_ref().is_some_and(|(id, _)| self.stop(*id).is_none()) {
                    self.banner = None;
                }
            }
            FromHub::Seated { stop, banner } => self.banner = Some((*stop, banner.clone())),
            FromHub::Logs { rows, dropped } => {
                self.lost.logs_on_the_way += dropped;
                if rows.is_empty() && *dropped == 0 {
                    return Applied::Nothing;
                }
                rows.iter().for_each(|row| self.log(row));
            }
            FromHub::Unseated { stop } => {
                if self.banner.as_ref().is_some_and(|(id, _)| id == stop) {
                    self.banner = None;
                }
            }
            FromHub::Ending => self.ending = true,
            FromHub::Reply { .. } | FromHub::Completed { .. } | FromHub::Refused { .. } => {
                return Applied::Nothing;
            }
        }
        Applied::Changed
    }

    fn page(&mut self, actor: Uuid, seq: u64, tables: &Tables, last: bool) {
        self.forget_rows(actor);
        self.heard.insert(actor, Heard { seq: Some(seq), stale: false });
        for row in &tables.actors {
            self.actor_row(actor, row);
        }
        tables.contexts.iter().for_each(|row| self.context(actor, row));
        tables.channels.iter().for_each(|row| self.channel(actor, row));
        tables.tasks.iter().for_each(|row| self.task(actor, row));
        if last {
            self.asked = false;
            self.complete = true;
            // An actor that was no part of the snapshot has to be heard from its first page on.
            for heard in self.heard.values_mut().filter(|heard| heard.stale) {
                *heard = Heard::default();
            }
        }
    }

    fn delta(&mut self, delta: &Delta) -> Applied {
        let heard = self.heard.entry(delta.actor).or_default();
        if heard.stale || heard.seq.is_some_and(|seq| delta.seq <= seq) {
            return Applied::Nothing;
        }
        // An actor nobody told about yet begins at 1, with empty tables.
        if delta.seq != heard.seq.unwrap_or(0) + 1 {
            heard.stale = true;
            if self.asked {
                return Applied::Nothing;
            }
            self.asked = true;
            return Applied::NeedSnapshot;
        }
        heard.seq = Some(delta.seq);
        for change in &delta.changes {
            match change {
                Change::Actor(row) => self.actor_row(delta.actor, row),
                Change::Context(row) => self.context(delta.actor, row),
                Change::ContextGone(key, side) => self.context_gone(delta.actor, *key, *side),
                Change::Channel(row) => self.channel(delta.actor, row),
                Change::ChannelGone(id) => drop(self.channels.remove(&(delta.actor, *id))),
                Change::Task(row) => self.task(delta.actor, row),
                Change::TaskGone(id) => drop(self.tasks.remove(&(delta.actor, *id))),
            }
        }
        if delta.changes.is_empty() { Applied::Nothing } else { Applied::Changed }
    }

    /// A row that came from `by`: about itself, or about a child of it.
    fn actor_row(&mut self, by: Uuid, row: &ActorRow) {
        if row.aid.uuid == by { self.told_by_itself(row) } else { self.told_by_parent(row) }
    }

    fn told_by_itself(&mut self, row: &ActorRow) {
        let mut row = self.clipped(row);
        if let Some(known) = self.actors.get(&row.aid.uuid) {
            if matches!(known.state, ActorState::Ended { .. }) {
                row.state = known.state;
            }
            if row.parent.is_none() {
                row.parent.clone_from(&known.parent);
            }
        }
        self.keep_actor(row);
    }

    fn told_by_parent(&mut self, row: &ActorRow) {
        let mut row = self.clipped(row);
        if let Some(known) = self.actors.get(&row.aid.uuid) {
            if matches!(known.state, ActorState::Ended { .. }) && !matches!(row.state, ActorState::Ended { .. }) {
                return;
            }
            // The parent knows the state; of the rest the actor itself knows more.
            let state = row.state;
            let parent = row.parent.or_else(|| known.parent.clone());
            row = ActorRow { state, parent, ..known.clone() };
        }
        self.keep_actor(row);
    }

    fn keep_actor(&mut self, row: ActorRow) {
        let id = row.aid.uuid;
        if matches!(row.state, ActorState::Ended { .. }) && !self.ended.contains(&id) {
            self.ended.push_back(id);
            self.channels.retain(|(owner, _), _| *owner != id);
            self.tasks.retain(|(owner, _), _| *owner != id);
        }
        self.actors.insert(id, row);
        while self.actors.len() > self.bounds.actors {
            let Some(oldest) = self.ended.pop_front() else {
                self.actors.remove(&id);
                self.lost.rows += 1;
                return;
            };
            self.actors.remove(&oldest);
            self.heard.remove(&oldest);
            self.forget_rows(oldest);
            self.lost.rows += 1;
        }
    }

    fn forget_rows(&mut self, actor: Uuid) {
        for (key, side) in self.told.remove(&actor).unwrap_or_default() {
            self.drop_side(actor, key, side);
        }
        self.channels.retain(|(owner, _), _| *owner != actor);
        self.tasks.retain(|(owner, _), _| *owner != actor);
    }

    fn context(&mut self, actor: Uuid, row: &ContextRow) {
        if self.contexts.len() >= self.bounds.contexts && !self.contexts.contains_key(&row.key) {
            self.lost.rows += 1;
            return;
        }
        let mut row = row.clone();
        clip(&mut row.arguments, self.bounds.text);
        clip(&mut row.endpoint, self.bounds.text);
        clip(&mut row.waiting, self.bounds.text);
        if let Phase::Failed(why) = &mut row.phase {
            clip(why, self.bounds.text);
        }
        self.told.entry(actor).or_default().insert((row.key, row.side));
        let (key, side) = (row.key, row.side);
        *self.contexts.entry(key).or_default().side(side) = Some(row);
    }

    fn context_gone(&mut self, actor: Uuid, key: ContextKey, side: Side) {
        if let Some(told) = self.told.get_mut(&actor) {
            told.remove(&(key, side));
        }
        self.drop_side(actor, key, side);
    }

    /// A side that another actor has told about since is that actor's.
    fn drop_side(&mut self, by: Uuid, key: ContextKey, side: Side) {
        if let Some(linked) = self.contexts.get_mut(&key) {
            let slot = linked.side(side);
            if slot.as_ref().is_some_and(|row| row.here.uuid == by) {
                *slot = None;
            }
            if linked.any().is_none() {
                self.contexts.remove(&key);
            }
        }
    }

    fn channel(&mut self, actor: Uuid, row: &ChannelRow) {
        if self.channels.len() >= self.bounds.channels && !self.channels.contains_key(&(actor, row.id)) {
            self.lost.rows += 1;
        } else {
            self.channels.insert((actor, row.id), row.clone());
        }
    }

    fn task(&mut self, actor: Uuid, row: &TaskRow) {
        if self.tasks.len() >= self.bounds.tasks && !self.tasks.contains_key(&(actor, row.id)) {
            self.lost.rows += 1;
        } else {
            self.tasks.insert((actor, row.id), row.clone());
        }
    }

    fn log(&mut self, row: &LogRow) {
        let mut row = row.clone();
        clip(&mut row.message, self.bounds.text);
        clip(&mut row.target, self.bounds.text);
        clip(&mut row.task, self.bounds.text);
        clip(&mut row.place, self.bounds.text);
        self.log_bytes += weight(&row);
        self.logs.push_back(row);
        self.logs_seen += 1;
        while self.log_bytes > self.bounds.log_bytes {
            let Some(oldest) = self.logs.pop_front() else {
                break;
            };
            self.log_bytes -= weight(&oldest);
            self.lost.logs_let_go += 1;
        }
    }

    fn clipped(&self, row: &ActorRow) -> ActorRow {
        let mut row = row.clone();
        let most = self.bounds.text;
        clip(&mut row.aid.name, most);
        row.exposed.iter_mut().for_each(|text| clip(text, most));
        row.addresses.iter_mut().for_each(|text| clip(text, most));
        row.vars.iter_mut().for_each(|(_, value)| clip(value, most));
        row
    }
}

fn weight(row: &LogRow) -> usize {
    std::mem::size_of::<LogRow>() + row.message.len() + row.target.len() + row.task.len() + row.place.len() + row.actor.name.len()
}

fn clip(text: &mut String, most: usize) {
    if text.len() > most {
        let mut at = most;
        while !text.is_char_boundary(at) {
            at -= 1;
        }
        text.truncate(at);
        text.shrink_to_fit();
    }
}

#[cfg(test)]
#[path = "model_tests.rs"]
mod tests;
