//! A hub of our own: a socket in a directory of its own, a small tree behind it, and a record of
//! everything a console asked for.
use std::collections::HashMap;
use std::io::{Read, Write};
use std::os::unix::fs::DirBuilderExt as _;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use coulter_proto::codec;
use coulter_proto::exit::ExitStatus;
use coulter_proto::hub::{FromHub, HUB_SOCKET, HUB_VERSION, TREE_FILE, ToHub, TreeInfo};
use coulter_proto::id::{Aid, ContextKey, StopId, TaskId, Uuid};
use coulter_proto::level::Level;
use coulter_proto::observe::*;
use coulter_proto::repl::{Completion, Line, Next, Reply, Role, Span};

/// When everything here happened.
pub const NOON: u64 = 1_700_000_000_000_000;

pub fn uuid(n: u128) -> Uuid {
    Uuid::from_u128((n << 96) | 0x0123_4567_89ab_cdef)
}

pub fn aid(n: u128) -> Aid {
    let name = match n {
        1 => "root",
        2 => "supervisor",
        3 => "worker_1",
        4 => "worker_2",
        5 => "slow_consumer",
        _ => "other",
    };
    Aid { name: name.into(), uuid: uuid(n), pid: 4000 + n as u32 }
}

pub fn actor(n: u128, parent: Option<u128>) -> ActorRow {
    ActorRow {
        aid: aid(n),
        parent: parent.map(aid),
        state: ActorState::Running,
        started: NOON + n as u64 * 1_000_000,
        exposed: vec!["demo::workers".into(), "demo::supervise".into()],
        vars: vec![("transport".into(), "uds".into()), ("debug".into(), "true".into())],
        addresses: vec![format!("uds:/run/coulter/{n}.sock")],
        debug: true,
        messages: 100 * n as u64,
        bytes: 4096 * n as u64,
        cpu: 250_000,
        memory: 12 << 20,
        turns: 99,
        busy_for: 0,
        dropped: 0,
    }
}

pub fn context(n: u64, side: Side, opener: u128, here: u128, there: u128, phase: Phase) -> ContextRow {
    ContextRow {
        key: ContextKey { opener: uuid(opener), n },
        side,
        kind: if n.is_multiple_of(2) { DialogKind::Call } else { DialogKind::Context },
        here: aid(here),
        there: aid(there),
        endpoint: format!("demo::workers::stream_{n}"),
        arguments: "symbol: \"BTC\"".into(),
        phase,
        opened: NOON + n * 1_000_000,
        sent: 40 + n,
        received: 20 + n,
        sent_bytes: 4000,
        received_bytes: 2000,
        unread: 3,
        credit: 61,
        window: 64,
        waiting: if side == Side::Caller { "the next item".into() } else { String::new() },
    }
}

pub fn channel(id: u64, here: u128, there: u128) -> ChannelRow {
    ChannelRow {
        id,
        here: aid(here),
        there: aid(there),
        transport: "uds".into(),
        laddr: String::new(),
        raddr: "/run/coulter/x.sock".into(),
        opened: NOON,
        sent: 10,
        received: 11,
        sent_bytes: 1000,
        received_bytes: 1100,
        unsent: 0,
        dialogs: 1,
    }
}

pub fn stop(id: u64, who: u128, reason: StopReason, status: StopStatus) -> StopRow {
    StopRow {
        id: StopId(id),
        actor: aid(who),
        task: "demo::workers::stream_1".into(),
        context: Some(ContextKey { opener: uuid(2), n: 1 }),
        reason,
        place: "src/demo/workers.rs:42".into(),
        function: "demo::workers::stream".into(),
        since: NOON + 20_000_000,
        status,
    }
}

pub fn log(n: u64, who: u128, level: Level, message: &str) -> LogRow {
    LogRow {
        time: NOON + n * 1_000,
        actor: aid(who),
        level,
        target: "demo::workers".into(),
        task: "stream_1".into(),
        context: Some(ContextKey { opener: uuid(2), n: 1 }),
        place: "src/demo/workers.rs:7".into(),
        message: message.into(),
    }
}

pub fn ended(n: u128, status: ExitStatus) -> FromHub {
    FromHub::Actor(ActorRow { state: ActorState::Ended { status, asked: false }, ..actor(n, parent_of(n)) })
}

/// The tree's shape.
pub fn parent_of(n: u128) -> Option<u128> {
    match n {
        1 => None,
        2 | 5 => Some(1),
        _ => Some(2),
    }
}

/// A root, a supervisor, two workers and a slow consumer, with contexts between them.
pub fn snapshot() -> Vec<FromHub> {
    let parents = [(1, None), (2, Some(1)), (3, Some(2)), (4, Some(2)), (5, Some(1))];
    parents
        .into_iter()
        .map(|(n, parent)| {
            let contexts = match n {
                2 => vec![
                    context(1, Side::Caller, 2, 2, 3, Phase::Streaming),
                    context(3, Side::Caller, 2, 2, 4, Phase::Streaming),
                    context(4, Side::Caller, 2, 2, 4, Phase::Failed("Boom: no such symbol".into())),
                ],
                3 => vec![context(1, Side::Callee, 2, 3, 2, Phase::Streaming)],
                4 => vec![context(3, Side::Callee, 2, 4, 2, Phase::Cancelling(Some(aid(2))))],
                _ => vec![],
            };
            let channels = parent.map(|parent| channel(1, n, parent)).into_iter().collect();
            let task = TaskRow { id: TaskId(1), parent: None, name: "main".into(), place: "src/main.rs:1".into(), polls: 12, since: NOON, running: false };
            let tables = Tables { actors: vec![actor(n, parent)], contexts, channels, tasks: vec![task] };
            FromHub::Snapshot { actor: uuid(n), seq: 0, tables, last: n == 5 }
        })
        .collect()
}

/// A line that is a value, with a role.
pub fn value(text: &str) -> Line {
    Line(vec![Span::new(Role::Value, text)])
}

#[derive(Default)]
struct Shared {
    heard: Mutex<Vec<ToHub>>,
    news: Condvar,
    consoles: Mutex<Vec<UnixStream>>,
    stops: Mutex<Vec<StopRow>>,
    logs: Mutex<Vec<LogRow>>,
    /// The number of the last change of each actor. Held while anything is said to anybody, so
    /// that pages and changes come in order.
    seqs: Mutex<HashMap<Uuid, u64>>,
}

/// The hub. It goes away (socket, directory, connections) when dropped.
pub struct FakeHub {
    shared: Arc<Shared>,
    pub dir: PathBuf,
    pub info: TreeInfo,
}

impl FakeHub {
    /// A tree in `runtime_dir` whose root is this process.
    pub fn start(runtime_dir: &Path, version: u32) -> Self {
        let mut root = aid(1);
        root.pid = std::process::id();
        let info = TreeInfo { version, root, program: "/bin/demo".into(), args: vec!["--fast".into()], started: NOON };
        let dir = runtime_dir.join(format!("root-{}-{}", info.root.pid, runtime_dir.read_dir().map_or(0, Iterator::count)));
        std::fs::create_dir_all(&dir).unwrap();
        let listener = UnixListener::bind(dir.join(HUB_SOCKET)).unwrap();
        std::fs::write(dir.join(TREE_FILE), serde_json::to_vec(&info).unwrap()).unwrap();
        let shared = Arc::new(Shared::default());
        let (all, tree) = (shared.clone(), info.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (Ok(stream), all, tree) = (stream, all.clone(), tree.clone()) else {
                    return;
                };
                std::thread::spawn(move || serve(&all, &tree, stream));
            }
        });
        Self { shared, dir, info }
    }

    /// Says something to every console.
    pub fn say(&self, message: &FromHub) {
        if let FromHub::Stops(stops) = message {
            self.shared.stops.lock().unwrap().clone_from(stops);
        }
        let mut consoles = self.shared.consoles.lock().unwrap();
        consoles.retain_mut(|console| write(console, message));
    }

    /// Tells every console of changes.
    pub fn change(&self, actor: Uuid, changes: Vec<Change>) {
        let mut seqs = self.shared.seqs.lock().unwrap();
        let seq = seqs.entry(actor).or_default();
        *seq += 1;
        self.say(&FromHub::Delta(Delta { actor, seq: *seq, changes }));
    }

    /// What logs a console that follows is given.
    pub fn set_logs(&self, rows: Vec<LogRow>) {
        *self.shared.logs.lock().unwrap() = rows;
    }

    pub fn set_stops(&self, rows: Vec<StopRow>) {
        *self.shared.stops.lock().unwrap() = rows;
    }

    /// Waits until a console asked for something that fits.
    pub fn wait_for(&self, what: &str, mut fits: impl FnMut(&ToHub) -> bool) -> ToHub {
        let end = Instant::now() + Duration::from_secs(10);
        let mut heard = self.shared.heard.lock().unwrap();
        loop {
            if let Some(message) = heard.iter().find(|message| fits(message)) {
                return message.clone();
            }
            let left = end.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "no console asked for {what}; heard {heard:?}");
            heard = self.shared.news.wait_timeout(heard, left).unwrap().0;
        }
    }

    /// Closes every connection, as the death of the root does.
    pub fn hang_up(&self) {
        for console in self.shared.consoles.lock().unwrap().drain(..) {
            drop(console.shutdown(std::net::Shutdown::Both));
        }
    }
}

impl Drop for FakeHub {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.dir));
        self.hang_up();
    }
}

fn write(stream: &mut UnixStream, message: &FromHub) -> bool {
    let mut bytes = Vec::new();
    codec::encode(message, &mut bytes).unwrap();
    stream.write_all(&bytes).is_ok()
}

fn serve(all: &Shared, tree: &TreeInfo, mut stream: UnixStream) {
    let mut buffer = Vec::new();
    let mut chunk = [0; 4096];
    loop {
        while let Some(message) = codec::decode::<ToHub>(&mut buffer).unwrap() {
            answer(all, tree, &mut stream, &message);
            all.heard.lock().unwrap().push(message);
            all.news.notify_all();
        }
        match stream.read(&mut chunk) {
            Ok(0) | Err(_) => return,
            Ok(n) => buffer.extend_from_slice(&chunk[..n]),
        }
    }
}

fn answer(all: &Shared, tree: &TreeInfo, stream: &mut UnixStream, message: &ToHub) {
    let mut say = |message: FromHub| write(stream, &message);
    match message {
        ToHub::Hello { .. } => {
            say(FromHub::Welcome { version: tree.version, tree: tree.clone() });
            all.consoles.lock().unwrap().push(stream.try_clone().unwrap());
        }
        ToHub::Snapshot => {
            let seqs = all.seqs.lock().unwrap();
            for mut page in snapshot() {
                if let FromHub::Snapshot { actor, seq, .. } = &mut page {
                    *seq = seqs.get(actor).copied().unwrap_or(0);
                }
                if let FromHub::Snapshot { tables, .. } = &mut page
                    && tables.actors[0].aid == tree.root
                {
                    tables.actors[0].aid.pid = tree.root.pid;
                }
                say(page);
            }
            say(FromHub::Stops(all.stops.lock().unwrap().clone()));
        }
        ToHub::Follow { logs: Some(level), .. } => {
            let rows = all.logs.lock().unwrap().iter().filter(|row| row.level >= *level).cloned().collect();
            say(FromHub::Logs { rows, dropped: 0 });
        }
        ToHub::Seat { stop } => {
            let mut banner = Line::plain("stopped here: ");
            banner.0.push(Span::new(Role::Name, "stream"));
            say(FromHub::Seated { stop: *stop, banner: vec![banner] });
        }
        ToHub::Line { stop, line, text } => {
            let next = match text.as_str() {
                "c" => Next::Continue,
                "q" => Next::Quit,
                _ => Next::Prompt,
            };
            let lines = if next == Next::Prompt { vec![value(&format!("= {text}"))] } else { vec![] };
            say(FromHub::Reply { stop: *stop, line: *line, reply: Reply { lines, value: None, next } });
            if next != Next::Prompt {
                let mut stops = all.stops.lock().unwrap();
                stops.retain(|row| row.id != *stop);
                say(FromHub::Stops(stops.clone()));
            }
        }
        ToHub::Complete { stop, line, .. } => {
            let completion = Completion { start: 0, candidates: vec!["locals".into(), "list".into()] };
            say(FromHub::Completed { stop: *stop, line: *line, completion });
        }
        ToHub::Cancel { actor: id, context: None } if *id == uuid(3) => {
            say(FromHub::Refused { why: "worker_1 is being debugged; let it go on first".into() });
        }
        ToHub::Cancel { actor: id, context: None } => {
            let n = (1..9).find(|n| uuid(*n) == *id).unwrap();
            say(FromHub::Actor(ActorRow { state: ActorState::Cancelling, ..actor(n, parent_of(n)) }));
        }
        ToHub::Cancel { context: Some(key), .. } => {
            let row = context(key.n, Side::Caller, 2, 2, 3, Phase::Cancelling(None));
            say(FromHub::Delta(Delta { actor: uuid(2), seq: 1, changes: vec![Change::Context(row)] }));
        }
        ToHub::Continue { stop } | ToHub::Skip { stop } => {
            let mut stops = all.stops.lock().unwrap();
            stops.retain(|row| row.id != *stop);
            say(FromHub::Stops(stops.clone()));
        }
        ToHub::Follow { logs: None, .. } => {}
    }
}

/// A runtime directory for one test.
pub struct Place(pub PathBuf);

impl Place {
    pub fn new() -> Self {
        // Short: a socket's path has to fit into 107 bytes.
        let path = std::env::temp_dir().join(format!("cc-{}-{}", std::process::id(), unique()));
        std::fs::DirBuilder::new().mode(0o700).create(&path).unwrap();
        Self(path)
    }
    /// A tree in it.
    pub fn tree(&self) -> FakeHub {
        FakeHub::start(&self.0, HUB_VERSION)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.0));
    }
}

fn unique() -> u64 {
    static NEXT: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(1);
    NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed)
}

/// Not a test of anything: a tree to look at by hand, for as many seconds as
/// `COULTER_FAKE_SECONDS` says. Run it with `--ignored`.
#[test]
#[ignore = "a tree for a person to look at"]
fn a_tree_to_look_at() {
    let seconds: u64 = std::env::var("COULTER_FAKE_SECONDS").map_or(60, |text| text.parse().unwrap());
    let hub = FakeHub::start(&coulter_console::client::runtime_dir(), HUB_VERSION);
    hub.set_logs((0..200).map(|n| log(n, 3, Level::ALL[n as usize % 11], &format!("record \u{1b}[31m{n}\u{1b}[0m"))).collect());
    hub.set_stops(vec![stop(1, 3, StopReason::Pause, StopStatus::Seated), stop(2, 4, StopReason::Panic("index out of range".into()), StopStatus::Queued(1))]);
    for turn in 0..seconds * 5 {
        std::thread::sleep(Duration::from_millis(200));
        let mut row = actor(4, Some(2));
        row.messages += turn * 37 + turn * turn % 90;
        hub.change(uuid(4), vec![Change::Actor(row)]);
        if turn == 50 {
            hub.say(&ended(5, ExitStatus::Signal(9)));
        }
    }
}
