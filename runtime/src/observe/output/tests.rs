//! Custody: order, holding, bounds, the end.
#![allow(clippy::unwrap_used)] // a test that panics has failed
use super::*;
use coulter_proto::id::Uuid;
use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;

fn aid(n: u128) -> Aid {
    Aid { name: format!("child{n}"), uuid: Uuid::from_u128(n), pid: 1 }
}

/// A custody that writes to a socket, and children to write into it.
struct Bench {
    custody: Custody,
    shown: UnixStream,
    now: Instant,
    told: Vec<(String, &'static str, String)>,
}

impl Bench {
    fn new() -> Self {
        let (ours, shown) = UnixStream::pair().unwrap();
        shown.set_nonblocking(true).unwrap();
        ours.set_nonblocking(true).unwrap();
        Self { custody: Custody::to(Spool::test(ours.into()), None, Marks::default()), shown, now: Instant::now(), told: Vec::new() }
    }
    fn child(&mut self, n: u128, tail: &OutputTail) -> UnixStream {
        let (theirs, ours) = UnixStream::pair().unwrap();
        self.custody.adopt(&aid(n), Which::Out, ours.into(), tail);
        theirs
    }
    fn turn(&mut self) {
        let told = &mut self.told;
        let mut tell = |aid: &Aid, which: Which, line: &str| told.push((aid.name.clone(), which.name(), line.to_owned()));
        for n in (0..self.custody.streams.len()).rev() {
            self.custody.read(n, self.now, &mut tell);
        }
        self.custody.on_time(self.now, &mut tell);
    }
    fn later(&mut self, by: Duration) {
        self.now += by;
        self.turn();
    }
    fn shown(&mut self) -> String {
        let mut bytes = Vec::new();
        let _ = self.shown.read_to_end(&mut bytes);
        String::from_utf8(bytes).unwrap()
    }
}

#[test]
fn lines_of_two_children_never_mix() {
    let mut bench = Bench::new();
    let (tail, other) = (OutputTail::new(), OutputTail::new());
    let (mut a, mut b) = (bench.child(1, &tail), bench.child(2, &other));
    a.write_all(b"half of ").unwrap();
    b.write_all(b"other\n").unwrap();
    bench.turn();
    a.write_all(b"a line\n").unwrap();
    bench.turn();
    assert_eq!(bench.shown(), "other\nhalf of a line\n");
    assert_eq!(tail.lines(), ["half of a line"]);
    assert_eq!(bench.told[1], ("child1".to_owned(), "stdout", "half of a line".to_owned()));
}

#[test]
fn a_prompt_without_a_line_break_is_shown_after_a_moment() {
    let mut bench = Bench::new();
    let mut a = bench.child(1, &OutputTail::new());
    a.write_all(b"name? ").unwrap();
    bench.turn();
    assert_eq!(bench.shown(), "");
    assert!(bench.custody.deadline().is_some());
    bench.later(PARTIAL);
    assert_eq!(bench.shown(), "name? ");
    assert_eq!(bench.custody.deadline(), None);
}

#[test]
fn output_is_held_while_the_prompt_is_open_and_comes_in_order_afterwards() {
    let mut bench = Bench::new();
    let mut a = bench.child(1, &OutputTail::new());
    bench.custody.set_held(true, bench.now);
    a.write_all(b"one\n").unwrap();
    bench.turn();
    bench.custody.print(b"a record\n".to_vec());
    a.write_all(b"two\n").unwrap();
    bench.turn();
    assert_eq!(bench.shown(), "");
    bench.custody.set_held(false, bench.now);
    bench.turn();
    assert_eq!(bench.shown(), "one\na record\ntwo\n");
}

#[test]
fn the_next_stop_keeps_holding() {
    let mut bench = Bench::new();
    let mut a = bench.child(1, &OutputTail::new());
    bench.custody.set_held(true, bench.now);
    bench.custody.set_held(false, bench.now);
    bench.custody.set_held(true, bench.now);
    a.write_all(b"one\n").unwrap();
    bench.later(AFTER_PROMPT * 2);
    assert_eq!(bench.shown(), "");
}

#[test]
fn what_is_held_is_bounded_and_the_loss_is_counted() {
    let mut bench = Bench::new();
    let mut a = bench.child(1, &OutputTail::new());
    bench.custody.set_held(true, bench.now);
    let line = format!("{}\n", "x".repeat(999));
    for _ in 0..3000 {
        a.write_all(line.as_bytes()).unwrap();
        bench.turn();
    }
    assert!(bench.custody.out.blocked().is_none());
    bench.custody.set_held(false, bench.now);
    bench.now += AFTER_PROMPT;
    let mut shown = String::new();
    for _ in 0..200 {
        bench.turn();
        shown.push_str(&bench.shown());
    }
    let kept = shown.lines().filter(|line| line.starts_with('x')).count();
    assert!((1000..1100).contains(&kept), "{kept}");
    assert!(shown.starts_with(&format!("coulter: {} lines of output had to be dropped here\n", 3000 - kept)), "{}", &shown[..80]);
}

#[test]
fn a_reader_that_does_not_read_never_blocks_the_child() {
    let mut bench = Bench::new();
    let mut a = bench.child(1, &OutputTail::new());
    for _ in 0..400 {
        a.write_all(&[b'y'; 50_000]).unwrap();
        a.write_all(b"\n").unwrap();
        bench.turn();
    }
    assert_eq!(bench.custody.blocked().count(), 1, "it waits to write, by poll");
}

#[test]
fn at_the_end_of_the_output_the_tail_is_whole() {
    let mut bench = Bench::new();
    let tail = OutputTail::new();
    let mut a = bench.child(1, &tail);
    let b = bench.child(1, &tail);
    for n in 0..60 {
        writeln!(a, "{n}").unwrap();
    }
    a.write_all(b"no line break").unwrap();
    drop((a, b));
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    while !bench.custody.streams.is_empty() {
        bench.turn();
    }
    runtime.block_on(tail.closed());
    let lines = tail.lines();
    assert_eq!((lines.len(), lines[0].as_str(), lines[39].as_str()), (40, "21", "no line break"));
}

#[test]
fn when_our_own_reader_is_gone_children_are_drained_all_the_same() {
    let mut bench = Bench::new();
    let tail = OutputTail::new();
    let mut a = bench.child(1, &tail);
    bench.shown = UnixStream::pair().unwrap().0;
    for _ in 0..3 {
        a.write_all(b"into the void\n").unwrap();
        bench.turn();
    }
    assert_eq!(tail.lines().len(), 3);
    assert_eq!(bench.custody.blocked().count(), 0);
}
