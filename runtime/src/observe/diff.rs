//! The changes between two states of the tables.
use std::collections::BTreeMap;

use coulter_proto::observe::{Change, Tables};

/// What has to be told to get from `old` to `new`.
pub(super) fn changes(old: &Tables, new: &Tables) -> Vec<Change> {
    let mut out = Vec::new();
    // An actor's row never goes: its parent's word that it ended replaces it.
    table(&old.actors, &new.actors, |row| row.aid.uuid, |row| Change::Actor(row.clone()), |_| None, &mut out);
    table(
        &old.contexts,
        &new.contexts,
        |row| (row.key, row.side),
        |row| Change::Context(row.clone()),
        |(key, side)| Some(Change::ContextGone(key, side)),
        &mut out,
    );
    table(&old.channels, &new.channels, |row| row.id, |row| Change::Channel(row.clone()), |id| Some(Change::ChannelGone(id)), &mut out);
    table(&old.tasks, &new.tasks, |row| row.id, |row| Change::Task(row.clone()), |id| Some(Change::TaskGone(id)), &mut out);
    out
}

fn table<R: PartialEq, K: Ord>(
    old: &[R],
    new: &[R],
    key: impl Fn(&R) -> K,
    changed: impl Fn(&R) -> Change,
    gone: impl Fn(K) -> Option<Change>,
    out: &mut Vec<Change>,
) {
    let mut before: BTreeMap<K, &R> = old.iter().map(|row| (key(row), row)).collect();
    for row in new {
        if before.remove(&key(row)) != Some(row) {
            out.push(changed(row));
        }
    }
    out.extend(before.into_keys().filter_map(gone));
}

#[cfg(test)]
mod tests {
    use super::*;
    use coulter_proto::id::TaskId;
    use coulter_proto::observe::TaskRow;

    fn task(id: u64, polls: u64) -> TaskRow {
        TaskRow { id: TaskId(id), parent: None, name: String::new(), place: String::new(), polls, since: 0, running: false }
    }

    #[test]
    fn only_what_changed_is_told() {
        let tables = |tasks: &[(u64, u64)]| Tables { tasks: tasks.iter().map(|(id, polls)| task(*id, *polls)).collect(), ..Tables::default() };
        let (old, new) = (tables(&[(1, 0), (2, 0), (3, 0)]), tables(&[(1, 0), (3, 5), (4, 0)]));
        assert_eq!(changes(&old, &new), [Change::Task(task(3, 5)), Change::Task(task(4, 0)), Change::TaskGone(TaskId(2))]);
        assert_eq!(changes(&new, &new), []);
    }
}
