//! View 5: the seat's queue, and the prompt beside it.
use coulter_proto::observe::{StopReason, StopStatus, text};
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use super::pen::{Pen, of_line, width};
use super::styles::Meaning;
use super::table::{self, column};
use super::words;
use crate::front;
use crate::model::State;
use crate::model::rows;

const COLUMNS: &[table::Column] = &[column("actor", 6, 20), column("seat", 4, 6), column("for", 3, 4).right(), column("why, where", 0, 0)];

pub(super) fn queue(state: &State, pen: &Pen, buf: &mut Buffer, area: Rect, focused: bool) {
    let ids = rows::stop_ids(state);
    if ids.is_empty() {
        pen.line(buf, area, 0, &[(Meaning::Quiet, "nothing is stopped".into())]);
        return;
    }
    let selected = Some((state.stops.index(), focused));
    table::draw(pen, buf, area, COLUMNS, ids.len(), selected, |index| {
        let Some(row) = state.seen().stop(ids[index]) else { return vec![] };
        let seat = match row.status {
            StopStatus::Seated => (Meaning::Strong, "seat".to_owned()),
            StopStatus::Queued(place) => (Meaning::Quiet, format!("{place}.")),
        };
        let meaning = if row.reason == StopReason::Pause { Meaning::Warning } else { Meaning::Bad };
        vec![
            vec![(Meaning::Name, row.actor.name.clone())],
            vec![seat],
            vec![(Meaning::Quiet, words::age(row.since, state.now))],
            vec![(meaning, text::reason(&row.reason)), (Meaning::Quiet, format!(" {}", row.place))],
        ]
    });
}

/// The prompt; where its cursor is.
pub(super) fn repl(state: &State, pen: &Pen, buf: &mut Buffer, area: Rect) -> Option<Position> {
    let repl = &state.repl;
    let said = Rect { height: area.height - 1, ..area };
    // While little was said the prompt stands right below it, as in a terminal.
    let line = table::tail(pen, buf, said, repl.lines.len(), repl.back, |index| of_line(&repl.lines[index]));
    let Some(stop) = repl.stop else {
        let text = if state.live.stops().is_empty() { "nothing is stopped" } else { "Enter takes the seat for the selected stop" };
        pen.line(buf, area, line, &[(Meaning::Quiet, text.into())]);
        return None;
    };
    let prompt = pen.fit(&front::prompt(state.live.stop(stop)));
    let meaning = if repl.is_waiting() { Meaning::Quiet } else { Meaning::Name };
    let room = usize::from(area.width).saturating_sub(width(&prompt));
    let (shown, column) = window(pen.fit(repl.editor.text()), &pen.fit(repl.editor.before()), room);
    pen.line(buf, area, line, &[(meaning, prompt.clone()), (Meaning::Plain, shown)]);
    let x = u16::try_from(width(&prompt) + column).unwrap_or(0).min(area.width.saturating_sub(1));
    let y = u16::try_from(line).unwrap_or(0).min(area.height - 1);
    state.at_prompt().then_some(Position { x: area.x + x, y: area.y + y })
}

/// The part of a line being typed that fits, and the cursor's column in it.
pub(super) fn window(text: String, before: &str, room: usize) -> (String, usize) {
    let column = width(before);
    if column < room {
        return (text, column);
    }
    let mut skip = column + 1 - room;
    let mut shown = text.as_str();
    while skip > 0 {
        let Some(c) = shown.chars().next() else { break };
        skip = skip.saturating_sub(width(c.encode_utf8(&mut [0; 4])).max(1));
        shown = &shown[c.len_utf8()..];
    }
    (shown.to_owned(), room.saturating_sub(1))
}
