//! The probe: one set of live tables and counters, changed on open and close, never per message.
//!
//! Rows are owned by entries; dropping an entry takes its row away. Counters are relaxed atomics.
//! Nothing here blocks for longer than a table is copied, and nothing here does I/O: whoever looks
//! (the watch thread) copies the tables when asked, or when something changed while it follows.
mod entries;

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use coulter_proto::id::{Aid, Uuid};
use coulter_proto::level::Level;
use coulter_proto::observe::{ActorRow, ActorState, ChannelRow, ContextRow, Tables, TaskRow};

use super::recorder::{self, Kind};
use entries::{ChannelCell, ContextCell, TaskCell};
pub(crate) use entries::{ChannelEntry, ContextEntry, TaskEntry};

/// How many ended contexts are still shown, with their final phase.
const ENDED_CONTEXTS: usize = 64;
/// How many dead children are still shown.
const ENDED_CHILDREN: usize = 256;
/// The most rows of one kind in one [`Tables`]: keeps a page far below the largest frame.
const MAX_ROWS: usize = 4096;
/// The longest printed arguments kept.
const MAX_ARGUMENTS: usize = 256;
/// The longest error kept in a row.
const MAX_ERROR: usize = 1024;

/// Where news of the probe goes: the watch thread.
pub(crate) trait Listener: Send + Sync {
    /// A child's row is new or changed.
    fn child(&self, row: ActorRow);
    /// Something changed while followed.
    fn changed(&self);
}

/// The live tables of one actor.
pub(crate) struct Probe {
    actor: Mutex<Option<ActorRow>>,
    children: Mutex<Children>,
    contexts: Mutex<Contexts>,
    channels: Mutex<BTreeMap<u64, Arc<ChannelCell>>>,
    tasks: Mutex<BTreeMap<u64, Arc<TaskCell>>>,
    next: AtomicU64,
    /// Messages and bytes of channels that are gone.
    past_messages: AtomicU64,
    past_bytes: AtomicU64,
    turns: AtomicU64,
    /// Coarse milliseconds at which the work thread woke; its own writes only.
    awake_since: AtomicU64,
    dropped: AtomicU64,
    /// How many threads of this process are halted in the debugger.
    stops: AtomicU32,
    followed: AtomicBool,
    may_stop: AtomicBool,
    dirty: AtomicBool,
    /// The number of the quietest level somebody looks at; `u8::MAX` when nobody does.
    logs: AtomicU8,
    listener: OnceLock<Box<dyn Listener>>,
}

#[derive(Default)]
struct Children {
    rows: BTreeMap<Uuid, ActorRow>,
    ended: VecDeque<Uuid>,
}

#[derive(Default)]
struct Contexts {
    live: BTreeMap<u64, Arc<ContextCell>>,
    ended: VecDeque<ContextRow>,
}

/// The probe of this process; usable before boot.
pub(crate) fn get() -> &'static Probe {
    static PROBE: OnceLock<&'static Probe> = OnceLock::new();
    PROBE.get_or_init(|| Box::leak(Box::new(Probe::new())))
}

/// A table is only ever left whole: each change is one insert or one remove, so a panic elsewhere
/// while it was held says nothing against its content.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn coarse_millis() -> u64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::MonotonicCoarse);
    u64::try_from(now.tv_sec).unwrap_or(0) * 1000 + u64::try_from(now.tv_nsec).unwrap_or(0) / 1_000_000
}

impl Probe {
    pub(crate) fn new() -> Self {
        Self {
            actor: Mutex::default(),
            children: Mutex::default(),
            contexts: Mutex::default(),
            channels: Mutex::default(),
            tasks: Mutex::default(),
            next: AtomicU64::new(1),
            past_messages: AtomicU64::new(0),
            past_bytes: AtomicU64::new(0),
            turns: AtomicU64::new(0),
            awake_since: AtomicU64::new(coarse_millis()),
            dropped: AtomicU64::new(0),
            stops: AtomicU32::new(0),
            followed: AtomicBool::new(false),
            may_stop: AtomicBool::new(false),
            dirty: AtomicBool::new(false),
            logs: AtomicU8::new(u8::MAX),
            listener: OnceLock::new(),
        }
    }

    /// Sets my own row.
    pub(crate) fn set_actor(&self, row: ActorRow) {
        *lock(&self.actor) = Some(row);
        self.touch();
    }

    /// Sets my own state.
    pub(crate) fn set_state(&self, state: ActorState) {
        self.update_actor(|row| row.state = state);
    }

    /// Changes my own row; nothing happens before [`Probe::set_actor`].
    pub(crate) fn update_actor(&self, f: impl FnOnce(&mut ActorRow)) {
        if let Some(row) = lock(&self.actor).as_mut() {
            f(row);
        }
        self.touch();
    }

    /// Who I am, once set.
    pub(crate) fn aid(&self) -> Option<Aid> {
        lock(&self.actor).as_ref().map(|row| row.aid.clone())
    }

    /// A child was spawned, changed or was reaped: kept in my tables and told over the bus.
    pub(crate) fn child(&self, row: ActorRow) {
        {
            let mut children = lock(&self.children);
            let uuid = row.aid.uuid;
            let over = matches!(row.state, ActorState::Ended { .. });
            let before = children.rows.insert(uuid, row.clone());
            if before.is_none() && !over {
                recorder::record(Kind::ChildSpawned, u64::from(row.aid.pid), recorder::low(uuid));
            }
            let was_over = before.is_some_and(|old| matches!(old.state, ActorState::Ended { .. }));
            if over && !was_over {
                recorder::record(Kind::ChildDied, u64::from(row.aid.pid), recorder::low(uuid));
                children.ended.push_back(uuid);
                if children.ended.len() > ENDED_CHILDREN
                    && let Some(oldest) = children.ended.pop_front()
                {
                    children.rows.remove(&oldest);
                }
            }
        }
        if let Some(listener) = self.listener.get() {
            listener.child(row);
        }
        self.touch();
    }

    /// A context or call was opened on this side.
    pub(crate) fn context(&'static self, mut row: ContextRow) -> ContextEntry {
        truncate(&mut row.arguments, MAX_ARGUMENTS);
        recorder::record(Kind::DialogOpened, row.key.n, recorder::low(row.there.uuid));
        let n = self.next.fetch_add(1, Relaxed);
        let cell = Arc::new(ContextCell::new(row));
        lock(&self.contexts).live.insert(n, Arc::clone(&cell));
        self.touch();
        ContextEntry { probe: self, n, cell }
    }

    /// A channel came up.
    pub(crate) fn channel(&'static self, row: ChannelRow) -> ChannelEntry {
        recorder::record(Kind::ChannelUp, row.id, recorder::low(row.there.uuid));
        let n = self.next.fetch_add(1, Relaxed);
        let cell = Arc::new(ChannelCell::new(row));
        lock(&self.channels).insert(n, Arc::clone(&cell));
        self.touch();
        ChannelEntry { probe: self, n, cell }
    }

    /// A task was started.
    pub(crate) fn task(&'static self, row: TaskRow) -> TaskEntry {
        let n = self.next.fetch_add(1, Relaxed);
        let cell = Arc::new(TaskCell::new(row));
        lock(&self.tasks).insert(n, Arc::clone(&cell));
        self.touch();
        TaskEntry { probe: self, n, cell }
    }

    /// The work thread parks or unparks, in turn: it begins running, so the first call is a park.
    pub(crate) fn turn(&self) {
        // One writer, so no read-modify-write is needed.
        let turns = self.turns.load(Relaxed) + 1;
        if turns.is_multiple_of(2) {
            self.awake_since.store(coarse_millis(), Relaxed);
        }
        self.turns.store(turns, Relaxed);
    }

    /// Something had to be dropped on its way to whoever looks.
    pub(crate) fn count_dropped(&self, n: u64) {
        self.dropped.fetch_add(n, Relaxed);
    }

    /// A thread of this process halted in the debugger, or went on.
    pub(crate) fn set_stops(&self, stops: u32) {
        self.stops.store(stops, Relaxed);
        self.touch();
    }

    /// Everything, as of now. CPU time and memory are as last told to [`Probe::set_usage`].
    pub(crate) fn tables(&self) -> Tables {
        let channels: Vec<ChannelRow> = lock(&self.channels).values().take(MAX_ROWS).map(|cell| cell.row()).collect();
        let contexts = {
            let table = lock(&self.contexts);
            let live = table.live.values().rev().take(MAX_ROWS).map(|cell| cell.row());
            table.ended.iter().cloned().chain(live).collect()
        };
        let tasks = lock(&self.tasks).values().rev().take(MAX_ROWS).map(|cell| cell.row()).collect();
        let mut actors: Vec<ActorRow> = lock(&self.actor).clone().map(|row| self.filled(row, &channels)).into_iter().collect();
        actors.extend(lock(&self.children).rows.values().filter(|row| matches!(row.state, ActorState::Ended { .. })).cloned());
        Tables { actors, contexts, channels, tasks }
    }

    fn filled(&self, mut row: ActorRow, channels: &[ChannelRow]) -> ActorRow {
        row.messages = self.past_messages.load(Relaxed) + channels.iter().map(|c| c.sent + c.received).sum::<u64>();
        row.bytes = self.past_bytes.load(Relaxed) + channels.iter().map(|c| c.sent_bytes + c.received_bytes).sum::<u64>();
        row.turns = self.turns.load(Relaxed);
        row.busy_for = if row.turns.is_multiple_of(2) { coarse_millis().saturating_sub(self.awake_since.load(Relaxed)) * 1000 } else { 0 };
        row.dropped = self.dropped.load(Relaxed);
        if self.stops.load(Relaxed) > 0 && matches!(row.state, ActorState::Starting | ActorState::Running) {
            row.state = ActorState::Stopped;
        }
        row
    }

    /// What the kernel says this process uses: CPU time in microseconds, resident bytes.
    pub(crate) fn set_usage(&self, cpu: u64, memory: u64) {
        if let Some(row) = lock(&self.actor).as_mut() {
            row.cpu = cpu;
            row.memory = memory;
        }
    }

    /// Sets who hears of changes; the first one stays.
    pub(crate) fn listen(&self, listener: Box<dyn Listener>) {
        let _ = self.listener.set(listener);
    }

    /// Whether somebody follows the tables; only then do changes wake anybody.
    pub(crate) fn set_followed(&self, followed: bool) {
        self.followed.store(followed, Relaxed);
        self.dirty.store(false, Relaxed);
    }

    /// Whether a thread of this tree may halt in the debugger: then a person may look at any moment.
    pub(crate) fn set_may_stop(&self, may_stop: bool) {
        self.may_stop.store(may_stop, Relaxed);
    }

    /// Whether somebody follows the tables, or will at a stop: what was said before is asked for then.
    pub(crate) fn is_followed(&self) -> bool {
        self.followed.load(Relaxed) || self.may_stop.load(Relaxed)
    }

    /// Whether something changed and has not been told.
    pub(crate) fn is_dirty(&self) -> bool {
        self.dirty.load(Relaxed)
    }

    /// Whether something changed since the last call; the next change wakes the listener again.
    pub(crate) fn take_dirty(&self) -> bool {
        self.dirty.swap(false, Relaxed)
    }

    /// Sets the quietest level somebody looks at.
    pub(crate) fn set_logs(&self, logs: Option<Level>) {
        self.logs.store(logs.map_or(u8::MAX, Level::number), Relaxed);
    }

    /// The quietest level somebody looks at.
    pub(crate) fn logs_wanted(&self) -> Option<Level> {
        let number = self.logs.load(Relaxed);
        Level::ALL.into_iter().find(|level| level.number() == number)
    }

    /// Whether somebody looks at records of this level: one relaxed load.
    pub(crate) fn wants_log(&self, level: Level) -> bool {
        level.number() >= self.logs.load(Relaxed)
    }

    /// Tells the watch thread that rows changed, at most once until it has looked. One relaxed
    /// load while nobody follows.
    fn touch(&self) {
        if self.followed.load(Relaxed)
            && !self.dirty.load(Relaxed)
            && !self.dirty.swap(true, Relaxed)
            && let Some(listener) = self.listener.get()
        {
            listener.changed();
        }
    }
}

/// Microseconds since the Unix epoch.
pub(crate) fn unix_micros() -> coulter_proto::observe::UnixMicros {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |since| u64::try_from(since.as_micros()).unwrap_or(u64::MAX))
}

/// Cuts `text` to at most `max` bytes, at a character, and shows that it was cut.
pub(crate) fn truncate(text: &mut String, max: usize) {
    if text.len() > max {
        let cut = (0..=max).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0);
        text.truncate(cut);
        text.push('…');
    }
}

#[cfg(test)]
mod tests;
