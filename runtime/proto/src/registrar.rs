//! The registrar's table (rule 8.1): who is called what and where they listen.
//!
//! Names are not unique: the newest of a name is found first, all of them on request. Whether an
//! entry is still alive is not known here; the shell tells when somebody is gone.
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::id::Aid;
use crate::machine::{Machine, Sink};
use crate::spawn::Address;
use crate::time::Now;

/// One registered actor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Who.
    pub aid: Aid,
    /// Where it listens, best first.
    pub addresses: Vec<Address>,
    /// Its parent; `None` for a root.
    pub parent: Option<Aid>,
}

/// Somebody who waits for a name, numbered by the shell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct WaiterId(pub u64);

/// What can happen to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Input {
    /// An actor is there; again: it moved.
    Register(Entry),
    /// An actor leaves.
    Unregister {
        /// Who.
        uuid: Uuid,
    },
    /// An actor was found dead, or its channel was lost.
    Gone {
        /// Who.
        uuid: Uuid,
    },
    /// An address nobody answers at.
    AddressDead(Address),
    /// Somebody waits for the name; answered at once if it is known.
    Wait {
        /// Who waits.
        waiter: WaiterId,
        /// For whom.
        name: String,
    },
    /// It waits no more.
    CancelWait {
        /// Who.
        waiter: WaiterId,
    },
}

/// What it decides.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Effect {
    /// The name somebody waits for.
    Found {
        /// Who waits.
        waiter: WaiterId,
        /// The newest of that name.
        entry: Entry,
    },
}

/// The table.
#[derive(Clone, Debug, Default)]
pub struct Registrar {
    /// Oldest first.
    entries: Vec<Entry>,
    waiters: Vec<(WaiterId, String)>,
}

impl Registrar {
    /// An empty table.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
    /// The newest actor of that name.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<&Entry> {
        self.entries.iter().rev().find(|entry| entry.aid.name == name)
    }
    /// All actors of that name, newest first.
    pub fn find_all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Entry> {
        self.entries.iter().rev().filter(move |entry| entry.aid.name == name)
    }
    /// The actor with this identity.
    #[must_use]
    pub fn get(&self, uuid: Uuid) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.aid.uuid == uuid)
    }
    /// All entries, oldest first.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }
    fn remove(&mut self, uuid: Uuid) {
        self.entries.retain(|entry| entry.aid.uuid != uuid);
    }
}

impl Machine for Registrar {
    type Input = Input;
    type Effect = Effect;

    fn on(&mut self, _now: Now, input: Input, out: &mut impl Sink<Effect>) {
        match input {
            Input::Register(entry) => {
                // A second registration keeps its place: it is no newer actor.
                match self.entries.iter_mut().find(|known| known.aid == entry.aid) {
                    Some(known) => *known = entry.clone(),
                    None => self.entries.push(entry.clone()),
                }
                self.waiters.retain(|(waiter, name)| {
                    let found = *name == entry.aid.name;
                    if found {
                        out.emit(Effect::Found { waiter: *waiter, entry: entry.clone() });
                    }
                    !found
                });
            }
            Input::Unregister { uuid } | Input::Gone { uuid } => self.remove(uuid),
            Input::AddressDead(address) => {
                self.entries.retain_mut(|entry| {
                    let before = entry.addresses.len();
                    entry.addresses.retain(|known| *known != address);
                    before == entry.addresses.len() || !entry.addresses.is_empty()
                });
            }
            Input::Wait { waiter, name } => match self.find(&name) {
                Some(entry) => out.emit(Effect::Found { waiter, entry: entry.clone() }),
                None => self.waiters.push((waiter, name)),
            },
            Input::CancelWait { waiter } => self.waiters.retain(|(waiting, _)| *waiting != waiter),
        }
    }

    fn next_deadline(&self) -> Option<Now> {
        None
    }

    fn on_time(&mut self, _now: Now, _out: &mut impl Sink<Effect>) {}
}
