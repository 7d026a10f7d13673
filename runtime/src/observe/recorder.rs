//! The flight recorder: the last events of this process, in 64 KiB that never grow.
//!
//! Recording claims a slot by one atomic add and writes four words: no lock, no allocation, safe
//! on any thread. Old events are overwritten; a slot being overwritten while somebody reads it is
//! left out. History only: losing all of it would make no table wrong.
use std::sync::atomic::{AtomicU64, Ordering};

use coulter_proto::observe::UnixMicros;

/// Words of one event: sequence, time with kind, and two of its own.
const WORDS: usize = 4;
/// Events kept: 64 KiB of them.
const EVENTS: usize = 64 * 1024 / (WORDS * 8);

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Kind {
    /// A dialog was opened: its number, the low half of the peer's uuid.
    DialogOpened = 1,
    /// A dialog ended: its number, 0 for a value and 1 for a failure.
    DialogEnded = 2,
    /// A channel came up: its number, the low half of the peer's uuid.
    ChannelUp = 3,
    /// A channel went down: the same.
    ChannelDown = 4,
    /// A child was spawned: its pid, the low half of its uuid.
    ChildSpawned = 5,
    /// A child died: its pid, the low half of its uuid.
    ChildDied = 6,
    /// A cancel was asked for: the dialog or 0, the low half of the canceller's uuid.
    Cancel = 7,
    /// A log record: the number of its level.
    Log = 8,
    /// A thread halted in the debugger: its stop.
    Stop = 9,
    /// It went on.
    StopOver = 10,
}

impl Kind {
    const ALL: [Self; 10] = [
        Self::DialogOpened,
        Self::DialogEnded,
        Self::ChannelUp,
        Self::ChannelDown,
        Self::ChildSpawned,
        Self::ChildDied,
        Self::Cancel,
        Self::Log,
        Self::Stop,
        Self::StopOver,
    ];
}

/// One recorded event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Event {
    /// When.
    pub(crate) time: UnixMicros,
    /// What.
    pub(crate) kind: Kind,
    /// The first word of [`Kind`]'s description.
    pub(crate) a: u64,
    /// The second.
    pub(crate) b: u64,
}

struct Ring {
    next: AtomicU64,
    words: [AtomicU64; EVENTS * WORDS],
}

static RING: Ring = Ring::new();

/// The low half of a uuid: enough to find the actor in the tables.
pub(crate) fn low(uuid: coulter_proto::id::Uuid) -> u64 {
    uuid.as_u64_pair().1
}

/// Records an event.
pub(crate) fn record(kind: Kind, a: u64, b: u64) {
    RING.record(super::probe::unix_micros(), kind, a, b);
}

/// The events kept, oldest first.
pub(crate) fn recent() -> Vec<Event> {
    RING.recent()
}

impl Ring {
    const fn new() -> Self {
        Self { next: AtomicU64::new(0), words: [const { AtomicU64::new(0) }; EVENTS * WORDS] }
    }

    fn slot(&self, n: u64) -> &[AtomicU64] {
        let at = usize::try_from(n % EVENTS as u64).unwrap_or(0) * WORDS;
        &self.words[at..at + WORDS]
    }

    fn record(&self, time: UnixMicros, kind: Kind, a: u64, b: u64) {
        let n = self.next.fetch_add(1, Ordering::Relaxed);
        let slot = self.slot(n);
        // 0 says "being written"; readers compare the sequence before and after.
        slot[0].store(0, Ordering::Relaxed);
        std::sync::atomic::fence(Ordering::Release);
        slot[1].store(time << 8 | kind as u64, Ordering::Relaxed);
        slot[2].store(a, Ordering::Relaxed);
        slot[3].store(b, Ordering::Relaxed);
        slot[0].store(n + 1, Ordering::Release);
    }

    fn recent(&self) -> Vec<Event> {
        let end = self.next.load(Ordering::Acquire);
        let begin = end.saturating_sub(EVENTS as u64);
        (begin..end).filter_map(|n| self.read(n)).collect()
    }

    fn read(&self, n: u64) -> Option<Event> {
        let slot = self.slot(n);
        if slot[0].load(Ordering::Acquire) != n + 1 {
            return None;
        }
        let (head, a, b) = (slot[1].load(Ordering::Relaxed), slot[2].load(Ordering::Relaxed), slot[3].load(Ordering::Relaxed));
        std::sync::atomic::fence(Ordering::Acquire);
        if slot[0].load(Ordering::Relaxed) != n + 1 {
            return None;
        }
        let kind = Kind::ALL.into_iter().find(|kind| *kind as u64 == head & 0xff)?;
        Some(Event { time: head >> 8, kind, a, b })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_events_are_overwritten_and_the_rest_come_in_order() {
        let ring = Box::new(Ring::new());
        let total = EVENTS as u64 + 100;
        for n in 0..total {
            ring.record(1_700_000_000_000_000 + n, Kind::Log, n, 0);
        }
        let events = ring.recent();
        assert_eq!(events.len(), EVENTS);
        assert_eq!(events[0].a, 100);
        assert!(events.windows(2).all(|pair| pair[0].a + 1 == pair[1].a && pair[0].time < pair[1].time));
    }

    #[test]
    fn writers_on_many_threads_never_give_a_torn_event() {
        let ring = Box::new(Ring::new());
        std::thread::scope(|scope| {
            for thread in 1..=4u64 {
                let ring = &ring;
                scope.spawn(move || (0..20_000).for_each(|n| ring.record(thread, Kind::Cancel, thread, n)));
            }
            for _ in 0..50 {
                assert!(ring.recent().iter().all(|event| event.time == event.a && event.kind == Kind::Cancel));
            }
        });
    }
}
