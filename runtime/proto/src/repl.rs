//! What the debugger's engine (in the stopped actor) says to its front (wherever the terminal is).
use serde::{Deserialize, Serialize};

/// What a piece of text means; the front chooses the colour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Role {
    /// As it is.
    #[default]
    Plain,
    /// A heading, or the current line.
    Strong,
    /// Of less interest: types, paths, numbers of lines.
    Quiet,
    /// A name.
    Name,
    /// A value.
    Value,
    /// An error.
    Error,
    /// Something to notice.
    Warning,
    /// A key word of source text.
    Keyword,
    /// A literal of source text.
    Literal,
    /// A comment of source text.
    Comment,
}

/// A piece of text with one role.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    /// What it means.
    pub role: Role,
    /// The text, without line breaks.
    pub text: String,
}

impl Span {
    /// A piece of text with a role.
    pub fn new(role: Role, text: impl Into<String>) -> Self {
        Self { role, text: text.into() }
    }
}

/// A line of text.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line(pub Vec<Span>);

impl Line {
    /// A line of plain text.
    pub fn plain(text: impl Into<String>) -> Self {
        Self(vec![Span::new(Role::Plain, text)])
    }
    /// The text without roles.
    #[must_use]
    pub fn text(&self) -> String {
        self.0.iter().map(|span| span.text.as_str()).collect()
    }
}

/// What happens after a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Next {
    /// The prompt again.
    Prompt,
    /// The stop is over: the task goes on.
    Continue,
    /// The stop is over: the task fails with `DebugQuit`.
    Quit,
}

/// The engine's answer to one line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reply {
    /// To be shown.
    pub lines: Vec<Line>,
    /// The value, where the line had one.
    pub value: Option<serde_json::Value>,
    /// What comes next.
    pub next: Next,
}

/// Words that could stand at the cursor.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Completion {
    /// Where the word begins, in bytes from the start of the line.
    pub start: usize,
    /// The candidates, best first.
    pub candidates: Vec<String>,
}
