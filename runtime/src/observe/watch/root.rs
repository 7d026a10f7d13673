//! The root's side: the listeners, everybody's connections, and the hub between them.
use std::collections::BTreeMap;
use std::io;
use std::os::fd::{AsFd as _, BorrowedFd};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use coulter_proto::bus::{Down, Up};
use coulter_proto::hub::{FromHub, HUB_SOCKET, ToHub, TreeInfo};
use coulter_proto::id::Uuid;
use coulter_proto::time::Now;

use crate::observe::hub::{ConsoleId, Hub, Out};
use crate::observe::link::{Broken, Link, short_path};
use crate::observe::place;

use super::strangers::{HANDSHAKE, MAX_STRANGERS, Stranger};

/// The name of the bus's socket in a tree's directory.
pub(super) const BUS_SOCKET: &str = "bus.sock";
/// A console with more unsent gets no records, then no changes, until it has caught up.
const SLOW_LOGS: usize = 1 << 20;
const SLOW_ROWS: usize = 4 << 20;
/// How long a program that leaves its terminal to somebody else (`COULTER_FRONT=off`) waits for that somebody.
const EXPECT_FRONT: u64 = 10_000_000;

/// Which of the two listeners somebody came in by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Plane {
    Bus,
    Hub,
}

/// Names a connection of the root among all it polls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Conn {
    Listener(Plane),
    Stranger(u64),
    Actor(Uuid),
    Console(ConsoleId),
}

/// A console's connection.
pub(super) struct ConsoleLink {
    pub(super) link: Link,
    /// Records it missed since the last it got.
    pub(super) dropped: u64,
    /// It missed changes: it gets a fresh snapshot once it has caught up.
    pub(super) gap: bool,
}

/// Everything only the root has.
pub(super) struct Root {
    pub(super) dir: PathBuf,
    pub(super) secret: Vec<u8>,
    pub(super) me: Uuid,
    pub(super) hub: Hub,
    pub(super) bus: UnixListener,
    pub(super) consoles_at: UnixListener,
    pub(super) strangers: BTreeMap<u64, Stranger>,
    pub(super) actors: BTreeMap<Uuid, Link>,
    pub(super) consoles: BTreeMap<ConsoleId, ConsoleLink>,
    pub(super) next: u64,
    /// For the root itself, as a member like any other.
    pub(super) local: Vec<Down>,
    pub(super) origin: Instant,
}

fn listen(path: &Path) -> io::Result<UnixListener> {
    // The directory is this tree's alone: what lies there is of an earlier start of this very tree.
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = short_path(path, |path| UnixListener::bind(path))?;
    std::fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

impl Root {
    pub(super) fn new(tree: TreeInfo, dir: PathBuf, secret: Vec<u8>, terminal: bool) -> io::Result<Self> {
        let me = tree.root.uuid;
        place::prepare(&dir, &tree)?;
        if let Some(runtime_dir) = dir.parent() {
            place::sweep(runtime_dir);
        }
        let (bus, consoles_at) = (listen(&dir.join(BUS_SOCKET))?, listen(&dir.join(HUB_SOCKET))?);
        let mut hub = Hub::new(tree, terminal);
        if !terminal && std::env::var_os("COULTER_FRONT").is_some_and(|front| front == "off") {
            hub.expect(Now(0), EXPECT_FRONT);
        }
        Ok(Self {
            dir,
            secret,
            me,
            hub,
            bus,
            consoles_at,
            strangers: BTreeMap::new(),
            actors: BTreeMap::new(),
            consoles: BTreeMap::new(),
            next: 0,
            local: Vec::new(),
            origin: Instant::now(),
        })
    }

    pub(super) fn hub(&self) -> &Hub {
        &self.hub
    }

    pub(super) fn now(&self) -> Now {
        Now(u64::try_from(self.origin.elapsed().as_micros()).unwrap_or(u64::MAX))
    }

    fn at(&self, moment: Now) -> Instant {
        self.origin + Duration::from_micros(moment.0)
    }

    /// What to poll: who, where, and whether something waits to be written.
    pub(super) fn polled(&self) -> impl Iterator<Item = (Conn, BorrowedFd<'_>, bool)> {
        // With too many strangers the next ones wait in the kernel's queue.
        let open = self.strangers.len() < MAX_STRANGERS;
        let listeners = [(Conn::Listener(Plane::Bus), self.bus.as_fd(), false), (Conn::Listener(Plane::Hub), self.consoles_at.as_fd(), false)];
        let strangers = self.strangers.iter().map(|(n, stranger)| (Conn::Stranger(*n), &stranger.link));
        let actors = self.actors.iter().map(|(actor, link)| (Conn::Actor(*actor), link));
        let consoles = self.consoles.iter().map(|(id, console)| (Conn::Console(*id), &console.link));
        let links = strangers.chain(actors).chain(consoles).map(|(conn, link)| (conn, link.as_fd(), link.backlog() > 0));
        listeners.into_iter().filter(move |_| open).chain(links)
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        let machine = self.hub.next_deadline().into_iter().chain(self.hub.snapshot_deadline()).map(|due| self.at(due));
        machine.chain(self.strangers.values().map(|stranger| stranger.until)).min()
    }

    pub(super) fn on_time(&mut self, now: Instant) {
        let hub_now = self.now();
        if self.hub.next_deadline().is_some_and(|due| due <= hub_now) {
            self.hub.on_time(hub_now);
        }
        self.strangers.retain(|_, stranger| {
            let stays = stranger.until > now;
            if !stays {
                tracing::warn!(target: "coulter::runtime", "process {} connected and did not say who it is for {} s: dropped", stranger.pid, HANDSHAKE.as_secs());
            }
            stays
        });
        self.deliver();
    }

    /// The root's own word, as a member like any other.
    pub(super) fn up(&mut self, message: Up) {
        let now = self.now();
        self.hub.on_up(now, self.me, message);
        self.deliver();
    }

    /// A connection is ready.
    pub(super) fn on_ready(&mut self, conn: Conn, readable: bool, writable: bool) {
        match conn {
            Conn::Listener(plane) => self.accept(plane),
            Conn::Stranger(n) => self.on_stranger(n),
            Conn::Actor(actor) => {
                if writable {
                    self.flush_actor(actor);
                }
                if readable {
                    self.read_actor(actor);
                }
            }
            Conn::Console(id) => {
                if writable {
                    self.flush_console(id);
                }
                if readable {
                    self.read_console(id);
                }
            }
        }
        self.deliver();
    }

    pub(super) fn read_actor(&mut self, actor: Uuid) {
        let now = self.now();
        let Some(link) = self.actors.get_mut(&actor) else { return };
        let mut over = link.fill().err();
        loop {
            match link.next::<Up>() {
                Ok(Some(message)) => self.hub.on_up(now, actor, message),
                Ok(None) => break,
                Err(broken) => {
                    over = Some(broken);
                    break;
                }
            }
        }
        if let Some(broken) = over {
            self.drop_actor(actor, &broken);
        }
    }

    fn drop_actor(&mut self, actor: Uuid, broken: &Broken) {
        if !matches!(broken, Broken::Closed) {
            tracing::warn!(target: "coulter::runtime", "the bus of actor {actor} is cut: {broken}");
        }
        self.actors.remove(&actor);
        let now = self.now();
        self.hub.lost(now, actor);
    }

    fn flush_actor(&mut self, actor: Uuid) {
        if let Some(Err(broken)) = self.actors.get_mut(&actor).map(Link::flush) {
            self.drop_actor(actor, &broken);
        }
    }

    pub(super) fn read_console(&mut self, id: ConsoleId) {
        let now = self.now();
        let Some(console) = self.consoles.get_mut(&id) else { return };
        let mut over = console.link.fill().err();
        loop {
            match console.link.next::<ToHub>() {
                Ok(Some(message)) => self.hub.on_console(now, id, message),
                Ok(None) => break,
                Err(broken) => {
                    over = Some(broken);
                    break;
                }
            }
        }
        if let Some(broken) = over {
            self.drop_console(id, &broken);
        }
    }

    fn drop_console(&mut self, id: ConsoleId, broken: &Broken) {
        if !matches!(broken, Broken::Closed) {
            tracing::warn!(target: "coulter::runtime", "a console is cut off: {broken}");
        }
        self.consoles.remove(&id);
        let now = self.now();
        self.hub.console_lost(now, id);
    }

    fn flush_console(&mut self, id: ConsoleId) {
        let now = self.now();
        let Some(console) = self.consoles.get_mut(&id) else { return };
        if let Err(broken) = console.link.flush() {
            return self.drop_console(id, &broken);
        }
        if console.gap && console.link.backlog() == 0 {
            console.gap = false;
            self.hub.on_console(now, id, ToHub::Snapshot);
        }
    }

    /// Sends what the hub has to say, and lets snapshots go on as far as consoles keep up.
    fn deliver(&mut self) {
        loop {
            let out = self.hub.take_out();
            if out.is_empty() {
                let now = self.now();
                let running: Vec<ConsoleId> = self.hub.snapshots().collect();
                for id in running {
                    let backlog = self.consoles.get(&id).map_or(0, |console| console.link.backlog());
                    self.hub.pump_snapshot(now, id, backlog);
                }
                if self.hub.has_out() {
                    continue;
                }
                return;
            }
            for message in out {
                match message {
                    Out::Down(to, message) if to == self.me => self.local.push(message),
                    Out::Down(to, message) => self.send_actor(to, &message),
                    Out::Console(id, message) => self.send_console(id, message),
                    Out::Drop(id) => drop(self.consoles.remove(&id)),
                }
            }
        }
    }

    fn send_actor(&mut self, to: Uuid, message: &Down) {
        match self.actors.get_mut(&to).map(|link| link.send(message)) {
            None | Some(Ok(())) => {}
            Some(Err(Broken::Frame(error))) => tracing::error!(target: "coulter::runtime", "a message to actor {to} could not be sent: {error}"),
            Some(Err(broken)) => self.drop_actor(to, &broken),
        }
    }

    fn send_console(&mut self, id: ConsoleId, mut message: FromHub) {
        let Some(console) = self.consoles.get_mut(&id) else { return };
        let backlog = console.link.backlog();
        match &mut message {
            FromHub::Logs { rows, .. } if backlog > SLOW_LOGS => {
                console.dropped += rows.len() as u64;
                return;
            }
            FromHub::Logs { dropped, .. } => *dropped = std::mem::take(&mut console.dropped),
            FromHub::Delta(_) if console.gap || backlog > SLOW_ROWS => {
                console.gap = true;
                return;
            }
            _ => {}
        }
        match console.link.send(&message) {
            Ok(()) => {}
            Err(Broken::Frame(error)) => {
                let why = format!("what you asked for could not be sent: {error}; ask for less at once");
                if console.link.send(&FromHub::Refused { why }).is_err() {
                    self.drop_console(id, &Broken::Behind);
                }
            }
            Err(broken) => self.drop_console(id, &broken),
        }
    }

    /// Says that the tree ends, waits a moment for that to be read, and removes the directory.
    pub(super) fn finish(&mut self, limit: Duration) {
        self.hub.ending();
        self.deliver();
        let end = Instant::now() + limit;
        while Instant::now() < end && self.consoles.values().any(|console| console.link.backlog() > 0) {
            let behind: Vec<ConsoleId> = self.consoles.iter().filter(|(_, console)| console.link.backlog() > 0).map(|(id, _)| *id).collect();
            {
                let fds: Vec<BorrowedFd<'_>> = behind.iter().filter_map(|id| self.consoles.get(id)).map(|console| console.link.as_fd()).collect();
                let mut fds: Vec<_> = fds.iter().map(|fd| rustix::event::PollFd::new(fd, rustix::event::PollFlags::OUT)).collect();
                let left = end.saturating_duration_since(Instant::now());
                let _ = rustix::event::poll(&mut fds, Some(&super::timespec(left)));
            }
            behind.into_iter().for_each(|id| self.flush_console(id));
        }
        self.remove_directory();
    }

    /// Removes the tree's directory, with all sockets of the tree in it.
    pub(super) fn remove_directory(&self) {
        if let Err(error) = std::fs::remove_dir_all(&self.dir)
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!(target: "coulter::runtime", "the tree's directory {} is left behind: {error}", self.dir.display());
        }
    }
}
