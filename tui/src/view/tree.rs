//! View 1: the actors as a tree.
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use coulter_proto::exit::{ExitStatus, signal_name};
use coulter_proto::observe::{ActorRow, ActorState, text};

use super::pen::{Pen, Piece};
use super::styles::Meaning;
use super::table::{self, column};
use super::words;
use crate::model::rows::{self, ActorLine};
use crate::model::{Link, State};

const COLUMNS: &[table::Column] = &[
    column("actor", 0, 0),
    column("state", 7, 15),
    column("age", 3, 4).right().from(34),
    column("pid", 3, 8).right().from(68),
    column("cpu", 4, 5).right().from(58),
    column("mem", 4, 5).right().from(58),
    column("msg/s", 5, 6).right().from(50),
    column("", 8, 8).from(78),
];

pub(super) fn draw(state: &State, pen: &Pen, buf: &mut Buffer, area: Rect, focused: bool) {
    let lines = rows::actors(state);
    if lines.is_empty() {
        nothing(state, pen, buf, area);
        return;
    }
    let selected = Some((state.actors.index(), focused));
    table::draw(pen, buf, area, COLUMNS, lines.len(), selected, |index| row(state, pen, &lines[index]));
}

fn nothing(state: &State, pen: &Pen, buf: &mut Buffer, area: Rect) {
    let text = match &state.link {
        _ if !state.actors.filter.is_empty() => "no actor fits the filter; Esc clears it".to_owned(),
        Link::Waiting(what) => what.clone(),
        Link::Gone(why) => why.clone(),
        Link::Live => "waiting for the tree's answer".to_owned(),
    };
    pen.line(buf, area, 0, &[(Meaning::Quiet, text)]);
}

fn row(state: &State, pen: &Pen, line: &ActorLine<'_>) -> Vec<Vec<Piece>> {
    let row = line.row;
    let now = state.seen().state(row);
    let over = matches!(now, ActorState::Ended { .. });
    let rate = state.rates.of(row.aid.uuid).filter(|_| !over);
    let mut name = vec![(Meaning::Quiet, line.branch.clone())];
    name.push((meaning(now), format!("{} ", pen.glyphs.state(now))));
    name.push((if over { Meaning::Quiet } else { Meaning::Name }, row.aid.name.clone()));
    if line.folded > 0 {
        name.push((Meaning::Quiet, format!(" {} {} below", pen.glyphs.folded, line.folded)));
    }
    let quiet = |text: String| vec![(Meaning::Quiet, text)];
    let plain = |text: String| vec![(Meaning::Plain, text)];
    vec![
        name,
        vec![(meaning(now), briefly(row, now))],
        quiet(if over { String::new() } else { words::age(row.started, state.now) }),
        quiet(row.aid.pid.to_string()),
        plain(rate.map(|rate| format!("{}%", rate.cpu_percent)).unwrap_or_default()),
        plain(if over { String::new() } else { words::bytes(row.memory) }),
        plain(rate.map(|rate| words::count(rate.per_second)).unwrap_or_default()),
        vec![(Meaning::Value, rate.map(|rate| pen.glyphs.sparkline(rate.history.iter().copied())).unwrap_or_default())],
    ]
}

/// The state in a word or two: what killed it by its short name.
fn briefly(row: &ActorRow, now: ActorState) -> String {
    match now {
        ActorState::Ended { status, asked } if !status.is_clean() => {
            let word = if asked { "ended" } else { "died" };
            match status {
                ExitStatus::Signal(signal) => format!("{word} {}", signal_name(signal).map_or_else(|| format!("sig {signal}"), str::to_owned)),
                ExitStatus::Code(code) => format!("{word} exit {code}"),
                ExitStatus::Unknown => "gone".to_owned(),
            }
        }
        other => in_words(row, other),
    }
}

/// The state in words; a work thread that is stuck says so.
pub(super) fn in_words(row: &ActorRow, now: ActorState) -> String {
    match now {
        ActorState::Running if row.busy_for >= 1_000_000 => format!("stalled {}s", row.busy_for / 1_000_000),
        ActorState::Ended { status, asked: false } if !status.is_clean() => format!("died: {status}"),
        other => text::state(other),
    }
}

pub(super) fn meaning(state: ActorState) -> Meaning {
    match state {
        ActorState::Running => Meaning::Good,
        ActorState::Starting | ActorState::Stopped | ActorState::Cancelling => Meaning::Warning,
        ActorState::Ended { status, asked } if status.is_clean() || asked => Meaning::Quiet,
        ActorState::Ended { .. } => Meaning::Bad,
    }
}
