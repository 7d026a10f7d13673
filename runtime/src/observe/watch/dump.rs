//! What SIGUSR1 prints: tasks, contexts and the last events, also when the work thread answers nobody.
use std::fmt::Write as _;

use coulter_proto::id::Aid;
use coulter_proto::observe::Tables;

use crate::observe::recorder::Event;

/// How many of the last events are shown.
const EVENTS: usize = 20;

/// The state of an actor as text, a task's parent before the task.
pub(super) fn text(me: &Aid, tables: &Tables, events: &[Event]) -> String {
    let mut text = format!("coulter: {me}: {} tasks, {} contexts\n", tables.tasks.len(), tables.contexts.len());
    let mut tasks: Vec<_> = tables.tasks.iter().collect();
    tasks.sort_by_key(|task| task.id);
    // Writing to a string cannot fail.
    for task in tasks {
        let state = if task.running { "running" } else { "waiting" };
        let parent = task.parent.map_or_else(|| "-".to_owned(), |parent| parent.0.to_string());
        let _ = writeln!(text, "  task {} (of {parent}) {state}: {} {} ({} polls)", task.id.0, task.name, task.place, task.polls);
    }
    for context in &tables.contexts {
        let waiting = if context.waiting.is_empty() { String::new() } else { format!(", waiting for {}", context.waiting) };
        let _ = writeln!(text, "  {:?} of {} with {}: {:?}{waiting}", context.side, context.endpoint, context.there, context.phase);
    }
    for event in events.iter().rev().take(EVENTS).rev() {
        let _ = writeln!(text, "  {} {:?} {} {:x}", event.time, event.kind, event.a, event.b);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use coulter_proto::id::{TaskId, Uuid};
    use coulter_proto::observe::TaskRow;

    #[test]
    fn parents_come_before_their_children() {
        let task = |id, parent: Option<u64>| TaskRow {
            id: TaskId(id),
            parent: parent.map(TaskId),
            name: format!("t{id}"),
            place: "a.rs:1".into(),
            polls: 2,
            since: 0,
            running: id == 2,
        };
        let tables = Tables { tasks: vec![task(2, Some(1)), task(1, None)], ..Tables::default() };
        let me = Aid { name: "a".into(), uuid: Uuid::nil(), pid: 5 };
        let text = text(&me, &tables, &[]);
        assert_eq!(text, "coulter: a@5: 2 tasks, 0 contexts\n  task 1 (of -) waiting: t1 a.rs:1 (2 polls)\n  task 2 (of 1) running: t2 a.rs:1 (2 polls)\n");
    }
}
