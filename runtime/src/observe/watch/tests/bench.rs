//! A tree of watch threads in one process, and consoles that talk to it.
#![allow(clippy::unwrap_used)] // a test that panics has failed
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use coulter_proto::hub::{FromHub, HUB_VERSION, ToHub, TreeInfo};
use coulter_proto::id::{Aid, ContextKey, Uuid};
use coulter_proto::level::Level;
use coulter_proto::observe::{ActorRow, ActorState, ContextRow, DialogKind, LogRow, Phase, Side};
use rustix::event::{PollFd, PollFlags, poll};
use tokio::sync::mpsc::UnboundedReceiver;

use crate::observe::link::{Link, TRUSTED_FRAME};
use crate::observe::probe::Probe;
use crate::observe::watch::{Config, Role, ToWork, Watch, launch, timespec};

/// Longer than anything here takes.
pub(super) const LIMIT: Duration = Duration::from_secs(5);

pub(super) fn aid(name: &str) -> Aid {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    let n = NEXT.fetch_add(1, Ordering::Relaxed);
    Aid { name: name.into(), uuid: Uuid::from_u128(u128::from(n) << 64 | 0xabc), pid: std::process::id() }
}

/// Waits for something another thread does, without a fixed time.
pub(super) fn eventually(mut is: impl FnMut() -> bool) {
    let end = Instant::now() + LIMIT;
    while !is() {
        assert!(Instant::now() < end, "it never came to be");
        std::thread::yield_now();
    }
}

pub(super) struct Actor {
    pub(super) aid: Aid,
    pub(super) probe: &'static Probe,
    pub(super) watch: Watch,
    pub(super) work: UnboundedReceiver<ToWork>,
    lifeline: Option<UnixStream>,
    /// The relay between it and the root's bus, to be cut.
    relay: Option<UnixStream>,
}

impl Actor {
    fn start(aid: Aid, parent: Option<&Aid>, role: Role) -> Self {
        let probe: &'static Probe = Box::leak(Box::new(Probe::new()));
        probe.set_actor(actor_row(&aid, parent));
        let (watch, work) = launch(Config { aid: aid.clone(), role }, probe, None).unwrap();
        Self { aid, probe, watch, work, lifeline: None, relay: None }
    }

    /// What the work thread would get, until the wanted one comes.
    pub(super) fn work_until<T>(&mut self, mut wanted: impl FnMut(ToWork) -> Option<T>) -> T {
        let end = Instant::now() + LIMIT;
        loop {
            match self.work.try_recv() {
                Ok(message) => {
                    if let Some(found) = wanted(message) {
                        return found;
                    }
                }
                Err(_) => {
                    assert!(Instant::now() < end, "the work thread never got it");
                    std::thread::yield_now();
                }
            }
        }
    }

    /// Cuts its connection to the root, as the death of its process would.
    pub(super) fn cut_bus(&mut self) {
        self.relay.take().unwrap().shutdown(std::net::Shutdown::Both).unwrap();
    }

    pub(super) fn cut_lifeline(&mut self) {
        self.lifeline = None;
    }
}

impl Drop for Actor {
    fn drop(&mut self) {
        self.watch.finish();
    }
}

pub(super) struct Tree {
    pub(super) root: Actor,
    pub(super) dir: PathBuf,
}

const SECRET: &[u8] = b"the secret of a tree in a test";

impl Tree {
    pub(super) fn new(terminal: bool) -> Self {
        let aid = aid("root");
        let base = std::env::temp_dir().join(format!("coulter-watch-{}", std::process::id()));
        std::fs::create_dir_all(&base).unwrap();
        let dir = base.join(aid.uuid.simple().to_string());
        let tree = TreeInfo { version: HUB_VERSION, root: aid.clone(), program: "test".into(), args: vec![], started: 0 };
        let root = Actor::start(aid, None, Role::Root { tree, dir: dir.clone(), secret: SECRET.to_vec(), terminal });
        Self { root, dir }
    }

    pub(super) fn child(&self, name: &str) -> Actor {
        self.child_of(name, &self.root)
    }

    pub(super) fn child_of(&self, name: &str, parent: &Actor) -> Actor {
        let aid = aid(name);
        let (lifeline, ours) = UnixStream::pair().unwrap();
        // Its bus goes through a relay of ours, so that it can be cut.
        let relay_at = self.dir.join(format!("relay-{}.sock", aid.uuid.simple()));
        let listener = std::os::unix::net::UnixListener::bind(&relay_at).unwrap();
        let role = Role::Child { bus: relay_at, secret: SECRET.to_vec(), parent: parent.aid.clone(), lifeline: OwnedFd::from(lifeline) };
        let mut actor = Actor::start(aid.clone(), Some(&parent.aid), role);
        actor.lifeline = Some(ours);
        let (theirs, _) = listener.accept().unwrap();
        let root = UnixStream::connect(self.dir.join("bus.sock")).unwrap();
        actor.relay = Some(root.try_clone().unwrap());
        for (mut from, mut to) in [(theirs.try_clone().unwrap(), root.try_clone().unwrap()), (root, theirs)] {
            std::thread::spawn(move || {
                let _ = std::io::copy(&mut from, &mut to);
                let _ = to.shutdown(std::net::Shutdown::Both);
            });
        }
        // It is there once the root knows it: a question through its bus comes back.
        let _ = actor.watch.may_signal(Uuid::nil()).blocking_recv();
        actor
    }
}

pub(super) struct Console {
    link: Link,
}

impl Console {
    pub(super) fn connect(dir: &Path) -> Self {
        Self { link: Link::connect(&dir.join("hub.sock"), TRUSTED_FRAME).unwrap() }
    }
    pub(super) fn attach(tree: &Tree, attends: bool) -> Self {
        Self::attach_at(&tree.dir, attends)
    }
    pub(super) fn attach_at(dir: &Path, attends: bool) -> Self {
        let mut console = Self::connect(dir);
        console.say(&ToHub::Hello { version: HUB_VERSION, attends });
        console.until(|message| matches!(message, FromHub::Welcome { .. }));
        console
    }
    pub(super) fn say(&mut self, message: &ToHub) {
        self.link.send(message).unwrap();
    }
    pub(super) fn until(&mut self, mut wanted: impl FnMut(&FromHub) -> bool) {
        self.until_some(|message| wanted(message).then_some(()));
    }
    pub(super) fn until_some<T>(&mut self, mut wanted: impl FnMut(&FromHub) -> Option<T>) -> T {
        let end = Instant::now() + LIMIT;
        loop {
            while let Some(message) = self.link.next::<FromHub>().unwrap() {
                if let Some(found) = wanted(&message) {
                    return found;
                }
            }
            let left = end.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "the console never got it");
            poll(&mut [PollFd::new(&self.link, PollFlags::IN)], Some(&timespec(left))).unwrap();
            if let Err(broken) = self.link.fill() {
                while let Some(message) = self.link.next::<FromHub>().unwrap() {
                    if let Some(found) = wanted(&message) {
                        return found;
                    }
                }
                panic!("the hub is gone: {broken}");
            }
        }
    }
}

pub(super) fn actor_row(aid: &Aid, parent: Option<&Aid>) -> ActorRow {
    ActorRow { state: ActorState::Running, ..ActorRow::new(aid.clone(), parent.cloned(), 0) }
}

pub(super) fn context_row(here: &Actor, there: &Actor, n: u64) -> ContextRow {
    ContextRow {
        key: ContextKey { opener: here.aid.uuid, n },
        side: Side::Caller,
        kind: DialogKind::Context,
        here: here.aid.clone(),
        there: there.aid.clone(),
        endpoint: "m::e".into(),
        arguments: String::new(),
        phase: Phase::Starting,
        opened: 0,
        sent: 0,
        received: 0,
        sent_bytes: 0,
        received_bytes: 0,
        unread: 0,
        credit: 64,
        window: 64,
        waiting: String::new(),
    }
}

pub(super) fn log_row(actor: &Aid, level: Level, message: &str) -> LogRow {
    LogRow { time: 0, actor: actor.clone(), level, target: "t".into(), task: String::new(), context: None, place: String::new(), message: message.into() }
}

/// How often an actor's watch thread has gone to sleep so far, once it sleeps.
pub(super) fn sleeps(actor: &Actor) -> u64 {
    let mut status = String::new();
    eventually(|| {
        status = std::fs::read_to_string(format!("/proc/self/task/{}/status", actor.watch.shared.tid.load(Ordering::Acquire))).unwrap_or_default();
        status.contains("State:\tS")
    });
    let count = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
    count.unwrap().trim().parse().unwrap()
}
