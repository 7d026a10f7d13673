//! The rows' owners: counters are atomics, the rest sits behind one short mutex per row.
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex};

use coulter_proto::observe::{ChannelRow, ContextRow, Phase, TaskRow};

use crate::observe::recorder::{self, Kind};

use super::{ENDED_CONTEXTS, MAX_ERROR, Probe, lock, truncate};

pub(super) struct ContextCell {
    row: Mutex<ContextRow>,
    sent: AtomicU64,
    received: AtomicU64,
    sent_bytes: AtomicU64,
    received_bytes: AtomicU64,
    unread: AtomicU32,
    credit: AtomicU32,
    waiting: Mutex<&'static str>,
}

impl ContextCell {
    pub(super) fn new(row: ContextRow) -> Self {
        Self {
            sent: AtomicU64::new(row.sent),
            received: AtomicU64::new(row.received),
            sent_bytes: AtomicU64::new(row.sent_bytes),
            received_bytes: AtomicU64::new(row.received_bytes),
            unread: AtomicU32::new(row.unread),
            credit: AtomicU32::new(row.credit),
            waiting: Mutex::new(""),
            row: Mutex::new(row),
        }
    }
    pub(super) fn row(&self) -> ContextRow {
        let mut row = lock(&self.row).clone();
        row.sent = self.sent.load(Relaxed);
        row.received = self.received.load(Relaxed);
        row.sent_bytes = self.sent_bytes.load(Relaxed);
        row.received_bytes = self.received_bytes.load(Relaxed);
        row.unread = self.unread.load(Relaxed);
        row.credit = self.credit.load(Relaxed);
        let waiting = *lock(&self.waiting);
        if !waiting.is_empty() {
            waiting.clone_into(&mut row.waiting);
        }
        row
    }
}

/// One side of a context or call, while it lasts; its row stays a while after the drop.
pub(crate) struct ContextEntry {
    pub(super) probe: &'static Probe,
    pub(super) n: u64,
    pub(super) cell: Arc<ContextCell>,
}

impl ContextEntry {
    /// It stands somewhere else now.
    pub(crate) fn phase(&self, mut phase: Phase) {
        if let Phase::Failed(text) = &mut phase {
            truncate(text, MAX_ERROR);
        }
        lock(&self.cell.row).phase = phase;
        self.probe.touch();
    }
    /// An item left.
    pub(crate) fn sent(&self, bytes: usize) {
        self.cell.sent.fetch_add(1, Relaxed);
        self.cell.sent_bytes.fetch_add(bytes as u64, Relaxed);
        self.probe.touch();
    }
    /// An item came.
    pub(crate) fn received(&self, bytes: usize) {
        self.cell.received.fetch_add(1, Relaxed);
        self.cell.received_bytes.fetch_add(bytes as u64, Relaxed);
        self.probe.touch();
    }
    /// How many received items nobody has taken.
    pub(crate) fn unread(&self, n: u32) {
        self.cell.unread.store(n, Relaxed);
        self.probe.touch();
    }
    /// How many items may still be sent.
    pub(crate) fn credit(&self, n: u32) {
        self.cell.credit.store(n, Relaxed);
        self.probe.touch();
    }
    /// What this side waits for, in words; empty when for nothing.
    pub(crate) fn waiting(&self, what: &'static str) {
        *lock(&self.cell.waiting) = what;
        self.probe.touch();
    }
}

impl Drop for ContextEntry {
    fn drop(&mut self) {
        let mut row = self.cell.row();
        row.waiting.clear();
        let failed = matches!(row.phase, Phase::Failed(_) | Phase::Cancelled(_));
        recorder::record(Kind::DialogEnded, row.key.n, u64::from(failed));
        {
            let mut table = lock(&self.probe.contexts);
            table.live.remove(&self.n);
            // The runtime's own calls are seen while they last; kept, they would push out the program's.
            if !row.endpoint.starts_with(concat!(env!("CARGO_CRATE_NAME"), "::")) {
                if table.ended.len() >= ENDED_CONTEXTS {
                    table.ended.pop_front();
                }
                table.ended.push_back(row);
            }
        }
        self.probe.touch();
    }
}

pub(super) struct ChannelCell {
    row: ChannelRow,
    sent: AtomicU64,
    received: AtomicU64,
    sent_bytes: AtomicU64,
    received_bytes: AtomicU64,
    unsent: AtomicU64,
    dialogs: AtomicU32,
}

impl ChannelCell {
    pub(super) fn new(row: ChannelRow) -> Self {
        Self {
            sent: AtomicU64::new(row.sent),
            received: AtomicU64::new(row.received),
            sent_bytes: AtomicU64::new(row.sent_bytes),
            received_bytes: AtomicU64::new(row.received_bytes),
            unsent: AtomicU64::new(row.unsent),
            dialogs: AtomicU32::new(row.dialogs),
            row,
        }
    }
    pub(super) fn row(&self) -> ChannelRow {
        ChannelRow {
            sent: self.sent.load(Relaxed),
            received: self.received.load(Relaxed),
            sent_bytes: self.sent_bytes.load(Relaxed),
            received_bytes: self.received_bytes.load(Relaxed),
            unsent: self.unsent.load(Relaxed),
            dialogs: self.dialogs.load(Relaxed),
            ..self.row.clone()
        }
    }
}

/// One end of a channel, while it is up.
pub(crate) struct ChannelEntry {
    pub(super) probe: &'static Probe,
    pub(super) n: u64,
    pub(super) cell: Arc<ChannelCell>,
}

impl ChannelEntry {
    /// A frame left.
    pub(crate) fn sent(&self, bytes: usize) {
        self.cell.sent.fetch_add(1, Relaxed);
        self.cell.sent_bytes.fetch_add(bytes as u64, Relaxed);
        self.probe.touch();
    }
    /// A frame came.
    pub(crate) fn received(&self, bytes: usize) {
        self.cell.received.fetch_add(1, Relaxed);
        self.cell.received_bytes.fetch_add(bytes as u64, Relaxed);
        self.probe.touch();
    }
    /// How many bytes wait to be written.
    pub(crate) fn unsent(&self, bytes: usize) {
        self.cell.unsent.store(bytes as u64, Relaxed);
        self.probe.touch();
    }
    /// How many dialogs are open on it.
    pub(crate) fn dialogs(&self, n: u32) {
        self.cell.dialogs.store(n, Relaxed);
        self.probe.touch();
    }
}

impl Drop for ChannelEntry {
    fn drop(&mut self) {
        let row = self.cell.row();
        recorder::record(Kind::ChannelDown, row.id, recorder::low(row.there.uuid));
        lock(&self.probe.channels).remove(&self.n);
        self.probe.past_messages.fetch_add(row.sent + row.received, Relaxed);
        self.probe.past_bytes.fetch_add(row.sent_bytes + row.received_bytes, Relaxed);
        self.probe.touch();
    }
}

pub(super) struct TaskCell {
    row: TaskRow,
    polls: AtomicU64,
    running: AtomicBool,
}

impl TaskCell {
    pub(super) fn new(row: TaskRow) -> Self {
        Self { polls: AtomicU64::new(row.polls), running: AtomicBool::new(row.running), row }
    }
    pub(super) fn row(&self) -> TaskRow {
        TaskRow { polls: self.polls.load(Relaxed), running: self.running.load(Relaxed), ..self.row.clone() }
    }
}

/// A task of ours, while it lives.
pub(crate) struct TaskEntry {
    pub(super) probe: &'static Probe,
    pub(super) n: u64,
    pub(super) cell: Arc<TaskCell>,
}

impl TaskEntry {
    /// It is being polled.
    pub(crate) fn poll_begins(&self) {
        self.cell.running.store(true, Relaxed);
        self.cell.polls.fetch_add(1, Relaxed);
        self.probe.touch();
    }
    /// The poll returned.
    pub(crate) fn poll_ends(&self) {
        self.cell.running.store(false, Relaxed);
    }
}

impl Drop for TaskEntry {
    fn drop(&mut self) {
        lock(&self.probe.tasks).remove(&self.n);
        self.probe.touch();
    }
}
