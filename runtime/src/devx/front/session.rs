//! The front's conversation: which stop has the terminal, what is typed, what is answered.
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use coulter_proto::hub::{FromHub, ToHub};
use coulter_proto::id::StopId;
use coulter_proto::observe::{Model, StopStatus};
use coulter_proto::repl::{Line, Next, Reply, Role, Span};

use super::Shared;
use super::prompt::{Prompt, Typed};

/// How long a stop may be without us before it is said that somebody else attends to it.
const ELSEWHERE: Duration = Duration::from_millis(500);
/// How long an answer from the hub itself may take.
pub(super) const ANSWER: Duration = Duration::from_secs(2);
/// So many Ctrl-C at an empty prompt ask what is meant.
const MEANT: u32 = 3;

/// Shows text to the person.
pub(super) type Show = Box<dyn Fn(&[Line]) + Send>;

/// A stop that has our terminal, and what to show first.
type Seated = (StopId, Vec<Line>);

/// How a session ended.
#[derive(Debug)]
pub(super) enum Left {
    /// This stop is done with.
    Over,
    /// Another one is next.
    For(Seated),
    /// The tree ends, or the hub is gone.
    Ended,
}

/// The front.
pub(super) struct Session {
    pub(super) shared: Arc<Shared>,
    pub(super) events: Receiver<FromHub>,
    pub(super) prompt: Box<dyn Prompt>,
    pub(super) show: Show,
    pub(super) model: Model,
    /// Whether it was said that somebody else attends.
    said_elsewhere: bool,
}

impl Session {
    pub(super) fn new(shared: Arc<Shared>, events: Receiver<FromHub>, prompt: Box<dyn Prompt>, show: Show) -> Self {
        Self { shared, events, prompt, show, model: Model::new(), said_elsewhere: false }
    }

    /// Attends to stops until the tree ends.
    pub(super) fn run(&mut self) {
        let mut next = None;
        loop {
            let seated = match next.take() {
                Some(seated) => seated,
                None => match self.wait() {
                    Some(seated) => seated,
                    None => return,
                },
            };
            self.shared.opens();
            let left = self.attend(seated);
            self.shared.closes();
            match left {
                Left::Over => {}
                Left::For(seated) => next = Some(seated),
                Left::Ended => return,
            }
        }
    }

    /// Waits for the seat; `None` when the tree ends.
    fn wait(&mut self) -> Option<Seated> {
        loop {
            let waits = !self.model.stops().is_empty() && !self.said_elsewhere;
            let message = if waits {
                match self.events.recv_timeout(ELSEWHERE) {
                    Ok(message) => message,
                    Err(RecvTimeoutError::Timeout) => {
                        self.say_elsewhere();
                        continue;
                    }
                    Err(RecvTimeoutError::Disconnected) => return None,
                }
            } else {
                self.events.recv().ok()?
            };
            match message {
                FromHub::Seated { stop, banner } => return Some((stop, banner)),
                FromHub::Ending => return None,
                other => self.note(&other),
            }
        }
    }

    fn say_elsewhere(&mut self) {
        self.said_elsewhere = true;
        let seated = self.model.stops().iter().find(|stop| stop.status == StopStatus::Seated);
        if let Some(stop) = seated {
            let text = format!("{} is stopped at {}; another console attends to it", stop.actor, stop.place);
            (self.show)(&[quiet(text)]);
        }
    }

    /// Keeps what a message tells.
    pub(super) fn note(&mut self, message: &FromHub) {
        self.model.apply(message);
        if self.model.stops().is_empty() {
            self.said_elsewhere = false;
        }
    }

    /// What a message means for the stop that is attended to; `None` when nothing.
    pub(super) fn meant(&mut self, stop: StopId, message: FromHub) -> Option<Left> {
        match message {
            FromHub::Seated { stop: other, banner } if other != stop => Some(Left::For((other, banner))),
            FromHub::Unseated { stop: gone } if gone == stop => {
                (self.show)(&[quiet("this prompt was closed: the stop is over, or somebody else attends to it")]);
                Some(Left::Over)
            }
            FromHub::Ending => Some(Left::Ended),
            FromHub::Stops(stops) if stops.iter().all(|row| row.id != stop) => {
                self.note(&FromHub::Stops(stops));
                (self.show)(&[quiet("this stop is over: its actor ended, or somebody else let it go on")]);
                Some(Left::Over)
            }
            other => {
                self.note(&other);
                None
            }
        }
    }

    fn attend(&mut self, (stop, banner): Seated) -> Left {
        self.shared.interrupt.serve(Some(stop));
        let mut lines = banner;
        let others = self.model.stops().iter().filter(|row| row.id != stop).count();
        if others > 0 {
            lines.push(quiet(format!(
                "{others} more {} for this terminal: `stops` lists them, `seat N` enters one",
                if others == 1 { "waits" } else { "wait" }
            )));
        }
        lines.push(quiet("`help` lists the commands, `c` goes on"));
        (self.show)(&lines);
        let left = self.converse(stop);
        self.shared.interrupt.serve(None);
        left
    }

    fn converse(&mut self, stop: StopId) -> Left {
        let mut interrupts = 0;
        loop {
            while let Ok(message) = self.events.try_recv() {
                if let Some(left) = self.meant(stop, message) {
                    return left;
                }
            }
            let prompt = self.prompt_for(stop);
            let typed = self.prompt.read(&prompt, true);
            if !matches!(typed, Typed::Interrupted { empty: true }) {
                interrupts = 0;
            }
            let left = match typed {
                Typed::Line(text) => self.line(stop, &text),
                Typed::Interrupted { empty: false } => None,
                Typed::Interrupted { empty: true } => {
                    interrupts += 1;
                    if interrupts < MEANT {
                        None
                    } else {
                        interrupts = 0;
                        self.ask_what_is_meant(stop)
                    }
                }
                Typed::End => self.ask_what_is_meant(stop),
                Typed::Cancelled => Some(self.ended_from_outside(stop)),
                Typed::Broken => {
                    // Nobody is there any more: the stop must not hold the tree.
                    let _ = self.shared.link.send(&ToHub::Continue { stop });
                    Some(Left::Over)
                }
            };
            if let Some(left) = left {
                return left;
            }
        }
    }

    fn prompt_for(&self, stop: StopId) -> String {
        self.model.stop(stop).map_or_else(|| "coulter> ".to_owned(), |row| format!("coulter({})> ", row.actor))
    }

    /// The message that ended the prompt is right behind.
    fn ended_from_outside(&mut self, stop: StopId) -> Left {
        loop {
            match self.events.recv() {
                Ok(message) => {
                    if let Some(left) = self.meant(stop, message) {
                        return left;
                    }
                }
                Err(_) => return Left::Ended,
            }
        }
    }

    fn line(&mut self, stop: StopId, text: &str) -> Option<Left> {
        match self.tree_command(stop, text) {
            Some(done) => done,
            None => self.ask_engine(stop, text),
        }
    }

    /// Hands a line to the engine and shows its answer.
    pub(super) fn ask_engine(&mut self, stop: StopId, text: &str) -> Option<Left> {
        let line = self.shared.number();
        if self.shared.link.send(&ToHub::Line { stop, line, text: text.to_owned() }).is_err() {
            return Some(Left::Ended);
        }
        loop {
            match self.events.recv() {
                Err(_) => return Some(Left::Ended),
                Ok(FromHub::Reply { stop: from, line: answered, reply }) if from == stop && answered == line => {
                    return self.answered(&reply);
                }
                Ok(FromHub::Refused { why }) => {
                    (self.show)(&[error(why)]);
                    return None;
                }
                Ok(message) => {
                    if let Some(left) = self.meant(stop, message) {
                        return Some(left);
                    }
                }
            }
        }
    }

    fn answered(&mut self, reply: &Reply) -> Option<Left> {
        if !reply.lines.is_empty() {
            (self.show)(&reply.lines);
        }
        match reply.next {
            Next::Prompt => None,
            Next::Continue | Next::Quit => Some(Left::Over),
        }
    }

    /// Many Ctrl-C, or Ctrl-D: what is meant?
    fn ask_what_is_meant(&mut self, stop: StopId) -> Option<Left> {
        let question = "[s]tay, [g]o on, [q]uit this stop (its task fails), or [c]ancel the tree? ";
        match self.prompt.read(question, false) {
            Typed::Line(answer) => match answer.trim().chars().next().map(|first| first.to_ascii_lowercase()) {
                Some('g') => self.ask_engine(stop, "continue"),
                Some('q') => self.ask_engine(stop, "quit"),
                Some('c') => {
                    let root = self.model.tree().map(|tree| tree.root.uuid);
                    if let Some(actor) = root {
                        let _ = self.shared.link.send(&ToHub::Cancel { actor, context: None });
                    }
                    self.ask_engine(stop, "continue")
                }
                _ => None,
            },
            Typed::Interrupted { .. } => None,
            Typed::Cancelled => Some(self.ended_from_outside(stop)),
            Typed::End | Typed::Broken => self.ask_engine(stop, "continue"),
        }
    }
}

pub(super) fn quiet(text: impl Into<String>) -> Line {
    Line(vec![Span::new(Role::Quiet, text)])
}
pub(super) fn error(text: impl Into<String>) -> Line {
    Line(vec![Span::new(Role::Error, text)])
}
