//! The header, the footer, the tabs, and the one line that is left on a tiny terminal.
use coulter_proto::observe::{ActorState, StopStatus};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::pen::{Pen, Piece};
use super::styles::Meaning;
use super::words;
use crate::model::keymap::{here, of_layer, why_not};
use crate::model::{Link, State, View};

pub(super) fn header(state: &State, pen: &Pen, buf: &mut Buffer, area: Rect) {
    let mut pieces: Vec<Piece> = Vec::new();
    for view in View::ALL {
        if view == View::Output && state.program.is_none() {
            continue;
        }
        let stops = state.seen().stops().len();
        let mut name = format!("{}{}", view.number(), view.name());
        if view == View::Stops && stops > 0 {
            name.push_str(&format!("({stops})"));
        }
        if view == state.view {
            pieces.push((Meaning::Selected, format!(" {name} ")));
        } else {
            let meaning = if view == View::Stops && stops > 0 { Meaning::Warning } else { Meaning::Quiet };
            // Where there is little room a number says enough.
            let name = if area.width >= 120 { format!(" {name} ") } else { format!(" {} ", view.number()) };
            pieces.push((meaning, name));
        }
    }
    pieces.push((Meaning::Plain, "  ".into()));
    pieces.extend(facts(state, pen));
    pen.line(buf, area, 0, &pieces);
}

/// The tree, whether it lives, and how it does.
fn facts(state: &State, pen: &Pen) -> Vec<Piece> {
    let model = state.seen();
    let dot = || (Meaning::Quiet, format!(" {} ", pen.glyphs.dot));
    let mut pieces = Vec::new();
    match (model.tree(), &state.program) {
        (Some(tree), _) => pieces.push((Meaning::Strong, tree.root.to_string())),
        (None, Some(program)) => pieces.push((Meaning::Strong, program.line.clone())),
        (None, None) => pieces.push((Meaning::Strong, "coulter".into())),
    }
    pieces.push((Meaning::Plain, " ".into()));
    let ended = state.program.as_ref().and_then(|program| program.status);
    pieces.push(match (&state.link, ended) {
        (_, Some(status)) if status.is_clean() => (Meaning::Quiet, "ended".into()),
        (_, Some(status)) => (Meaning::Bad, format!("ended: {status}")),
        (Link::Gone(why), None) => (Meaning::Warning, why.clone()),
        (Link::Waiting(what), None) => (Meaning::Warning, what.clone()),
        (Link::Live, None) if state.frozen.is_some() => (Meaning::Warning, "frozen".into()),
        (Link::Live, None) => (Meaning::Good, "live".into()),
    });
    if model.tree().is_none() {
        return pieces;
    }
    let seated = model.stops().iter().find(|stop| stop.status == StopStatus::Seated);
    if let Some(stop) = seated.or(model.stops().first()) {
        pieces.push(dot());
        pieces.push((Meaning::Warning, format!("seat: {}", stop.actor)));
        if model.stops().len() > 1 {
            pieces.push((Meaning::Warning, format!(", {} wait", model.stops().len() - 1)));
        }
    }
    let living = model.actors().filter(|row| !matches!(row.state, ActorState::Ended { .. })).count();
    pieces.push(dot());
    pieces.push((Meaning::Plain, format!("{living} actors")));
    if living < model.actor_count() {
        pieces.push((Meaning::Quiet, format!(" +{} ended", model.actor_count() - living)));
    }
    if state.link == Link::Live {
        pieces.push(dot());
        pieces.push((Meaning::Plain, format!("{} msg/s", words::count(state.rates.total()))));
    }
    if model.dropped() > 0 {
        pieces.push(dot());
        pieces.push((Meaning::Warning, format!("{} dropped", words::count(model.dropped()))));
    }
    pieces
}

pub(super) fn footer(state: &State, pen: &Pen, buf: &mut Buffer, area: Rect) {
    if let Some(notice) = &state.notice {
        let meaning = if notice.bad { Meaning::Bad } else { Meaning::Strong };
        pen.line(buf, area, 0, &[(meaning, format!(" {}", notice.text))]);
        return;
    }
    let mut pieces: Vec<Piece> = Vec::new();
    let mut say = |key: &str, what: &str| {
        pieces.push((Meaning::Key, format!(" {key}")));
        pieces.push((Meaning::Quiet, format!(" {what} ")));
    };
    match state.layers.last() {
        Some(layer) => of_layer(layer).iter().for_each(|(key, what)| say(key, what)),
        None => {
            for binding in here(state.view).filter(|binding| binding.footer && why_not(state, binding.action).is_none()) {
                if let Some(key) = binding.keys.first() {
                    say(&key.to_string(), binding.what);
                }
            }
        }
    }
    pen.line(buf, area, 0, &pieces);
}

pub(super) fn tabs(state: &State, pen: &Pen, buf: &mut Buffer, area: Rect) {
    let pieces: Vec<Piece> = state
        .view
        .panes()
        .iter()
        .enumerate()
        .map(|(at, name)| (if at == state.pane() { Meaning::Selected } else { Meaning::Quiet }, format!(" {name} ")))
        .collect();
    pen.line(buf, area, 0, &pieces);
}

pub(super) fn status(state: &State, pen: &Pen, buf: &mut Buffer, area: Rect) {
    pen.line(buf, area, 0, &facts(state, pen));
}
