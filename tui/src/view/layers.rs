//! What lies over the views: help, questions, lines being typed, the choice among trees.
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::widgets::{Clear, Widget};

use super::pen::{Pen, Piece, width, wrap};
use super::stops::window;
use super::styles::Meaning;
use super::table;
use super::words;
use crate::model::keymap::{here, why_not};
use crate::model::{Asks, Layer, State, proposals};

/// Draws the layers, the topmost last; where the cursor is, if one of them has it.
pub(super) fn draw(state: &State, pen: &Pen, buf: &mut Buffer, body: Rect, footer: Rect) -> Option<Position> {
    let mut cursor = None;
    for layer in &state.layers {
        match layer {
            Layer::Repl => {}
            Layer::Help { top } => help(state, pen, buf, body, *top),
            Layer::Confirm { question, choices } => {
                let mut lines = question_lines(pen, question, body.width);
                lines.push(vec![]);
                lines.extend(choices.iter().map(|choice| vec![(Meaning::Key, format!("  {}  ", choice.key)), (Meaning::Plain, choice.says.to_owned())]));
                boxed(pen, buf, body, "?", &lines, None);
            }
            Layer::Trees { found, chosen } => {
                let lines: Vec<Vec<Piece>> = found
                    .iter()
                    .map(|tree| {
                        let name = tree.info.root.to_string();
                        let age = words::age(tree.info.started, state.now);
                        vec![(Meaning::Name, name), (Meaning::Quiet, format!("  {age}  ")), (Meaning::Plain, tree.info.program.clone())]
                    })
                    .collect();
                boxed(pen, buf, body, "Which tree?", &lines, Some(*chosen));
            }
            Layer::Line { asks, editor, chosen } => {
                if *asks == Asks::Command {
                    palette(state, pen, buf, body, editor.text(), *chosen);
                }
                cursor = Some(line(pen, buf, footer, *asks, editor.text(), editor.before()));
            }
        }
    }
    cursor
}

fn question_lines(pen: &Pen, question: &str, wide: u16) -> Vec<Vec<Piece>> {
    let text = pen.fit(question);
    let most = usize::from(wide.saturating_sub(4)).min(70);
    wrap(&text, most).into_iter().map(|line| vec![(Meaning::Strong, line)]).collect()
}

fn help(state: &State, pen: &Pen, buf: &mut Buffer, body: Rect, top: usize) {
    let mut lines: Vec<Vec<Piece>> = Vec::new();
    for binding in here(state.view) {
        let keys: Vec<String> = binding.keys.iter().map(ToString::to_string).collect();
        let why = why_not(state, binding.action);
        let meaning = if why.is_some() { Meaning::Quiet } else { Meaning::Plain };
        let mut line = vec![(if why.is_some() { Meaning::Quiet } else { Meaning::Key }, format!("{:<10}", keys.join(" "))), (meaning, binding.what.to_owned())];
        if let Some(why) = why {
            line.push((Meaning::Warning, format!("  (not now: {why})")));
        }
        lines.push(line);
    }
    let room = usize::from(body.height.saturating_sub(2)).max(1);
    let top = top.min(lines.len().saturating_sub(room));
    boxed(pen, buf, body, &format!("Keys in {}", state.view.name()), &lines[top..], None);
}

fn palette(state: &State, pen: &Pen, buf: &mut Buffer, body: Rect, typed: &str, chosen: usize) {
    let all = proposals(state, typed);
    let room = usize::from(body.height.saturating_sub(2)).clamp(1, 12);
    let first = table::top(all.len(), room, chosen);
    let lines: Vec<Vec<Piece>> = all
        .iter()
        .skip(first)
        .take(room)
        .map(|binding| {
            let off = why_not(state, binding.action).is_some();
            let meaning = if off { Meaning::Quiet } else { Meaning::Name };
            vec![(meaning, format!("{:<18}", binding.name)), (Meaning::Quiet, binding.what.to_owned())]
        })
        .collect();
    boxed(pen, buf, body, "Commands", &lines, Some(chosen.min(all.len().saturating_sub(1)).saturating_sub(first)));
}

/// A box in the middle, as large as its lines.
fn boxed(pen: &Pen, buf: &mut Buffer, body: Rect, title: &str, lines: &[Vec<Piece>], chosen: Option<usize>) {
    let longest = lines.iter().map(|line| line.iter().map(|(_, text)| width(&pen.fit(text))).sum::<usize>()).max().unwrap_or(0);
    let wide = u16::try_from(longest.max(width(title) + 2) + 4).unwrap_or(u16::MAX).min(body.width);
    let high = u16::try_from(lines.len() + 2).unwrap_or(u16::MAX).min(body.height);
    let area = Rect { x: body.x + (body.width - wide) / 2, y: body.y + (body.height - high) / 2, width: wide, height: high };
    Clear.render(area, buf);
    let inner = pen.frame(buf, area, title, true);
    let text = Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), ..inner };
    for (at, line) in lines.iter().enumerate() {
        pen.line(buf, text, at, line);
    }
    if let Some(chosen) = chosen {
        pen.select(buf, inner, chosen, true);
    }
}

/// A line being typed, in the footer's place.
fn line(pen: &Pen, buf: &mut Buffer, area: Rect, asks: Asks, typed: &str, before: &str) -> Position {
    Clear.render(area, buf);
    let sign = match asks {
        Asks::Filter => "/",
        Asks::Command => ":",
    };
    let (shown, column) = window(pen.fit(typed), &pen.fit(before), usize::from(area.width).saturating_sub(2));
    pen.line(buf, area, 0, &[(Meaning::Key, sign.into()), (Meaning::Plain, shown)]);
    let x = u16::try_from(column + 1).unwrap_or(0).min(area.width.saturating_sub(1));
    Position { x: area.x + x, y: area.y }
}
