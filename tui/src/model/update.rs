//! From a message to a new state and what is to be done.
use coulter_proto::exit::ExitStatus;
use coulter_proto::hub::{FromHub, ToHub, TreeInfo};
use coulter_proto::observe::{ActorRow, ActorState, Applied, Model, UnixMicros};

use super::key::Key;
use super::layers::Layer;
use super::rows;
use super::state::{Link, State, View};
use super::{deeds, keys};
use crate::client::Found;

/// What can happen.
#[derive(Clone, Debug)]
pub enum Msg {
    /// What time it is; said before everything that needs it.
    Time(UnixMicros),
    /// Nothing happened, but ages on screen have changed.
    Aged,
    /// The terminal has this size.
    Size(u16, u16),
    /// A key.
    Key(Key),
    /// Pasted text.
    Paste(String),
    /// A hub is connected.
    Linked(TreeInfo),
    /// The hub said this.
    Hub(Vec<FromHub>),
    /// The hub is gone; and whether the root's process is, too.
    Unlinked {
        /// In words.
        why: String,
        /// Then nobody in the tree lives on.
        dead: bool,
    },
    /// These trees are there to attach to.
    Trees(Vec<Found>),
    /// The program printed lines.
    Printed(Vec<String>),
    /// The program ended.
    Ended(ExitStatus),
    /// Something could not be done.
    Trouble(String),
}

/// What is to be done.
#[derive(Clone, Debug)]
pub enum Effect {
    /// Draw.
    Draw,
    /// Draw everything anew.
    Redraw,
    /// Tell the hub.
    Send(ToHub),
    /// Attach to this tree.
    Attach(Box<Found>),
    /// Ask the program to end.
    EndProgram,
    /// End the program at once.
    KillProgram,
    /// Put text into the terminal's clipboard.
    Copy(String),
    /// Give the terminal back for a while.
    Suspend,
    /// Leave.
    Leave,
}

/// Takes one message.
pub fn update(state: &mut State, msg: Msg) -> Vec<Effect> {
    let mut effects = Vec::new();
    let draw = match msg {
        Msg::Time(now) => {
            state.now = state.now.max(now);
            state.rates.sample(&state.live, state.now)
        }
        Msg::Aged => true,
        Msg::Size(columns, rows) => {
            state.size = (columns, rows);
            true
        }
        Msg::Key(key) => {
            keys::press(state, key, &mut effects);
            true
        }
        Msg::Paste(text) => {
            keys::paste(state, &text);
            true
        }
        Msg::Linked(tree) => {
            linked(state, tree, &mut effects);
            true
        }
        Msg::Hub(messages) => {
            let mut seen = false;
            for message in messages {
                seen |= hear(state, &message, &mut effects);
            }
            seen
        }
        Msg::Unlinked { why, dead } => {
            unlinked(state, why, dead);
            true
        }
        Msg::Trees(found) => trees(state, found, &mut effects),
        Msg::Printed(lines) => {
            lines.into_iter().for_each(|line| state.output.push(line));
            // Before there is a tree, what is printed (by a build, say) is all there is to see.
            if matches!(state.link, Link::Waiting(_)) && state.view == View::Tree {
                state.view = View::Output;
                state.output_meanwhile = true;
            }
            state.view == View::Output
        }
        Msg::Ended(status) => {
            ended(state, status, &mut effects);
            true
        }
        Msg::Trouble(text) => {
            state.warn(text);
            true
        }
    };
    settle(state);
    follow(state, &mut effects);
    if draw {
        effects.push(Effect::Draw);
    }
    effects
}

fn linked(state: &mut State, tree: TreeInfo, effects: &mut Vec<Effect>) {
    state.live = Model::new();
    state.frozen = None;
    state.link = Link::Live;
    state.followed = None;
    state.settled = false;
    state.notice = None;
    if std::mem::take(&mut state.output_meanwhile) && state.view == View::Output {
        state.view = View::Tree;
    }
    state.layers.retain(|layer| !matches!(layer, Layer::Trees { .. }));
    state.live.apply(&FromHub::Welcome { version: tree.version, tree });
    state.logs.sift_again(&state.live);
    effects.push(Effect::Send(ToHub::Snapshot));
}

/// Whether anything that can be seen has changed.
fn hear(state: &mut State, message: &FromHub, effects: &mut Vec<Effect>) -> bool {
    let before = state.live.stops().len();
    let applied = state.live.apply(message);
    if applied == Applied::NeedSnapshot {
        effects.push(Effect::Send(ToHub::Snapshot));
    }
    match message {
        FromHub::Seated { stop, banner } => {
            state.repl.seated(&state.live, *stop, banner);
            let stays = std::mem::take(&mut state.repl.stays) && state.view == View::Stops;
            if state.repl.wanted.take() == Some(*stop) || stays {
                deeds::open_prompt(state);
            } else {
                announce(state);
            }
        }
        FromHub::Unseated { stop } if state.repl.stop == Some(*stop) => state.repl.left("the seat went to another stop or console"),
        FromHub::Reply { stop, line, reply } => state.repl.replied(*stop, *line, reply),
        FromHub::Completed { line, completion, .. } => state.repl.completed(*line, completion),
        FromHub::Refused { why } => state.warn(why.clone()),
        FromHub::Stops(stops) => {
            if state.repl.stop.is_some_and(|id| state.live.stop(id).is_none()) {
                state.repl.left("the stop is over");
            }
            if state.program.as_ref().is_some_and(|program| program.leaving) {
                deeds::let_all_go(state, effects);
            } else if stops.len() > before {
                announce(state);
            }
        }
        FromHub::Logs { .. } if state.frozen.is_none() => state.logs.sift(&state.live),
        FromHub::Ending => state.say("the tree is ending"),
        _ => {}
    }
    let frozen_away = state.frozen.is_some() && matches!(message, FromHub::Delta(_) | FromHub::Logs { .. } | FromHub::Snapshot { .. });
    let answered = matches!(message, FromHub::Reply { .. } | FromHub::Completed { .. } | FromHub::Refused { .. });
    (applied == Applied::Changed && !frozen_away) || answered
}

/// Says that somebody is stopped, unless the person is looking at it.
fn announce(state: &mut State) {
    if state.view == View::Stops {
        return;
    }
    let text = match state.live.stops() {
        [] => return,
        [one] => format!("{} stopped at {}: `r` opens its prompt", one.actor, one.place),
        all => format!("{} are stopped: `5` shows them, `r` opens a prompt", all.len()),
    };
    state.say(text);
}

fn unlinked(state: &mut State, why: String, dead: bool) {
    let why = if state.live.is_ending() { "the tree has ended".to_owned() } else { why };
    state.repl.left("the tree is gone");
    state.live.apply(&FromHub::Stops(Vec::new()));
    state.link = Link::Gone(why);
    if let Some(status) = state.program.as_ref().and_then(|program| program.status) {
        root_ended(state, status);
    }
    if dead {
        all_ended(state);
    }
}

/// No actor outlives its root; how these ended nobody is left to tell.
fn all_ended(state: &mut State) {
    let rows: Vec<ActorRow> = state.live.actors().filter(|row| !matches!(row.state, ActorState::Ended { .. })).cloned().collect();
    for row in rows {
        let unknown = ActorState::Ended { status: ExitStatus::Unknown, asked: true };
        state.live.apply(&FromHub::Actor(ActorRow { state: unknown, ..row }));
    }
}

fn trees(state: &mut State, mut found: Vec<Found>, effects: &mut Vec<Effect>) -> bool {
    if !matches!(state.link, Link::Waiting(_)) {
        return false;
    }
    let open = state.layers.iter().position(|layer| matches!(layer, Layer::Trees { .. }));
    match (open, found.len()) {
        (None, 1) => effects.push(Effect::Attach(Box::new(found.remove(0)))),
        (None, 0) => return false,
        (None, _) => state.layers.push(Layer::Trees { found, chosen: 0 }),
        (Some(at), 0) => drop(state.layers.remove(at)),
        (Some(at), _) => {
            if let Some(Layer::Trees { found: shown, chosen }) = state.layers.get_mut(at) {
                if *shown == found {
                    return false;
                }
                *chosen = (*chosen).min(found.len() - 1);
                *shown = found;
            }
        }
    }
    true
}

fn ended(state: &mut State, status: ExitStatus, effects: &mut Vec<Effect>) {
    let Some(program) = &mut state.program else { return };
    program.status = Some(status);
    let leaving = program.leaving;
    root_ended(state, status);
    if matches!(state.link, Link::Gone(_)) {
        all_ended(state);
    }
    if state.live.tree().is_none() {
        state.link = Link::Gone(format!("it ended before it became a tree: {status}"));
        state.view = View::Output;
    }
    if leaving {
        effects.push(Effect::Leave);
    } else {
        state.say(format!("the program has ended ({status}); `q` leaves"));
    }
}

/// The one process whose parent is no actor: its end is known from the program's.
fn root_ended(state: &mut State, status: ExitStatus) {
    let pid = state.program.as_ref().map(|program| program.pid);
    let root = state.live.tree().map(|tree| tree.root.clone());
    let row = root.filter(|root| Some(root.pid) == pid).and_then(|root| state.live.actor(root.uuid)).cloned();
    if let Some(row) = row {
        let asked = status.is_clean() || state.program.as_ref().is_some_and(|program| program.leaving);
        state.live.apply(&FromHub::Actor(ActorRow { state: ActorState::Ended { status, asked }, ..row }));
    }
}

/// Puts every list in order with what it shows.
fn settle(state: &mut State) {
    if !state.at_prompt_possible() {
        state.repl.stays |= state.at_prompt() && state.view == View::Stops;
        state.layers.retain(|layer| !matches!(layer, Layer::Repl));
    }
    match state.view {
        View::Tree => {
            let ids = rows::actor_ids(state);
            if state.settled {
                state.actors.settle(&ids);
            } else {
                // Pages come in no order: what stands first before the last one may not be the root.
                state.actors.go(&ids, 0);
                state.settled = state.live.is_complete();
            }
        }
        View::Contexts => {
            state.context_order = rows::context_order(state.seen(), &state.contexts.filter);
            let order = std::mem::take(&mut state.context_order);
            state.contexts.settle(&order);
            state.context_order = order;
        }
        View::Stops => {
            let ids = rows::stop_ids(state);
            state.stops.settle(&ids);
        }
        View::Logs | View::Output => {}
    }
}

/// Asks the hub for what the views need: rows while they are shown live, and records always, for
/// those cannot be asked for afterwards.
fn follow(state: &mut State, effects: &mut Vec<Effect>) {
    if state.link != Link::Live {
        return;
    }
    if state.followed != Some(state.logs.level) {
        state.followed = Some(state.logs.level);
        effects.push(Effect::Send(ToHub::Follow { tables: true, logs: Some(state.logs.level) }));
    }
}

impl State {
    fn at_prompt_possible(&self) -> bool {
        self.repl.stop.is_some() && self.view == View::Stops
    }
}
