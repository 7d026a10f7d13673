//! The consoles: what each wants, and the lines that pass between them and the engines.
use std::collections::{BTreeMap, BTreeSet};

use coulter_proto::bus::Down;
use coulter_proto::hub::{FromHub, HUB_VERSION, ToHub};
use coulter_proto::id::{StopId, Uuid};
use coulter_proto::level::Level;
use coulter_proto::observe::LogRow;
use coulter_proto::seat::{AttendantId, Input, Place};
use coulter_proto::time::Now;

use super::snapshot::Pages;
use super::{ConsoleId, Hub, Out};

/// One console.
#[derive(Default)]
pub(super) struct Console {
    pub(super) attends: bool,
    /// It attends from the root's own terminal.
    pub(super) own: bool,
    pub(super) tables: bool,
    pub(super) logs: Option<Level>,
    /// A snapshot was given at some time.
    pub(super) has_snapshot: bool,
    /// The snapshot being given now.
    pub(super) pages: Option<Pages>,
    /// Actors the snapshot did not wait for; their pages follow.
    pub(super) late: BTreeSet<Uuid>,
}

/// Lines on their way: consoles number theirs as they like, the engine gets numbers of ours.
#[derive(Default)]
pub(super) struct Routes {
    next: u64,
    open: BTreeMap<u64, (StopId, ConsoleId, u64)>,
}

/// The most lines whose answer is still waited for.
const MAX_ROUTES: usize = 1024;

impl Routes {
    fn open(&mut self, stop: StopId, console: ConsoleId, line: u64) -> u64 {
        self.next += 1;
        self.open.insert(self.next, (stop, console, line));
        if self.open.len() > MAX_ROUTES {
            self.open.pop_first();
        }
        self.next
    }

    /// Who asked, and under which number. Answers for another stop than asked are nobody's.
    pub(super) fn take(&mut self, stop: StopId, line: u64) -> Option<(ConsoleId, u64)> {
        let (asked, console, theirs) = *self.open.get(&line)?;
        (asked == stop).then(|| {
            self.open.remove(&line);
            (console, theirs)
        })
    }

    fn forget(&mut self, console: ConsoleId) {
        self.open.retain(|_, (_, asked, _)| *asked != console);
    }
}

impl Hub {
    /// A console's first word. `own`: it is a thread of the root's own process.
    pub(in crate::observe) fn console_joined(&mut self, now: Now, id: ConsoleId, own: bool, version: u32, attends: bool) {
        if version > HUB_VERSION || version + 1 < HUB_VERSION {
            let why = format!(
                "this tree speaks version {HUB_VERSION} of the console's protocol, the console speaks {version}; install the `coulter` command of the tree's version"
            );
            self.out.push(Out::Console(id, FromHub::Refused { why }));
            self.out.push(Out::Drop(id));
            return;
        }
        self.consoles.insert(id, Console { attends, own: attends && own, ..Console::default() });
        self.out.push(Out::Console(id, FromHub::Welcome { version: HUB_VERSION, tree: self.tree.clone() }));
        if attends {
            self.out.push(Out::Console(id, FromHub::Stops(self.stop_rows())));
            let place = if own { Place::OwnTerminal } else { Place::Console };
            self.seat_on(now, Input::Attend { who: AttendantId(id.0), place });
        }
    }

    pub(in crate::observe) fn console_lost(&mut self, now: Now, id: ConsoleId) {
        if let Some(console) = self.consoles.remove(&id) {
            self.routes.forget(id);
            if console.attends {
                self.seat_on(now, Input::Leave { who: AttendantId(id.0) });
            }
            self.tell_watch();
        }
    }

    /// A console says something.
    pub(in crate::observe) fn on_console(&mut self, now: Now, id: ConsoleId, message: ToHub) {
        if !self.consoles.contains_key(&id) {
            return;
        }
        match message {
            // Only the first word on a connection, which is read elsewhere.
            ToHub::Hello { .. } => {}
            ToHub::Snapshot => self.begin_snapshot(now, id),
            ToHub::Follow { tables, logs } => self.follow(now, id, tables, logs),
            ToHub::Line { stop, line, text } => {
                if let Some((actor, line)) = self.route(id, stop, line) {
                    self.down(actor, Down::Line { stop, line, text });
                }
            }
            ToHub::Complete { stop, line, text, cursor } => {
                if let Some((actor, line)) = self.route(id, stop, line) {
                    self.down(actor, Down::Complete { stop, line, text, cursor });
                }
            }
            ToHub::Seat { stop } => {
                if self.known_stop(id, stop) {
                    let who = self.consoles.get(&id).filter(|console| console.attends).map(|_| AttendantId(id.0));
                    self.seat_on(now, Input::Seat { stop, who });
                }
            }
            ToHub::Skip { stop } => {
                if self.known_stop(id, stop) {
                    self.seat_on(now, Input::Skip { stop });
                }
            }
            ToHub::Continue { stop } => {
                if self.known_stop(id, stop)
                    && let Some(actor) = self.stops.get(&stop).map(|facts| facts.actor.uuid)
                {
                    self.down(actor, Down::EndStop { stop, quit: false });
                }
            }
            ToHub::Cancel { actor, context } => {
                if self.members.contains_key(&actor) {
                    self.down(actor, Down::Cancel { context });
                } else {
                    self.refuse(id, format!("no actor {actor} is running in this tree; see `coulter tree`"));
                }
            }
        }
    }

    fn follow(&mut self, now: Now, id: ConsoleId, tables: bool, logs: Option<Level>) {
        let Some(console) = self.consoles.get_mut(&id) else { return };
        let begins = tables && !console.tables;
        (console.tables, console.logs) = (tables, logs);
        let stale = begins && console.has_snapshot;
        self.tell_watch();
        if begins {
            self.out.push(Out::Console(id, FromHub::Stops(self.stop_rows())));
        }
        // What it got before it followed has no changes to go with it.
        if stale {
            self.begin_snapshot(now, id);
        }
    }

    /// Tells the actors what all consoles together want, when that changed.
    fn tell_watch(&mut self) {
        let tables = self.consoles.values().any(|console| console.tables);
        let logs = self.consoles.values().filter_map(|console| console.logs).min();
        if self.watched != (tables, logs) {
            self.watched = (tables, logs);
            self.everybody(&Down::Watch { tables, logs });
        }
    }

    fn refuse(&mut self, id: ConsoleId, why: String) {
        self.out.push(Out::Console(id, FromHub::Refused { why }));
    }

    fn known_stop(&mut self, id: ConsoleId, stop: StopId) -> bool {
        let known = self.stops.contains_key(&stop);
        if !known {
            self.refuse(id, format!("there is no stop {} (any more); see `stops`", stop.0));
        }
        known
    }

    /// Whose engine a line goes to, and under which number, if the console attends to that stop.
    fn route(&mut self, id: ConsoleId, stop: StopId, line: u64) -> Option<(Uuid, u64)> {
        if !self.known_stop(id, stop) {
            return None;
        }
        match self.seat.lease() {
            Some(lease) if lease.stop.id == stop && lease.who.0 == id.0 => {
                let actor = lease.stop.actor;
                Some((actor, self.routes.open(stop, id, line)))
            }
            _ => {
                self.refuse(id, format!("stop {} is not seated here; take the seat with `seat {}` first", stop.0, stop.0));
                None
            }
        }
    }

    /// Records for whoever wants them that loud.
    pub(super) fn logs(&mut self, rows: &[LogRow]) {
        for (id, console) in &self.consoles {
            let Some(quietest) = console.logs else { continue };
            let rows: Vec<LogRow> = rows.iter().filter(|row| row.level >= quietest).cloned().collect();
            if !rows.is_empty() {
                self.out.push(Out::Console(*id, FromHub::Logs { rows, dropped: 0 }));
            }
        }
    }
}
