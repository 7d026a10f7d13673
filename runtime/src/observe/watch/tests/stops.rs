//! Stops and the seat, from a halted thread to a console and back.
#![allow(clippy::unwrap_used)] // a test that panics has failed
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use coulter_proto::hub::{FromHub, ToHub};
use coulter_proto::id::Uuid;
use coulter_proto::level::Level;
use coulter_proto::observe::{ActorState, StopStatus};
use coulter_proto::repl::{Completion, Line, Next, Reply};

use super::bench::{Console, LIMIT, Tree, eventually};
use super::{ask, queued};
use crate::observe::watch::{ToEngine, ToWork};

#[test]
fn a_stop_is_seated_at_the_console_and_its_lines_go_there_and_back() {
    let tree = Tree::new(true);
    let a = tree.child("a");
    let mut console = Console::attach(&tree, true);
    let engine = a.watch.ask_stop(ask("src/a.rs:1"));
    let stop = queued(&engine);
    let rows = console.until_some(|message| match message {
        FromHub::Stops(rows) if !rows.is_empty() => Some(rows.clone()),
        _ => None,
    });
    assert_eq!((rows[0].id, rows[0].status, rows[0].place.as_str()), (stop, StopStatus::Seated, "src/a.rs:1"));
    let banner = console.until_some(|message| match message {
        FromHub::Seated { stop: seated, banner } if *seated == stop => Some(banner.clone()),
        _ => None,
    });
    assert_eq!(banner, [Line::plain("hello")]);
    eventually(|| a.probe.tables().actors[0].state == ActorState::Stopped);

    console.say(&ToHub::Line { stop, line: 41, text: "p x".into() });
    let ToEngine::Line { line, text } = engine.recv_timeout(LIMIT).unwrap() else { panic!() };
    assert_eq!(text, "p x");
    let reply = Reply { lines: vec![Line::plain("7")], value: None, next: Next::Prompt };
    a.watch.stop_reply(stop, line, reply.clone());
    console.until(|message| *message == FromHub::Reply { stop, line: 41, reply: reply.clone() });

    console.say(&ToHub::Complete { stop, line: 42, text: "p".into(), cursor: 1 });
    let ToEngine::Complete { line, .. } = engine.recv_timeout(LIMIT).unwrap() else { panic!() };
    let completion = Completion { start: 0, candidates: vec!["p".into()] };
    a.watch.stop_completed(stop, line, completion.clone());
    console.until(|message| *message == FromHub::Completed { stop, line: 42, completion: completion.clone() });

    console.say(&ToHub::Continue { stop });
    assert_eq!(engine.recv_timeout(LIMIT).unwrap(), ToEngine::End { quit: false });
    a.watch.stop_over(stop);
    console.until(|message| *message == FromHub::Unseated { stop });
    eventually(|| a.probe.tables().actors[0].state == ActorState::Running);
}

#[test]
fn stops_queue_in_order_and_only_the_seated_one_takes_lines() {
    let tree = Tree::new(true);
    let (a, b) = (tree.child("a"), tree.child("b"));
    let mut console = Console::attach(&tree, true);
    let first = a.watch.ask_stop(ask("1"));
    let one = queued(&first);
    let second = b.watch.ask_stop(ask("2"));
    let two = queued(&second);
    let third = tree.root.watch.ask_stop(ask("3"));
    let three = queued(&third);
    console.until(|message| matches!(message, FromHub::Stops(rows) if rows.iter().map(|row| (row.id, row.status)).collect::<Vec<_>>() == [(one, StopStatus::Seated), (two, StopStatus::Queued(1)), (three, StopStatus::Queued(2))]));
    console.say(&ToHub::Line { stop: two, line: 1, text: "c".into() });
    console.until(|message| matches!(message, FromHub::Refused { why } if why.contains("not seated here")));
    console.say(&ToHub::Seat { stop: three });
    console.until(|message| matches!(message, FromHub::Seated { stop, .. } if *stop == three));
    tree.root.watch.stop_over(three);
    console.until(|message| matches!(message, FromHub::Seated { stop, .. } if *stop == one));
    console.say(&ToHub::Skip { stop: one });
    console.until(|message| matches!(message, FromHub::Seated { stop, .. } if *stop == two));
}

#[test]
fn when_the_owners_bus_is_cut_the_next_in_line_is_seated_within_a_second() {
    let tree = Tree::new(true);
    let (mut a, b) = (tree.child("a"), tree.child("b"));
    let mut console = Console::attach(&tree, true);
    let first = a.watch.ask_stop(ask("1"));
    let one = queued(&first);
    let second = b.watch.ask_stop(ask("2"));
    let two = queued(&second);
    console.until(|message| matches!(message, FromHub::Seated { stop, .. } if *stop == one));
    let cut = Instant::now();
    a.cut_bus();
    console.until(|message| matches!(message, FromHub::Seated { stop, .. } if *stop == two));
    assert!(cut.elapsed() < Duration::from_secs(1));
    // And the one whose bus was cut ends itself: there is no root for it.
    a.work_until(|message| matches!(message, ToWork::CancelActor { hurry: true, .. }).then_some(()));
    assert_eq!(first.recv_timeout(LIMIT).unwrap(), ToEngine::End { quit: true });
}

#[test]
fn a_stop_nobody_can_attend_to_is_refused_at_once() {
    let tree = Tree::new(false);
    let a = tree.child("a");
    let engine = a.watch.ask_stop(ask("1"));
    let ToEngine::Refused { unattended, why } = engine.recv_timeout(LIMIT).unwrap() else { panic!() };
    assert!(unattended);
    assert!(why.contains("no terminal"), "{why}");
    let engine = tree.root.watch.ask_stop(ask("1"));
    assert!(matches!(engine.recv_timeout(LIMIT).unwrap(), ToEngine::Refused { unattended: true, .. }));
}

#[test]
fn rule_2_4_stopped_actors_and_all_above_them_are_told_to_everybody() {
    let tree = Tree::new(true);
    let (a, mut b) = (tree.child("a"), tree.child("b"));
    let below = tree.child_of("below", &a);
    let engine = below.watch.ask_stop(ask("1"));
    let stop = queued(&engine);
    let set = b.work_until(|message| match message {
        ToWork::Debugged(set) => Some(set),
        _ => None,
    });
    let mut set: Vec<Uuid> = set.iter().copied().collect();
    set.sort();
    let mut expected = [tree.root.aid.uuid, a.aid.uuid, below.aid.uuid];
    expected.sort();
    assert_eq!(set, expected);
    eventually(|| a.watch.debugged().len() == 3);
    // One that comes later knows too.
    let late = tree.child("late");
    eventually(|| late.watch.debugged().len() == 3);
    below.watch.stop_over(stop);
    eventually(|| a.watch.debugged().is_empty() && late.watch.debugged().is_empty());
}

#[test]
fn rule_2_4_leave_to_signal_and_stops_are_put_in_order() {
    let tree = Tree::new(true);
    let a = tree.child("a");
    let below = tree.child_of("below", &a);
    let engine = below.watch.ask_stop(ask("1"));
    let stop = queued(&engine);
    assert!(!tree.root.watch.may_signal(a.aid.uuid).blocking_recv().unwrap());
    assert!(!a.watch.may_signal(below.aid.uuid).blocking_recv().unwrap());
    below.watch.stop_over(stop);
    eventually(|| tree.root.watch.debugged().is_empty());
    assert!(tree.root.watch.may_signal(a.aid.uuid).blocking_recv().unwrap());
    let engine = below.watch.ask_stop(ask("2"));
    assert!(matches!(engine.recv_timeout(LIMIT).unwrap(), ToEngine::Refused { unattended: false, .. }));
}

#[test]
fn output_of_children_is_held_while_the_own_front_is_seated() {
    use std::io::Write as _;
    let tree = Tree::new(true);
    let a = tree.child("a");
    let (out, mut out_child) = UnixStream::pair().unwrap();
    let (err, err_child) = UnixStream::pair().unwrap();
    let tail = tree.root.watch.adopt_output(a.aid.clone(), out.into(), err.into());
    // Connected from this very process: it is the root's own front.
    let mut front = Console::attach(&tree, true);
    let engine = a.watch.ask_stop(ask("1"));
    let stop = queued(&engine);
    front.until(|message| matches!(message, FromHub::Seated { .. }));
    eventually(|| tree.root.watch.is_holding());
    front.say(&ToHub::Follow { tables: false, logs: Some(Level::Io) });
    eventually(|| tree.root.probe.wants_log(Level::Io));
    out_child.write_all(b"\n").unwrap();
    drop((out_child, err_child));
    // Held or not, it is drained, kept and shown to whoever looks.
    let row = front.until_some(|message| match message {
        FromHub::Logs { rows, .. } => rows.first().cloned(),
        _ => None,
    });
    assert_eq!((row.actor, row.target.as_str()), (a.aid.clone(), "coulter::io::stdout"));
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(tail.closed());
    assert_eq!(tail.lines(), [""]);
    a.watch.stop_over(stop);
    eventually(|| !tree.root.watch.is_holding());
}
