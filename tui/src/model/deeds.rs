//! What the actions of the keymap come to.
use coulter_proto::hub::ToHub;
use coulter_proto::id::Uuid;
use coulter_proto::observe::{ActorState, Phase, text};

use super::editor::Editor;
use super::filter::Filter;
use super::keymap::{self, Action};
use super::layers::{Asks, Choice, Decision, Layer};
use super::rows;
use super::state::{Link, State, View};
use super::update::Effect;

/// Does it, or says why it cannot be done now.
pub(super) fn act(state: &mut State, action: Action, effects: &mut Vec<Effect>) {
    if let Some(why) = keymap::why_not(state, action) {
        state.say(why);
        return;
    }
    match action {
        Action::Show(view) => state.view = view,
        Action::Down => step(state, 1),
        Action::Up => step(state, -1),
        Action::First => step(state, isize::MIN),
        Action::Last => step(state, isize::MAX),
        Action::HalfDown => step(state, half_page(state)),
        Action::HalfUp => step(state, -half_page(state)),
        Action::Fold => fold(state),
        Action::Unfold => {
            if let Some(id) = state.actors.selected() {
                state.folded.remove(&id);
            }
        }
        Action::NextPane => turn_pane(state, 1),
        Action::PreviousPane => turn_pane(state, state.view.panes().len() - 1),
        Action::Enter => enter(state, effects),
        Action::Back => back(state),
        Action::Filter => {
            let begun = match state.view {
                View::Tree => &state.actors.filter,
                View::Contexts => &state.contexts.filter,
                View::Stops => &state.stops.filter,
                View::Output => &state.output.filter,
                View::Logs => "",
            };
            state.layers.push(Layer::Line { asks: Asks::Filter, editor: Editor::with(begun), chosen: 0 });
        }
        Action::NextTrouble => trouble(state, false),
        Action::PreviousTrouble => trouble(state, true),
        Action::Palette => state.layers.push(Layer::Line { asks: Asks::Command, editor: Editor::default(), chosen: 0 }),
        Action::Help => state.layers.push(Layer::Help { top: 0 }),
        Action::Freeze => {
            state.frozen = if state.frozen.is_some() { None } else { Some(Box::new(state.live.clone())) };
            if state.frozen.is_none() {
                state.logs.sift_again(&state.live);
            }
        }
        Action::Repl => take_seat(state, effects),
        Action::Cancel => ask_cancel(state),
        Action::Copy => copy(state, effects),
        Action::Leave => leave(state, effects),
        Action::Interrupt => interrupt(state),
        Action::Suspend => effects.push(Effect::Suspend),
        Action::Redraw => effects.push(Effect::Redraw),
        Action::Toggle => {
            let at = state.logs.at;
            if let Some(filter) = state.logs.filters.get_mut(at) {
                filter.on = !filter.on;
            }
            sift(state);
        }
        Action::Remove => {
            if state.logs.at < state.logs.filters.len() {
                state.logs.filters.remove(state.logs.at);
                state.logs.at = state.logs.at.min(state.logs.filters.len().saturating_sub(1));
            }
            sift(state);
        }
        Action::Quieter | Action::Louder => {
            state.logs.turn(if action == Action::Louder { 1 } else { -1 });
            state.say(format!("records from {} up", state.logs.level));
            sift(state);
        }
        Action::Skip => tell_selected(state, effects, |stop| ToHub::Skip { stop }),
        Action::Continue => tell_selected(state, effects, |stop| ToHub::Continue { stop }),
        Action::ContinueAlike => {
            let place = state.stops.selected().and_then(|id| state.live.stop(id)).map(|row| row.place.clone());
            let alike = state.live.stops().iter().filter(|row| Some(&row.place) == place.as_ref());
            effects.extend(alike.map(|row| Effect::Send(ToHub::Continue { stop: row.id })));
        }
    }
}

fn tell_selected(state: &State, effects: &mut Vec<Effect>, message: impl Fn(coulter_proto::id::StopId) -> ToHub) {
    effects.extend(state.stops.selected().map(|stop| Effect::Send(message(stop))));
}

fn sift(state: &mut State) {
    let model = state.frozen.as_deref().unwrap_or(&state.live);
    state.logs.sift_again(model);
}

fn half_page(state: &State) -> isize {
    (isize::try_from(state.size.1).unwrap_or(0) / 2 - 2).max(1)
}

fn step(state: &mut State, by: isize) {
    match (state.view, state.pane()) {
        (View::Tree, 0) => {
            let ids = rows::actor_ids(state);
            state.actors.step(&ids, by);
            state.detail_top = 0;
        }
        (View::Contexts, 0) => {
            state.contexts.step(&state.context_order, by);
            state.detail_top = 0;
        }
        (View::Stops, 0) => {
            let ids = rows::stop_ids(state);
            state.stops.step(&ids, by);
        }
        (View::Logs, 1) => {
            let last = state.logs.filters.len().saturating_sub(1);
            state.logs.at = state.logs.at.saturating_add_signed(by).min(last);
        }
        (View::Logs, _) => {
            let index = state.logs.index().saturating_add_signed(by);
            state.logs.go(index);
        }
        (View::Output, _) => state.output.scroll(by),
        (View::Stops, 1) => {
            let last = state.repl.lines.len().saturating_sub(1);
            state.repl.back = state.repl.back.saturating_add_signed(by.saturating_neg()).min(last);
        }
        _ => state.detail_top = state.detail_top.saturating_add_signed(by).min(100_000),
    }
}

fn fold(state: &mut State) {
    let Some(id) = state.actors.selected() else { return };
    let has_children = state.seen().actors().any(|row| row.parent.as_ref().is_some_and(|parent| parent.uuid == id));
    if has_children && state.folded.insert(id) {
        return;
    }
    let parent = state.seen().actor(id).and_then(|row| row.parent.as_ref()).map(|parent| parent.uuid);
    if let Some(parent) = parent.filter(|parent| state.seen().actor(*parent).is_some()) {
        state.actors.select(parent);
    }
}

fn turn_pane(state: &mut State, by: usize) {
    let pane = (state.pane() + by) % state.view.panes().len();
    state.set_pane(pane);
    state.detail_top = 0;
    if state.view == View::Stops && pane == 1 && state.repl.stop.is_some() {
        state.layers.push(Layer::Repl);
    }
}

fn enter(state: &mut State, effects: &mut Vec<Effect>) {
    match state.view {
        View::Stops => take_seat(state, effects),
        View::Logs if state.pane() == 1 => act(state, Action::Toggle, effects),
        View::Logs => state.set_pane(2),
        View::Contexts if state.pane() == 1 => {
            let to = state.contexts.selected().and_then(|key| state.seen().context_by_key(key)).and_then(|linked| linked.to()).map(|aid| aid.uuid);
            if let Some(id) = to.filter(|id| state.seen().actor(*id).is_some()) {
                state.view = View::Tree;
                show_actor(state, id);
            }
        }
        _ => state.set_pane(1),
    }
}

fn show_actor(state: &mut State, id: Uuid) {
    state.actors.filter.clear();
    state.folded.clear();
    state.actors.select(id);
}

fn back(state: &mut State) {
    if state.detail_top > 0 {
        state.detail_top = 0;
    } else if state.pane() > 0 {
        state.set_pane(0);
    } else {
        match state.view {
            View::Tree => state.actors.filter.clear(),
            View::Contexts => state.contexts.filter.clear(),
            View::Stops => state.stops.filter.clear(),
            View::Output => state.output.filter.clear(),
            View::Logs => {}
        }
    }
}

/// Takes a filter as it was typed.
pub(super) fn filter(state: &mut State, typed: &str) {
    let typed = typed.trim();
    match state.view {
        View::Tree => typed.clone_into(&mut state.actors.filter),
        View::Contexts => typed.clone_into(&mut state.contexts.filter),
        View::Stops => typed.clone_into(&mut state.stops.filter),
        View::Output => {
            typed.clone_into(&mut state.output.filter);
            state.output.back = 0;
        }
        View::Logs if typed.is_empty() => {}
        View::Logs => match Filter::read(typed) {
            Ok(filter) => {
                state.logs.filters.push(filter);
                state.logs.at = state.logs.filters.len() - 1;
                sift(state);
            }
            Err(why) => state.warn(why),
        },
    }
}

fn trouble(state: &mut State, back: bool) {
    let next = |index: usize, bad: &[bool]| {
        if back { (0..index).rev().find(|at| bad[*at]) } else { (index + 1..bad.len()).find(|at| bad[*at]) }
    };
    let found = match state.view {
        View::Tree => {
            let lines = rows::actors(state);
            let model = state.seen();
            let bad: Vec<bool> = lines
                .iter()
                .map(|line| match model.state(line.row) {
                    ActorState::Stopped => true,
                    ActorState::Ended { status, asked } => !asked && !status.is_clean(),
                    _ => line.row.busy_for >= 1_000_000,
                })
                .collect();
            let ids: Vec<_> = lines.iter().map(|line| line.row.aid.uuid).collect();
            next(state.actors.index(), &bad).map(|at| state.actors.go(&ids, at))
        }
        View::Contexts => {
            let model = state.frozen.as_deref().unwrap_or(&state.live);
            let failed = |key: &coulter_proto::id::ContextKey| {
                model.context_by_key(*key).is_some_and(|linked| {
                    [&linked.caller, &linked.callee]
                        .into_iter()
                        .flatten()
                        .any(|row| matches!(row.phase, Phase::Failed(_) | Phase::Cancelled(_) | Phase::Cancelling(_)))
                })
            };
            let bad: Vec<bool> = state.context_order.iter().map(failed).collect();
            next(state.contexts.index(), &bad).map(|at| state.contexts.go(&state.context_order, at))
        }
        View::Logs => {
            let model = state.frozen.as_deref().unwrap_or(&state.live);
            state.logs.next_trouble(model, back).map(|at| state.logs.go(at))
        }
        View::Stops => {
            step(state, if back { -1 } else { 1 });
            Some(())
        }
        View::Output => None,
    };
    if found.is_none() {
        state.say("nothing more went wrong in this direction");
    }
}

fn take_seat(state: &mut State, effects: &mut Vec<Effect>) {
    let of_actor = state.actors.selected().filter(|_| state.view == View::Tree);
    let chosen = match state.view {
        View::Stops => state.stops.selected(),
        _ => state.live.stops().iter().find(|row| of_actor == Some(row.actor.uuid)).map(|row| row.id),
    };
    let stop = chosen.or(state.repl.stop).or_else(|| state.live.stops().first().map(|row| row.id));
    let Some(stop) = stop else { return };
    state.view = View::Stops;
    state.stops.select(stop);
    if state.repl.stop == Some(stop) {
        open_prompt(state);
    } else {
        state.repl.wanted = Some(stop);
        effects.push(Effect::Send(ToHub::Seat { stop }));
    }
}

/// Shows the prompt, and gives it the keys.
pub(super) fn open_prompt(state: &mut State) {
    state.view = View::Stops;
    state.set_pane(1);
    state.layers.retain(|layer| !matches!(layer, Layer::Repl));
    state.layers.push(Layer::Repl);
}

fn ask_cancel(state: &mut State) {
    let target = match state.view {
        View::Contexts => state.contexts.selected().and_then(|key| {
            let row = state.seen().context_by_key(key)?.any()?;
            let name = format!("the context {}", text::call(&row.endpoint, &row.arguments));
            Some((name, ToHub::Cancel { actor: key.opener, context: Some(key) }))
        }),
        View::Stops => state
            .stops
            .selected()
            .and_then(|id| state.live.stop(id))
            .map(|row| (text::clean(&row.actor.to_string(), 60), ToHub::Cancel { actor: row.actor.uuid, context: None })),
        _ => state
            .actors
            .selected()
            .and_then(|id| state.seen().actor(id))
            .map(|row| (text::clean(&row.aid.to_string(), 60), ToHub::Cancel { actor: row.aid.uuid, context: None })),
    };
    let Some((name, message)) = target else { return };
    state.layers.push(Layer::Confirm {
        question: format!("Cancel {name}?"),
        choices: vec![Choice { key: 'y', says: "yes, cancel it", then: Decision::Tell(message) }, Choice { key: 'n', says: "no", then: Decision::Stay }],
    });
}

fn copy(state: &mut State, effects: &mut Vec<Effect>) {
    let text = match state.view {
        View::Tree => state.actors.selected().and_then(|id| state.seen().actor(id)).map(|row| row.aid.to_string()),
        View::Contexts => state.contexts.selected().map(text::context_id),
        View::Logs => {
            let number = state.logs.shown().get(state.logs.index());
            number.and_then(|number| super::logs::record(state.seen(), *number)).map(|row| row.message.clone())
        }
        View::Stops => state.stops.selected().and_then(|id| state.live.stop(id)).map(|row| row.place.clone()),
        View::Output => state.output.lines().back().cloned(),
    };
    match text {
        Some(text) => {
            let text = text::clean(&text, 4096);
            state.say(format!("copied: {text}"));
            effects.push(Effect::Copy(text));
        }
        None => state.say("nothing is selected"),
    }
}

fn leave(state: &mut State, effects: &mut Vec<Effect>) {
    let stopped = state.live.stops().len();
    let (running, leaving) = (state.program_runs(), state.program.as_ref().is_some_and(|program| program.leaving));
    if running && leaving {
        effects.push(Effect::KillProgram);
    } else if running && stopped > 0 {
        ask_leave(state, stopped, Choice { key: 'y', says: "end the program", then: Decision::EndProgram });
    } else if running {
        end_program(state, effects);
    } else if stopped > 0 && state.link == Link::Live {
        ask_leave(state, stopped, Choice { key: 'y', says: "leave; the tree and its stops stay", then: Decision::Leave });
    } else {
        effects.push(Effect::Leave);
    }
}

fn ask_leave(state: &mut State, stopped: usize, yes: Choice) {
    let question = format!("{stopped} {} in the debugger. Leave?", if stopped == 1 { "actor is stopped" } else { "actors are stopped" });
    state.layers.push(Layer::Confirm { question, choices: vec![yes, Choice { key: 'n', says: "stay", then: Decision::Stay }] });
}

fn interrupt(state: &mut State) {
    let mut choices = vec![Choice { key: 's', says: "stay", then: Decision::Stay }];
    choices.push(if state.program_runs() {
        Choice { key: 'e', says: "end the program, and leave", then: Decision::EndProgram }
    } else {
        Choice { key: 'd', says: "detach: leave, the tree goes on", then: Decision::Leave }
    });
    choices.extend(cancel_tree(state));
    state.layers.push(Layer::Confirm { question: "Ctrl-C. What shall it be?".into(), choices });
}

/// The answer that cancels everything, where there is something to cancel.
pub(super) fn cancel_tree(state: &State) -> Option<Choice> {
    let root = state.live.tree().filter(|_| state.link == Link::Live)?.root.uuid;
    Some(Choice { key: 'c', says: "cancel the tree", then: Decision::Tell(ToHub::Cancel { actor: root, context: None }) })
}

/// Asks the program to end; asked twice, ends it.
pub(super) fn end_program(state: &mut State, effects: &mut Vec<Effect>) {
    let Some(program) = &mut state.program else { return };
    if program.leaving {
        effects.push(Effect::KillProgram);
    } else {
        program.leaving = true;
        let text = format!("{} is ending; `q` again ends it at once", program.line);
        state.say(text);
        effects.push(Effect::EndProgram);
        let_all_go(state, effects);
    }
}

/// Nobody who is stopped can be ended in order: when the person leaves for good, every stop goes on.
pub(super) fn let_all_go(state: &State, effects: &mut Vec<Effect>) {
    effects.extend(state.live.stops().iter().map(|row| Effect::Send(ToHub::Continue { stop: row.id })));
}
