//! What one may ask a [`Model`].
use std::collections::{HashMap, VecDeque};

use super::{Linked, Lost, Model};
use crate::hub::TreeInfo;
use crate::id::{ContextKey, StopId, TaskId, Uuid};
use crate::observe::{ActorRow, ActorState, ChannelRow, LogRow, StopRow, TaskRow};
use crate::repl::Line;

impl Model {
    /// What the hub said of the tree when it greeted.
    #[must_use]
    pub fn tree(&self) -> Option<&TreeInfo> {
        self.tree.as_ref()
    }
    /// Whether a whole snapshot has been folded: before that, what is missing says nothing.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.complete
    }
    /// Whether the hub said that the tree is ending.
    #[must_use]
    pub fn is_ending(&self) -> bool {
        self.ending
    }
    /// One actor.
    #[must_use]
    pub fn actor(&self, id: Uuid) -> Option<&ActorRow> {
        self.actors.get(&id)
    }
    /// How many actors are known, ended ones included.
    #[must_use]
    pub fn actor_count(&self) -> usize {
        self.actors.len()
    }
    /// All actors in no particular order.
    pub fn actors(&self) -> impl Iterator<Item = &ActorRow> {
        self.actors.values()
    }
    /// An actor's state, with what the seat's queue knows: who is in it is stopped.
    #[must_use]
    pub fn state(&self, row: &ActorRow) -> ActorState {
        let ended = matches!(row.state, ActorState::Ended { .. });
        if !ended && self.stops.iter().any(|stop| stop.actor == row.aid) { ActorState::Stopped } else { row.state }
    }
    /// All actors, parents before their children, siblings by age; each with its depth.
    /// Those whose parent is not known stand at the top.
    #[must_use]
    pub fn in_tree_order(&self) -> Vec<(usize, &ActorRow)> {
        let mut children: HashMap<Option<Uuid>, Vec<&ActorRow>> = HashMap::new();
        for row in self.actors.values() {
            let parent = row.parent.as_ref().map(|aid| aid.uuid).filter(|id| self.actors.contains_key(id));
            children.entry(parent).or_default().push(row);
        }
        for rows in children.values_mut() {
            rows.sort_by(|a, b| (b.started, &b.aid.name, b.aid.uuid).cmp(&(a.started, &a.aid.name, a.aid.uuid)));
        }
        let mut ordered = Vec::with_capacity(self.actors.len());
        let mut open: Vec<(usize, &ActorRow)> = Vec::new();
        open.extend(children.remove(&None).unwrap_or_default().into_iter().map(|row| (0, row)));
        while let Some((depth, row)) = open.pop() {
            ordered.push((depth, row));
            let below = children.remove(&Some(row.aid.uuid)).unwrap_or_default();
            open.extend(below.into_iter().map(|row| (depth + 1, row)));
        }
        // Actors that name each other as parents are nobody's children; they are shown all the same.
        let mut rest: Vec<_> = children.into_values().flatten().map(|row| (0, row)).collect();
        rest.sort_by_key(|(_, row)| (row.started, row.aid.uuid));
        ordered.extend(rest);
        ordered
    }
    /// One context.
    #[must_use]
    pub fn context_by_key(&self, key: ContextKey) -> Option<&Linked> {
        self.contexts.get(&key)
    }
    /// All contexts, each once, by key: the same order every time.
    pub fn contexts(&self) -> impl Iterator<Item = (ContextKey, &Linked)> {
        self.contexts.iter().map(|(key, linked)| (*key, linked))
    }
    /// The contexts an actor has a side of.
    pub fn contexts_of(&self, actor: Uuid) -> impl Iterator<Item = (ContextKey, &Linked)> {
        let mut keys: Vec<_> = self.told.get(&actor).into_iter().flatten().map(|(key, _)| *key).collect();
        keys.sort_unstable();
        keys.dedup();
        keys.into_iter().filter_map(|key| self.contexts.get(&key).map(|linked| (key, linked)))
    }
    /// How many contexts are known.
    #[must_use]
    pub fn context_count(&self) -> usize {
        self.contexts.len()
    }
    /// All ends of channels, by actor.
    pub fn channels(&self) -> impl Iterator<Item = &ChannelRow> {
        self.channels.values()
    }
    /// The channels of one actor.
    pub fn channels_of(&self, actor: Uuid) -> impl Iterator<Item = &ChannelRow> {
        self.channels.range((actor, 0)..=(actor, u64::MAX)).map(|(_, row)| row)
    }
    /// The tasks of one actor.
    pub fn tasks_of(&self, actor: Uuid) -> impl Iterator<Item = &TaskRow> {
        self.tasks.range((actor, TaskId(0))..=(actor, TaskId(u64::MAX))).map(|(_, row)| row)
    }
    /// The seat's queue.
    #[must_use]
    pub fn stops(&self) -> &[StopRow] {
        &self.stops
    }
    /// One stop.
    #[must_use]
    pub fn stop(&self, id: StopId) -> Option<&StopRow> {
        self.stops.iter().find(|stop| stop.id == id)
    }
    /// The stop that has the seat, with what its prompt opens with, if this console attends.
    #[must_use]
    pub fn seated(&self) -> Option<(StopId, &[Line])> {
        self.banner.as_ref().map(|(id, lines)| (*id, lines.as_slice()))
    }
    /// The log records still kept, in order of arrival.
    #[must_use]
    pub fn logs(&self) -> &VecDeque<LogRow> {
        &self.logs
    }
    /// How many records came in all; the oldest kept one is number `logs_seen() - logs().len()`.
    #[must_use]
    pub fn logs_seen(&self) -> u64 {
        self.logs_seen
    }
    /// What could not be kept.
    #[must_use]
    pub fn lost(&self) -> Lost {
        self.lost
    }
    /// Everything dropped anywhere: here, on the way, and by the actors themselves.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        let by_actors: u64 = self.actors.values().map(|row| row.dropped).sum();
        by_actors + self.lost.logs_on_the_way + self.lost.logs_let_go + self.lost.rows
    }
}
