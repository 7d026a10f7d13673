//! `coulter ps`: the trees of this user, and each tree's actors.
use coulter_proto::observe::{Model, text};
use coulter_proto::repl::{Line, Role, Span};
use serde_json::json;

use super::Failure;
use super::out::{self, Look};
use super::tree::look_at;
use crate::client::{Found, trees};

/// Lists them.
///
/// # Errors
/// When the runtime directory cannot be used.
pub fn run(look: Look, json: bool) -> Result<(), Failure> {
    let seen: Vec<(Found, Result<Model, Failure>)> = trees()?.into_iter().map(|tree| (tree.clone(), look_at(&tree, false).map(|(_, model)| model))).collect();
    if json {
        let all: Vec<_> = seen.iter().map(|(tree, model)| as_json(tree, model)).collect();
        return out::json(&all);
    }
    if seen.is_empty() {
        return look.print(&[Line::plain("no tree is running; start one with `coulter run -- PROGRAM`")]);
    }
    let mut lines = Vec::new();
    for (tree, model) in &seen {
        let mut program = tree.info.program.clone();
        for arg in &tree.info.args {
            program.push(' ');
            program.push_str(arg);
        }
        lines.push(Line(vec![
            Span::new(Role::Strong, text::clean(&tree.info.root.to_string(), 60)),
            Span::new(Role::Quiet, format!("  {}", text::clean(&program, 160))),
        ]));
        match model {
            Ok(model) => lines.extend(text::tree(model).into_iter().skip(1).map(|line| indented(line, "  "))),
            Err(failure) => lines.push(Line(vec![Span::new(Role::Error, format!("  {failure}"))])),
        }
    }
    look.print(&lines)
}

fn indented(mut line: Line, by: &str) -> Line {
    line.0.insert(0, Span::new(Role::Plain, by));
    line
}

fn as_json(tree: &Found, model: &Result<Model, Failure>) -> serde_json::Value {
    let actors: Vec<_> = model.iter().flat_map(|model| model.in_tree_order()).map(|(_, row)| row.clone()).collect();
    let error = model.as_ref().err().map(ToString::to_string);
    json!({ "tree": tree.info, "dir": tree.dir, "actors": actors, "error": error })
}
