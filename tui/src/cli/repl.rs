//! `coulter repl`: takes the seat for a stopped actor from this terminal, line by line.
use std::process::ExitCode;

use coulter_proto::hub::ToHub;
use coulter_proto::observe::text;

use super::Failure;
use super::args::Repl;
use super::out::Look;
use super::plain::{Plain, Purpose};
use super::tree::{actor, choose, look_at};

/// Serves the stop until it is over, or the whole queue.
///
/// # Errors
/// When there is no such tree, no such actor, or nothing is stopped.
pub fn run(look: Look, args: &Repl) -> Result<ExitCode, Failure> {
    let (mut hub, model) = look_at(&choose(args.tree.as_deref())?, true)?;
    let wanted = match &args.actor {
        None if model.stops().is_empty() => {
            return Err(Failure::Failed("nothing is stopped; `coulter tree` shows what every actor does".into()));
        }
        None => None,
        Some(word) => {
            let row = actor(&model, word)?;
            let stop = model.stops().iter().find(|stop| stop.actor == row.aid);
            Some(stop.map(|stop| stop.id).ok_or_else(|| {
                let name = text::clean(&row.aid.to_string(), 60);
                Failure::Failed(format!("{name} is not stopped; `coulter stops` lists those that are"))
            })?)
        }
    };
    if let Some(stop) = wanted.or_else(|| model.stops().first().map(|stop| stop.id)) {
        hub.send(&ToHub::Seat { stop })?;
    }
    Plain::new(look, Purpose::Serve(wanted), Some((hub, model))).run()
}
