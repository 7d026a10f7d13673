//! The words of a prompt that this side answers itself, because they are about the tree and not
//! about the stopped actor.
use coulter_proto::hub::ToHub;
use coulter_proto::id::StopId;
use coulter_proto::observe::{Model, StopRow, text};
use coulter_proto::repl::{Line, Role, Span};

/// What a line at the prompt comes to.
#[derive(Clone, Debug)]
pub enum Heard {
    /// Answered here.
    Answer(Vec<Line>),
    /// Something for the hub, and what to say.
    Ask(ToHub, Vec<Line>),
    /// For the engine of the stopped actor.
    Engine,
}

/// Hears a line typed at the prompt of `stop`.
#[must_use]
pub fn hear(model: &Model, stop: StopId, line: &str) -> Heard {
    let mut words = line.split_whitespace();
    let (word, rest) = (words.next().unwrap_or_default(), words.next());
    match (word, rest) {
        ("tree", None) => Heard::Answer(text::tree(model)),
        ("contexts", None) => Heard::Answer(text::contexts(model)),
        ("channels", None) => Heard::Answer(text::channels(model)),
        ("stops", None) => Heard::Answer(text::stops(model)),
        ("seat", Some(number)) => match number.parse().map(StopId).ok().filter(|id| model.stop(*id).is_some()) {
            Some(id) if id == stop => Heard::Answer(vec![said("this is that stop")]),
            Some(id) => Heard::Ask(ToHub::Seat { stop: id }, vec![]),
            None => Heard::Answer(vec![said("there is no such stop; `stops` lists them")]),
        },
        ("seat", None) => Heard::Answer(vec![said("seat takes the number of a stop; `stops` lists them")]),
        ("skip", None) if model.stops().len() < 2 => Heard::Answer(vec![said("nobody else is stopped")]),
        ("skip", None) => Heard::Ask(ToHub::Skip { stop }, vec![]),
        ("skip", Some(number)) => match number.parse().map(StopId).ok().filter(|id| model.stop(*id).is_some()) {
            Some(id) => Heard::Ask(ToHub::Skip { stop: id }, vec![]),
            None => Heard::Answer(vec![said("there is no such stop; `stops` lists them")]),
        },
        _ => Heard::Engine,
    }
}

fn said(text: &str) -> Line {
    Line(vec![Span::new(Role::Quiet, text)])
}

/// The prompt of a stop.
#[must_use]
pub fn prompt(row: Option<&StopRow>) -> String {
    match row {
        Some(row) => format!("({}) ", text::clean(&row.actor.to_string(), 40)),
        None => "(coulter) ".into(),
    }
}
