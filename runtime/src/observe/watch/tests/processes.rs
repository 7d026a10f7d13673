//! What only whole processes show: signals, a parent's death, an end by the watch thread.
//!
//! The test binary runs itself again: `helper` is the other process's body, and a test that does
//! nothing when nobody asked for one.
#![allow(clippy::unwrap_used)] // a test that panics has failed
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use coulter_proto::hub::{HUB_VERSION, TreeInfo};
use coulter_proto::id::{Aid, Uuid};
use rustix::process::{Pid, Signal, kill_process};

use super::bench::{LIMIT, actor_row, eventually};
use crate::observe::probe;
use crate::observe::watch::{Config, Role, ToWork, Watch, ending_signal, start};
use crate::sys::process::is_alive;

const ROLE: &str = "COULTER_WATCH_TEST_ROLE";
const DIR: &str = "COULTER_WATCH_TEST_DIR";
const PARENT: &str = "COULTER_WATCH_TEST_PARENT";

fn helper(role: &str, dir: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "observe::watch::tests::processes::body_of_the_helpers", "--nocapture", "--test-threads=1"]);
    command.env(ROLE, role).env(DIR, dir).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    command
}

#[test]
fn body_of_the_helpers() {
    let Ok(role) = std::env::var(ROLE) else { return };
    let dir = PathBuf::from(std::env::var_os(DIR).unwrap());
    match role.as_str() {
        "root" => root(&dir),
        "parent" => parent(&dir),
        "stuck" => child(&dir, true),
        _ => child(&dir, false),
    }
}

fn say(text: &str) {
    let mut out = std::io::stdout();
    writeln!(out, "> {text}").unwrap();
    out.flush().unwrap();
}

fn me(name: &str) -> Aid {
    Aid { name: name.into(), uuid: Uuid::from_u128(u128::from(std::process::id())), pid: std::process::id() }
}

fn start_root(dir: &Path) -> (Watch, tokio::sync::mpsc::UnboundedReceiver<ToWork>) {
    let aid = me("root");
    let tree = TreeInfo { version: HUB_VERSION, root: aid.clone(), program: "test".into(), args: vec![], started: 0 };
    probe::get().set_actor(actor_row(&aid, None));
    start(Config { aid, role: Role::Root { tree, dir: dir.join("tree"), secret: b"s".to_vec(), terminal: false } }).unwrap()
}

fn tell_cancels(mut work: tokio::sync::mpsc::UnboundedReceiver<ToWork>) {
    while let Some(message) = work.blocking_recv() {
        if let ToWork::CancelActor { cause, hurry } = message {
            say(&format!("cancel {} {hurry}", cause.why));
        }
    }
}

fn root(dir: &Path) {
    let (_watch, work) = start_root(dir);
    assert!(
        start(Config {
            aid: me("again"),
            role: Role::Root {
                tree: TreeInfo { version: 1, root: me("x"), program: String::new(), args: vec![], started: 0 },
                dir: dir.join("other"),
                secret: vec![],
                terminal: false
            }
        })
        .is_err()
    );
    say("ready");
    tell_cancels(work);
}

/// A root with one child, whose pid it tells.
fn parent(dir: &Path) {
    let (watch, _work) = start_root(dir);
    let (ours, theirs) = UnixStream::pair().unwrap();
    let mut command = helper("stuck", dir);
    command.stdin(OwnedFd::from(theirs)).stderr(Stdio::piped()).env(PARENT, format!("{}", std::process::id()));
    let mut child = command.spawn().unwrap();
    drop(command);
    watch.adopt_output(me("child"), child.stdout.take().unwrap().into(), child.stderr.take().unwrap().into());
    // Kept to the end: the child sees its own end of it close with this process.
    std::mem::forget(ours);
    let _ = child.wait();
}

fn child(dir: &Path, stuck: bool) {
    let pid: u32 = std::env::var(PARENT).unwrap().parse().unwrap();
    let parent = Aid { name: "root".into(), uuid: Uuid::from_u128(u128::from(pid)), pid };
    let aid = me("child");
    let lifeline = rustix::io::fcntl_dupfd_cloexec(rustix::stdio::stdin(), 3).unwrap();
    let (watch, work) = start(Config { aid, role: Role::Child { bus: dir.join("tree/bus.sock"), secret: b"s".to_vec(), parent, lifeline } }).unwrap();
    let socket = dir.join("child.sock");
    let _listener = UnixListener::bind(&socket).unwrap();
    watch.removes_at_exit(socket);
    say(&format!("child {}", std::process::id()));
    if stuck {
        // As a work thread in a blocking call, or at a prompt: nothing gets it out.
        loop {
            std::thread::park();
        }
    }
    tell_cancels(work);
}

struct Helper {
    child: Child,
    said: Receiver<String>,
    dir: PathBuf,
}

impl Helper {
    fn run(name: &str, role: &str) -> Self {
        let dir = std::env::temp_dir().join(format!("coulter-processes-{}-{name}", std::process::id()));
        let _ = std::fs::remove_dir_all(&dir);
        std::fs::create_dir_all(&dir).unwrap();
        Self::adopt(helper(role, &dir).spawn().unwrap(), dir)
    }
    fn adopt(mut child: Child, dir: PathBuf) -> Self {
        let out = child.stdout.take().unwrap();
        let (tell, said) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(out).lines().map_while(Result::ok) {
                if let Some((_, text)) = line.split_once("> ") {
                    let _ = tell.send(text.to_owned());
                }
            }
        });
        Self { child, said, dir }
    }
    fn hears(&self) -> String {
        self.said.recv_timeout(LIMIT).unwrap()
    }
    fn signal(&self, signal: Signal) {
        kill(self.child.id(), signal);
    }
}

impl Drop for Helper {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}

fn kill(pid: u32, signal: Signal) {
    kill_process(Pid::from_raw(i32::try_from(pid).unwrap()).unwrap(), signal).unwrap();
}

#[test]
fn rule_2_6_the_roots_signals_cancel_then_hurry_then_end() {
    let mut root = Helper::run("signals", "root");
    assert_eq!(root.hears(), "ready");
    root.signal(Signal::INT);
    assert_eq!(root.hears(), "cancel SIGINT false");
    root.signal(Signal::HUP);
    assert_eq!(root.hears(), "cancel SIGHUP true");
    root.signal(Signal::TERM);
    assert_eq!(root.child.wait().unwrap().code(), Some(128 + 15));
    assert!(!root.dir.join("tree").exists());
    assert_eq!(ending_signal(), None, "of this process nobody asked anything");
}

#[test]
fn rule_2_5_a_stuck_child_ends_within_two_seconds_of_its_parents_kill() {
    let parent = Helper::run("orphan", "parent");
    // Forwarded by the parent's watch thread: the child's output is a pipe to it.
    let said = parent.hears();
    let pid: u32 = said.strip_prefix("child ").unwrap().parse().unwrap();
    assert!(parent.dir.join("child.sock").exists());
    let killed = Instant::now();
    parent.signal(Signal::KILL);
    eventually(|| {
        std::thread::sleep(Duration::from_millis(5));
        !is_running(pid)
    });
    let took = killed.elapsed();
    assert!(took < Duration::from_secs(2), "{took:?}");
    assert!(took > Duration::from_millis(800), "the work thread has its second: {took:?}");
    assert!(!parent.dir.join("child.sock").exists());
}

/// A zombie of somebody else's is as good as gone.
fn is_running(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    is_alive(pid) && !stat.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with('Z'))
}

#[test]
fn a_child_heeds_sigterm_and_leaves_the_terminals_signals_to_the_root() {
    let root = Helper::run("child", "root");
    assert_eq!(root.hears(), "ready");
    let (ours, theirs) = UnixStream::pair().unwrap();
    let mut command = helper("child", &root.dir);
    command.stdin(OwnedFd::from(theirs)).env(PARENT, format!("{}", root.child.id()));
    let child = Helper::adopt(command.spawn().unwrap(), root.dir.clone());
    drop(command);
    assert!(child.hears().starts_with("child "));
    for ignored in [Signal::INT, Signal::HUP] {
        child.signal(ignored);
    }
    child.signal(Signal::TERM);
    assert_eq!(child.hears(), "cancel SIGTERM false");
    drop(ours);
    // By now its output is /dev/null; what is left is the end itself.
    let pid = child.child.id();
    eventually(|| !is_running(pid));
}
