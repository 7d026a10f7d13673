//! The fold, by cases and by chance.
#![allow(clippy::unwrap_used, reason = "a panic is how a test says no")]

use proptest::prelude::*;

use super::*;
use crate::exit::ExitStatus;
use crate::id::Aid;
use crate::level::Level;
use crate::observe::{DialogKind, StopReason, StopStatus};

fn aid(n: u128) -> Aid {
    Aid { name: format!("actor_{n}"), uuid: Uuid::from_u128(n), pid: u32::try_from(n).unwrap() }
}

fn actor(n: u128, parent: Option<u128>) -> ActorRow {
    ActorRow { state: ActorState::Running, debug: true, messages: 7, ..ActorRow::new(aid(n), parent.map(aid), u64::try_from(n).unwrap()) }
}

fn context(key: u64, side: Side, here: u128, there: u128) -> ContextRow {
    ContextRow {
        key: ContextKey { opener: Uuid::from_u128(1), n: key },
        side,
        kind: DialogKind::Context,
        here: aid(here),
        there: aid(there),
        endpoint: "m::e".into(),
        arguments: String::new(),
        phase: Phase::Streaming,
        opened: key,
        sent: 1,
        received: 2,
        sent_bytes: 10,
        received_bytes: 20,
        unread: 0,
        credit: 0,
        window: 0,
        waiting: String::new(),
    }
}

fn page(n: u128, seq: u64, contexts: Vec<ContextRow>, last: bool) -> FromHub {
    let tables = Tables { actors: vec![actor(n, (n > 1).then_some(1))], contexts, ..Tables::default() };
    FromHub::Snapshot { actor: Uuid::from_u128(n), seq, tables, last }
}

fn delta(n: u128, seq: u64, changes: Vec<Change>) -> FromHub {
    FromHub::Delta(Delta { actor: Uuid::from_u128(n), seq, changes })
}

fn ended(n: u128, signal: i32) -> FromHub {
    let state = ActorState::Ended { status: ExitStatus::Signal(signal), asked: false };
    FromHub::Actor(ActorRow { state, ..actor(n, Some(1)) })
}

#[test]
fn both_sides_of_a_context_are_one() {
    let mut model = Model::new();
    model.apply(&page(1, 0, vec![context(1, Side::Caller, 1, 2)], false));
    model.apply(&page(2, 0, vec![context(1, Side::Callee, 2, 1)], true));
    assert_eq!(model.context_count(), 1);
    let (_, linked) = model.contexts().next().unwrap();
    assert_eq!((linked.from().unwrap().pid, linked.to().unwrap().pid), (1, 2));
    model.apply(&delta(1, 1, vec![Change::ContextGone(context(1, Side::Caller, 1, 2).key, Side::Caller)]));
    let (_, linked) = model.contexts().next().unwrap();
    assert!(linked.caller.is_none() && linked.from().unwrap().pid == 1);
    model.apply(&delta(2, 1, vec![Change::ContextGone(context(1, Side::Caller, 1, 2).key, Side::Callee)]));
    assert_eq!(model.context_count(), 0);
}

#[test]
fn a_gap_asks_once_and_holds_still_until_the_page() {
    let mut model = Model::new();
    model.apply(&page(1, 3, vec![], true));
    let change = || vec![Change::Context(context(9, Side::Caller, 1, 2))];
    assert_eq!(model.apply(&delta(1, 3, change())), Applied::Nothing, "known already");
    assert_eq!(model.apply(&delta(1, 5, change())), Applied::NeedSnapshot);
    assert_eq!(model.apply(&delta(1, 6, change())), Applied::Nothing);
    assert_eq!(model.context_count(), 0);
    model.apply(&page(1, 6, vec![], true));
    assert_eq!(model.apply(&delta(1, 7, change())), Applied::Changed);
    assert_eq!(model.context_count(), 1);
    assert_eq!(model.apply(&delta(1, 9, change())), Applied::NeedSnapshot, "the next gap asks again");
}

#[test]
fn an_actor_born_after_the_snapshot_begins_at_one() {
    let mut model = Model::new();
    model.apply(&page(1, 0, vec![], true));
    assert_eq!(model.apply(&delta(2, 1, vec![Change::Actor(actor(2, Some(1)))])), Applied::Changed);
    assert_eq!(model.apply(&delta(3, 4, vec![Change::Actor(actor(3, Some(1)))])), Applied::NeedSnapshot);
}

#[test]
fn the_parents_word_of_an_end_is_final() {
    let mut model = Model::new();
    model.apply(&page(1, 0, vec![], false));
    model.apply(&page(2, 0, vec![], true));
    model.apply(&ended(2, 9));
    model.apply(&delta(2, 1, vec![Change::Actor(actor(2, Some(1)))]));
    model.apply(&FromHub::Actor(actor(2, Some(1))));
    let row = model.actor(Uuid::from_u128(2)).unwrap();
    assert_eq!(row.state, ActorState::Ended { status: ExitStatus::Signal(9), asked: false });
    assert_eq!(row.messages, 7, "what it said of itself is kept");
}

#[test]
fn parents_stand_before_children_and_circles_do_not_hang() {
    let mut model = Model::new();
    for (n, parent) in [(4, Some(2)), (3, Some(1)), (2, Some(1)), (1, None), (8, Some(9)), (9, Some(8)), (7, Some(99))] {
        model.apply(&FromHub::Actor(actor(n, parent)));
    }
    let order: Vec<(usize, u32)> = model.in_tree_order().into_iter().map(|(depth, row)| (depth, row.aid.pid)).collect();
    assert_eq!(order, [(0, 1), (1, 2), (2, 4), (1, 3), (0, 7), (0, 8), (0, 9)]);
}

#[test]
fn logs_are_bounded_and_what_went_is_counted() {
    let mut model = Model::bounded(Bounds { log_bytes: 4096, text: 100, ..Bounds::default() });
    let row = LogRow {
        time: 0,
        actor: aid(1),
        level: Level::Info,
        target: "t".into(),
        task: String::new(),
        context: None,
        place: String::new(),
        message: "x".repeat(5000),
    };
    for _ in 0..100 {
        model.apply(&FromHub::Logs { rows: vec![row.clone()], dropped: 1 });
    }
    assert_eq!(model.lost().logs_on_the_way, 100);
    assert_eq!(model.lost().logs_let_go + model.logs().len() as u64, 100);
    assert!(model.logs().iter().all(|row| row.message.len() <= 100));
}

#[test]
fn ended_actors_make_room_first() {
    let mut model = Model::bounded(Bounds { actors: 2, ..Bounds::default() });
    model.apply(&FromHub::Actor(actor(1, None)));
    model.apply(&FromHub::Actor(actor(2, Some(1))));
    model.apply(&ended(2, 9));
    model.apply(&FromHub::Actor(actor(3, Some(1))));
    assert!(model.actor(Uuid::from_u128(2)).is_none() && model.actor(Uuid::from_u128(3)).is_some());
    assert_eq!(model.lost().rows, 1);
}

#[test]
fn who_is_in_the_queue_is_stopped_and_a_banner_goes_with_its_stop() {
    let mut model = Model::new();
    model.apply(&page(1, 0, vec![], true));
    let stop = StopRow {
        id: StopId(5),
        actor: aid(1),
        task: String::new(),
        context: None,
        reason: StopReason::Pause,
        place: String::new(),
        function: String::new(),
        since: 0,
        status: StopStatus::Seated,
    };
    model.apply(&FromHub::Stops(vec![stop]));
    model.apply(&FromHub::Seated { stop: StopId(5), banner: vec![Line::plain("here")] });
    assert_eq!(model.state(model.actor(Uuid::from_u128(1)).unwrap()), ActorState::Stopped);
    assert_eq!(model.seated().unwrap().1.len(), 1);
    model.apply(&FromHub::Stops(vec![]));
    assert!(model.seated().is_none());
}

proptest! {
    /// Whatever is missed, a whole snapshot makes two models with different pasts the same.
    #[test]
    fn losing_history_never_makes_state_wrong(
        steps in proptest::collection::vec((1u128..4, 0u64..6, 0u64..4, any::<bool>()), 0..60),
        kept in proptest::collection::vec(any::<bool>(), 60),
    ) {
        let mut whole = Model::new();
        let mut holes = Model::new();
        for (index, (n, seq, key, gone)) in steps.into_iter().enumerate() {
            let row = context(key, Side::Caller, n, 1);
            let change = if gone { Change::ContextGone(row.key, row.side) } else { Change::Context(row) };
            let message = delta(n, seq, vec![change]);
            whole.apply(&message);
            if kept[index] {
                holes.apply(&message);
            }
        }
        for model in [&mut whole, &mut holes] {
            for n in 1..4 {
                model.apply(&page(n, 10, vec![context(n as u64, Side::Caller, n, 1)], n == 3));
            }
            prop_assert_eq!(model.context_count(), 3);
        }
        prop_assert_eq!(whole.contexts().collect::<Vec<_>>(), holes.contexts().collect::<Vec<_>>());
    }
}
