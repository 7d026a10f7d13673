//! The real command in a real (pseudo) terminal, against the hub that does what it is told.
use std::io::{Read, Write};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use coulter_proto::exit::ExitStatus;
use coulter_proto::hub::{FromHub, ToHub};
use coulter_proto::id::StopId;
use coulter_proto::observe::{StopReason, StopStatus};
use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};
use rustix::termios::{LocalModes, tcgetattr};

use crate::fake::{Place, ended, stop};

struct Seen {
    parser: vt100::Parser,
    bytes: usize,
    raw: Vec<u8>,
}

/// A terminal with the command in it.
pub struct Terminal {
    seen: Arc<(Mutex<Seen>, Condvar)>,
    master: Box<dyn MasterPty + Send>,
    keys: Box<dyn Write + Send>,
    child: Box<dyn Child + Send + Sync>,
}

impl Terminal {
    pub fn start(place: &Place, args: &[&str]) -> Self {
        let size = PtySize { rows: 30, cols: 140, pixel_width: 0, pixel_height: 0 };
        let pair = native_pty_system().openpty(size).unwrap();
        let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_coulter"));
        command.args(args);
        command.env("COULTER_RUNTIME_DIR", &place.0);
        command.env("LANG", "C.UTF-8");
        command.env("TERM", "xterm-256color");
        command.env_remove("LC_ALL");
        command.env_remove("NO_COLOR");
        let child = pair.slave.spawn_command(command).unwrap();
        drop(pair.slave);
        let seen = Arc::new((Mutex::new(Seen { parser: vt100::Parser::new(30, 140, 0), bytes: 0, raw: vec![] }), Condvar::new()));
        let (mut reader, shared) = (pair.master.try_clone_reader().unwrap(), seen.clone());
        std::thread::spawn(move || {
            let mut chunk = [0; 4096];
            while let Ok(n @ 1..) = reader.read(&mut chunk) {
                let mut seen = shared.0.lock().unwrap();
                seen.parser.process(&chunk[..n]);
                seen.bytes += n;
                seen.raw.extend_from_slice(&chunk[..n]);
                shared.1.notify_all();
            }
        });
        Self { seen, keys: pair.master.take_writer().unwrap(), master: pair.master, child }
    }

    pub fn press(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).unwrap();
        self.keys.flush().unwrap();
    }

    /// Waits until the screen shows it.
    pub fn wait_for(&self, text: &str) -> String {
        let end = Instant::now() + Duration::from_secs(10);
        let mut seen = self.seen.0.lock().unwrap();
        loop {
            let screen = seen.parser.screen().contents();
            if screen.contains(text) {
                return screen;
            }
            let left = end.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "`{text}` does not come up in\n{screen}");
            seen = self.seen.1.wait_timeout(seen, left).unwrap().0;
        }
    }

    /// How many bytes come in the time that follows.
    fn bytes_in(&self, time: Duration) -> usize {
        let before = self.seen.0.lock().unwrap().bytes;
        let end = Instant::now() + time;
        let mut seen = self.seen.0.lock().unwrap();
        while Instant::now() < end {
            seen = self.seen.1.wait_timeout(seen, end.saturating_duration_since(Instant::now())).unwrap().0;
        }
        seen.bytes - before
    }

    /// Waits for the end; its code, and what the terminal is left like.
    pub fn end(mut self) -> (u32, Self) {
        let code = self.child.wait().unwrap().exit_code();
        (code, self)
    }

    pub fn assert_put_back(&self) {
        let modes = tcgetattr(std::fs::File::open(self.master.tty_name().unwrap()).unwrap()).unwrap().local_modes;
        assert!(modes.contains(LocalModes::ICANON | LocalModes::ECHO), "line by line again, with echo");
        let end = Instant::now() + Duration::from_secs(5);
        let mut seen = self.seen.0.lock().unwrap();
        loop {
            let screen = seen.parser.screen();
            if !screen.alternate_screen() && !screen.hide_cursor() && !screen.bracketed_paste() {
                return;
            }
            let left = end.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "the terminal was not put back");
            seen = self.seen.1.wait_timeout(seen, left).unwrap().0;
        }
    }
}

#[test]
fn a_tree_is_seen_its_stop_is_served_and_the_terminal_is_put_back() {
    let place = Place::new();
    let hub = place.tree();
    let mut terminal = Terminal::start(&place, &[]);
    terminal.wait_for("slow_consumer");
    hub.say(&FromHub::Stops(vec![stop(7, 3, StopReason::Pause, StopStatus::Seated)]));
    terminal.wait_for("stopped at src/demo/workers.rs:42");
    terminal.press("r");
    terminal.wait_for("(worker_1@4003)");
    terminal.press("p total\r");
    terminal.wait_for("= p total");
    terminal.press("c\r");
    terminal.wait_for("it goes on");
    hub.say(&ended(4, ExitStatus::Signal(9)));
    terminal.press("1");
    terminal.wait_for("died SIGKILL");
    terminal.press("q");
    let (code, terminal) = terminal.end();
    assert_eq!(code, 0);
    terminal.assert_put_back();
}

#[test]
fn an_idle_dashboard_writes_nothing() {
    let place = Place::new();
    let _hub = place.tree();
    let terminal = Terminal::start(&place, &["attach"]);
    terminal.wait_for("slow_consumer");
    // The last of the snapshot's frames may still be on its way.
    while terminal.bytes_in(Duration::from_millis(300)) > 0 {}
    assert_eq!(terminal.bytes_in(Duration::from_millis(1500)), 0);
}

#[test]
fn frames_are_synchronized_and_carry_no_escape_of_an_actor() {
    let place = Place::new();
    let hub = place.tree();
    hub.set_stops(vec![stop(7, 3, StopReason::Error("\u{1b}]0;owned\u{7}\u{1b}[2Jbad".into()), StopStatus::Seated)]);
    let mut terminal = Terminal::start(&place, &[]);
    terminal.wait_for("slow_consumer");
    terminal.press("5");
    terminal.wait_for("error: bad");
    let raw = String::from_utf8_lossy(&terminal.seen.0.lock().unwrap().raw).into_owned();
    assert!(raw.contains("\u{1b}[?2026h") && raw.contains("\u{1b}[?2026l"));
    assert!(!raw.contains("owned"));
}

#[test]
fn a_signal_puts_the_terminal_back() {
    let place = Place::new();
    let _hub = place.tree();
    for signal in [rustix::process::Signal::TERM, rustix::process::Signal::HUP] {
        let terminal = Terminal::start(&place, &[]);
        terminal.wait_for("slow_consumer");
        let pid = rustix::process::Pid::from_raw(i32::try_from(terminal.child.process_id().unwrap()).unwrap()).unwrap();
        rustix::process::kill_process(pid, signal).unwrap();
        let (_, terminal) = terminal.end();
        terminal.assert_put_back();
    }
}

#[test]
fn a_vanished_terminal_ends_the_console_and_not_the_tree() {
    let place = Place::new();
    let hub = place.tree();
    let terminal = Terminal::start(&place, &[]);
    terminal.wait_for("slow_consumer");
    let Terminal { master, keys, mut child, seen, .. } = terminal;
    drop((master, keys));
    // The thread that reads holds a copy of the terminal: the hang-up is the kernel's to send when
    // the session's leader is told.
    let pid = rustix::process::Pid::from_raw(i32::try_from(child.process_id().unwrap()).unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::HUP).unwrap();
    child.wait().unwrap();
    drop(seen);
    hub.wait_for("nothing but a look", |message| matches!(message, ToHub::Snapshot));
    assert!(hub.dir.exists());
}

#[test]
fn the_end_of_the_tree_leaves_its_last_state() {
    let place = Place::new();
    let hub = place.tree();
    let mut terminal = Terminal::start(&place, &[]);
    terminal.wait_for("slow_consumer");
    hub.say(&FromHub::Ending);
    hub.hang_up();
    let shown = terminal.wait_for("the tree has ended");
    assert!(shown.contains("slow_consumer"));
    terminal.press("q");
    assert_eq!(terminal.end().0, 0);
}

#[test]
fn it_waits_for_a_tree_and_takes_the_one_that_comes() {
    let place = Place::new();
    let terminal = Terminal::start(&place, &[]);
    terminal.wait_for("waiting for a tree");
    let _hub = place.tree();
    terminal.wait_for("slow_consumer");
}

#[test]
fn several_trees_are_offered() {
    let place = Place::new();
    let (_one, two) = (place.tree(), place.tree());
    let mut terminal = Terminal::start(&place, &[]);
    terminal.wait_for("Which tree?");
    terminal.press("\x1b[B\r");
    terminal.wait_for("slow_consumer");
    two.wait_for("a console", |message| matches!(message, ToHub::Hello { attends: true, .. }));
}

#[test]
fn a_program_is_shown_with_its_output_and_ends_with_its_code() {
    let place = Place::new();
    let mut terminal = Terminal::start(&place, &["run", "--", "sh", "-c", "test -t 1 && echo on a $(stty size <&2) terminal; exit 3"]);
    terminal.wait_for("on a 30 140 terminal");
    terminal.wait_for("ended: exit code 3");
    terminal.press("q");
    let (code, terminal) = terminal.end();
    assert_eq!(code, 3);
    terminal.assert_put_back();
}

#[test]
fn leaving_ends_the_program_it_started() {
    let place = Place::new();
    let mut terminal = Terminal::start(&place, &["run", "--", "sh", "-c", "trap 'exit 5' TERM; echo up$((40 + 2)); while :; do sleep 0.05; done"]);
    terminal.press("7");
    terminal.wait_for("up42");
    terminal.press("q");
    assert_eq!(terminal.end().0, 5);
}

#[test]
fn the_prompt_of_a_seat_is_typed_with_its_history() {
    let place = Place::new();
    let hub = place.tree();
    hub.set_stops(vec![stop(7, 3, StopReason::Pause, StopStatus::Seated)]);
    let mut terminal = Terminal::start(&place, &[]);
    terminal.wait_for("slow_consumer");
    terminal.press("r");
    terminal.wait_for("(worker_1@4003)");
    terminal.press("first\r");
    terminal.wait_for("= first");
    // Up, two letters away, one put in at the start.
    terminal.press("\x1b[A\x7f\x7f\x01x\r");
    hub.wait_for("the edited line", |message| matches!(message, ToHub::Line { stop: StopId(7), text, .. } if text == "xfir"));
}
