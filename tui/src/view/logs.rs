//! View 4: records of all actors, the list of filters, and one record whole.
use coulter_proto::observe::{LogRow, text};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::detail::{paragraph, scrolled};
use super::pen::{Pen, Piece};
use super::styles::Meaning;
use super::table;
use crate::cli::logs::time;
use crate::model::logs::record as by_number;
use crate::model::{State, View};

/// How many records are looked through for those of one thing.
const MOST_LOOKED_AT: usize = 20_000;

pub(super) fn records(state: &State, pen: &Pen, buf: &mut Buffer, area: Rect, focused: bool) {
    let shown = state.logs.shown();
    if shown.is_empty() {
        let text = if state.seen().logs().is_empty() { "no records yet" } else { "no record passes the level and the filters" };
        pen.line(buf, area, 0, &[(Meaning::Quiet, text.into())]);
        return;
    }
    let height = usize::from(area.height);
    let index = state.logs.index();
    let first = match state.logs.selected {
        None => shown.len().saturating_sub(height),
        Some(_) => table::top(shown.len(), height, index),
    };
    let wide = area.width >= 70;
    for (line, number) in shown.iter().skip(first).take(height).enumerate() {
        if let Some(row) = by_number(state.seen(), *number) {
            pen.line(buf, area, line, &pieces(row, wide));
        }
        if first + line == index && (state.logs.selected.is_some() || focused) {
            pen.select(buf, area, line, focused);
        }
    }
}

fn pieces(row: &LogRow, wide: bool) -> Vec<Piece> {
    let mut pieces = vec![
        (Meaning::Quiet, format!("{} ", time(row.time))),
        (row.level.into(), format!("{:<9} ", row.level.name())),
        (Meaning::Name, format!("{} ", text::clean(&row.actor.name, 24))),
    ];
    if wide {
        pieces.push((Meaning::Quiet, format!("{} ", text::clean(&row.target, 32))));
    }
    pieces.push((row.level.into(), row.message.clone()));
    pieces
}

pub(super) fn filters(state: &State, pen: &Pen, buf: &mut Buffer, area: Rect, focused: bool) {
    let logs = &state.logs;
    let mut lines: Vec<Vec<Piece>> = Vec::new();
    for filter in &logs.filters {
        let sign = if filter.on { pen.glyphs.on } else { pen.glyphs.off };
        let meaning = if filter.on { Meaning::Plain } else { Meaning::Quiet };
        lines.push(vec![(meaning, format!("{sign} {filter}"))]);
    }
    if lines.is_empty() {
        let texts = ["no filters; `/` adds one:", "actor:NAME", "ctx:ID", "level>=warn", "target:TEXT", "/text/", "! inverts any"];
        lines.extend(texts.into_iter().map(|text| vec![(Meaning::Quiet, text.to_owned())]));
    } else {
        lines.push(vec![]);
        lines.push(vec![(Meaning::Quiet, "Space on/off, d removes".into())]);
    }
    let lost = state.seen().lost();
    for (count, text) in [(lost.logs_on_the_way, "dropped on the way"), (lost.logs_let_go, "had to make room")] {
        if count > 0 {
            lines.push(vec![(Meaning::Warning, format!("{count} {text}"))]);
        }
    }
    for (at, line) in lines.iter().enumerate() {
        pen.line(buf, area, at, line);
    }
    if !logs.filters.is_empty() {
        pen.select(buf, area, logs.at, focused);
    }
}

/// One record, whole.
pub(super) fn record(state: &State, pen: &Pen, buf: &mut Buffer, area: Rect) {
    let number = state.logs.shown().get(state.logs.index());
    let Some(row) = number.and_then(|number| by_number(state.seen(), *number)) else { return };
    let mut lines = vec![
        vec![(row.level.into(), row.level.name().to_owned()), (Meaning::Quiet, format!(" {}", time(row.time)))],
        vec![(Meaning::Name, row.actor.to_string())],
    ];
    for (name, value) in [("target", &row.target), ("task", &row.task), ("place", &row.place)] {
        if !value.is_empty() {
            lines.push(vec![(Meaning::Quiet, format!("{name:<7}")), (Meaning::Plain, value.clone())]);
        }
    }
    if let Some(key) = row.context {
        lines.push(vec![(Meaning::Quiet, "context".into()), (Meaning::Plain, format!(" {}", text::context_id(key)))]);
    }
    lines.push(vec![]);
    paragraph(&mut lines, pen, "message", &row.message, area.width, Meaning::Plain);
    scrolled(state, pen, buf, area, &lines);
}

/// The last records of the actor or context that is selected.
pub(super) fn of_selected(state: &State, pen: &Pen, buf: &mut Buffer, area: Rect) {
    let model = state.seen();
    let fits = |row: &LogRow| match state.view {
        View::Contexts => row.context.is_some() && row.context == state.contexts.selected(),
        _ => Some(row.actor.uuid) == state.actors.selected(),
    };
    let newest = model.logs().iter().rev().take(MOST_LOOKED_AT).filter(|row| fits(row));
    let mut rows: Vec<&LogRow> = newest.take(usize::from(area.height)).collect();
    rows.reverse();
    if rows.is_empty() {
        pen.line(buf, area, 0, &[(Meaning::Quiet, "no records".into())]);
    }
    for (line, row) in rows.into_iter().enumerate() {
        pen.line(buf, area, line, &[(row.level.into(), format!("{:<8} ", row.level.name())), (row.level.into(), row.message.clone())]);
    }
}
