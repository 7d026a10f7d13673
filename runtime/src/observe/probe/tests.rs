//! The tables: rows come, count, and go.
use super::*;
use coulter_proto::exit::ExitStatus;
use coulter_proto::id::{ContextKey, TaskId};
use coulter_proto::observe::{DialogKind, Phase, Side};
use std::sync::atomic::AtomicUsize;

fn aid(n: u128) -> Aid {
    Aid { name: format!("a{n}"), uuid: Uuid::from_u128(n), pid: 1 }
}

fn probe() -> &'static Probe {
    Box::leak(Box::new(Probe::new()))
}

fn actor(n: u128) -> ActorRow {
    ActorRow { state: ActorState::Running, ..ActorRow::new(aid(n), None, 0) }
}

fn context(n: u64) -> ContextRow {
    ContextRow {
        key: ContextKey { opener: Uuid::from_u128(1), n },
        side: Side::Caller,
        kind: DialogKind::Call,
        here: aid(1),
        there: aid(2),
        endpoint: "m::e".into(),
        arguments: String::new(),
        phase: Phase::Starting,
        opened: 0,
        sent: 0,
        received: 0,
        sent_bytes: 0,
        received_bytes: 0,
        unread: 0,
        credit: 64,
        window: 64,
        waiting: String::new(),
    }
}

fn channel(id: u64) -> ChannelRow {
    ChannelRow {
        id,
        here: aid(1),
        there: aid(2),
        transport: "uds".into(),
        laddr: String::new(),
        raddr: String::new(),
        opened: 0,
        sent: 0,
        received: 0,
        sent_bytes: 0,
        received_bytes: 0,
        unsent: 0,
        dialogs: 0,
    }
}

#[test]
fn a_context_counts_while_it_lives_and_is_remembered_with_its_final_phase() {
    let probe = probe();
    let entry = probe.context(context(1));
    entry.sent(10);
    entry.sent(5);
    entry.received(7);
    entry.unread(3);
    entry.credit(62);
    entry.waiting("an item");
    let row = probe.tables().contexts.remove(0);
    assert_eq!((row.sent, row.sent_bytes, row.received, row.received_bytes), (2, 15, 1, 7));
    assert_eq!((row.unread, row.credit, row.waiting.as_str()), (3, 62, "an item"));
    entry.phase(Phase::Done);
    drop(entry);
    let rows = probe.tables().contexts;
    assert_eq!((rows.len(), &rows[0].phase, rows[0].waiting.as_str()), (1, &Phase::Done, ""));
}

#[test]
fn only_the_last_ended_contexts_are_remembered() {
    let probe = probe();
    let live = probe.context(context(9999));
    for n in 0..200 {
        drop(probe.context(context(n)));
    }
    let rows = probe.tables().contexts;
    assert_eq!(rows.len(), ENDED_CONTEXTS + 1);
    assert!(rows.iter().any(|row| row.key.n == 9999) && rows.iter().all(|row| row.key.n >= 136));
    drop(live);
}

#[test]
fn long_arguments_are_cut_at_a_character() {
    let probe = probe();
    let mut row = context(1);
    row.arguments = "ä".repeat(1000);
    let _entry = probe.context(row);
    let arguments = probe.tables().contexts.remove(0).arguments;
    assert!(arguments.len() <= MAX_ARGUMENTS + '…'.len_utf8() && arguments.ends_with('…'));
}

#[test]
fn messages_of_closed_channels_still_count_for_the_actor() {
    let probe = probe();
    probe.set_actor(actor(1));
    let (one, two) = (probe.channel(channel(1)), probe.channel(channel(2)));
    one.sent(100);
    one.received(50);
    two.sent(1);
    drop(one);
    let tables = probe.tables();
    assert_eq!(tables.channels.len(), 1);
    assert_eq!((tables.actors[0].messages, tables.actors[0].bytes), (3, 151));
}

#[test]
fn a_thread_that_is_parked_is_not_busy() {
    let probe = probe();
    probe.set_actor(actor(1));
    probe.turn();
    std::thread::sleep(std::time::Duration::from_millis(20));
    assert_eq!(probe.tables().actors[0].busy_for, 0);
    probe.turn();
    std::thread::sleep(std::time::Duration::from_millis(20));
    assert!(probe.tables().actors[0].busy_for >= 8_000, "the coarse clock has a grain of some milliseconds");
}

#[test]
fn children_are_shown_once_they_are_dead_and_the_last_of_them_are_kept() {
    let probe = probe();
    probe.set_actor(actor(1));
    probe.child(actor(2));
    assert_eq!(probe.tables().actors.len(), 1);
    for n in 2..402 {
        let mut row = actor(n);
        row.state = ActorState::Ended { status: ExitStatus::Code(0), asked: true };
        probe.child(row);
    }
    assert_eq!(probe.tables().actors.len(), 1 + ENDED_CHILDREN);
}

#[test]
fn a_halted_actor_is_stopped_but_one_that_is_being_cancelled_stays_so() {
    let probe = probe();
    probe.set_actor(actor(1));
    probe.set_stops(1);
    assert_eq!(probe.tables().actors[0].state, ActorState::Stopped);
    probe.set_state(ActorState::Cancelling);
    assert_eq!(probe.tables().actors[0].state, ActorState::Cancelling);
    probe.set_state(ActorState::Running);
    probe.set_stops(0);
    assert_eq!(probe.tables().actors[0].state, ActorState::Running);
}

#[test]
fn changes_wake_the_listener_once_until_it_has_looked_and_never_while_nobody_follows() {
    struct Count(&'static AtomicUsize);
    impl Listener for Count {
        fn child(&self, _: ActorRow) {}
        fn changed(&self) {
            self.0.fetch_add(1, Relaxed);
        }
    }
    let (probe, woken): (_, &'static AtomicUsize) = (probe(), Box::leak(Box::default()));
    probe.listen(Box::new(Count(woken)));
    let task = probe.task(TaskRow { id: TaskId(1), parent: None, name: String::new(), place: String::new(), polls: 0, since: 0, running: false });
    task.poll_begins();
    task.poll_ends();
    assert_eq!(woken.load(Relaxed), 0);
    probe.set_followed(true);
    for _ in 0..100 {
        task.poll_begins();
        task.poll_ends();
    }
    assert_eq!(woken.load(Relaxed), 1);
    assert!(probe.take_dirty());
    drop(task);
    assert_eq!(woken.load(Relaxed), 2);
}
