//! What each list shows, in order: filters and folds applied.
use coulter_proto::id::{ContextKey, StopId, Uuid};
use coulter_proto::observe::{ActorRow, Linked, Model, text};

use super::state::State;

/// One line of the tree.
#[derive(Clone, Debug)]
pub struct ActorLine<'a> {
    /// The row.
    pub row: &'a ActorRow,
    /// The lines that lead to it.
    pub branch: String,
    /// How many are folded away below it.
    pub folded: usize,
}

/// The actors, as the tree shows them.
#[must_use]
pub fn actors(state: &State) -> Vec<ActorLine<'_>> {
    let model = state.seen();
    let all = model.in_tree_order();
    let needle = state.actors.filter.to_lowercase();
    if !needle.is_empty() {
        let holds = |row: &ActorRow| {
            row.aid.to_string().to_lowercase().contains(&needle) || text::state(model.state(row)).contains(&needle) || row.aid.short() == needle
        };
        return all.into_iter().filter(|(_, row)| holds(row)).map(|(_, row)| ActorLine { row, branch: String::new(), folded: 0 }).collect();
    }
    let mut kept: Vec<(usize, &ActorRow)> = Vec::with_capacity(all.len());
    let mut hidden: Vec<usize> = Vec::with_capacity(all.len());
    let mut fold: Option<usize> = None;
    for (depth, row) in all {
        match fold {
            Some(at) if depth > at => {
                if let Some(count) = hidden.last_mut() {
                    *count += 1;
                }
                continue;
            }
            _ => fold = None,
        }
        if state.folded.contains(&row.aid.uuid) {
            fold = Some(depth);
        }
        kept.push((depth, row));
        hidden.push(0);
    }
    let branches = text::branches(&kept);
    kept.into_iter().zip(branches).zip(hidden).map(|(((_, row), branch), folded)| ActorLine { row, branch, folded }).collect()
}

/// The ids of the actors shown.
#[must_use]
pub fn actor_ids(state: &State) -> Vec<Uuid> {
    actors(state).iter().map(|line| line.row.aid.uuid).collect()
}

/// The contexts: those that go on first, the oldest first among them.
#[must_use]
pub fn context_order(model: &Model, filter: &str) -> Vec<ContextKey> {
    let needle = filter.to_lowercase();
    let holds = |key: ContextKey, linked: &Linked| {
        let name = |aid: Option<&coulter_proto::id::Aid>| aid.is_some_and(|aid| aid.name.to_lowercase().contains(&needle));
        needle.is_empty()
            || name(linked.from())
            || name(linked.to())
            || text::context_id(key).starts_with(&needle)
            || linked.any().is_some_and(|row| row.endpoint.to_lowercase().contains(&needle) || text::phase(&row.phase).contains(&needle))
    };
    let mut keyed: Vec<(bool, u64, ContextKey)> = model
        .contexts()
        .filter(|(key, linked)| holds(*key, linked))
        .map(|(key, linked)| (!linked.is_live(), linked.any().map_or(0, |row| row.opened), key))
        .collect();
    keyed.sort_unstable();
    keyed.into_iter().map(|(_, _, key)| key).collect()
}

/// The stops, as the queue has them.
#[must_use]
pub fn stop_ids(state: &State) -> Vec<StopId> {
    let needle = state.stops.filter.to_lowercase();
    let rows = state.seen().stops().iter();
    rows.filter(|row| needle.is_empty() || row.actor.name.to_lowercase().contains(&needle) || row.place.contains(&needle)).map(|row| row.id).collect()
}

/// The lines of output shown: their numbers.
#[must_use]
pub fn output_lines(state: &State) -> Vec<usize> {
    let needle = state.output.filter.to_lowercase();
    let lines = state.output.lines().iter().enumerate();
    lines.filter(|(_, line)| needle.is_empty() || line.to_lowercase().contains(&needle)).map(|(index, _)| index).collect()
}
