//! The log levels of coulter, with tractor's numbers between the usual ones.
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// How loud a record is. Ordered: a filter at `Cancel` shows 22 and up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[repr(u8)]
pub enum Level {
    /// 5: every frame.
    Transport = 5,
    /// 10
    Debug = 10,
    /// 15: spawning, dialogs, nurseries.
    Runtime = 15,
    /// 17: the debugger at work.
    Devx = 17,
    /// 20
    Info = 20,
    /// 21: what processes print.
    Io = 21,
    /// 22: who cancelled whom.
    Cancel = 22,
    /// 30
    Warn = 30,
    /// 40
    Error = 40,
    /// 50
    Critical = 50,
    /// 60: the debugger's own notices, always shown.
    Notice = 60,
}

impl Level {
    /// All levels, quietest first.
    pub const ALL: [Self; 11] =
        [Self::Transport, Self::Debug, Self::Runtime, Self::Devx, Self::Info, Self::Io, Self::Cancel, Self::Warn, Self::Error, Self::Critical, Self::Notice];
    /// The number, as in tractor.
    #[must_use]
    pub fn number(self) -> u8 {
        self as u8
    }
    /// The lower-case name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Transport => "transport",
            Self::Debug => "debug",
            Self::Runtime => "runtime",
            Self::Devx => "devx",
            Self::Info => "info",
            Self::Io => "io",
            Self::Cancel => "cancel",
            Self::Warn => "warn",
            Self::Error => "error",
            Self::Critical => "critical",
            Self::Notice => "notice",
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// The word is no level; the text lists those that are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownLevel(pub String);

impl fmt::Display for UnknownLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is no log level; use one of", self.0)?;
        for level in Level::ALL {
            write!(f, " {level}")?;
        }
        Ok(())
    }
}
impl std::error::Error for UnknownLevel {}

impl FromStr for Level {
    type Err = UnknownLevel;
    fn from_str(text: &str) -> Result<Self, UnknownLevel> {
        let lower = text.trim().to_ascii_lowercase();
        if lower == "trace" {
            return Ok(Self::Transport);
        }
        Self::ALL.into_iter().find(|level| level.name() == lower || level.number().to_string() == lower).ok_or(UnknownLevel(text.to_owned()))
    }
}
