//! What is known of one actor: itself, its contexts, channels, exposed modules, variables.
use coulter_proto::id::Uuid;
use coulter_proto::observe::{ActorState, Model, text};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::pen::{Pen, Piece, wrap};
use super::styles::Meaning;
use super::{contexts, tree, words};
use crate::model::State;

/// The longest section; what lies beyond is counted.
const MOST: usize = 100;

pub(super) fn actor(state: &State, pen: &Pen, buf: &mut Buffer, area: Rect, id: Option<Uuid>) {
    let model = state.seen();
    let Some(row) = id.and_then(|id| model.actor(id)) else {
        pen.line(buf, area, 0, &[(Meaning::Quiet, "no actor is selected".into())]);
        return;
    };
    let now = model.state(row);
    let mut lines = vec![
        vec![(Meaning::Strong, row.aid.to_string()), (Meaning::Quiet, format!("  {}", row.aid.short()))],
        vec![(tree::meaning(now), format!("{} {}", pen.glyphs.state(now), tree::in_words(row, now)))],
    ];
    let mut fact = |name: &str, value: String| lines.push(vec![(Meaning::Quiet, format!("{name:<11}")), (Meaning::Plain, value)]);
    if let Some(parent) = &row.parent {
        fact("parent", parent.to_string());
    }
    if !matches!(now, ActorState::Ended { .. }) {
        fact("age", words::age(row.started, state.now));
    }
    fact("messages", format!("{}, {}", words::count(row.messages), words::bytes(row.bytes)));
    fact("cpu, mem", format!("{} ms, {}", words::count(row.cpu / 1000), words::bytes(row.memory)));
    fact("crash stop", if row.debug { "on".into() } else { "off".into() });
    if row.dropped > 0 {
        fact("dropped", words::count(row.dropped));
    }
    for stop in model.stops().iter().filter(|stop| stop.actor == row.aid) {
        fact("stopped at", format!("{} ({})", stop.place, text::reason(&stop.reason)));
    }
    section(&mut lines, "Contexts", its_contexts(model, row.aid.uuid, pen));
    section(&mut lines, "Channels", its_channels(model, row.aid.uuid, pen));
    section(&mut lines, "Exposed", row.exposed.iter().map(|name| vec![(Meaning::Name, name.clone())]).collect());
    let vars = row.vars.iter().map(|(name, value)| vec![(Meaning::Quiet, format!("{name} ")), (Meaning::Value, value.clone())]);
    section(&mut lines, "Variables", vars.collect());
    section(&mut lines, "Listens at", row.addresses.iter().map(|at| vec![(Meaning::Plain, at.clone())]).collect());
    scrolled(state, pen, buf, area, &lines);
}

/// Lines from where the detail is scrolled to, the last always reachable and never gone.
pub(super) fn scrolled(state: &State, pen: &Pen, buf: &mut Buffer, area: Rect, lines: &[Vec<Piece>]) {
    let top = state.detail_top.min(lines.len().saturating_sub(usize::from(area.height)));
    for (at, line) in lines.iter().skip(top).take(usize::from(area.height)).enumerate() {
        pen.line(buf, area, at, line);
    }
}

pub(super) fn section(lines: &mut Vec<Vec<Piece>>, title: &str, rows: Vec<Vec<Piece>>) {
    if rows.is_empty() {
        return;
    }
    lines.push(vec![]);
    lines.push(vec![(Meaning::Strong, title.to_owned()), (Meaning::Quiet, format!(" {}", rows.len()))]);
    let beyond = rows.len().saturating_sub(MOST);
    lines.extend(rows.into_iter().take(MOST));
    if beyond > 0 {
        lines.push(vec![(Meaning::Quiet, format!("and {beyond} more"))]);
    }
}

fn its_contexts(model: &Model, actor: Uuid, pen: &Pen) -> Vec<Vec<Piece>> {
    model
        .contexts_of(actor)
        .filter_map(|(_, linked)| {
            let row = linked.any()?;
            let (arrow, other) = if linked.from().is_some_and(|from| from.uuid == actor) { (pen.glyphs.right, linked.to()) } else { ("from", linked.from()) };
            Some(vec![
                (contexts::meaning(&row.phase), format!("{} ", contexts::brief(&row.phase))),
                (Meaning::Quiet, format!("{arrow} ")),
                (Meaning::Name, other.map_or_else(|| "?".into(), |aid| aid.name.clone())),
                (Meaning::Plain, format!(" {}", contexts::short(&row.endpoint))),
            ])
        })
        .collect()
}

fn its_channels(model: &Model, actor: Uuid, pen: &Pen) -> Vec<Vec<Piece>> {
    model
        .channels_of(actor)
        .map(|row| {
            let mut pieces = vec![
                (Meaning::Quiet, format!("{} {} ", pen.glyphs.both, row.transport)),
                (Meaning::Name, row.there.name.clone()),
                (Meaning::Plain, format!(" {}/{}", words::bytes(row.sent_bytes), words::bytes(row.received_bytes))),
            ];
            if row.unsent > 0 {
                pieces.push((Meaning::Warning, format!(" {} unsent", words::bytes(row.unsent))));
            }
            pieces
        })
        .collect()
}

/// A long text under its name, broken into lines.
pub(super) fn paragraph(lines: &mut Vec<Vec<Piece>>, pen: &Pen, name: &str, body: &str, wide: u16, meaning: Meaning) {
    if body.is_empty() {
        return;
    }
    lines.push(vec![(Meaning::Quiet, name.to_owned())]);
    let fit = pen.fit(body);
    lines.extend(wrap(&fit, usize::from(wide)).into_iter().map(|line| vec![(meaning, line)]));
}
