//! What was captured: shown, computed with, and set.
use coulter_proto::repl::{Line, Role, Span};
use serde_json::Value;

use super::super::capture::{Capture, Settable};
use super::super::expr::{self, Fault, Names};
use super::super::names::short_type;
use super::{error, quiet, usage};

/// No longer line of a value is shown by `locals`, and by `p`.
const LOCALS_WIDTH: usize = 120;
const PRINT_WIDTH: usize = 4000;
/// No more lines are shown by `pp`.
const PRETTY_LINES: usize = 400;

/// The captured values, and what became of them.
pub(super) struct Values {
    captures: Vec<Capture>,
    names: Names,
    sets: Vec<(String, Value)>,
}

impl Values {
    pub(super) fn new(captures: Vec<Capture>) -> Self {
        let mut names = Names::new();
        for capture in &captures {
            if let Some(Ok(value)) = &capture.value {
                names.insert(capture.name.to_owned(), value.clone());
            }
        }
        Self { captures, names, sets: Vec::new() }
    }

    /// The captures' names.
    pub(super) fn names(&self) -> Vec<&'static str> {
        self.captures.iter().map(|capture| capture.name).collect()
    }
    /// What an expression can name.
    pub(super) fn known(&self) -> &Names {
        &self.names
    }
    /// The names that were set.
    pub(super) fn set_names(&self) -> Vec<&str> {
        self.sets.iter().map(|(name, _)| name.as_str()).collect()
    }
    /// What was set.
    pub(super) fn into_sets(self) -> Vec<(String, Value)> {
        self.sets
    }

    fn capture(&self, name: &str) -> Option<&Capture> {
        // The innermost of two of one name.
        self.captures.iter().rev().find(|capture| capture.name == name)
    }
    fn is_set(&self, name: &str) -> bool {
        self.sets.iter().any(|(set, _)| set == name)
    }

    /// A capture as it was, or as it will be.
    fn text_of(&self, capture: &Capture, pretty: bool) -> String {
        if let Some((short, long)) = &capture.debug
            && !self.is_set(capture.name)
        {
            return if pretty { long.clone() } else { short.clone() };
        }
        match self.names.get(capture.name) {
            Some(value) if pretty => expr::pretty(value),
            Some(value) => expr::compact(value),
            None => match &capture.value {
                Some(Err(why)) => format!("(its Serialize failed: {why})"),
                _ => format!("({} is neither Debug nor Serialize)", short_type(capture.type_name)),
            },
        }
    }

    /// `locals`
    pub(super) fn locals(&self) -> Vec<Line> {
        if self.captures.is_empty() {
            return vec![quiet("nothing was captured here: `pause!(a, &mut b, total = x + y)` brings values along")];
        }
        let mut lines: Vec<Line> = self
            .captures
            .iter()
            .map(|capture| {
                let mut spans = vec![
                    Span::new(Role::Name, capture.name),
                    Span::new(Role::Quiet, format!(": {} = ", short_type(capture.type_name))),
                    Span::new(Role::Value, shortened(&self.text_of(capture, false), LOCALS_WIDTH)),
                ];
                if self.is_set(capture.name) {
                    spans.push(Span::new(Role::Warning, "  (set; written when it goes on)"));
                } else if matches!(capture.settable, Settable::Yes(_)) {
                    spans.push(Span::new(Role::Quiet, "  (can be set)"));
                }
                Line(spans)
            })
            .collect();
        lines.push(quiet("these are what the pause!() names; name more there to see more here"));
        lines
    }

    /// `p` and `pp`
    pub(super) fn print(&mut self, text: &str, pretty: bool) -> (Vec<Line>, Option<Value>) {
        if let Some(capture) = self.capture(text) {
            let shown = self.text_of(capture, pretty);
            let note = Span::new(Role::Quiet, format!("  {}", short_type(capture.type_name)));
            let value = self.names.get(text).cloned();
            self.keep(value.as_ref());
            return (value_lines(&shown, pretty, Some(note)), value);
        }
        match expr::evaluate(text, &self.names) {
            Ok(value) => {
                let shown = if pretty { expr::pretty(&value) } else { expr::compact(&value) };
                self.keep(Some(&value));
                (value_lines(&shown, pretty, None), Some(value))
            }
            Err(fault) => (self.explain(text, &fault), None),
        }
    }

    /// `_` is the last value.
    fn keep(&mut self, value: Option<&Value>) {
        if let Some(value) = value {
            self.names.insert("_".to_owned(), value.clone());
        }
    }

    /// Says where an expression went wrong, and what is the matter with a name that has no value.
    fn explain(&self, text: &str, fault: &Fault) -> Vec<Line> {
        let word: String = text.get(fault.at..).unwrap_or_default().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
        let opaque = self.capture(&word).filter(|capture| !matches!(capture.value, Some(Ok(_))));
        let mut lines = caret(text, fault.at);
        match opaque {
            Some(capture) => lines.push(error(format!(
                "`{word}` can be shown as a whole (`p {word}`), but not computed with: {}",
                match &capture.value {
                    Some(Err(why)) => format!("its Serialize failed: {why}"),
                    _ => format!("derive Serialize for {}", short_type(capture.type_name)),
                }
            ))),
            None => lines.push(error(fault.message.clone())),
        }
        lines
    }

    /// `whatis`
    pub(super) fn what_is(&self, text: &str) -> Vec<Line> {
        if text.is_empty() {
            return vec![usage("whatis")];
        }
        if let Some(capture) = self.capture(text) {
            let short = short_type(capture.type_name);
            let mut spans = vec![Span::new(Role::Value, short.clone())];
            if short != capture.type_name {
                spans.push(Span::new(Role::Quiet, format!("  {}", capture.type_name)));
            }
            return vec![Line(spans)];
        }
        match expr::evaluate(text, &self.names) {
            Ok(value) => {
                let size = match &value {
                    Value::Array(items) => format!(" of {}", items.len()),
                    Value::Object(fields) => format!(" with {}", fields.keys().take(16).cloned().collect::<Vec<_>>().join(", ")),
                    _ => String::new(),
                };
                vec![Line(vec![Span::new(Role::Value, format!("{}{size}", expr::kind(&value)))])]
            }
            Err(fault) => self.explain(text, &fault),
        }
    }

    /// `set`
    pub(super) fn set(&mut self, text: &str) -> Vec<Line> {
        if text.is_empty() {
            return vec![usage("set")];
        }
        let assigned = match expr::assign(text, &self.names) {
            Ok(assigned) => assigned,
            Err(fault) => return self.explain(text, &fault),
        };
        let root = assigned.root.as_str();
        let refused = match self.capture(root).map(|capture| (capture, capture.settable)) {
            None => Some(format!("`{root}` was not captured, so it cannot be set")),
            Some((_, Settable::No)) => Some(format!("`{root}` was captured as it is: write `pause!(&mut {root})` to be able to set it")),
            Some((capture, Settable::NotDeserialize)) => Some(format!("`{root}` cannot be set: derive Deserialize for {}", short_type(capture.type_name))),
            Some((capture, Settable::Yes(check))) => {
                check(&assigned.whole).err().map(|why| format!("this is no {}: {}", short_type(capture.type_name), plain_words(&why)))
            }
        };
        if let Some(why) = refused {
            return vec![error(why)];
        }
        let place = text.split(['=', '+', '-', '*', '/']).next().unwrap_or_default().trim();
        let line = Line(vec![
            Span::new(Role::Name, place),
            Span::new(Role::Quiet, " = "),
            Span::new(Role::Value, shortened(&expr::compact(&assigned.value), LOCALS_WIDTH)),
            Span::new(Role::Quiet, "  (written when it goes on)"),
        ]);
        let root = assigned.root;
        self.sets.retain(|(name, _)| *name != root);
        self.names.insert(root.clone(), assigned.whole.clone());
        self.sets.push((root, assigned.whole));
        vec![line]
    }
}

/// A value of one line, or of several.
fn value_lines(text: &str, pretty: bool, note: Option<Span>) -> Vec<Line> {
    let text = if pretty { text.to_owned() } else { shortened(text, PRINT_WIDTH) };
    let mut parts = text.lines();
    let mut lines: Vec<Line> = parts.by_ref().take(PRETTY_LINES).map(|part| Line(vec![Span::new(Role::Value, clean(part))])).collect();
    let rest = parts.count();
    if rest > 0 {
        lines.push(quiet(format!("… {rest} more lines; look at a part of it")));
    }
    if lines.is_empty() {
        lines.push(Line::default());
    }
    if let (Some(note), Some(first)) = (note, lines.first_mut()) {
        first.0.push(note);
    }
    lines
}

/// Cut to a number of characters, without anything a terminal would obey.
fn shortened(text: &str, width: usize) -> String {
    let text = clean(&text.replace('\n', " "));
    if text.chars().count() <= width {
        return text;
    }
    let mut cut: String = text.chars().take(width).collect();
    cut.push('…');
    cut
}

fn clean(text: &str) -> String {
    text.replace('\t', "    ").chars().filter(|c| !c.is_control()).collect()
}

/// The text with a mark under the place.
fn caret(text: &str, at: usize) -> Vec<Line> {
    let before = text.get(..at).unwrap_or(text).chars().count();
    vec![Line(vec![Span::new(Role::Plain, format!("  {text}"))]), Line(vec![Span::new(Role::Error, format!("  {}^", " ".repeat(before)))])]
}

/// `serde_json` puts a place behind its words that means nothing for a value.
fn plain_words(why: &str) -> &str {
    why.split(" at line ").next().unwrap_or(why)
}
