//! The hub without sockets: who gets what, in which order, and what bounds it.
#![allow(clippy::unwrap_used)] // a test that panics has failed
use super::*;
use coulter_proto::hub::{HUB_VERSION, ToHub};
use coulter_proto::observe::{Change, Delta, LogRow, StopReason, Tables};
use coulter_proto::repl::{Next, Reply};

fn aid(n: u128) -> Aid {
    Aid { name: format!("a{n}"), uuid: Uuid::from_u128(n), pid: u32::try_from(n).unwrap() }
}

fn row(n: u128, parent: u128, state: ActorState) -> ActorRow {
    ActorRow { state, ..ActorRow::new(aid(n), Some(aid(parent)), 0) }
}

const ENDED: ActorState = ActorState::Ended { status: ExitStatus::Signal(9), asked: false };

struct Bench(Hub);

impl Bench {
    /// A root (1) with `actors` more below it, and its consoles.
    fn new(actors: u128, consoles: u64) -> Self {
        let tree = TreeInfo { version: HUB_VERSION, root: aid(1), program: "t".into(), args: vec![], started: 0 };
        let mut bench = Self(Hub::new(tree, false));
        for n in 2..2 + actors {
            bench.0.joined(Now(0), aid(n), aid(1).uuid);
        }
        for n in 1..=consoles {
            bench.0.console_joined(Now(0), ConsoleId(n), false, HUB_VERSION, true);
        }
        bench.0.take_out();
        bench
    }
    fn says(&mut self, console: u64, message: ToHub) -> Vec<Out> {
        self.0.on_console(Now(0), ConsoleId(console), message);
        self.0.take_out()
    }
    fn up(&mut self, from: u128, message: Up) -> Vec<Out> {
        self.0.on_up(Now(0), aid(from).uuid, message);
        self.0.take_out()
    }
    fn tables(&mut self, from: u128) -> Vec<Out> {
        self.up(from, Up::Tables { seq: 0, tables: Tables::default() })
    }
    fn pump(&mut self, now: u64, backlog: usize) -> Vec<Out> {
        self.0.pump_snapshot(Now(now), ConsoleId(1), backlog);
        self.0.take_out()
    }
    fn stop(&mut self, actor: u128) -> Vec<Out> {
        let ask = Up::StopAsk { local: 1, task: "t".into(), context: None, reason: StopReason::Pause, place: "p".into(), function: "f".into(), banner: vec![] };
        self.up(actor, ask)
    }
}

/// The actors that are asked for their tables.
fn asked(out: &[Out]) -> Vec<u128> {
    out.iter().filter_map(|out| if let Out::Down(to, Down::Tables { .. }) = out { Some(to.as_u128()) } else { None }).collect()
}

/// Pages to the first console: whose, and whether it was the last.
fn pages(out: &[Out]) -> Vec<(u128, bool)> {
    out.iter()
        .filter_map(|out| match out {
            Out::Console(ConsoleId(1), FromHub::Snapshot { actor, last, .. }) => Some((actor.as_u128(), *last)),
            _ => None,
        })
        .collect()
}

#[test]
fn a_snapshot_asks_a_few_at_a_time_and_ends_with_the_root() {
    let mut bench = Bench::new(40, 1);
    let first = asked(&bench.says(1, ToHub::Snapshot));
    assert_eq!(first, (2..34).collect::<Vec<_>>());
    assert_eq!(asked(&bench.pump(0, 2 << 20)), [0u128; 0], "the console is behind: nobody is asked");
    for n in first {
        assert_eq!(pages(&bench.tables(n)), [(n, false)]);
    }
    let rest = asked(&bench.pump(0, 0));
    assert_eq!(rest, (34..42).collect::<Vec<_>>());
    for n in rest {
        bench.tables(n);
    }
    assert_eq!(asked(&bench.pump(0, 0)), [1]);
    assert_eq!(pages(&bench.tables(1)), [(1, true)]);
    assert_eq!(bench.0.snapshots().count(), 0);
}

#[test]
fn a_silent_actor_is_not_waited_for_and_its_page_follows() {
    let mut bench = Bench::new(2, 1);
    bench.says(1, ToHub::Snapshot);
    bench.tables(2);
    assert_eq!(asked(&bench.pump(299_999, 0)), [0u128; 0]);
    assert_eq!(bench.0.snapshot_deadline(), Some(Now(300_000)));
    assert_eq!(asked(&bench.pump(300_000, 0)), [1]);
    assert_eq!(pages(&bench.tables(1)), [(1, true)]);
    assert_eq!(pages(&bench.tables(3)), [(3, true)]);
    assert_eq!(pages(&bench.tables(3)), [], "asked for once, told once");
}

#[test]
fn an_actor_that_dies_while_asked_is_not_waited_for() {
    let mut bench = Bench::new(1, 1);
    assert_eq!(asked(&bench.says(1, ToHub::Snapshot)), [2]);
    bench.0.lost(Now(0), aid(2).uuid);
    assert_eq!(asked(&bench.pump(0, 0)), [1]);
}

#[test]
fn following_after_a_snapshot_gives_a_fresh_one() {
    let mut bench = Bench::new(0, 1);
    bench.says(1, ToHub::Snapshot);
    bench.tables(1);
    let out = bench.says(1, ToHub::Follow { tables: true, logs: None });
    let watch = out.iter().position(|out| matches!(out, Out::Down(_, Down::Watch { tables: true, logs: None }))).unwrap();
    let tables = out.iter().position(|out| matches!(out, Out::Down(_, Down::Tables { follow: true }))).unwrap();
    assert!(watch < tables, "changes are kept from before the tables are read");
}

#[test]
fn what_a_console_missed_during_a_snapshot_is_given_by_another() {
    let mut bench = Bench::new(0, 1);
    bench.says(1, ToHub::Snapshot);
    bench.says(1, ToHub::Snapshot);
    let out = bench.tables(1);
    assert_eq!((pages(&out), asked(&out)), (vec![(1, true)], vec![1]));
    assert_eq!(asked(&bench.tables(1)), [0u128; 0]);
}

#[test]
fn actors_tell_only_of_themselves() {
    let mut bench = Bench::new(2, 1);
    bench.says(1, ToHub::Follow { tables: true, logs: None });
    let delta = |actor: u128| Up::Delta(Delta { actor: aid(actor).uuid, seq: 1, changes: vec![Change::ChannelGone(1)] });
    assert_eq!(bench.up(2, delta(3)).len(), 0);
    assert_eq!(bench.up(2, delta(2)).len(), 1);
}

#[test]
fn lines_of_two_consoles_with_the_same_number_find_their_way_back() {
    let mut bench = Bench::new(1, 2);
    bench.stop(2);
    let stop = StopId(1);
    let number = |out: &[Out]| match out {
        [Out::Down(_, Down::Line { line, .. })] => *line,
        other => panic!("{other:?}"),
    };
    let line = |line| ToHub::Line { stop, line, text: "p x".into() };
    // The second console came last, so it attends; then the first takes over.
    let second = number(&bench.says(2, line(5)));
    assert!(matches!(bench.says(1, line(5))[..], [Out::Console(ConsoleId(1), FromHub::Refused { .. })]));
    bench.says(1, ToHub::Seat { stop });
    let first = number(&bench.says(1, line(5)));
    assert_ne!(first, second);
    let reply = || Reply { lines: vec![], value: None, next: Next::Prompt };
    let out = bench.up(2, Up::Reply { stop, line: second, reply: reply() });
    assert!(matches!(out[..], [Out::Console(ConsoleId(2), FromHub::Reply { line: 5, .. })]));
    assert!(bench.up(2, Up::Reply { stop: StopId(9), line: first, reply: reply() }).is_empty(), "an answer for another stop is nobody's");
    let out = bench.up(2, Up::Reply { stop, line: first, reply: reply() });
    assert!(matches!(out[..], [Out::Console(ConsoleId(1), FromHub::Reply { line: 5, .. })]));
    assert!(bench.up(2, Up::Reply { stop, line: first, reply: reply() }).is_empty(), "one answer each");
}

#[test]
fn the_queue_is_told_before_the_prompt_is_opened() {
    let mut bench = Bench::new(1, 1);
    let out = bench.stop(2);
    let stops = out.iter().position(|out| matches!(out, Out::Console(_, FromHub::Stops(rows)) if rows.len() == 1)).unwrap();
    let seated = out.iter().position(|out| matches!(out, Out::Console(_, FromHub::Seated { .. }))).unwrap();
    let debugged = out.iter().position(|out| matches!(out, Out::Down(_, Down::Debugged { .. }))).unwrap();
    let queued = out.iter().position(|out| matches!(out, Out::Down(_, Down::StopQueued { .. }))).unwrap();
    assert!(stops < seated && debugged < queued, "{out:?}");
}

#[test]
fn a_parents_word_beats_everything_that_comes_after() {
    let mut bench = Bench::new(1, 1);
    bench.says(1, ToHub::Follow { tables: true, logs: None });
    bench.up(1, Up::Child(row(2, 1, ActorState::Running)));
    bench.up(1, Up::Died { actor: aid(2), status: ExitStatus::Signal(9), asked: false, last_output: vec![] });
    assert!(bench.up(1, Up::Child(row(2, 1, ActorState::Running))).is_empty());
    let out = bench.says(1, ToHub::Snapshot);
    assert!(out.iter().any(|out| matches!(out, Out::Console(_, FromHub::Actor(row)) if row.state == ENDED)), "{out:?}");
}

#[test]
fn the_dead_are_remembered_up_to_a_bound() {
    let mut bench = Bench::new(0, 1);
    for n in 2..600 {
        bench.up(1, Up::Child(row(n, 1, ENDED)));
    }
    assert_eq!((bench.0.told.len(), bench.0.ended.len()), (super::ENDED, super::ENDED));
}

#[test]
fn a_lost_bus_tells_all_below_unless_goodbye_was_said() {
    for goodbye in [false, true] {
        let mut bench = Bench::new(1, 0);
        bench.0.joined(Now(0), aid(7), aid(2).uuid);
        bench.0.joined(Now(0), aid(8), aid(7).uuid);
        bench.0.take_out();
        if goodbye {
            bench.up(2, Up::Goodbye);
        }
        bench.0.lost(Now(0), aid(2).uuid);
        let told: Vec<u128> =
            bench.0.take_out().iter().filter_map(|out| if let Out::Down(to, Down::ParentGone) = out { Some(to.as_u128()) } else { None }).collect();
        assert_eq!(told, if goodbye { vec![] } else { vec![7, 8] });
    }
}

#[test]
fn a_graceful_end_is_not_told_to_everybody() {
    let mut bench = Bench::new(3, 0);
    let died = |asked, status| Up::Died { actor: aid(2), status, asked, last_output: vec![] };
    let told = |out: Vec<Out>| out.iter().filter(|out| matches!(out, Out::Down(_, Down::Died { .. }))).count();
    assert_eq!(told(bench.up(1, died(true, ExitStatus::Code(0)))), 0);
    assert_eq!(told(bench.up(1, died(true, ExitStatus::Signal(9)))), 2);
    assert_eq!(told(bench.up(1, died(false, ExitStatus::Code(0)))), 2);
}

#[test]
fn actors_hear_what_all_consoles_together_want_and_only_when_it_changes() {
    let mut bench = Bench::new(1, 2);
    let wants = |out: &[Out]| {
        out.iter().find_map(|out| match out {
            Out::Down(_, Down::Watch { tables, logs }) => Some((*tables, *logs)),
            _ => None,
        })
    };
    let follow = |tables, logs| ToHub::Follow { tables, logs };
    assert_eq!(wants(&bench.says(1, follow(true, Some(Level::Warn)))), Some((true, Some(Level::Warn))));
    assert_eq!(wants(&bench.says(2, follow(false, Some(Level::Error)))), None);
    assert_eq!(wants(&bench.says(2, follow(false, Some(Level::Debug)))), Some((true, Some(Level::Debug))));
    bench.0.console_lost(Now(0), ConsoleId(1));
    assert_eq!(wants(&bench.0.take_out()), Some((false, Some(Level::Debug))));
    bench.0.console_lost(Now(0), ConsoleId(2));
    assert_eq!(wants(&bench.0.take_out()), Some((false, None)));
}

#[test]
fn ctrl_c_is_for_the_prompt_only_while_the_own_terminal_has_one_to_show() {
    let mut bench = Bench::new(1, 0);
    bench.0.console_joined(Now(0), ConsoleId(1), true, HUB_VERSION, true);
    assert!(!bench.0.shields_interrupt());
    bench.stop(2);
    assert!(bench.0.shields_interrupt() && bench.0.holds_terminal());
    bench.up(2, Up::StopOver { stop: StopId(1) });
    assert!(!bench.0.shields_interrupt() && !bench.0.holds_terminal());
}

#[test]
fn records_are_filtered_for_each_console() {
    let mut bench = Bench::new(1, 2);
    bench.says(1, ToHub::Follow { tables: false, logs: Some(Level::Warn) });
    let log = |level| LogRow {
        time: 0,
        actor: aid(2),
        level,
        target: String::new(),
        task: String::new(),
        context: None,
        place: String::new(),
        message: String::new(),
    };
    let out = bench.up(2, Up::Logs(vec![log(Level::Info), log(Level::Error)]));
    assert!(matches!(&out[..], [Out::Console(ConsoleId(1), FromHub::Logs { rows, dropped: 0 })] if rows.len() == 1));
}

#[test]
fn a_child_is_told_whose_pipes_it_prints_into_whether_it_has_joined_or_not() {
    let mut bench = Bench::new(1, 0);
    let told =
        |out: &[Out], to: u128| out.iter().any(|out| matches!(out, Out::Down(told, Down::Adopted { pipes }) if told.as_u128() == to && *pipes == [7, 8]));
    let adopted = |n| Up::Adopted { child: aid(n).uuid, pipes: vec![7, 8] };
    assert!(told(&bench.up(1, adopted(2)), 2));
    assert!(bench.up(1, adopted(3)).is_empty());
    bench.0.joined(Now(0), aid(3), aid(1).uuid);
    assert!(told(&bench.0.take_out(), 3));
    bench.up(1, adopted(4));
    bench.up(1, Up::Died { actor: aid(4), status: ExitStatus::Code(1), asked: true, last_output: vec![] });
    assert!(bench.0.adopted.is_empty());
}
