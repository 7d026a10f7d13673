//! What this actor tells of itself: all rows when asked, changes while followed, records while wanted.
//!
//! Nothing here wakes by itself: a change of the tables wakes the thread once until it has been
//! told, at most ten times a second; only CPU time and memory are looked at by the clock, once a
//! second, while somebody follows.
use std::time::{Duration, Instant};

use coulter_proto::bus::Up;
use coulter_proto::id::Uuid;
use coulter_proto::level::Level;
use coulter_proto::observe::{Delta, Tables};

use super::command::Shared;
use crate::observe::diff::changes;
use crate::observe::probe::Probe;

/// At most this often are changes told.
const PACE: Duration = Duration::from_millis(100);
/// So long are records gathered.
const GATHER: Duration = Duration::from_millis(50);
/// So often are CPU time and memory looked at.
const USAGE: Duration = Duration::from_secs(1);
/// The most changes in one delta and records in one message.
const BATCH: usize = 500;
/// With more unsent than this, changes wait (they coalesce) and records are dropped.
const CONGESTED: usize = 1 << 20;

/// The feed of one actor.
pub(super) struct Feed {
    me: Uuid,
    probe: &'static Probe,
    followed: bool,
    logs: Option<Level>,
    /// What whoever follows knows.
    base: Option<Tables>,
    seq: u64,
    told: Option<Instant>,
    used: Option<Instant>,
    logs_due: Option<Instant>,
}

impl Feed {
    pub(super) fn new(me: Uuid, probe: &'static Probe) -> Self {
        Self { me, probe, followed: false, logs: None, base: None, seq: 0, told: None, used: None, logs_due: None }
    }

    /// What consoles want from now on.
    pub(super) fn watch(&mut self, tables: bool, logs: Option<Level>) {
        if tables != self.followed {
            self.followed = tables;
            self.base = None;
            self.probe.set_followed(tables);
        }
        if logs != self.logs {
            self.logs = logs;
            self.probe.set_logs(logs);
            // Call sites remember whether anybody wants them.
            tracing::callsite::rebuild_interest_cache();
        }
    }

    /// Whether lines that children print are wanted as records.
    pub(super) fn wants(&self, level: Level) -> bool {
        self.logs.is_some_and(|quietest| level >= quietest)
    }

    /// The answer to a request for all rows. What whoever follows still has to learn goes before it.
    pub(super) fn tables(&mut self, now: Instant, up: &mut dyn FnMut(Up)) {
        self.look_at_usage(now);
        if self.base.is_some() {
            self.tell(now, up);
        }
        let tables = match &self.base {
            Some(base) => base.clone(),
            None => self.probe.tables(),
        };
        if self.followed && self.base.is_none() {
            self.probe.take_dirty();
            self.base = Some(tables.clone());
            self.told = Some(now);
        }
        up(Up::Tables { seq: self.seq, tables });
    }

    fn look_at_usage(&mut self, now: Instant) {
        self.used = Some(now);
        if let Ok((cpu, memory)) = crate::sys::process::usage() {
            self.probe.set_usage(cpu, memory);
        }
    }

    fn tell(&mut self, now: Instant, up: &mut dyn FnMut(Up)) {
        self.told = Some(now);
        // Taken before the tables are read: a change in between is told twice rather than never.
        self.probe.take_dirty();
        let tables = self.probe.tables();
        let Some(base) = self.base.replace(tables) else { return };
        let Some(base_now) = &self.base else { return };
        let mut changes = changes(&base, base_now).into_iter().peekable();
        while changes.peek().is_some() {
            self.seq += 1;
            up(Up::Delta(Delta { actor: self.me, seq: self.seq, changes: changes.by_ref().take(BATCH).collect() }));
        }
    }

    /// When [`Feed::on_time`] has something to do.
    pub(super) fn deadline(&self, now: Instant) -> Option<Instant> {
        let rows = (self.followed && self.base.is_some()).then(|| {
            let usage = self.used.map_or(now, |at| at + USAGE);
            let dirty = self.probe.is_dirty().then(|| self.told.map_or(now, |at| at + PACE));
            dirty.map_or(usage, |dirty| dirty.min(usage))
        });
        rows.into_iter().chain(self.logs_due).min()
    }

    /// Tells what is due.
    pub(super) fn on_time(&mut self, now: Instant, shared: &Shared, backlog: usize, up: &mut dyn FnMut(Up)) {
        if self.followed && self.base.is_some() {
            let usage = self.used.is_none_or(|at| at + USAGE <= now);
            if usage {
                self.look_at_usage(now);
            }
            let due = self.told.is_none_or(|at| at + PACE <= now);
            if due && (usage || self.probe.is_dirty()) {
                if backlog > CONGESTED {
                    self.told = Some(now);
                } else {
                    self.tell(now, up);
                }
            }
        }
        self.logs(now, shared, backlog, up);
    }

    fn logs(&mut self, now: Instant, shared: &Shared, backlog: usize, up: &mut dyn FnMut(Up)) {
        if self.logs_due.is_none() && shared.has_logs() {
            self.logs_due = Some(now + GATHER);
        }
        if self.logs_due.is_some_and(|due| due <= now) {
            self.flush_logs(shared, backlog, up);
        }
    }

    /// Sends the records that wait.
    pub(super) fn flush_logs(&mut self, shared: &Shared, backlog: usize, up: &mut dyn FnMut(Up)) {
        self.logs_due = None;
        let logs = shared.take_logs();
        let Some(quietest) = self.logs else { return };
        self.probe.count_dropped(logs.dropped);
        if backlog > CONGESTED {
            self.probe.count_dropped(logs.rows.len() as u64);
            return;
        }
        let mut rows = logs.rows.into_iter().filter(|row| row.level >= quietest).peekable();
        while rows.peek().is_some() {
            up(Up::Logs(rows.by_ref().take(BATCH).collect()));
        }
    }
}
