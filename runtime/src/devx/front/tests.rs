//! The front against a hub that is played here: first with a prompt from a script, then with the
//! real one in a pseudo-terminal.
#![allow(clippy::unwrap_used, clippy::expect_used)] // a test that panics has failed
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

mod in_a_terminal {
    //! The real prompt, in a process of its own whose terminal is a pseudo-terminal of ours.
    use std::fs::File;
    use std::os::fd::OwnedFd;
    use std::os::unix::net::UnixListener;
    use std::process::{Child, Command, Stdio};
    use std::sync::atomic::{AtomicU32, Ordering};

    use rustix::fs::{Mode, OFlags};
    use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
    use rustix::termios::{LocalModes, tcgetattr};

    use super::*;

    const DIR: &str = "COULTER_TEST_FRONT_DIR";
    const TERMINAL: &str = "COULTER_TEST_FRONT_TERMINAL";
    static NEXT: AtomicU32 = AtomicU32::new(0);

    /// Not a test of its own: the process that the others put into a terminal.
    #[test]
    fn the_process_in_the_terminal() {
        let Some(dir) = std::env::var_os(DIR) else { return };
        // A session of its own, and the first terminal opened in it is its own.
        rustix::process::setsid().unwrap();
        let terminal = std::env::var_os(TERMINAL).unwrap();
        let _terminal = rustix::fs::open(terminal, OFlags::RDWR | OFlags::CLOEXEC, Mode::empty()).unwrap();
        let own = std::env::var("COULTER_TEST_LOGS").is_ok_and(|logs| logs == "own");
        assert!(crate::devx::start_front(std::path::Path::new(&dir)));
        let running = super::super::RUNNING.lock().unwrap().take().unwrap();
        let printed = running.shared.interrupt.clone();
        let above = std::thread::spawn(move || {
            let mut number = 0;
            while std::env::var_os("COULTER_TEST_LOGS").is_some() && number < 200 {
                if printed.is_reading() {
                    number += 1;
                    if own {
                        println!("log line {number}");
                    } else {
                        super::super::print_above(&format!("log line {number}"));
                    }
                }
                std::thread::sleep(Duration::from_millis(2));
            }
        });
        let _ = running.done.recv();
        above.join().unwrap();
        terminal::write("the front has left\n");
    }

    struct Pty {
        ours: File,
        theirs: OwnedFd,
        child: Child,
        hub: Hub,
        seen: String,
        dir: std::path::PathBuf,
    }

    impl Drop for Pty {
        fn drop(&mut self) {
            let _ = self.child.kill();
            let _ = self.child.wait();
            let _ = std::fs::remove_dir_all(&self.dir);
        }
    }

    impl Pty {
        fn new(variables: &[(&str, &str)]) -> Self {
            let dir = std::env::temp_dir().join(format!("coulter-front-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed)));
            std::fs::create_dir(&dir).unwrap();
            let listener = UnixListener::bind(dir.join("hub.sock")).unwrap();
            let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
            grantpt(&ours).unwrap();
            unlockpt(&ours).unwrap();
            let name = ptsname(&ours, Vec::new()).unwrap();
            let theirs = rustix::fs::open(name.as_c_str(), OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC, Mode::empty()).unwrap();
            let end = || Stdio::from(theirs.try_clone().unwrap());
            let child = Command::new(std::env::current_exe().unwrap())
                .args(["--exact", "devx::front::tests::in_a_terminal::the_process_in_the_terminal", "--nocapture", "--test-threads=1"])
                .env(DIR, &dir)
                .env(TERMINAL, name.to_str().unwrap())
                .env("TERM", "xterm")
                .env("NO_COLOR", "1")
                .envs(variables.iter().copied())
                .stdin(end())
                .stdout(end())
                .stderr(Stdio::null())
                .spawn()
                .unwrap();
            let (stream, _) = listener.accept().unwrap();
            let mut hub = Hub::new(stream);
            hub.greet();
            Self { ours: File::from(ours), theirs, child, hub, seen: String::new(), dir }
        }
        /// Reads until the text is there, and forgets what came with it.
        fn see(&mut self, text: &str) -> String {
            let deadline = std::time::Instant::now() + PATIENCE;
            let mut chunk = [0; 4096];
            loop {
                if let Some(at) = self.seen.find(text) {
                    let rest = self.seen.split_off(at + text.len());
                    return std::mem::replace(&mut self.seen, rest);
                }
                assert!(std::time::Instant::now() < deadline, "`{text}` is not in {:?}", self.seen);
                let mut fds = [rustix::event::PollFd::new(&self.ours, rustix::event::PollFlags::IN)];
                let timeout = rustix::event::Timespec { tv_sec: 1, tv_nsec: 0 };
                if rustix::event::poll(&mut fds, Some(&timeout)).unwrap() > 0 {
                    let len = self.ours.read(&mut chunk).unwrap();
                    self.seen.push_str(&String::from_utf8_lossy(&chunk[..len]));
                }
            }
        }
        fn keys(&mut self, keys: &str) {
            self.ours.write_all(keys.as_bytes()).unwrap();
        }
        fn is_cooked(&self) -> bool {
            tcgetattr(&self.theirs).unwrap().local_modes.contains(LocalModes::ICANON | LocalModes::ECHO)
        }
    }

    #[test]
    fn typed_lines_are_edited_completed_and_answered() {
        let mut pty = Pty::new(&[]);
        assert!(pty.is_cooked());
        pty.hub.say(&stops(&[1]));
        pty.hub.seat(1, "stopped here");
        pty.see("stopped here");
        pty.see("coulter(worker_1@101)> ");
        assert!(!pty.is_cooked());
        pty.keys("p to");
        pty.see("p to");
        pty.keys("\t");
        let ToHub::Complete { stop, line, text, cursor } = pty.hub.hear() else { panic!("completion") };
        assert_eq!((text.as_str(), cursor), ("p to", 4));
        let completion = Completion { start: 2, candidates: vec!["total".into()] };
        pty.hub.say(&FromHub::Completed { stop, line, completion });
        pty.see("tal");
        pty.keys("\x7f\x7f\x7f\x7f\x7fx\r");
        let (stop, line, text) = pty.hub.hear_line();
        assert_eq!(text, "p x");
        pty.hub.reply(stop, line, "the answer", Next::Prompt);
        pty.see("the answer");
        pty.see("coulter(worker_1@101)> ");
        // Ctrl-C clears the line and shows the prompt again.
        pty.keys("half a line");
        pty.see("half a line");
        pty.keys("\x03");
        pty.see("coulter(worker_1@101)> ");
        pty.keys("c\r");
        let (stop, line, text) = pty.hub.hear_line();
        assert_eq!(text, "c");
        pty.hub.reply(stop, line, "goes on", Next::Continue);
        pty.see("goes on");
        pty.hub.say(&FromHub::Ending);
        pty.see("the front has left");
        assert!(pty.is_cooked());
    }

    #[test]
    fn a_stop_that_ends_gives_the_terminal_back_at_any_moment() {
        let mut pty = Pty::new(&[]);
        for round in 1..=40u64 {
            pty.hub.say(&stops(&[round]));
            pty.hub.seat(round, "stopped here");
            // At any moment: before the prompt, while it opens, while it stands.
            if round % 2 == 0 {
                pty.see(&format!("coulter(worker_{round}@{})> ", 100 + round));
            } else {
                pty.see("stopped here");
            }
            pty.hub.say(&stops(&[]));
            pty.hub.say(&FromHub::Unseated { stop: StopId(round) });
            pty.see("this stop is over");
        }
        pty.hub.seat(77, "stopped again");
        pty.see("stopped again");
        pty.see("> ");
        pty.keys("half");
        pty.see("half");
        pty.hub.say(&FromHub::Ending);
        pty.see("the front has left");
        assert!(pty.is_cooked());
        assert!(pty.child.wait().unwrap().success(), "no signal of ours ended it");
    }

    #[test]
    #[ignore = "needs rustyline's feature `buffer-redux`"]
    fn lines_typed_ahead_wait_for_their_prompt() {
        let mut pty = Pty::new(&[]);
        pty.hub.seat(1, "");
        pty.see("coulter> ");
        pty.keys("p a\rp b\r");
        for wanted in ["p a", "p b"] {
            let (stop, line, text) = pty.hub.hear_line();
            assert_eq!(text, wanted);
            pty.hub.reply(stop, line, "", Next::Prompt);
        }
        pty.hub.say(&FromHub::Ending);
        pty.see("the front has left");
    }

    #[test]
    fn output_above_leaves_a_half_typed_line_whole() {
        types_under_output("above");
    }

    #[test]
    fn what_the_root_prints_itself_leaves_a_half_typed_line_whole() {
        types_under_output("own");
    }

    fn types_under_output(logs: &str) {
        let mut pty = Pty::new(&[("COULTER_TEST_LOGS", logs)]);
        pty.hub.seat(1, "");
        pty.see("coulter> ");
        for (number, key) in (1..).zip("p half_typed".chars()) {
            pty.see(&format!("log line {number}\r\n"));
            pty.keys(&key.to_string());
        }
        for number in [50, 100, 150, 199] {
            pty.see(&format!("log line {number}\r\n"));
            let drawn_again = pty.see(&format!("log line {}\r\n", number + 1));
            assert!(drawn_again.contains("p half_typed"), "{drawn_again:?}");
        }
        pty.keys("\r");
        assert_eq!(pty.hub.hear_line().2, "p half_typed");
        pty.hub.say(&FromHub::Ending);
        pty.see("the front has left");
    }

    #[test]
    fn a_terminal_that_can_do_nothing_still_has_a_prompt() {
        let mut pty = Pty::new(&[("TERM", "dumb")]);
        pty.hub.say(&stops(&[1]));
        pty.hub.seat(1, "stopped here");
        pty.see("coulter(worker_1@101)> ");
        pty.keys("p x\np y\n");
        for wanted in ["p x", "p y"] {
            let (stop, line, text) = pty.hub.hear_line();
            assert_eq!(text, wanted);
            pty.hub.reply(stop, line, "", Next::Prompt);
        }
        pty.hub.say(&stops(&[]));
        pty.see("this stop is over");
        pty.hub.say(&FromHub::Ending);
        pty.see("the front has left");
    }
}
