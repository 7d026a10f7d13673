//! How a process becomes an actor, root or child, and how it ends as one.
pub(crate) mod child;
pub(crate) mod current;
pub(crate) mod directory;
pub(crate) mod keys;
mod life;
pub(crate) mod main;
mod marker;
pub(crate) mod root;
pub(crate) mod test;
pub(crate) mod vars;

use std::sync::OnceLock;

use coulter_proto::id::{Aid, Uuid};
use coulter_proto::observe::ActorRow;
use coulter_proto::spawn::{Address, RuntimeVars};

use crate::actor::Actor;

/// A uuid nobody has had.
pub(crate) fn fresh_uuid() -> Uuid {
    let mut bytes = [0; 16];
    keys::fill_random(&mut bytes);
    uuid::Builder::from_random_bytes(bytes).into_uuid()
}

static CURRENT: OnceLock<Aid> = OnceLock::new();

/// Tells the process who it is, once.
pub(crate) fn set_current_aid(aid: &Aid) {
    let _ = CURRENT.set(aid.clone());
}

/// Who this process is, if it is an actor; on any thread.
pub(crate) fn try_current_aid() -> Option<Aid> {
    CURRENT.get().cloned()
}

/// Whether this process was spawned as an actor and has not become one yet.
fn is_marked_as_child() -> bool {
    std::env::var_os(coulter_proto::spawn::CHILD_MARKER).is_some()
}

/// The child marker, taken out of the environment of this process.
pub(crate) fn take_child_marker() -> bool {
    let marked = is_marked_as_child();
    if marked {
        marker::remove(coulter_proto::spawn::CHILD_MARKER);
    }
    marked
}

/// The runtime variables as people see them: no secrets.
pub(crate) fn shown_vars(vars: &RuntimeVars) -> Vec<(String, String)> {
    let list = |addresses: &[Address]| addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
    vec![
        ("root".into(), vars.root.to_string()),
        ("root_addresses".into(), list(&vars.root_addresses)),
        ("registrars".into(), list(&vars.registrars)),
        ("transports".into(), vars.transports.iter().map(|transport| transport.name()).collect::<Vec<_>>().join(" ")),
        ("tree_dir".into(), vars.tree_dir.display().to_string()),
        ("debug".into(), vars.debug.to_string()),
        ("pause".into(), vars.pause.to_string()),
        ("log".into(), vars.log.clone()),
    ]
}

/// The row this actor shows of itself.
fn own_row(actor: &Actor) -> ActorRow {
    ActorRow {
        exposed: actor.exposed().clone(),
        vars: shown_vars(&actor.vars),
        addresses: actor.addresses().iter().map(ToString::to_string).collect(),
        debug: actor.vars.debug,
        ..ActorRow::new(actor.aid.clone(), actor.parent.clone(), crate::clock::unix_micros())
    }
}
