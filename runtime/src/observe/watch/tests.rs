//! Root, children and consoles through real sockets, several watch threads in one process.
#![allow(clippy::unwrap_used)] // a test that panics has failed
mod bench;
mod processes;
mod stops;

use std::os::unix::net::UnixStream;
use std::sync::mpsc;
use std::time::Duration;

use coulter_proto::bus::Up;
use coulter_proto::codec;
use coulter_proto::exit::ExitStatus;
use coulter_proto::hub::{FromHub, ToHub};
use coulter_proto::id::{StopId, Uuid};
use coulter_proto::level::Level;
use coulter_proto::observe::{ActorState, Change, Model, Phase, StopReason};
use coulter_proto::repl::Line;

use super::{StopAsk, ToEngine, ToWork};
use bench::{Console, LIMIT, Tree, actor_row, context_row, eventually};

fn ask(place: &str) -> StopAsk {
    StopAsk { task: "t".into(), context: None, reason: StopReason::Pause, place: place.into(), function: "f".into(), banner: vec![Line::plain("hello")] }
}

fn queued(engine: &mpsc::Receiver<ToEngine>) -> StopId {
    match engine.recv_timeout(LIMIT).unwrap() {
        ToEngine::Queued(stop) => stop,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_console_gets_every_actors_rows_then_their_changes() {
    let tree = Tree::new(true);
    let (a, b) = (tree.child("a"), tree.child("b"));
    let mut console = Console::attach(&tree, false);
    console.say(&ToHub::Follow { tables: true, logs: None });
    console.say(&ToHub::Snapshot);
    let mut model = Model::default();
    console.until(|message| {
        model.apply(message);
        matches!(message, FromHub::Snapshot { last: true, .. })
    });
    let mut names: Vec<String> = model.actors().map(|row| row.aid.name.clone()).collect();
    names.sort();
    assert_eq!(names, ["a", "b", "root"]);
    let entry = b.probe.context(context_row(&b, &a, 1));
    entry.sent(10);
    let row = console.until_some(|message| match message {
        FromHub::Delta(delta) if delta.actor == b.aid.uuid => delta.changes.iter().find_map(|change| match change {
            Change::Context(row) if row.sent == 1 => Some(row.clone()),
            _ => None,
        }),
        _ => None,
    });
    assert_eq!((row.sent_bytes, row.phase), (10, Phase::Starting));
    entry.phase(Phase::Done);
    drop(entry);
    console.until(|message| matches!(message, FromHub::Delta(delta) if delta.changes.iter().any(|change| matches!(change, Change::Context(row) if row.phase == Phase::Done))));
}

#[test]
fn an_actor_whose_work_thread_spins_still_answers() {
    // Nothing but the watch threads serves here: the work threads of these actors never run at all.
    let tree = Tree::new(false);
    let a = tree.child("a");
    a.probe.turn();
    a.probe.turn();
    std::thread::sleep(Duration::from_millis(30));
    let mut console = Console::attach(&tree, false);
    console.say(&ToHub::Snapshot);
    let row = console.until_some(|message| match message {
        FromHub::Snapshot { actor, tables, .. } if *actor == a.aid.uuid => Some(tables.actors[0].clone()),
        _ => None,
    });
    assert!(row.busy_for >= 10_000, "{}", row.busy_for);
    assert_eq!(row.turns, 2);
    assert!(row.memory > 0);
}

#[test]
fn two_consoles_see_the_same_and_one_leaving_ends_nothing() {
    let tree = Tree::new(true);
    let a = tree.child("a");
    let mut consoles = [Console::attach(&tree, false), Console::attach(&tree, false)];
    for console in &mut consoles {
        console.say(&ToHub::Follow { tables: true, logs: None });
        console.say(&ToHub::Snapshot);
        console.until(|message| matches!(message, FromHub::Snapshot { last: true, .. }));
    }
    let channel_changes = |message: &FromHub| matches!(message, FromHub::Delta(delta) if delta.actor == a.aid.uuid && delta.changes.iter().any(|change| matches!(change, Change::Context(_))));
    let _one = a.probe.context(context_row(&a, &a, 1));
    let [mut first, second] = consoles;
    first.until(channel_changes);
    drop(second);
    let _two = a.probe.context(context_row(&a, &a, 2));
    first.until(channel_changes);
}

#[test]
fn a_newcomer_shows_up_by_itself_and_its_death_is_told_by_its_parent() {
    let tree = Tree::new(true);
    let mut console = Console::attach(&tree, false);
    console.say(&ToHub::Follow { tables: true, logs: None });
    console.say(&ToHub::Snapshot);
    let mut model = Model::default();
    console.until(|message| {
        model.apply(message);
        matches!(message, FromHub::Snapshot { last: true, .. })
    });
    let a = tree.child("a");
    tree.root.probe.child(actor_row(&a.aid, Some(&tree.root.aid)));
    console.until(|message| {
        model.apply(message);
        matches!(message, FromHub::Snapshot { actor, .. } if *actor == a.aid.uuid)
    });
    let mut ended = actor_row(&a.aid, Some(&tree.root.aid));
    ended.state = ActorState::Ended { status: ExitStatus::Signal(9), asked: false };
    tree.root.probe.child(ended);
    tree.root.watch.up(Up::Died { actor: a.aid.clone(), status: ExitStatus::Signal(9), asked: false, last_output: vec![] });
    console.until(|message| {
        model.apply(message);
        matches!(message, FromHub::Actor(row) if row.state == ActorState::Ended { status: ExitStatus::Signal(9), asked: false })
    });
    // A console that comes later learns of the dead too.
    let mut late = Console::attach(&tree, false);
    late.say(&ToHub::Snapshot);
    late.until(|message| matches!(message, FromHub::Actor(row) if row.aid == a.aid && matches!(row.state, ActorState::Ended { .. })));
}

#[test]
fn rule_2_3_everybody_else_hears_of_a_death_nobody_asked_for() {
    let tree = Tree::new(false);
    let (mut a, b) = (tree.child("a"), tree.child("b"));
    tree.root.watch.up(Up::Died { actor: b.aid.clone(), status: ExitStatus::Code(3), asked: false, last_output: vec!["last".into()] });
    let told = a.work_until(|message| match message {
        ToWork::Died { actor, status, last_output } => Some((actor, status, last_output)),
        _ => None,
    });
    assert_eq!(told, (b.aid.clone(), ExitStatus::Code(3), vec!["last".to_owned()]));
}

#[test]
fn records_go_to_who_wants_them_that_loud() {
    let tree = Tree::new(false);
    let a = tree.child("a");
    let (mut loud, mut all) = (Console::attach(&tree, false), Console::attach(&tree, false));
    loud.say(&ToHub::Follow { tables: false, logs: Some(Level::Warn) });
    all.say(&ToHub::Follow { tables: false, logs: Some(Level::Runtime) });
    eventually(|| a.probe.wants_log(Level::Runtime));
    for (level, message) in [(Level::Debug, "d"), (Level::Runtime, "r"), (Level::Warn, "w")] {
        a.watch.log(bench::log_row(&a.aid, level, message));
    }
    let mut messages = Vec::new();
    all.until(|message| {
        if let FromHub::Logs { rows, .. } = message {
            messages.extend(rows.iter().map(|row| row.message.clone()));
        }
        messages.len() == 2
    });
    assert_eq!(messages, ["r", "w"]);
    let only = loud.until_some(|message| match message {
        FromHub::Logs { rows, .. } => Some(rows.iter().map(|row| row.message.clone()).collect::<Vec<_>>()),
        _ => None,
    });
    assert_eq!(only, ["w"]);
    drop((loud, all));
    eventually(|| !a.probe.wants_log(Level::Notice));
}

#[test]
fn a_console_that_never_reads_is_bounded_counted_and_slows_nobody() {
    let tree = Tree::new(false);
    let a = tree.child("a");
    let mut lazy = Console::attach(&tree, false);
    lazy.say(&ToHub::Follow { tables: true, logs: Some(Level::Info) });
    lazy.say(&ToHub::Snapshot);
    let mut eager = Console::attach(&tree, false);
    eager.say(&ToHub::Follow { tables: true, logs: Some(Level::Info) });
    eventually(|| a.probe.wants_log(Level::Info));
    let text = "x".repeat(4000);
    let mut seen = 0;
    for n in 0..40 {
        for m in 0..40 {
            a.watch.log(bench::log_row(&a.aid, Level::Info, &format!("{n}.{m} {text}")));
        }
        eager.until(|message| {
            if let FromHub::Logs { rows, .. } = message {
                seen += rows.len();
            }
            seen >= (n + 1) * 40
        });
    }
    assert_eq!(seen, 1600, "who reads misses nothing");
    let (mut got, mut dropped, mut last) = (0, 0, String::new());
    let mut mark = 0;
    lazy.until(|message| {
        if let FromHub::Logs { rows, dropped: lost } = message {
            got += rows.len() as u64;
            dropped += lost;
            last.clone_from(&rows[rows.len() - 1].message);
        }
        // Once it reads, the next record carries the count.
        if got >= mark + 40 || mark == 0 {
            mark = got.max(1);
            a.watch.log(bench::log_row(&a.aid, Level::Info, "after"));
        }
        last == "after" && dropped > 0
    });
    assert!(dropped > 500, "dropped {dropped}, got {got}");
}

#[test]
fn with_no_root_to_ask_everybody_may_signal() {
    let tree = Tree::new(true);
    let mut a = tree.child("a");
    a.cut_bus();
    a.work_until(|message| matches!(message, ToWork::CancelActor { .. }).then_some(()));
    assert!(a.watch.may_signal(tree.root.aid.uuid).blocking_recv().unwrap());
}

#[test]
fn rule_2_5_a_parents_end_is_seen_by_its_children_and_told_to_all_below() {
    let tree = Tree::new(true);
    let mut a = tree.child("a");
    let mut below = tree.child_of("below", &a);
    a.cut_lifeline();
    let cause = a.work_until(|message| match message {
        ToWork::CancelActor { cause, hurry: true } => Some(cause),
        _ => None,
    });
    assert!(cause.why.contains("is gone"), "{}", cause.why);
    // The parent's bus goes with it; the root tells whoever hangs below.
    a.cut_bus();
    below.work_until(|message| matches!(message, ToWork::CancelActor { hurry: true, .. }).then_some(()));
}

#[test]
fn a_graceful_goodbye_alarms_nobody_and_the_root_takes_the_directory_along() {
    let tree = Tree::new(true);
    let a = tree.child("a");
    let mut below = tree.child_of("below", &a);
    let mut console = Console::attach(&tree, false);
    a.watch.finish();
    a.watch.finish();
    assert!(a.watch.may_signal(below.aid.uuid).blocking_recv().unwrap());
    let engine = a.watch.ask_stop(ask("1"));
    assert!(matches!(engine.recv_timeout(LIMIT).unwrap(), ToEngine::Refused { .. }));
    // A message through the root and back proves that nothing was sent to `below` before it.
    below.watch.may_signal(a.aid.uuid).blocking_recv().unwrap();
    assert!(below.work.try_recv().is_err());
    tree.root.watch.finish();
    console.until(|message| *message == FromHub::Ending);
    assert!(!tree.dir.exists());
}

#[test]
fn cancels_from_a_console_go_to_the_actor_or_the_context() {
    let tree = Tree::new(false);
    let mut a = tree.child("a");
    let mut console = Console::attach(&tree, false);
    let key = coulter_proto::id::ContextKey { opener: a.aid.uuid, n: 3 };
    console.say(&ToHub::Cancel { actor: a.aid.uuid, context: Some(key) });
    a.work_until(|message| matches!(message, ToWork::CancelContext(asked) if asked == key).then_some(()));
    console.say(&ToHub::Cancel { actor: a.aid.uuid, context: None });
    a.work_until(|message| matches!(message, ToWork::CancelActor { hurry: false, .. }).then_some(()));
    console.say(&ToHub::Cancel { actor: a.aid.uuid, context: None });
    a.work_until(|message| matches!(message, ToWork::CancelActor { hurry: true, .. }).then_some(()));
    console.say(&ToHub::Cancel { actor: Uuid::from_u128(99), context: None });
    console.until(|message| matches!(message, FromHub::Refused { .. }));
}

#[test]
fn rule_11_1_strangers_on_bus_and_hub_are_dropped_and_nothing_else_happens() {
    use std::io::{Read as _, Write as _};
    let tree = Tree::new(true);
    let a = tree.child("a");
    let hello = |proof: Vec<u8>, aid: &coulter_proto::id::Aid| {
        let mut bytes = Vec::new();
        codec::encode(&Up::Hello { aid: aid.clone(), parent: aid.clone(), proof }, &mut bytes).unwrap();
        bytes
    };
    let mut words = vec![vec![0xff; 64], hello(vec![0; 32], &bench::aid("liar")), hello(Vec::new(), &a.aid), b"\x02\x00\x00\x00zz".to_vec()];
    let mut bytes = Vec::new();
    codec::encode(&ToHub::Snapshot, &mut bytes).unwrap();
    words.push(bytes);
    for socket in ["bus.sock", "hub.sock"] {
        for word in &words {
            let mut stream = UnixStream::connect(tree.dir.join(socket)).unwrap();
            stream.set_read_timeout(Some(LIMIT)).unwrap();
            stream.write_all(word).unwrap();
            // It is closed: the end comes (after the challenge, on the bus).
            let mut rest = Vec::new();
            match stream.read_to_end(&mut rest) {
                Ok(_) => {}
                Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset),
            }
        }
    }
    let mut console = Console::attach(&tree, false);
    console.say(&ToHub::Snapshot);
    console.until(|message| matches!(message, FromHub::Snapshot { actor, .. } if *actor == a.aid.uuid));
}

#[test]
fn rule_11_3_half_open_handshakes_are_bounded() {
    let tree = Tree::new(true);
    // More than may be in their handshake at once: those behind wait, and get in when the others go.
    let silent: Vec<UnixStream> = (0..100).map(|_| UnixStream::connect(tree.dir.join("hub.sock")).unwrap()).collect();
    let waiting = std::thread::spawn({
        let dir = tree.dir.clone();
        move || drop(Console::attach_at(&dir, false))
    });
    drop(silent);
    waiting.join().unwrap();
}

#[test]
fn a_console_of_an_unknown_version_is_told_so() {
    let tree = Tree::new(true);
    let mut console = Console::connect(&tree.dir);
    console.say(&ToHub::Hello { version: 99, attends: true });
    console.until(|message| matches!(message, FromHub::Refused { why } if why.contains("99")));
}

#[test]
fn nobody_watching_and_nothing_happening_it_does_not_wake() {
    let tree = Tree::new(true);
    let a = tree.child("a");
    let entry = a.probe.context(context_row(&a, &a, 1));
    let before = (bench::sleeps(&tree.root), bench::sleeps(&a));
    // The rows change, and nobody is told: that is the claim.
    for _ in 0..1000 {
        entry.sent(1);
    }
    // Time is what is measured here: a thread with a timer would wake within this.
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!((bench::sleeps(&tree.root), bench::sleeps(&a)), before);
}
