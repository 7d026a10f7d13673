//! Snapshots: the actors are asked a few at a time, as fast as the console takes their answers.
use std::collections::{BTreeSet, VecDeque};

use coulter_proto::bus::Down;
use coulter_proto::hub::FromHub;
use coulter_proto::id::Uuid;
use coulter_proto::observe::Tables;
use coulter_proto::time::Now;

use super::{ConsoleId, Hub, Out, is_ended};

/// How many actors are asked at once.
const AT_ONCE: usize = 32;
/// More than this unsent, and the next ones wait.
pub(in crate::observe) const ENOUGH: usize = 1 << 20;
/// How long the snapshot waits for an actor that does not answer (one that is stopped by a signal,
/// say). Its page follows when it comes.
const TOO_LONG: u64 = 300_000;

/// A snapshot being given.
pub(super) struct Pages {
    left: VecDeque<Uuid>,
    asked: BTreeSet<Uuid>,
    /// When the last page came, or the first was asked for.
    since: Now,
    /// Something was missed meanwhile: once more, from the start.
    again: bool,
}

impl Hub {
    pub(super) fn begin_snapshot(&mut self, now: Now, id: ConsoleId) {
        let me = self.me;
        // The root answers last: its page is always there to be the last one.
        let left = self.members.keys().copied().filter(|actor| *actor != me).chain([me]).collect();
        let Some(console) = self.consoles.get_mut(&id) else { return };
        console.has_snapshot = true;
        if let Some(pages) = &mut console.pages {
            pages.again = true;
            return;
        }
        console.pages = Some(Pages { left, asked: BTreeSet::new(), since: now, again: false });
        // Those that cannot answer, as their parents tell them.
        let rows = self.told.values().filter(|row| is_ended(row) || !self.members.contains_key(&row.aid.uuid));
        self.out.extend(rows.map(|row| Out::Console(id, FromHub::Actor(row.clone()))));
        self.pump_snapshot(now, id, 0);
    }

    /// Whether a snapshot is being given to anybody.
    pub(in crate::observe) fn snapshots(&self) -> impl Iterator<Item = ConsoleId> {
        self.consoles.iter().filter(|(_, console)| console.pages.is_some()).map(|(id, _)| *id)
    }

    /// When a snapshot stops waiting.
    pub(in crate::observe) fn snapshot_deadline(&self) -> Option<Now> {
        self.consoles.values().filter_map(|console| console.pages.as_ref()).map(|pages| pages.since.plus(TOO_LONG)).min()
    }

    /// Asks the next actors, as far as the console keeps up.
    pub(in crate::observe) fn pump_snapshot(&mut self, now: Now, id: ConsoleId, backlog: usize) {
        let Some(console) = self.consoles.get_mut(&id) else { return };
        let Some(pages) = &mut console.pages else { return };
        if backlog > ENOUGH {
            pages.since = now;
            return;
        }
        if now.0 >= pages.since.plus(TOO_LONG).0 {
            // Whoever is silent is not waited for; the root always answers.
            let silent = std::mem::take(&mut pages.asked);
            let (root, silent): (BTreeSet<Uuid>, BTreeSet<Uuid>) = silent.into_iter().partition(|actor| *actor == self.me);
            pages.asked = root;
            console.late.extend(silent);
        }
        let mut ask = Vec::new();
        while pages.asked.len() < AT_ONCE
            && let Some(&actor) = pages.left.front()
        {
            if actor == self.me && !pages.asked.is_empty() {
                break;
            }
            pages.left.pop_front();
            if self.members.contains_key(&actor) {
                pages.asked.insert(actor);
                pages.since = now;
                ask.push(actor);
            }
        }
        let follow = self.watched.0;
        for actor in ask {
            self.down(actor, Down::Tables { follow });
        }
    }

    /// An actor's answer.
    pub(super) fn page(&mut self, now: Now, from: Uuid, seq: u64, tables: Tables) {
        let newcomer = self.newcomers.remove(&from);
        let mut tables = Some(tables);
        let (mut to, mut again) = (Vec::new(), Vec::new());
        for (id, console) in &mut self.consoles {
            let asked = console.pages.as_mut().is_some_and(|pages| pages.asked.remove(&from));
            let late = console.late.remove(&from);
            // A late page, or a newcomer's, is whole by itself.
            let last = console.pages.as_ref().is_none_or(|pages| pages.left.is_empty() && pages.asked.is_empty());
            if asked || late || (newcomer && console.tables) {
                to.push((*id, last));
            }
            if asked && last && console.pages.take().is_some_and(|pages| pages.again) {
                again.push(*id);
            }
        }
        let last_one = to.last().map(|(id, _)| *id);
        for (id, last) in to {
            // The tables can be large: the last console gets them without a copy.
            let page = if Some(id) == last_one { tables.take() } else { tables.clone() };
            self.out.push(Out::Console(id, FromHub::Snapshot { actor: from, seq, tables: page.unwrap_or_default(), last }));
        }
        for id in again {
            self.begin_snapshot(now, id);
        }
    }

    /// An actor that is gone answers no more.
    pub(super) fn give_up_pages_of(&mut self, actor: Uuid) {
        for console in self.consoles.values_mut() {
            if let Some(pages) = &mut console.pages {
                pages.asked.remove(&actor);
            }
            console.late.remove(&actor);
        }
    }
}
