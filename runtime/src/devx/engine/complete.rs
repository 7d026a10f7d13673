//! What could stand at the cursor: a command, a name, a field, a method.
use coulter_proto::repl::Completion;
use serde_json::Value;

use super::super::expr::{self, METHODS};
use super::Engine;
use super::commands::{COMMANDS, Command, Group, find};

impl Engine {
    /// The words that could stand at the cursor, the captured names first.
    pub(in crate::devx) fn complete(&self, text: &str, cursor: usize) -> Completion {
        let head = text.get(..cursor).unwrap_or(text);
        let start = head.rfind(|c: char| !(c.is_alphanumeric() || c == '_')).map_or(0, |at| at + head[at..].chars().next().map_or(1, char::len_utf8));
        let word = &head[start..];
        let before = head[..start].trim_end();
        let mut candidates: Vec<String> = match before.strip_suffix('.') {
            Some(base) => self.members(base),
            None => {
                let mut names: Vec<String> = self.values.names().into_iter().map(str::to_owned).collect();
                if before.is_empty() {
                    names.extend(commands());
                } else if before == "help" || before == "h" {
                    names = commands().collect();
                }
                names
            }
        };
        candidates.retain(|candidate| candidate.starts_with(word));
        candidates.dedup();
        Completion { start, candidates }
    }

    /// The fields and methods of what stands before a dot.
    fn members(&self, base: &str) -> Vec<String> {
        // `p order.` asks about `order`.
        let base = base.split_once(' ').filter(|(first, _)| find(first).is_some()).map_or(base, |(_, rest)| rest);
        let Some(value) = expr::base_before_dot(base, self.values.known()) else {
            return Vec::new();
        };
        let mut members: Vec<String> = match &value {
            Value::Object(fields) => fields.keys().cloned().collect(),
            _ => Vec::new(),
        };
        members.extend(METHODS.iter().map(|method| format!("{method}()")));
        members
    }
}

fn commands() -> impl Iterator<Item = String> {
    COMMANDS.iter().filter(|command| command.group != Group::Hidden).map(Command::name).map(str::to_owned)
}
