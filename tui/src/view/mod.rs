//! What the screen shows: a function of the state, one file a view.
mod bars;
mod contexts;
mod detail;
pub mod glyphs;
mod layers;
pub mod layout;
mod logs;
mod output;
pub mod pen;
mod stops;
pub mod styles;
pub mod table;
mod tree;
pub mod words;

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use crate::model::{State, View};

pub use layout::Shape;
pub use pen::Pen;
pub use styles::Tier;

/// Draws everything; where the cursor belongs, if it belongs anywhere.
pub fn draw(state: &State, pen: &Pen, buf: &mut Buffer) -> Option<Position> {
    let area = buf.area;
    let shape = Shape::of(area, state.view, state.pane());
    let Shape::Whole { header, tabs, ref panes, footer } = shape else {
        if !area.is_empty() {
            bars::status(state, pen, buf, Rect { height: 1, ..area });
        }
        return None;
    };
    bars::header(state, pen, buf, header);
    if let Some(tabs) = tabs {
        bars::tabs(state, pen, buf, tabs);
    }
    let mut cursor = None;
    for &(pane, area, framed) in panes {
        let focused = state.pane() == pane;
        let area = if framed { pen.frame(buf, area, &title(state, pane), focused) } else { area };
        if area.is_empty() {
            continue;
        }
        match (state.view, pane) {
            (View::Tree, 0) => tree::draw(state, pen, buf, area, focused),
            (View::Tree, 1) => detail::actor(state, pen, buf, area, state.actors.selected()),
            (View::Contexts, 0) => contexts::draw(state, pen, buf, area, focused),
            (View::Contexts, 1) => contexts::detail(state, pen, buf, area),
            (View::Tree | View::Contexts, _) => logs::of_selected(state, pen, buf, area),
            (View::Logs, 0) => logs::records(state, pen, buf, area, focused),
            (View::Logs, 1) => logs::filters(state, pen, buf, area, focused),
            (View::Logs, _) => logs::record(state, pen, buf, area),
            (View::Stops, 0) => stops::queue(state, pen, buf, area, focused),
            (View::Stops, 1) => cursor = stops::repl(state, pen, buf, area),
            (View::Stops, _) => {
                let actor = state.stops.selected().and_then(|id| state.seen().stop(id)).map(|row| row.actor.uuid);
                detail::actor(state, pen, buf, area, actor);
            }
            (View::Output, _) => output::draw(state, pen, buf, area),
        }
    }
    bars::footer(state, pen, buf, footer);
    let body = panes.iter().map(|(_, area, _)| *area).reduce(Rect::union).unwrap_or(area);
    layers::draw(state, pen, buf, body, footer).or(cursor)
}

fn title(state: &State, pane: usize) -> String {
    let name = state.view.panes()[pane];
    let filter = match (state.view, pane) {
        (View::Tree, 0) => &state.actors.filter,
        (View::Contexts, 0) => &state.contexts.filter,
        (View::Stops, 0) => &state.stops.filter,
        (View::Output, 0) => &state.output.filter,
        (View::Logs, 0) => return format!("{name}: {} and up", state.logs.level),
        _ => return name.to_owned(),
    };
    if filter.is_empty() { name.to_owned() } else { format!("{name} /{filter}") }
}
