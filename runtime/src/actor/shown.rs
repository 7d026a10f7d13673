//! An actor as people see it: its variables, without the secrets, and the row it shows of itself.
use coulter_proto::observe::ActorRow;
use coulter_proto::spawn::{Address, RuntimeVars};

use super::Actor;

/// The runtime variables as people see them: no secrets.
pub(crate) fn vars(vars: &RuntimeVars) -> Vec<(String, String)> {
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
pub(crate) fn row(actor: &Actor) -> ActorRow {
    ActorRow {
        exposed: actor.exposed().clone(),
        vars: vars(&actor.vars),
        addresses: actor.addresses().iter().map(ToString::to_string).collect(),
        debug: actor.vars.debug,
        ..ActorRow::new(actor.aid.clone(), actor.parent.clone(), crate::clock::unix_micros())
    }
}
