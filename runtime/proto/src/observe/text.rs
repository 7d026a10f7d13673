//! A tree in lines of text, the same for a command line and for a prompt: aligned, bounded, and
//! free of anything a terminal would obey.
//!
//! Lines carry roles, never colours; whoever prints them decides what a role looks like.
use super::model::{Linked, Model, is_over};
use super::{ActorRow, ActorState, DialogKind, Phase, StopReason, StopStatus};
use crate::id::{Aid, ContextKey};
use crate::repl::{Line, Role, Span};

/// The longest list printed; what lies beyond is counted in a last line.
pub const MOST_LINES: usize = 1000;
/// The longest field of a row.
const FIELD: usize = 48;
/// The longest text at the end of a row.
const TAIL: usize = 160;

/// Text that came from somewhere else, made fit for a terminal: no escape sequences, no control
/// characters, nothing that turns the direction of writing, at most `most` characters (the last
/// then is `…`).
#[must_use]
pub fn clean(text: &str, most: usize) -> String {
    let mut out = String::with_capacity(text.len().min(most * 4));
    let mut room = most;
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let c = match c {
            '\u{1b}' => {
                skip_escape(&mut chars);
                continue;
            }
            '\u{9b}' => {
                skip_control_sequence(&mut chars);
                continue;
            }
            '\n' | '\r' | '\t' => ' ',
            c if c.is_control() || is_unseen(c) => continue,
            c => c,
        };
        if room == 0 {
            if out.pop().is_some() {
                out.push('…');
            }
            break;
        }
        room -= 1;
        out.push(c);
    }
    out
}

fn skip_escape(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) {
    match chars.peek() {
        Some('[') => {
            chars.next();
            skip_control_sequence(chars);
        }
        // A string (title, clipboard, device control): all of it up to its terminator.
        Some(']' | 'P' | '_' | '^' | 'X') => {
            while let Some(c) = chars.next() {
                if c == '\u{7}' || c == '\u{9c}' {
                    break;
                }
                if c == '\u{1b}' {
                    if chars.peek() == Some(&'\\') {
                        chars.next();
                    }
                    break;
                }
            }
        }
        Some(_) => drop(chars.next()),
        None => {}
    }
}

fn skip_control_sequence(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) {
    while let Some(&c) = chars.peek() {
        if !('\u{20}'..='\u{7e}').contains(&c) {
            break;
        }
        chars.next();
        if ('\u{40}'..='\u{7e}').contains(&c) {
            break;
        }
    }
}

/// Characters that take no room and change what stands around them: directions, joiners, marks of
/// order, variation selectors, tags.
fn is_unseen(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fe00}'..='\u{fe0f}' | '\u{fff9}'..='\u{fffb}'
        | '\u{e0000}'..='\u{e0fff}')
}

/// A state in words.
#[must_use]
pub fn state(state: ActorState) -> String {
    match state {
        ActorState::Starting => "starting".into(),
        ActorState::Running => "running".into(),
        ActorState::Stopped => "stopped".into(),
        ActorState::Cancelling => "cancelling".into(),
        ActorState::Ended { status, asked } if status.is_clean() && asked => "ended".into(),
        ActorState::Ended { status, asked } if status.is_clean() || asked => {
            format!("ended, {status}")
        }
        ActorState::Ended { status, .. } => format!("died, {status}"),
    }
}

fn state_role(state: ActorState) -> Role {
    match state {
        ActorState::Running => Role::Value,
        ActorState::Stopped | ActorState::Starting | ActorState::Cancelling => Role::Warning,
        ActorState::Ended { status, asked } if status.is_clean() || asked => Role::Quiet,
        ActorState::Ended { .. } => Role::Error,
    }
}

/// A phase in words.
#[must_use]
pub fn phase(phase: &Phase) -> String {
    let by = |word: &str, who: &Option<Aid>| match who {
        Some(who) => format!("{word} by {}", clean(&who.to_string(), FIELD)),
        None => word.to_owned(),
    };
    match phase {
        Phase::Starting => "starting".into(),
        Phase::Started => "started".into(),
        Phase::Streaming => "streaming".into(),
        Phase::Draining => "draining".into(),
        Phase::Cancelling(who) => by("cancelling", who),
        Phase::Cancelled(who) => by("cancelled", who),
        Phase::Done => "done".into(),
        Phase::Failed(why) => format!("failed: {}", clean(why, TAIL)),
    }
}

/// Why a stop is one, in words.
#[must_use]
pub fn reason(reason: &StopReason) -> String {
    match reason {
        StopReason::Pause => "pause".into(),
        StopReason::Panic(why) => format!("panic: {}", clean(why, TAIL)),
        StopReason::Error(why) => format!("error: {}", clean(why, TAIL)),
    }
}

/// The actors as a tree: name, pid, state, short id.
#[must_use]
pub fn tree(model: &Model) -> Vec<Line> {
    let rows = model.in_tree_order();
    let branches = branches(&rows);
    let table = rows
        .iter()
        .zip(branches)
        .map(|((_, row), branch)| {
            let now = model.state(row);
            let name = vec![Span::new(Role::Quiet, branch), Span::new(Role::Name, clean(&row.aid.name, FIELD))];
            let notes =
                if now == ActorState::Running && row.busy_for >= 1_000_000 { format!("busy for {} s", row.busy_for / 1_000_000) } else { String::new() };
            vec![
                Line(name),
                cell(Role::Value, row.aid.pid.to_string()),
                cell(state_role(now), state(now)),
                cell(Role::Quiet, row.aid.short()),
                cell(Role::Warning, notes),
            ]
        })
        .collect();
    aligned(&["actor", "pid", "state", "id", ""], table, "actors")
}

/// For each row of a tree in order, the lines that lead to it.
#[must_use]
pub fn branches(rows: &[(usize, &ActorRow)]) -> Vec<String> {
    const DEEPEST: usize = 24;
    // Going up from the end: whether at each depth another row follows before the tree leaves it.
    let mut more = Vec::<bool>::new();
    let mut out = vec![String::new(); rows.len()];
    for (index, (depth, _)) in rows.iter().enumerate().rev() {
        let depth = *depth;
        let follows = more.get(depth).copied().unwrap_or(false);
        more.resize(depth + 1, false);
        more[depth] = true;
        let mut text = String::new();
        for more in more.iter().take(depth.min(DEEPEST)).skip(1) {
            text.push_str(if *more { "│  " } else { "   " });
        }
        if depth > 0 {
            text.push_str(if follows { "├─ " } else { "└─ " });
        }
        out[index] = text;
    }
    out
}

/// The contexts and calls, each once, those that go on first.
#[must_use]
pub fn contexts(model: &Model) -> Vec<Line> {
    let mut all: Vec<&Linked> = model.contexts().map(|(_, linked)| linked).collect();
    all.sort_by_key(|linked| (!linked.is_live(), linked.any().map(|row| row.opened)));
    let table = all
        .into_iter()
        .filter_map(|linked| {
            let row = linked.any()?;
            let role = match &row.phase {
                Phase::Failed(_) => Role::Error,
                Phase::Cancelling(_) | Phase::Cancelled(_) => Role::Warning,
                other if is_over(other) => Role::Quiet,
                _ => Role::Value,
            };
            Some(vec![
                cell(Role::Name, call(&row.endpoint, &row.arguments)),
                cell(Role::Plain, name(linked.from())),
                cell(Role::Plain, name(linked.to())),
                cell(Role::Quiet, if row.kind == DialogKind::Call { "call" } else { "context" }),
                cell(role, phase(&row.phase)),
                cell(Role::Value, format!("{}/{}", linked.down().0, linked.up().0)),
                cell(Role::Quiet, context_id(row.key)),
                cell(Role::Quiet, waiting(linked)),
            ])
        })
        .collect();
    aligned(&["endpoint", "from", "to", "kind", "phase", "down/up", "id", "waiting"], table, "contexts")
}

/// A context's id for people: the first digits of its opener's id, and its number there.
#[must_use]
pub fn context_id(key: ContextKey) -> String {
    let mut opener = key.opener.simple().to_string();
    opener.truncate(8);
    format!("{opener}:{}", key.n)
}

/// An endpoint with its arguments, bounded.
#[must_use]
pub fn call(endpoint: &str, arguments: &str) -> String {
    clean(&format!("{endpoint}({arguments})"), FIELD)
}

/// What each side of a context waits for.
#[must_use]
pub fn waiting(linked: &Linked) -> String {
    let sides = [("caller", &linked.caller), ("callee", &linked.callee)];
    let words: Vec<String> = sides
        .into_iter()
        .filter_map(|(side, row)| row.as_ref().filter(|row| !row.waiting.is_empty()).map(|row| (side, row)))
        .map(|(side, row)| format!("{side}: {}", clean(&row.waiting, FIELD)))
        .collect();
    words.join(", ")
}

/// The ends of channels.
#[must_use]
pub fn channels(model: &Model) -> Vec<Line> {
    let table = model
        .channels()
        .map(|row| {
            vec![
                cell(Role::Name, clean(&row.here.to_string(), FIELD)),
                cell(Role::Plain, clean(&row.there.to_string(), FIELD)),
                cell(Role::Quiet, clean(&row.transport, FIELD)),
                cell(Role::Value, format!("{}/{}", row.sent, row.received)),
                cell(Role::Value, format!("{}/{}", row.sent_bytes, row.received_bytes)),
                cell(Role::Value, row.unsent.to_string()),
                cell(Role::Value, row.dialogs.to_string()),
                cell(Role::Quiet, clean(&row.raddr, TAIL)),
            ]
        })
        .collect();
    let heads = ["here", "there", "over", "frames out/in", "bytes out/in", "unsent", "dialogs", "address"];
    aligned(&heads, table, "channels")
}

/// The seat's queue.
#[must_use]
pub fn stops(model: &Model) -> Vec<Line> {
    let table = model
        .stops()
        .iter()
        .map(|row| {
            let status = match row.status {
                StopStatus::Seated => "has the seat".to_owned(),
                StopStatus::Queued(place) => format!("waits, number {place}"),
            };
            let role = if row.reason == StopReason::Pause { Role::Warning } else { Role::Error };
            vec![
                cell(Role::Value, row.id.0.to_string()),
                cell(Role::Name, clean(&row.actor.to_string(), FIELD)),
                cell(Role::Plain, clean(&row.task, FIELD)),
                cell(Role::Plain, status),
                cell(Role::Quiet, clean(&row.place, FIELD)),
                cell(role, reason(&row.reason)),
            ]
        })
        .collect();
    aligned(&["stop", "actor", "task", "seat", "place", "why"], table, "stops")
}

fn name(aid: Option<&Aid>) -> String {
    aid.map_or_else(|| "?".to_owned(), |aid| clean(&aid.name, FIELD))
}

fn cell(role: Role, text: impl Into<String>) -> Line {
    Line(vec![Span::new(role, text)])
}

/// A heading and rows in columns as wide as their widest cell; the last column is left ragged.
fn aligned(heads: &[&str], mut table: Vec<Vec<Line>>, what: &str) -> Vec<Line> {
    if table.is_empty() {
        return vec![Line(vec![Span::new(Role::Quiet, format!("no {what}"))])];
    }
    let beyond = table.len().saturating_sub(MOST_LINES);
    table.truncate(MOST_LINES);
    let width = |line: &Line| line.0.iter().map(|span| span.text.chars().count()).sum::<usize>();
    let mut widths: Vec<usize> = heads.iter().map(|head| head.chars().count()).collect();
    for row in &table {
        for (column, line) in row.iter().enumerate() {
            widths[column] = widths[column].max(width(line));
        }
    }
    let heading = heads.iter().map(|head| cell(Role::Strong, *head)).collect();
    let mut lines: Vec<Line> = std::iter::once(heading)
        .chain(table)
        .map(|row: Vec<Line>| {
            let mut spans = Vec::new();
            let last = row.iter().rposition(|line| width(line) > 0).unwrap_or(0);
            for (column, line) in row.into_iter().enumerate().take(last + 1) {
                let gap = widths[column] + 2 - width(&line);
                spans.extend(line.0);
                if column < last {
                    spans.push(Span::new(Role::Plain, " ".repeat(gap)));
                }
            }
            Line(spans)
        })
        .collect();
    if beyond > 0 {
        lines.push(Line(vec![Span::new(Role::Quiet, format!("and {beyond} more {what}"))]));
    }
    lines
}

#[cfg(test)]
#[path = "text_tests.rs"]
mod tests;
