//! `help`: an overview one can take in at a glance, and more about each command.
use coulter_proto::repl::{Line, Role, Span};

use super::commands::{COMMANDS, Command, Group, Verb, find};
use super::quiet;

/// The overview, or one command.
pub(super) fn help(word: &str) -> Vec<Line> {
    if word.is_empty() {
        return overview();
    }
    match find(word) {
        Some(command) => about(command),
        None => {
            let near: Vec<&str> = COMMANDS
                .iter()
                .filter(|command| command.group != Group::Hidden)
                .map(Command::name)
                .filter(|name| word.chars().next().is_some_and(|first| name.starts_with(first)))
                .collect();
            let mut lines = vec![Line::plain(format!("`{word}` is no command: it would be read as an expression."))];
            if !near.is_empty() {
                lines.push(quiet(format!("there are {}", near.join(", "))));
            }
            lines
        }
    }
}

fn overview() -> Vec<Line> {
    let groups = [(Group::GoOn, "go on"), (Group::Where, "where"), (Group::Values, "values"), (Group::Tree, "the tree"), (Group::Others, "others")];
    let mut lines = Vec::new();
    for (group, title) in groups {
        lines.push(Line(vec![Span::new(Role::Strong, title)]));
        lines.extend(COMMANDS.iter().filter(|command| command.group == group).map(row));
    }
    lines.push(quiet("anything else is an expression; `help COMMAND` tells more; an empty line repeats the last step"));
    lines
}

fn row(command: &Command) -> Line {
    let short = command.names.get(1).filter(|name| name.len() <= 2).map(|name| format!(", {name}")).unwrap_or_default();
    let head = format!("{}{short} {}", command.name(), command.arguments);
    Line(vec![Span::new(Role::Name, format!("  {:<22}", head.trim_end())), Span::new(Role::Plain, command.what)])
}

fn about(command: &Command) -> Vec<Line> {
    if let Verb::Later(why) = command.verb {
        return vec![Line::plain(why)];
    }
    let mut lines = vec![Line(vec![Span::new(Role::Name, command.usage()), Span::new(Role::Plain, format!("  {}", command.what))])];
    if !command.more.is_empty() {
        lines.push(Line::plain(command.more));
    }
    let others: Vec<&str> = command.names.iter().skip(1).copied().collect();
    if !others.is_empty() {
        lines.push(quiet(format!("also: {}", others.join(", "))));
    }
    lines
}
