//! The prompt of the stop that has the seat here: what was said, what is being typed.
use std::collections::VecDeque;

use coulter_proto::hub::ToHub;
use coulter_proto::id::StopId;
use coulter_proto::observe::Model;
use coulter_proto::repl::{Completion, Line, Next, Reply, Role, Span};

use super::editor::Editor;
use super::key::Key;
use crate::front::{self, Heard};

/// How many lines of what was said are kept.
const MOST_LINES: usize = 5000;
/// How many lines of history are kept.
const MOST_HISTORY: usize = 500;
/// Candidates shown at once.
const MOST_CANDIDATES: usize = 60;

/// The state of the prompt.
#[derive(Clone, Debug, Default)]
pub struct Repl {
    /// The stop it speaks with.
    pub stop: Option<StopId>,
    /// The person asked for this one, and wants its prompt.
    pub wanted: Option<StopId>,
    /// The person was at a prompt when its stop ended, and has not turned away: the next stop's
    /// prompt opens in its place.
    pub stays: bool,
    /// Everything said.
    pub lines: VecDeque<Line>,
    /// The line being typed.
    pub editor: Editor,
    /// How many lines above the end the view stands; 0 follows.
    pub back: usize,
    history: Vec<String>,
    recalled: Option<usize>,
    number: u64,
    asked: Option<(u64, Editor)>,
    pending: Vec<u64>,
    /// Ctrl-C in a row at an empty prompt.
    pub interrupts: u8,
}

impl Repl {
    /// Whether an answer is on its way.
    #[must_use]
    pub fn is_waiting(&self) -> bool {
        !self.pending.is_empty()
    }

    /// A stop has the seat, and its prompt opens.
    pub fn seated(&mut self, model: &Model, stop: StopId, banner: &[Line]) {
        self.stop = Some(stop);
        self.pending.clear();
        self.back = 0;
        let who = model.stop(stop).map_or_else(String::new, |row| row.actor.to_string());
        self.say(Line(vec![Span::new(Role::Strong, format!("-- stop {} {who}", stop.0))]));
        banner.iter().for_each(|line| self.say(line.clone()));
    }

    /// The stop is over, or another console's.
    pub fn left(&mut self, why: &str) {
        if self.stop.take().is_some() {
            self.pending.clear();
            self.say(Line(vec![Span::new(Role::Quiet, format!("-- {why}"))]));
        }
    }

    /// The engine answered.
    pub fn replied(&mut self, stop: StopId, line: u64, reply: &Reply) {
        if self.stop != Some(stop) {
            return;
        }
        self.pending.retain(|number| *number != line);
        reply.lines.iter().for_each(|line| self.say(line.clone()));
        match reply.next {
            Next::Prompt => {}
            Next::Continue => self.left("it goes on"),
            Next::Quit => self.left("its task quits"),
        }
    }

    /// Candidates came; they count only for the line that asked for them.
    pub fn completed(&mut self, number: u64, completion: &Completion) {
        let Some((asked, editor)) = self.asked.take() else { return };
        if asked != number || editor != self.editor {
            return;
        }
        let Some(first) = completion.candidates.first() else { return };
        let common = completion.candidates.iter().fold(first.as_str(), |common, other| shared_start(common, other));
        let typed = self.editor.before().len().saturating_sub(completion.start);
        if common.len() > typed || completion.candidates.len() == 1 {
            self.editor.replace_from(completion.start, common);
        } else {
            let mut text = completion.candidates.iter().take(MOST_CANDIDATES).cloned().collect::<Vec<_>>().join("  ");
            if completion.candidates.len() > MOST_CANDIDATES {
                text.push_str(&format!("  and {} more", completion.candidates.len() - MOST_CANDIDATES));
            }
            self.say(Line(vec![Span::new(Role::Quiet, text)]));
        }
    }

    /// A key for the prompt; what to tell the hub, or `None` if the key is none of the prompt's.
    pub fn press(&mut self, model: &Model, key: Key) -> Option<Vec<ToHub>> {
        let stop = self.stop?;
        if key != Key::Ctrl('c') {
            self.interrupts = 0;
        }
        match key {
            Key::Enter => return Some(self.enter(model, stop)),
            Key::Tab => {
                self.number += 1;
                self.asked = Some((self.number, self.editor.clone()));
                let (text, cursor) = (self.editor.text().to_owned(), self.editor.cursor());
                return Some(vec![ToHub::Complete { stop, line: self.number, text, cursor }]);
            }
            Key::Ctrl('c') => {
                if self.editor.text().is_empty() {
                    self.interrupts += 1;
                } else {
                    self.interrupts = 0;
                    self.editor.take();
                }
            }
            Key::Up | Key::Ctrl('p') => self.recall(-1),
            Key::Down | Key::Ctrl('n') => self.recall(1),
            Key::PageUp => self.back = (self.back + 10).min(self.lines.len().saturating_sub(1)),
            Key::PageDown => self.back = self.back.saturating_sub(10),
            key => {
                if !self.editor.press(key) {
                    return None;
                }
                self.recalled = None;
            }
        }
        Some(vec![])
    }

    fn enter(&mut self, model: &Model, stop: StopId) -> Vec<ToHub> {
        let line = self.editor.take();
        self.back = 0;
        self.recalled = None;
        if !line.trim().is_empty() && self.history.last() != Some(&line) {
            self.history.push(line.clone());
            if self.history.len() > MOST_HISTORY {
                self.history.remove(0);
            }
        }
        let prompt = front::prompt(model.stop(stop));
        self.say(Line(vec![Span::new(Role::Name, prompt), Span::new(Role::Plain, line.clone())]));
        match front::hear(model, stop, &line) {
            Heard::Answer(lines) => {
                lines.into_iter().for_each(|line| self.say(line));
                vec![]
            }
            Heard::Ask(message, lines) => {
                lines.into_iter().for_each(|line| self.say(line));
                if let ToHub::Seat { stop } = message {
                    self.wanted = Some(stop);
                }
                vec![message]
            }
            Heard::Engine => {
                self.number += 1;
                self.pending.push(self.number);
                vec![ToHub::Line { stop, line: self.number, text: line }]
            }
        }
    }

    fn recall(&mut self, by: isize) {
        let here = self.recalled.unwrap_or(self.history.len());
        let there = here.saturating_add_signed(by).min(self.history.len());
        self.recalled = (there < self.history.len()).then_some(there);
        self.editor = Editor::with(self.history.get(there).map_or("", String::as_str));
    }

    fn say(&mut self, line: Line) {
        self.lines.push_back(line);
        if self.back > 0 {
            self.back += 1;
        }
        if self.lines.len() > MOST_LINES {
            self.lines.pop_front();
        }
    }
}

fn shared_start<'a>(one: &'a str, other: &str) -> &'a str {
    let end = one.char_indices().zip(other.chars()).find(|((_, a), b)| a != b).map_or(one.len().min(other.len()), |((at, _), _)| at);
    one.get(..end).unwrap_or("")
}
