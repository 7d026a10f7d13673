//! The front against a hub that is played here: first with a prompt from a script, then with the
//! real one in a pseudo-terminal.
#![allow(clippy::unwrap_used, clippy::expect_used)] // a test that panics has failed
mod in_a_terminal;

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use coulter_proto::codec;
use coulter_proto::hub::{FromHub, HUB_VERSION, ToHub, TreeInfo};
use coulter_proto::id::{Aid, StopId, Uuid};
use coulter_proto::observe::{StopReason, StopRow, StopStatus, Tables};
use coulter_proto::repl::{Completion, Line, Next, Reply};

use super::prompt::{Prompt, Typed};
use super::session::Session;
use super::{Shared, link, take_in, terminal};

/// The hub's end of the connection.
struct Hub {
    stream: UnixStream,
    buffer: Vec<u8>,
}

const PATIENCE: Duration = Duration::from_secs(10);

impl Hub {
    fn new(stream: UnixStream) -> Self {
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Self { stream, buffer: Vec::new() }
    }
    fn say(&mut self, message: &FromHub) {
        let mut frame = Vec::new();
        codec::encode(message, &mut frame).unwrap();
        self.stream.write_all(&frame).unwrap();
    }
    fn hear(&mut self) -> ToHub {
        let mut chunk = [0; 4096];
        loop {
            if let Some(message) = codec::decode(&mut self.buffer).unwrap() {
                return message;
            }
            let len = self.stream.read(&mut chunk).expect("the front says something in time");
            assert_ne!(len, 0, "the front is still there");
            self.buffer.extend_from_slice(&chunk[..len]);
        }
    }
    fn hear_line(&mut self) -> (StopId, u64, String) {
        match self.hear() {
            ToHub::Line { stop, line, text } => (stop, line, text),
            other => panic!("a line, not {other:?}"),
        }
    }
    fn reply(&mut self, stop: StopId, line: u64, text: &str, next: Next) {
        let lines = vec![Line::plain(text)];
        self.say(&FromHub::Reply { stop, line, reply: Reply { lines, value: None, next } });
    }
    fn seat(&mut self, stop: u64, banner: &str) {
        self.say(&FromHub::Seated { stop: StopId(stop), banner: vec![Line::plain(banner)] });
    }
    fn greet(&mut self) {
        assert!(matches!(self.hear(), ToHub::Hello { version: HUB_VERSION, attends: true }));
        let tree = TreeInfo { version: HUB_VERSION, root: aid(0), program: "app".into(), args: Vec::new(), started: 0 };
        self.say(&FromHub::Welcome { version: HUB_VERSION, tree });
    }
}

fn aid(n: u32) -> Aid {
    Aid { name: format!("worker_{n}"), uuid: Uuid::from_u128(u128::from(n)), pid: 100 + n }
}

/// The queue: the first has the seat.
fn stops(ids: &[u64]) -> FromHub {
    let row = |(place, id): (u32, &u64)| StopRow {
        id: StopId(*id),
        actor: aid(u32::try_from(*id).unwrap()),
        task: "task".into(),
        context: None,
        reason: StopReason::Pause,
        place: "app.rs:1".into(),
        function: "app::main".into(),
        since: 0,
        status: if place == 0 { StopStatus::Seated } else { StopStatus::Queued(place) },
    };
    FromHub::Stops((0..).zip(ids).map(row).collect())
}

/// A prompt whose lines come from the test.
struct Scripted {
    shared: Arc<Shared>,
    asked: Sender<String>,
    typed: Receiver<Typed>,
    lines: Vec<String>,
}

impl Prompt for Scripted {
    fn read(&mut self, prompt: &str, keep: bool) -> Typed {
        self.asked.send(prompt.to_owned()).unwrap();
        loop {
            if self.shared.interrupt.is_wanted() {
                return Typed::Cancelled;
            }
            match self.typed.recv_timeout(Duration::from_millis(2)) {
                Ok(Typed::Line(line)) => {
                    if keep {
                        self.lines.push(line.clone());
                    }
                    return Typed::Line(line);
                }
                Ok(typed) => return typed,
                Err(std::sync::mpsc::RecvTimeoutError::Timeout) => {}
                Err(std::sync::mpsc::RecvTimeoutError::Disconnected) => return Typed::Broken,
            }
        }
    }
    fn history(&self) -> Vec<String> {
        self.lines.clone()
    }
}

struct Bench {
    hub: Hub,
    typed: Sender<Typed>,
    asked: Receiver<String>,
    shown: Arc<Mutex<String>>,
    threads: Vec<JoinHandle<()>>,
}

impl Bench {
    fn new() -> Self {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let (link, incoming) = link::over(ours).unwrap();
        let shared = Arc::new(Shared::new(link));
        let (events_sender, events) = channel();
        let (completed_sender, _completed) = channel();
        let (typed, typed_receiver) = channel();
        let (asked_sender, asked) = channel();
        let shown = Arc::new(Mutex::new(String::new()));
        let prompt = Scripted { shared: Arc::clone(&shared), asked: asked_sender, typed: typed_receiver, lines: Vec::new() };
        let for_pump = Arc::clone(&shared);
        let pump = std::thread::spawn(move || take_in(&for_pump, incoming, &events_sender, &completed_sender));
        let for_show = Arc::clone(&shown);
        let show = Box::new(move |lines: &[Line]| for_show.lock().unwrap().push_str(&terminal::render(lines, false)));
        let session = std::thread::spawn(move || Session::new(shared, events, Box::new(prompt), show).run());
        let mut bench = Self { hub: Hub::new(theirs), typed, asked, shown, threads: vec![pump, session] };
        bench.hub.greet();
        bench
    }
    fn prompt(&self) -> String {
        self.asked.recv_timeout(PATIENCE).expect("a prompt in time")
    }
    fn type_line(&self, line: &str) {
        self.typed.send(Typed::Line(line.into())).unwrap();
    }
    fn shown(&self) -> String {
        std::mem::take(&mut *self.shown.lock().unwrap())
    }
    /// Ends the tree, and the front with it.
    fn end(mut self) -> String {
        self.hub.say(&FromHub::Ending);
        for thread in self.threads.drain(..) {
            thread.join().unwrap();
        }
        self.shown()
    }
}

#[test]
fn lines_go_to_the_engine_and_answers_come_back() {
    let mut bench = Bench::new();
    bench.hub.say(&stops(&[1, 2]));
    bench.hub.seat(1, "stopped in worker_1");
    assert_eq!(bench.prompt(), "coulter(worker_1@101)> ");
    assert_eq!(
        bench.shown(),
        "stopped in worker_1\n1 more waits for this terminal: `stops` lists them, `seat N` enters one\n`help` lists the commands, `c` goes on\n"
    );
    bench.type_line("p x");
    let (stop, line, text) = bench.hub.hear_line();
    assert_eq!((stop, text.as_str()), (StopId(1), "p x"));
    bench.hub.reply(stop, line, "42", Next::Prompt);
    bench.prompt();
    assert_eq!(bench.shown(), "42\n");
    bench.type_line("c");
    let (stop, line, _) = bench.hub.hear_line();
    bench.hub.reply(stop, line, "going on", Next::Continue);
    bench.hub.say(&stops(&[2]));
    bench.hub.say(&FromHub::Unseated { stop });
    bench.hub.seat(2, "the next one");
    assert_eq!(bench.prompt(), "coulter(worker_2@102)> ");
    assert!(bench.shown().starts_with("going on\nthe next one\n"));
    bench.end();
}

#[test]
fn commands_about_the_tree_are_answered_here() {
    let mut bench = Bench::new();
    bench.hub.say(&stops(&[1, 2]));
    bench.hub.seat(1, "");
    bench.prompt();
    bench.shown();
    bench.type_line("stops");
    bench.prompt();
    let shown = bench.shown();
    assert!(shown.contains("worker_1@101") && shown.contains("worker_2@102"), "{shown}");
    bench.type_line("tree");
    assert!(matches!(bench.hub.hear(), ToHub::Snapshot));
    bench.hub.say(&FromHub::Snapshot { actor: aid(0).uuid, seq: 0, tables: Tables::default(), last: true });
    bench.prompt();
    assert!(!bench.shown().is_empty());
    for (line, answer) in [("seat 9", "there is no stop 9"), ("seat x", "`x` is no number"), ("seat 1", "the stop you are at"), ("seat", "usage: seat N")] {
        bench.type_line(line);
        bench.prompt();
        let shown = bench.shown();
        assert!(shown.contains(answer), "{line}: {shown}");
    }
    bench.type_line("history");
    bench.prompt();
    assert!(bench.shown().contains("   2  tree\n"));
    bench.type_line("tree.len()");
    assert_eq!(bench.hub.hear_line().2, "tree.len()", "more than a word is the engine's");
    bench.end();
}

#[test]
fn another_stop_is_entered_by_its_number() {
    let mut bench = Bench::new();
    bench.hub.say(&stops(&[1, 2]));
    bench.hub.seat(1, "");
    bench.prompt();
    bench.type_line("seat 2");
    assert!(matches!(bench.hub.hear(), ToHub::Seat { stop: StopId(2) }));
    bench.hub.say(&stops(&[2, 1]));
    bench.hub.say(&FromHub::Unseated { stop: StopId(1) });
    bench.hub.seat(2, "");
    assert_eq!(bench.prompt(), "coulter(worker_2@102)> ");
    bench.type_line("skip");
    assert!(matches!(bench.hub.hear(), ToHub::Skip { stop: StopId(2) }));
    bench.hub.say(&FromHub::Unseated { stop: StopId(2) });
    bench.hub.seat(1, "");
    assert_eq!(bench.prompt(), "coulter(worker_1@101)> ");
    bench.type_line("seat 2");
    assert!(matches!(bench.hub.hear(), ToHub::Seat { .. }));
    bench.shown();
    bench.hub.say(&FromHub::Refused { why: "it has gone on".into() });
    bench.prompt();
    assert!(bench.shown().starts_with("it has gone on\n"));
    bench.end();
}

#[test]
fn a_stop_that_ends_closes_its_prompt_and_the_next_opens() {
    let mut bench = Bench::new();
    bench.hub.say(&stops(&[1, 2]));
    bench.hub.seat(1, "");
    bench.prompt();
    bench.shown();
    // Its actor was killed.
    bench.hub.say(&stops(&[2]));
    bench.hub.say(&FromHub::Unseated { stop: StopId(1) });
    bench.hub.seat(2, "next in line");
    assert_eq!(bench.prompt(), "coulter(worker_2@102)> ");
    let shown = bench.shown();
    assert!(shown.contains("this stop is over") && shown.contains("next in line"), "{shown}");
    // While an answer is awaited, too.
    bench.type_line("p x");
    bench.hub.hear_line();
    bench.hub.say(&stops(&[]));
    bench.hub.say(&stops(&[3]));
    bench.hub.seat(3, "");
    assert_eq!(bench.prompt(), "coulter(worker_3@103)> ");
    bench.end();
}

#[test]
fn three_interrupts_at_an_empty_prompt_ask_what_is_meant() {
    let mut bench = Bench::new();
    bench.hub.say(&stops(&[1]));
    bench.hub.seat(1, "");
    let ctrl_c = |empty| bench.typed.send(Typed::Interrupted { empty }).unwrap();
    for empty in [true, true, false, true, true] {
        assert!(bench.prompt().starts_with("coulter("));
        ctrl_c(empty);
    }
    assert!(bench.prompt().starts_with("coulter("));
    ctrl_c(true);
    assert!(bench.prompt().starts_with("[s]tay"));
    bench.type_line("s");
    assert!(bench.prompt().starts_with("coulter("));
    bench.typed.send(Typed::End).unwrap();
    assert!(bench.prompt().starts_with("[s]tay"));
    bench.type_line("c");
    assert!(matches!(bench.hub.hear(), ToHub::Cancel { actor, context: None } if actor == aid(0).uuid));
    let (stop, line, text) = bench.hub.hear_line();
    assert_eq!(text, "continue");
    bench.hub.reply(stop, line, "", Next::Continue);
    bench.end();
}

#[test]
fn ctrl_d_twice_goes_on_and_a_lost_terminal_holds_nobody() {
    let mut bench = Bench::new();
    bench.hub.say(&stops(&[1]));
    bench.hub.seat(1, "");
    for _ in 0..2 {
        bench.prompt();
        bench.typed.send(Typed::End).unwrap();
    }
    let (stop, line, text) = bench.hub.hear_line();
    assert_eq!(text, "continue");
    bench.hub.reply(stop, line, "", Next::Continue);
    bench.hub.seat(2, "");
    bench.prompt();
    bench.typed.send(Typed::Broken).unwrap();
    assert!(matches!(bench.hub.hear(), ToHub::Continue { stop: StopId(2) }));
    bench.end();
}

#[test]
fn a_stop_that_others_attend_to_is_said_in_one_line() {
    let mut bench = Bench::new();
    bench.hub.say(&stops(&[1]));
    while bench.shown.lock().unwrap().is_empty() {
        std::thread::yield_now();
    }
    bench.hub.say(&stops(&[1, 2]));
    bench.hub.say(&stops(&[2]));
    assert_eq!(bench.end(), "worker_1@101 is stopped at app.rs:1; another console attends to it\n");
}
