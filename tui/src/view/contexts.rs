//! View 2: every context and call once, with what both sides say.
use coulter_proto::observe::{ContextRow, DialogKind, Linked, Phase, is_over, text};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::detail::{paragraph, scrolled};
use super::pen::{Pen, Piece};
use super::styles::Meaning;
use super::table::{self, column};
use super::words;
use crate::model::State;

const COLUMNS: &[table::Column] = &[
    column("endpoint", 0, 0),
    column("from", 4, 16),
    column("to", 4, 16),
    column("phase", 8, 22),
    column("down", 4, 6).right().from(56),
    column("up", 4, 6).right().from(56),
    column("age", 3, 4).right().from(64),
    column("waits for", 8, 30).from(96),
];

pub(super) fn draw(state: &State, pen: &Pen, buf: &mut Buffer, area: Rect, focused: bool) {
    let order = &state.context_order;
    if order.is_empty() {
        let filtered = !state.contexts.filter.is_empty();
        let text = if filtered { "no context fits the filter; Esc clears it" } else { "no contexts" };
        pen.line(buf, area, 0, &[(Meaning::Quiet, text.into())]);
        return;
    }
    let selected = Some((state.contexts.index(), focused));
    table::draw(pen, buf, area, COLUMNS, order.len(), selected, |index| {
        state.seen().context_by_key(order[index]).and_then(|linked| row(state, linked)).unwrap_or_default()
    });
}

fn row(state: &State, linked: &Linked) -> Option<Vec<Vec<Piece>>> {
    let row = linked.any()?;
    let over = !linked.is_live();
    let name = |aid: Option<&coulter_proto::id::Aid>| {
        vec![(if over { Meaning::Quiet } else { Meaning::Name }, aid.map_or_else(|| "?".into(), |aid| aid.name.clone()))]
    };
    let number = |n: u64| vec![(Meaning::Plain, words::count(n))];
    Some(vec![
        vec![(Meaning::Plain, short(&row.endpoint).to_owned()), (Meaning::Quiet, format!("({})", row.arguments))],
        name(linked.from()),
        name(linked.to()),
        vec![(meaning(&row.phase), brief(&row.phase))],
        number(linked.down().0),
        number(linked.up().0),
        vec![(Meaning::Quiet, if over { String::new() } else { words::age(row.opened, state.now) })],
        vec![(Meaning::Quiet, text::waiting(linked))],
    ])
}

/// The selected context, side by side.
pub(super) fn detail(state: &State, pen: &Pen, buf: &mut Buffer, area: Rect) {
    let Some((key, linked)) = state.contexts.selected().and_then(|key| state.seen().context_by_key(key).map(|linked| (key, linked))) else {
        pen.line(buf, area, 0, &[(Meaning::Quiet, "no context is selected".into())]);
        return;
    };
    let mut lines: Vec<Vec<Piece>> = Vec::new();
    if let Some(row) = linked.any() {
        let kind = if row.kind == DialogKind::Call { "call" } else { "context" };
        lines.push(vec![(Meaning::Strong, row.endpoint.clone())]);
        lines.push(vec![(Meaning::Quiet, format!("{kind} {}", text::context_id(key)))]);
        paragraph(&mut lines, pen, "arguments", &row.arguments, area.width, Meaning::Value);
    }
    for (title, row) in [("Caller", &linked.caller), ("Callee", &linked.callee)] {
        lines.push(vec![]);
        match row {
            Some(row) => side(&mut lines, pen, title, row, area.width),
            None => lines.push(vec![(Meaning::Quiet, format!("{title}: nothing was heard of this side"))]),
        }
    }
    scrolled(state, pen, buf, area, &lines);
}

fn side(lines: &mut Vec<Vec<Piece>>, pen: &Pen, title: &str, row: &ContextRow, wide: u16) {
    lines.push(vec![(Meaning::Strong, format!("{title} ")), (Meaning::Name, row.here.to_string())]);
    lines.push(vec![(meaning(&row.phase), brief(&row.phase))]);
    if let Phase::Failed(why) = &row.phase {
        paragraph(lines, pen, "error", why, wide, Meaning::Bad);
    }
    let mut fact = |name: &str, value: String| lines.push(vec![(Meaning::Quiet, format!("{name:<10}")), (Meaning::Plain, value)]);
    fact("sent", format!("{}, {}", words::count(row.sent), words::bytes(row.sent_bytes)));
    fact("received", format!("{}, {}", words::count(row.received), words::bytes(row.received_bytes)));
    if row.kind == DialogKind::Context {
        fact("window", format!("{} of {} left, {} unread", row.credit, row.window, row.unread));
    }
    if !row.waiting.is_empty() {
        fact("waits for", row.waiting.clone());
    }
}

pub(super) fn meaning(phase: &Phase) -> Meaning {
    match phase {
        Phase::Failed(_) => Meaning::Bad,
        Phase::Cancelling(_) | Phase::Cancelled(_) => Meaning::Warning,
        other if is_over(other) => Meaning::Quiet,
        _ => Meaning::Good,
    }
}

/// A phase without the text of its error.
pub(super) fn brief(phase: &Phase) -> String {
    match phase {
        Phase::Failed(_) => "failed".into(),
        Phase::Cancelling(Some(who)) => format!("cancelling by {}", who.name),
        Phase::Cancelled(Some(who)) => format!("cancelled by {}", who.name),
        other => text::phase(other),
    }
}

/// An endpoint without its crate.
pub(super) fn short(endpoint: &str) -> &str {
    let mut parts = endpoint.rmatch_indices("::");
    match (parts.next(), parts.next()) {
        (Some(_), Some((at, _))) => &endpoint[at + 2..],
        _ => endpoint,
    }
}
