//! From the words of a command line to one tree, one actor, one context.
use std::time::{Duration, Instant};

use coulter_proto::hub::{FromHub, ToHub};
use coulter_proto::id::{ContextKey, Uuid};
use coulter_proto::observe::{ActorRow, ActorState, Linked, Model};

use super::Failure;
use crate::client::{Connection, Found, Picked, pick, trees};

/// How long a whole snapshot may take.
const SNAPSHOT: Duration = Duration::from_secs(5);
/// How long to wait for the seat's queue behind the snapshot.
const QUEUE: Duration = Duration::from_millis(300);

/// The tree a command means.
///
/// # Errors
/// When there is none, or more than one.
pub fn choose(name: Option<&str>) -> Result<Found, Failure> {
    match pick(trees()?, name) {
        Picked::One(tree) => Ok(tree),
        Picked::None => Err(match name {
            Some(name) => Failure::NoSuch(format!("there is no tree `{name}`; `coulter ps` lists those there are")),
            None => Failure::NoSuch("no tree is running; start one with `coulter run -- PROGRAM`".into()),
        }),
        Picked::Many(trees) => {
            let names: Vec<String> = trees.iter().map(|tree| tree.info.root.to_string()).collect();
            Err(Failure::Usage(format!("there are several trees; name one of {}", names.join(", "))))
        }
    }
}

/// A connection, and a model of the whole tree as it is now.
///
/// # Errors
/// When the tree does not answer in time.
pub fn look_at(tree: &Found, attends: bool) -> Result<(Connection, Model), Failure> {
    let (mut hub, info) = Connection::open(&tree.socket(), attends)?;
    let mut model = Model::new();
    model.apply(&FromHub::Welcome { version: info.version, tree: info });
    hub.send(&ToHub::Follow { tables: true, logs: None })?;
    hub.send(&ToHub::Snapshot)?;
    let deadline = Instant::now() + SNAPSHOT;
    let mut queue = false;
    while !model.is_complete() {
        let Some(message) = hub.next(deadline)? else {
            return Err(Failure::Failed("the tree's hub did not answer within 5 s; is its root stopped (Ctrl-Z)?".into()));
        };
        queue |= matches!(message, FromHub::Stops(_));
        model.apply(&message);
    }
    let deadline = Instant::now() + QUEUE;
    while !queue {
        let Some(message) = hub.next(deadline)? else {
            break;
        };
        queue = matches!(message, FromHub::Stops(_));
        model.apply(&message);
    }
    Ok((hub, model))
}

/// What a word of the command line means in a tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// An actor.
    Actor(Uuid),
    /// A context.
    Context(ContextKey),
}

/// A context's id for people: the opener's short id, and its number there.
#[must_use]
pub fn context_id(key: ContextKey) -> String {
    coulter_proto::observe::text::context_id(key)
}

/// Finds the actor or context.
///
/// # Errors
/// When there is none, or more than one.
pub fn target(model: &Model, word: &str) -> Result<Target, Failure> {
    let contexts: Vec<(ContextKey, &Linked)> = model.contexts().filter(|(key, _)| context_id(*key) == word).collect();
    if let [(key, _)] = contexts[..] {
        return Ok(Target::Context(key));
    }
    actor(model, word).map(|row| Target::Actor(row.aid.uuid))
}

/// Finds the actor; one that lives is meant before one that has ended.
///
/// # Errors
/// When there is none, or more than one.
pub fn actor<'a>(model: &'a Model, word: &str) -> Result<&'a ActorRow, Failure> {
    let means = |row: &ActorRow| {
        let aid = &row.aid;
        aid.name == word
            || aid.pid.to_string() == word
            || aid.to_string() == word
            || aid.uuid.to_string() == word
            || (word.len() >= 4 && aid.uuid.simple().to_string().starts_with(word))
    };
    let all: Vec<&ActorRow> = model.in_tree_order().into_iter().map(|(_, row)| row).filter(|row| means(row)).collect();
    let living: Vec<&ActorRow> = all.iter().copied().filter(|row| !matches!(row.state, ActorState::Ended { .. })).collect();
    match if living.is_empty() { &all } else { &living }[..] {
        [] => Err(Failure::NoSuch(format!("there is no actor or context `{word}`; `coulter tree` lists the actors"))),
        [row] => Ok(row),
        ref rows => {
            let names: Vec<String> = rows.iter().take(8).map(|row| row.aid.to_string()).collect();
            Err(Failure::Usage(format!("`{word}` means several actors; name one of {}", names.join(", "))))
        }
    }
}
