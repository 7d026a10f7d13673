//! Filters of log records: `actor:NAME`, `ctx:ID`, `level>=LEVEL`, `target:TEXT`, `/text/`, and `!` before any of them.
use coulter_proto::level::Level;
use coulter_proto::observe::{LogRow, text};

/// What a filter looks at.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Test {
    Actor(String),
    Context(String),
    Level(Level),
    Target(String),
    Text(String),
}

/// One filter, on or off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter {
    test: Test,
    inverted: bool,
    /// Whether it counts.
    pub on: bool,
}

impl Filter {
    /// Reads a filter.
    ///
    /// # Errors
    /// With a sentence for the person who typed it.
    pub fn read(typed: &str) -> Result<Self, String> {
        let (inverted, body) = match typed.trim().strip_prefix('!') {
            Some(rest) => (true, rest.trim()),
            None => (false, typed.trim()),
        };
        let lower = |text: &str| text.trim().to_lowercase();
        let test = if let Some(name) = body.strip_prefix("actor:") {
            Test::Actor(lower(name))
        } else if let Some(id) = body.strip_prefix("ctx:") {
            Test::Context(lower(id))
        } else if let Some(level) = body.strip_prefix("level>=") {
            Test::Level(level.parse().map_err(|error: coulter_proto::level::UnknownLevel| error.to_string())?)
        } else if let Some(target) = body.strip_prefix("target:") {
            Test::Target(lower(target))
        } else {
            let text = body.strip_prefix('/').map_or(body, |rest| rest.strip_suffix('/').unwrap_or(rest));
            Test::Text(lower(text))
        };
        match &test {
            Test::Actor(text) | Test::Context(text) | Test::Target(text) | Test::Text(text) if text.is_empty() => {
                Err("a filter needs something to look for: actor:NAME, ctx:ID, level>=warn, target:TEXT, /text/".into())
            }
            _ => Ok(Self { test, inverted, on: true }),
        }
    }

    fn holds(&self, row: &LogRow) -> bool {
        match &self.test {
            Test::Actor(name) => row.actor.name.to_lowercase().contains(name) || row.actor.pid.to_string() == *name || row.actor.short() == *name,
            Test::Context(id) => row.context.is_some_and(|key| text::context_id(key).starts_with(id)),
            Test::Level(level) => row.level >= *level,
            Test::Target(target) => row.target.to_lowercase().contains(target),
            Test::Text(text) => row.message.to_lowercase().contains(text),
        }
    }

    fn kind(&self) -> u8 {
        match self.test {
            Test::Actor(_) => 0,
            Test::Context(_) => 1,
            Test::Level(_) => 2,
            Test::Target(_) => 3,
            Test::Text(_) => 4,
        }
    }
}

impl std::fmt::Display for Filter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.inverted {
            f.write_str("!")?;
        }
        match &self.test {
            Test::Actor(name) => write!(f, "actor:{name}"),
            Test::Context(id) => write!(f, "ctx:{id}"),
            Test::Level(level) => write!(f, "level>={level}"),
            Test::Target(target) => write!(f, "target:{target}"),
            Test::Text(text) => write!(f, "/{text}/"),
        }
    }
}

/// Whether a record passes: of the filters of one kind any may hold, every kind has to, and no
/// inverted one may.
#[must_use]
pub fn passes(filters: &[Filter], row: &LogRow) -> bool {
    let on = || filters.iter().filter(|filter| filter.on);
    if on().any(|filter| filter.inverted && filter.holds(row)) {
        return false;
    }
    let plain = || on().filter(|filter| !filter.inverted);
    plain().all(|one| plain().filter(|other| other.kind() == one.kind()).any(|filter| filter.holds(row)))
}
