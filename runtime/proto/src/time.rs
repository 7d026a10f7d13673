//! Time as the machines see it: microseconds that somebody passes in, and deadlines that can stand still.
use serde::{Deserialize, Serialize};

/// A moment, in microseconds since an origin only the caller knows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Now(pub u64);

impl Now {
    /// The moment `micros` microseconds later.
    #[must_use]
    pub fn plus(self, micros: u64) -> Self {
        Self(self.0.saturating_add(micros))
    }
}

/// A deadline that stands still while something it depends on is stopped in the debugger.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Deadline {
    /// No deadline.
    #[default]
    Off,
    /// Runs out at `due`.
    Runs {
        /// When it runs out.
        due: Now,
    },
    /// Stands still with this many microseconds to go.
    Held {
        /// Microseconds left once it goes on.
        left: u64,
    },
}

impl Deadline {
    /// A running deadline, `micros` microseconds from `now`.
    #[must_use]
    pub fn after(now: Now, micros: u64) -> Self {
        Self::Runs { due: now.plus(micros) }
    }
    /// Stops the clock, keeping what is left.
    pub fn hold(&mut self, now: Now) {
        if let Self::Runs { due } = *self {
            *self = Self::Held { left: due.0.saturating_sub(now.0) };
        }
    }
    /// Lets a held clock go on with what was left.
    pub fn go_on(&mut self, now: Now) {
        if let Self::Held { left } = *self {
            *self = Self::after(now, left);
        }
    }
    /// When it is due; `None` while off or held.
    #[must_use]
    pub fn due(&self) -> Option<Now> {
        match *self {
            Self::Runs { due } => Some(due),
            Self::Off | Self::Held { .. } => None,
        }
    }
    /// Whether it has run out; if so it is off from here on.
    pub fn take_due(&mut self, now: Now) -> bool {
        let due = self.due().is_some_and(|due| due <= now);
        if due {
            *self = Self::Off;
        }
        due
    }
}
