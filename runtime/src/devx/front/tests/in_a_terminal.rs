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
                    super::super::above::above(&format!("log line {number}"));
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
