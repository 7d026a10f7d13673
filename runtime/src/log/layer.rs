//! The layer itself: one line per record on stderr, one row per record for consoles.
use std::fmt::Write as _;
use std::sync::{OnceLock, PoisonError, RwLock};

use coulter_proto::id::Aid;
use coulter_proto::level::Level;
use coulter_proto::observe::{LogRow, UnixMicros};
use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::subscriber::Interest;
use tracing::{Event, Metadata, Subscriber};
use tracing_subscriber::layer::{Context, Filter, Layer};

use super::filter::level_of;
use crate::observe::{probe, recorder, watch};

/// The longest message kept for a console.
const MAX_MESSAGE: usize = 8 * 1024;

static HEADER: RwLock<Option<Aid>> = RwLock::new(None);

/// Sets who heads each line.
pub(super) fn set_header(aid: &Aid) {
    *HEADER.write().unwrap_or_else(PoisonError::into_inner) = Some(aid.clone());
}

fn header() -> Aid {
    static NOBODY: OnceLock<Aid> = OnceLock::new();
    let set = HEADER.read().unwrap_or_else(PoisonError::into_inner).clone();
    set.or_else(|| probe::get().aid())
        .unwrap_or_else(|| NOBODY.get_or_init(|| Aid { name: "-".to_owned(), uuid: coulter_proto::id::Uuid::nil(), pid: std::process::id() }).clone())
}

/// Lets through what the filter shows or a console wants.
pub(super) struct Wanted;

fn wanted(metadata: &Metadata<'_>) -> bool {
    let level = level_of(metadata);
    probe::get().wants_log(level) || super::filter().shows(metadata.target(), level)
}

impl<S> Filter<S> for Wanted {
    fn enabled(&self, metadata: &Metadata<'_>, _: &Context<'_, S>) -> bool {
        // Spans carry nothing into our lines.
        metadata.is_event() && wanted(metadata)
    }
    fn callsite_enabled(&self, metadata: &'static Metadata<'static>) -> Interest {
        // Exact, not "sometimes": the cache is rebuilt whenever the filter or a console's wish changes.
        if metadata.is_event() && wanted(metadata) { Interest::always() } else { Interest::never() }
    }
    fn max_level_hint(&self) -> Option<LevelFilter> {
        let quietest = super::filter().quietest().into_iter().chain(probe::get().logs_wanted()).min();
        Some(match quietest {
            None | Some(Level::Error | Level::Critical | Level::Notice) => LevelFilter::ERROR,
            Some(Level::Warn) => LevelFilter::WARN,
            Some(Level::Info | Level::Io | Level::Cancel) => LevelFilter::INFO,
            Some(Level::Debug | Level::Runtime | Level::Devx) => LevelFilter::DEBUG,
            Some(Level::Transport) => LevelFilter::TRACE,
        })
    }
}

/// Formats and hands on.
pub(super) struct Printer;

impl<S: Subscriber> Layer<S> for Printer {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let metadata = event.metadata();
        let level = level_of(metadata);
        let row = row(event, level);
        recorder::record(recorder::Kind::Log, u64::from(level.number()), 0);
        if super::filter().shows(metadata.target(), level) {
            crate::observe::print(line(&row, super::color()).into_bytes());
        }
        if probe::get().wants_log(level)
            && let Some(watch) = watch::get()
        {
            watch.log(row);
        }
    }
}

fn row(event: &Event<'_>, level: Level) -> LogRow {
    let metadata = event.metadata();
    let mut text = Text::default();
    event.record(&mut text);
    let mut message = text.message;
    message.push_str(&text.fields);
    probe::truncate(&mut message, MAX_MESSAGE);
    let place = match (metadata.file(), metadata.line()) {
        (Some(file), Some(line)) => format!("{file}:{line}"),
        (Some(file), None) => file.to_owned(),
        (None, _) => String::new(),
    };
    LogRow {
        time: probe::unix_micros(),
        actor: header(),
        level,
        target: metadata.target().to_owned(),
        task: super::current_task().map_or_else(String::new, |task| task.to_string()),
        context: super::current_context(),
        place,
        message,
    }
}

#[derive(Default)]
struct Text {
    message: String,
    fields: String,
}

impl Visit for Text {
    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "message" {
            self.message.push_str(value);
        } else {
            self.record_debug(field, &value);
        }
    }
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        // Writing to a string cannot fail; a `Debug` that says it did loses its own text only.
        let _ = if field.name() == "message" { write!(self.message, "{value:?}") } else { write!(self.fields, " {}={value:?}", field.name()) };
    }
}

/// One record as one line (its own line breaks indented): time, actor, pid, task, level, target, place, text.
pub(super) fn line(row: &LogRow, color: bool) -> String {
    let (quiet, loud, off) = if color { ("\x1b[2m", paint(row.level), "\x1b[0m") } else { ("", "", "") };
    let task = if row.task.is_empty() { "-" } else { &row.task };
    let mut line = format!(
        "{quiet}{time}{off} {name}/{short} {pid} {task} {loud}{level:<9}{off} {quiet}{target} {place}{off} ",
        time = clock(row.time),
        name = row.actor.name,
        short = row.actor.short(),
        pid = row.actor.pid,
        level = row.level,
        target = row.target,
        place = row.place,
    );
    for (n, piece) in row.message.trim_end_matches('\n').split('\n').enumerate() {
        line.push_str(if n == 0 { "" } else { "\n    " });
        // What an actor says may not move the cursor or recolour the screen.
        line.extend(piece.chars().map(|c| if c.is_control() && c != '\t' { '\u{fffd}' } else { c }));
    }
    line.push('\n');
    line
}

fn paint(level: Level) -> &'static str {
    match level {
        Level::Transport | Level::Debug | Level::Runtime => "\x1b[34m",
        Level::Devx => "\x1b[35m",
        Level::Info | Level::Io => "\x1b[32m",
        Level::Cancel => "\x1b[36m",
        Level::Warn => "\x1b[33m",
        Level::Error | Level::Critical => "\x1b[31m",
        Level::Notice => "\x1b[1m",
    }
}

/// The time of day, in UTC.
fn clock(time: UnixMicros) -> String {
    let (seconds, micros) = (time / 1_000_000 % 86_400, time % 1_000_000);
    format!("{:02}:{:02}:{:02}.{micros:06}Z", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // a test that panics has failed
    use super::*;

    fn sample(message: &str) -> LogRow {
        LogRow {
            time: 3_723_000_042,
            actor: Aid { name: "donny".to_owned(), uuid: coulter_proto::id::Uuid::from_u128(0xabcd_ef01 << 96), pid: 4711 },
            level: Level::Runtime,
            target: "coulter::runtime".to_owned(),
            task: "say_hello".to_owned(),
            context: None,
            place: "src/a.rs:7".to_owned(),
            message: message.to_owned(),
        }
    }

    #[test]
    fn rule_10_2_the_header_tells_time_actor_pid_task_level_target_place() {
        assert_eq!(line(&sample("spawned"), false), "01:02:03.000042Z donny/abcdef01 4711 say_hello runtime   coulter::runtime src/a.rs:7 spawned\n");
    }

    #[test]
    fn rule_10_2_colour_only_when_asked_for() {
        assert!(line(&sample("x"), true).contains('\x1b'));
        assert!(!line(&sample("\x1b[2J"), false).contains('\x1b'));
    }

    #[test]
    fn a_record_of_several_lines_stays_one_block() {
        assert!(line(&sample("one\ntwo\n"), false).ends_with(" one\n    two\n"));
    }

    #[test]
    fn rule_10_1_our_targets_are_levels_but_errors_stay_errors() {
        use tracing_subscriber::layer::SubscriberExt as _;
        #[derive(Clone, Default)]
        struct Seen(std::sync::Arc<std::sync::Mutex<Vec<(Level, String)>>>);
        impl<S: Subscriber> Layer<S> for Seen {
            fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
                let level = level_of(event.metadata());
                self.0.lock().unwrap().push((level, row(event, level).message));
            }
        }
        let seen = Seen::default();
        tracing::subscriber::with_default(tracing_subscriber::registry().with(seen.clone()), || {
            crate::log::log_runtime!(n = 3, "spawned {}", "donny");
            crate::log::log_cancel!("x");
            crate::log::log_transport!("x");
            crate::log::log_devx!("x");
            crate::log::log_io!("x");
            crate::log::log_notice!("x");
            tracing::error!(target: "coulter::runtime", "x");
            tracing::error!(target: "coulter::critical", "x");
            tracing::info!("x");
        });
        let seen = seen.0.lock().unwrap();
        assert_eq!(seen[0], (Level::Runtime, "spawned donny n=3".to_owned()));
        let levels: Vec<Level> = seen[1..].iter().map(|(level, _)| *level).collect();
        use Level::*;
        assert_eq!(levels, [Cancel, Transport, Devx, Io, Notice, Error, Critical, Info]);
    }
}
