//! `coulter tree | contexts | channels | stops`: one look at a tree, printed.
use coulter_proto::observe::{Model, text};
use serde_json::{Value, json};

use super::Failure;
use super::args::List;
use super::out::{self, Look};
use super::tree::{choose, context_id, look_at};

/// What to print.
#[derive(Clone, Copy, Debug)]
pub enum What {
    /// Actors.
    Tree,
    /// Contexts and calls.
    Contexts,
    /// Ends of channels.
    Channels,
    /// The seat's queue.
    Stops,
}

/// Prints it.
///
/// # Errors
/// When there is no such tree, or it does not answer.
pub fn run(look: Look, what: What, list: &List) -> Result<(), Failure> {
    let (_, model) = look_at(&choose(list.tree.as_deref())?, false)?;
    if list.json {
        return out::json(&as_json(what, &model));
    }
    look.print(&match what {
        What::Tree => text::tree(&model),
        What::Contexts => text::contexts(&model),
        What::Channels => text::channels(&model),
        What::Stops => text::stops(&model),
    })
}

fn as_json(what: What, model: &Model) -> Value {
    match what {
        What::Tree => {
            let row = |(depth, row)| json!({ "depth": depth, "actor": row });
            model.in_tree_order().into_iter().map(row).collect()
        }
        What::Contexts => model.contexts().map(|(key, linked)| json!({ "id": context_id(key), "caller": linked.caller, "callee": linked.callee })).collect(),
        What::Channels => model.channels().map(|row| json!(row)).collect(),
        What::Stops => json!(model.stops()),
    }
}
