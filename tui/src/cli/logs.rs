//! `coulter logs`: records of all actors, as they come.
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use coulter_proto::hub::{FromHub, ToHub};
use coulter_proto::level::Level;
use coulter_proto::observe::LogRow;
use coulter_proto::observe::text::clean;
use coulter_proto::repl::{Line, Role, Span};

use super::Failure;
use super::args::Logs;
use super::out::{self, Look};
use super::tree::choose;
use crate::client::{Connection, Trouble};

/// Without `--follow`: how long a silence ends the list.
const SILENCE: Duration = Duration::from_millis(500);

/// Prints them.
///
/// # Errors
/// When there is no such tree, or it does not answer.
pub fn run(look: Look, args: &Logs) -> Result<(), Failure> {
    let tree = choose(args.tree.as_deref())?;
    let (mut hub, _) = Connection::open(&tree.socket(), false)?;
    hub.send(&ToHub::Follow { tables: false, logs: Some(args.level) })?;
    loop {
        let wait = if args.follow { Duration::from_secs(3600) } else { SILENCE };
        match hub.next(Instant::now() + wait) {
            Ok(None) if args.follow => {}
            Ok(None) | Err(Trouble::Closed) => return Ok(()),
            Ok(Some(FromHub::Logs { rows, dropped })) => print(look, args, &rows, dropped)?,
            Ok(Some(FromHub::Refused { why })) => return Err(Failure::Failed(why)),
            Ok(Some(_)) => {}
            Err(trouble) => return Err(trouble.into()),
        }
    }
}

fn print(look: Look, args: &Logs, rows: &[LogRow], dropped: u64) -> Result<(), Failure> {
    if dropped > 0 && !args.json {
        look.print(&[Line(vec![Span::new(Role::Warning, format!("-- {dropped} records were dropped here --"))])])?;
    }
    for row in rows.iter().filter(|row| row.level >= args.level) {
        if args.json {
            out::json(row)?;
        } else {
            look.print(&[line(row)])?;
        }
    }
    Ok(())
}

/// One record as one line.
#[must_use]
pub fn line(row: &LogRow) -> Line {
    let role = level_role(row.level);
    Line(vec![
        Span::new(Role::Quiet, time(row.time)),
        Span::new(role, format!(" {:<9} ", row.level.name())),
        Span::new(Role::Name, clean(&row.actor.to_string(), 40)),
        Span::new(Role::Quiet, format!(" {} ", clean(&row.target, 60))),
        Span::new(if row.level >= Level::Warn { role } else { Role::Plain }, clean(&row.message, 2000)),
    ])
}

/// What a level looks like.
#[must_use]
pub fn level_role(level: Level) -> Role {
    match level {
        Level::Error | Level::Critical => Role::Error,
        Level::Warn | Level::Cancel | Level::Notice => Role::Warning,
        Level::Info | Level::Io => Role::Value,
        _ => Role::Quiet,
    }
}

/// The time of day, UTC, to the millisecond.
#[must_use]
pub fn time(micros: u64) -> String {
    let seconds = micros / 1_000_000;
    let of_day = seconds % 86_400;
    format!("{:02}:{:02}:{:02}.{:03}", of_day / 3600, of_day / 60 % 60, of_day % 60, micros / 1000 % 1000)
}

/// Now, as rows count it.
#[must_use]
pub fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
}
