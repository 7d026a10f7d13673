//! The engine: a line of text in, a structured reply out, on the halted thread.
//!
//! It knows the scene it was halted at (place, frames, captured values) and nothing of terminals,
//! sockets or the tree; commands about those are answered by the front, before a line gets here.
mod commands;
mod complete;
mod help;
mod show;
mod values;

use coulter_proto::observe::StopReason;
use coulter_proto::repl::{Line, Next, Reply, Role, Span};
use serde_json::Value;

use super::capture::Capture;
use super::names::short_type;
use super::stack::{Captured, Frame};
use commands::Verb;
use values::Values;

/// All that is known when a thread halts.
pub(super) struct Scene {
    reason: StopReason,
    file: String,
    line: u32,
    function: String,
    captures: Vec<Capture>,
    stack: Option<Captured>,
    frames: Vec<Frame>,
    /// Of an error: its type, and what stands behind it.
    causes: Vec<String>,
}

impl Scene {
    /// A scene at `file:line`; an empty file where the place is not known.
    pub(super) fn new(reason: StopReason, file: &str, line: u32, function: &str) -> Self {
        Self { reason, file: file.to_owned(), line, function: function.to_owned(), captures: Vec::new(), stack: None, frames: Vec::new(), causes: Vec::new() }
    }
    /// The values that were named.
    pub(super) fn with_captures(mut self, captures: Vec<Capture>) -> Self {
        self.captures = captures;
        self
    }
    /// The thread's own frames, looked up when asked for.
    pub(super) fn with_stack(mut self, stack: Captured) -> Self {
        self.stack = Some(stack);
        self
    }
    /// Frames that were kept as text.
    pub(super) fn with_frames(mut self, frames: Vec<Frame>) -> Self {
        self.frames = frames;
        self
    }
    /// An error's type and causes.
    pub(super) fn with_causes(mut self, type_name: &str, causes: &[String]) -> Self {
        // That a text is an error says nothing more than the text.
        let short = short_type(type_name);
        if !matches!(short.as_str(), "" | "String" | "&str" | "str") {
            self.causes.push(format!("of type {short}"));
        }
        self.causes.extend(causes.iter().map(|cause| format!("because: {cause}")));
        self
    }
    /// Looks the frames up, and puts the place itself first: it is known without debug information.
    fn look_up(&mut self) {
        if let Some(stack) = self.stack.take() {
            self.frames = stack.frames();
        }
        if self.function.is_empty() {
            self.function = self.frames.first().map(|frame| frame.function.clone()).unwrap_or_default();
        }
        if self.file.is_empty() {
            return;
        }
        let line = (self.line > 0).then_some(self.line);
        let known = |frame: &Frame| {
            let same_file = frame.file.as_ref().is_some_and(|file| file.ends_with(&self.file));
            frame.line == line && same_file
        };
        match self.frames.first_mut() {
            Some(first) if known(first) => {}
            // A panic of the standard library's is laid at its caller's door.
            Some(first) if first.function == self.function => {
                first.file = Some(self.file.clone());
                first.line = line;
            }
            _ => {
                let function = if self.function.is_empty() { "?".to_owned() } else { self.function.clone() };
                let file = Some(self.file.clone());
                self.frames.insert(0, Frame { function, file, line, folded: 0 });
            }
        }
    }
}

/// One stop's engine.
pub(super) struct Engine {
    scene: Scene,
    actor: String,
    task: String,
    looked_up: bool,
    /// The frame looked at.
    at: usize,
    /// Where the next `list` without a line goes on.
    listed: Option<usize>,
    values: Values,
    /// What an empty line repeats.
    last: Option<String>,
    detached: bool,
    cancel: bool,
}

impl Engine {
    /// An engine for a scene, in a task of an actor.
    pub(super) fn new(mut scene: Scene, actor: String, task: String) -> Self {
        let values = Values::new(std::mem::take(&mut scene.captures));
        let looked_up = scene.stack.is_none();
        if looked_up {
            scene.look_up();
        }
        Self { scene, actor, task, looked_up, at: 0, listed: None, values, last: None, detached: false, cancel: false }
    }

    /// Why it stopped.
    pub(super) fn reason(&self) -> &StopReason {
        &self.scene.reason
    }
    /// `file:line`, or what is known.
    pub(super) fn place(&self) -> String {
        if self.scene.file.is_empty() {
            return self.scene.frames.first().map_or_else(|| "no line known".to_owned(), Frame::place);
        }
        format!("{}:{}", self.scene.file, self.scene.line)
    }
    /// The function, short.
    pub(super) fn function(&self) -> &str {
        &self.scene.function
    }
    /// Whether somebody asked for no more stops here.
    pub(super) fn detached(&self) -> bool {
        self.detached
    }
    /// Whether somebody asked to cancel the actor; told once.
    pub(super) fn take_cancel(&mut self) -> bool {
        std::mem::take(&mut self.cancel)
    }
    /// What was set, to be written back.
    pub(super) fn into_sets(self) -> Vec<(String, Value)> {
        self.values.into_sets()
    }

    fn frames(&mut self) -> &[Frame] {
        if !self.looked_up {
            self.looked_up = true;
            self.scene.look_up();
        }
        &self.scene.frames
    }

    /// Answers one line.
    pub(super) fn line(&mut self, text: &str) -> Reply {
        let text = text.trim();
        let repeated;
        let text = if text.is_empty() {
            match self.last.take() {
                Some(last) => {
                    repeated = last;
                    repeated.as_str()
                }
                None => return reply(Vec::new()),
            }
        } else {
            text
        };
        let (word, rest) = split_word(text);
        let Some(command) = commands::find(word).filter(|_| commands::reads_as_command(rest)) else {
            return self.print(text, false);
        };
        self.last = command.repeats.then(|| text.to_owned());
        match command.verb {
            Verb::Help => reply(help::help(rest)),
            Verb::Where => reply(self.show_frames()),
            Verb::Up => self.go(rest, 1),
            Verb::Down => self.go(rest, -1),
            Verb::Frame => self.go_to(rest),
            Verb::List => reply(self.list(rest)),
            Verb::LongList => reply(self.long_list()),
            Verb::Locals => reply(self.values.locals()),
            Verb::Print => self.print(rest, false),
            Verb::PrettyPrint => self.print(rest, true),
            Verb::WhatIs => reply(self.values.what_is(rest)),
            Verb::Set => reply(self.values.set(rest)),
            Verb::Continue => ends(self.going_on(), Next::Continue),
            Verb::Detach => {
                self.detached = true;
                ends(vec![quiet("goes on; no more stops here")], Next::Continue)
            }
            Verb::Quit => ends(vec![quiet(format!("`{}` fails with DebugQuit", self.task))], Next::Quit),
            Verb::Cancel => {
                self.cancel = true;
                ends(vec![quiet(format!("{} is cancelled", self.actor))], Next::Continue)
            }
            Verb::Front => reply(vec![
                Line::plain(format!("`{word}` is answered where the terminal is, and this one does not know it.")),
                quiet("`coulter tree`, `coulter contexts`, `coulter channels` in another terminal show the same"),
            ]),
            Verb::Later(why) => {
                let mut lines = vec![Line::plain(why)];
                if self.values.names().contains(&word) {
                    lines.push(quiet(format!("`p {word}` prints what was captured as `{word}`")));
                }
                reply(lines)
            }
        }
    }

    fn going_on(&self) -> Vec<Line> {
        let names = self.values.set_names();
        if names.is_empty() { Vec::new() } else { vec![quiet(format!("set: {}", names.join(", ")))] }
    }

    fn print(&mut self, text: &str, pretty: bool) -> Reply {
        if text.is_empty() {
            return reply(vec![usage(if pretty { "pp" } else { "p" })]);
        }
        let (lines, value) = self.values.print(text, pretty);
        Reply { lines, value, next: Next::Prompt }
    }
}

/// The first word, and what follows it.
fn split_word(text: &str) -> (&str, &str) {
    let end = text.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == '?')).unwrap_or(text.len());
    // `!shell` and the like are words by their sign.
    let end = if end == 0 { text.chars().next().map_or(0, char::len_utf8) } else { end };
    (&text[..end], text[end..].trim())
}

fn reply(lines: Vec<Line>) -> Reply {
    Reply { lines, value: None, next: Next::Prompt }
}
fn ends(lines: Vec<Line>, next: Next) -> Reply {
    Reply { lines, value: None, next }
}
fn quiet(text: impl Into<String>) -> Line {
    Line(vec![Span::new(Role::Quiet, text)])
}
fn error(text: impl Into<String>) -> Line {
    Line(vec![Span::new(Role::Error, text)])
}
/// How a command is written.
fn usage(word: &str) -> Line {
    match commands::find(word) {
        Some(command) => error(format!("usage: {} (`help {}` tells more)", command.usage(), command.name())),
        None => error(format!("`{word}` is no command")),
    }
}

#[cfg(test)]
mod tests;
