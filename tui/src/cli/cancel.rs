//! `coulter cancel`: asks the person, then the tree, and says what came of it.
use std::io::{self, BufRead, IsTerminal, Write};
use std::time::{Duration, Instant};

use coulter_proto::hub::{FromHub, ToHub};
use coulter_proto::observe::{ActorState, Applied, Model, Phase, is_over, text};
use coulter_proto::repl::Line;
use serde_json::json;

use super::Failure;
use super::args::Cancel;
use super::out::{self, Look};
use super::tree::{Target, choose, look_at, target};
use crate::client::Trouble;

/// How long to watch for the effect.
const EFFECT: Duration = Duration::from_secs(2);

/// Cancels it.
///
/// # Errors
/// When there is no such thing, the person does not want to, or the tree refuses.
pub fn run(look: Look, args: &Cancel) -> Result<(), Failure> {
    let (mut hub, mut model) = look_at(&choose(args.tree.as_deref())?, false)?;
    let target = target(&model, &args.what)?;
    let (name, message) = describe(&model, target)?;
    if !args.yes {
        if !io::stdin().is_terminal() {
            return Err(Failure::Usage(format!("cancelling {name} has to be confirmed; say `--yes`")));
        }
        if !confirmed(&name)? {
            return Err(Failure::Failed("nothing was cancelled".into()));
        }
    }
    hub.send(&message)?;
    let deadline = Instant::now() + EFFECT;
    let seen = loop {
        if begun(&model, target) {
            break true;
        }
        match hub.next(deadline) {
            Ok(Some(FromHub::Refused { why })) => return Err(Failure::Failed(why)),
            Ok(Some(message)) => {
                if model.apply(&message) == Applied::NeedSnapshot {
                    hub.send(&ToHub::Snapshot)?;
                }
            }
            Ok(None) => break false,
            // Cancelling the root ends the tree, and with it the hub.
            Err(Trouble::Closed) => break true,
            Err(trouble) => return Err(trouble.into()),
        }
    };
    if args.json {
        return out::json(&json!({ "cancelled": name, "seen": seen }));
    }
    let what = if seen { "is cancelled" } else { "was asked to cancel, and has not begun to" };
    look.print(&[Line::plain(format!("{name} {what}"))])
}

fn describe(model: &Model, target: Target) -> Result<(String, ToHub), Failure> {
    let gone = || Failure::NoSuch("it has just gone".into());
    match target {
        Target::Actor(id) => {
            let row = model.actor(id).ok_or_else(gone)?;
            let name = text::clean(&row.aid.to_string(), 60);
            if matches!(row.state, ActorState::Ended { .. }) {
                return Err(Failure::Failed(format!("{name} has ended already; `coulter tree` shows how")));
            }
            Ok((name, ToHub::Cancel { actor: id, context: None }))
        }
        Target::Context(key) => {
            let row = model.context_by_key(key).and_then(|linked| linked.any()).ok_or_else(gone)?;
            let name = format!("context {} {}", text::context_id(key), text::call(&row.endpoint, &row.arguments));
            if is_over(&row.phase) {
                return Err(Failure::Failed(format!("{name} is over already; `coulter contexts` shows how")));
            }
            Ok((name, ToHub::Cancel { actor: key.opener, context: Some(key) }))
        }
    }
}

fn begun(model: &Model, target: Target) -> bool {
    match target {
        Target::Actor(id) => model.actor(id).is_none_or(|row| matches!(row.state, ActorState::Cancelling | ActorState::Ended { .. })),
        Target::Context(key) => {
            model.context_by_key(key).and_then(|linked| linked.any()).is_none_or(|row| matches!(row.phase, Phase::Cancelling(_)) || is_over(&row.phase))
        }
    }
}

fn confirmed(name: &str) -> Result<bool, Failure> {
    let mut out = io::stdout();
    write!(out, "Cancel {name}? [y/N] ").and_then(|()| out.flush())?;
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer)?;
    Ok(matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes"))
}
