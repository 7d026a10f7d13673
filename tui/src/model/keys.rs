//! What keys do: the topmost layer first, then the view.

use super::deeds::{act, cancel_tree, end_program, filter};
use super::editor::Editor;
use super::key::Key;
use super::keymap::{self, Action, BINDINGS};
use super::layers::{Asks, Choice, Decision, Layer};
use super::state::State;
use super::update::Effect;

/// A key.
pub(super) fn press(state: &mut State, key: Key, effects: &mut Vec<Effect>) {
    if state.layers.is_empty() {
        state.notice = None;
        state.repl.stays = false;
        state.output_meanwhile = false;
    }
    if key == Key::Ctrl('z') {
        effects.push(Effect::Suspend);
        return;
    }
    if key == Key::Ctrl('l') {
        effects.push(Effect::Redraw);
        return;
    }
    // Where nothing edits text, Alt and a key are an Escape and a key that came at once.
    if let Key::Alt(c) = key
        && !matches!(state.layers.last(), Some(Layer::Repl | Layer::Line { .. }))
    {
        press(state, Key::Esc, effects);
        press(state, Key::Char(c), effects);
        return;
    }
    if let Some(layer) = state.layers.pop() {
        on_layer(state, layer, key, effects);
        return;
    }
    if std::mem::take(&mut state.half_typed) && key == Key::Char('g') {
        act(state, Action::First, effects);
        return;
    }
    if key == Key::Char('g') {
        state.half_typed = true;
        return;
    }
    match keymap::find(state.view, key) {
        Some(binding) => act(state, binding.action, effects),
        None => state.say(format!("{key} does nothing here; `?` shows the keys")),
    }
}

/// Pasted text goes where text is typed, and nowhere else.
pub(super) fn paste(state: &mut State, text: &str) {
    match state.layers.last_mut() {
        Some(Layer::Line { editor, .. }) => editor.insert(text),
        Some(Layer::Repl) => state.repl.editor.insert(text),
        _ => state.say("nothing takes text here"),
    }
}

fn on_layer(state: &mut State, layer: Layer, key: Key, effects: &mut Vec<Effect>) {
    match layer {
        Layer::Repl => on_prompt(state, key, effects),
        Layer::Help { top } => match key {
            Key::Esc | Key::Char('?' | 'q') | Key::Enter => {}
            Key::Char('j') | Key::Down => state.layers.push(Layer::Help { top: top + 1 }),
            Key::Char('k') | Key::Up => state.layers.push(Layer::Help { top: top.saturating_sub(1) }),
            Key::PageDown | Key::Ctrl('d') => state.layers.push(Layer::Help { top: top + 10 }),
            Key::PageUp | Key::Ctrl('u') => state.layers.push(Layer::Help { top: top.saturating_sub(10) }),
            _ => state.layers.push(Layer::Help { top }),
        },
        Layer::Confirm { question, choices } => {
            let chosen = match key {
                Key::Char(c) => choices.iter().find(|choice| choice.key.eq_ignore_ascii_case(&c)),
                Key::Esc | Key::Ctrl('c') => return,
                _ => None,
            };
            match chosen {
                Some(choice) => decide(state, choice.then.clone(), effects),
                None => state.layers.push(Layer::Confirm { question, choices }),
            }
        }
        Layer::Trees { found, chosen } => match key {
            Key::Char('q') | Key::Ctrl('c') => effects.push(Effect::Leave),
            Key::Enter => {
                if let Some(tree) = found.get(chosen) {
                    effects.push(Effect::Attach(Box::new(tree.clone())));
                }
                state.layers.push(Layer::Trees { found, chosen });
            }
            _ => {
                let last = found.len().saturating_sub(1);
                let chosen = match key {
                    Key::Char('j') | Key::Down => (chosen + 1).min(last),
                    Key::Char('k') | Key::Up => chosen.saturating_sub(1),
                    Key::Char(c @ '1'..='9') => (c as usize - '1' as usize).min(last),
                    _ => chosen,
                };
                state.layers.push(Layer::Trees { found, chosen });
            }
        },
        Layer::Line { asks, editor, chosen } => on_line(state, asks, editor, chosen, key, effects),
    }
}

fn on_line(state: &mut State, asks: Asks, mut editor: Editor, mut chosen: usize, key: Key, effects: &mut Vec<Effect>) {
    match key {
        Key::Esc | Key::Ctrl('c') => {}
        Key::Enter => match asks {
            Asks::Filter => filter(state, editor.text()),
            Asks::Command => {
                let proposals = commands(state, editor.text());
                match proposals.get(chosen.min(proposals.len().saturating_sub(1))) {
                    Some(binding) => act(state, binding.action, effects),
                    None => state.say(format!("there is no command `{}`", editor.text())),
                }
            }
        },
        Key::Down | Key::Ctrl('n') if asks == Asks::Command => {
            let last = commands(state, editor.text()).len().saturating_sub(1);
            state.layers.push(Layer::Line { asks, editor, chosen: (chosen + 1).min(last) });
        }
        Key::Up | Key::Ctrl('p') if asks == Asks::Command => {
            state.layers.push(Layer::Line { asks, editor, chosen: chosen.saturating_sub(1) });
        }
        Key::Tab => {
            if let Some(binding) = (asks == Asks::Command).then(|| commands(state, editor.text())).and_then(|all| all.get(chosen).copied()) {
                editor = Editor::with(binding.name);
                chosen = 0;
            }
            state.layers.push(Layer::Line { asks, editor, chosen });
        }
        key => {
            if editor.press(key) {
                chosen = 0;
            }
            state.layers.push(Layer::Line { asks, editor, chosen });
        }
    }
}

/// The commands a name may mean, those that begin with it first.
#[must_use]
pub fn commands(state: &State, typed: &str) -> Vec<&'static keymap::Binding> {
    let typed = typed.trim();
    let all = || BINDINGS.iter().filter(|binding| keymap::here(state.view).any(|here| std::ptr::eq(here, *binding)));
    let mut found: Vec<_> = all().filter(|binding| binding.name.starts_with(typed)).collect();
    found.extend(all().filter(|binding| !binding.name.starts_with(typed) && binding.name.contains(typed)));
    found
}

fn on_prompt(state: &mut State, key: Key, effects: &mut Vec<Effect>) {
    if key == Key::Esc {
        return;
    }
    state.layers.push(Layer::Repl);
    let messages = state.repl.press(&state.live, key).unwrap_or_default();
    effects.extend(messages.into_iter().map(Effect::Send));
    if state.repl.interrupts >= 3 {
        state.repl.interrupts = 0;
        let mut choices = vec![
            Choice { key: 's', says: "stay", then: Decision::Stay },
            Choice { key: 'q', says: "quit this stop: its task fails", then: Decision::QuitStop },
        ];
        choices.extend(cancel_tree(state));
        state.layers.push(Layer::Confirm { question: "Ctrl-C, three times. What shall it be?".into(), choices });
    }
}

fn decide(state: &mut State, decision: Decision, effects: &mut Vec<Effect>) {
    match decision {
        Decision::Stay => {}
        Decision::Leave => effects.push(Effect::Leave),
        Decision::EndProgram => end_program(state, effects),
        Decision::Tell(message) => effects.push(Effect::Send(message)),
        Decision::QuitStop => {
            state.repl.editor = Editor::with("q");
            let messages = state.repl.press(&state.live, Key::Enter).unwrap_or_default();
            effects.extend(messages.into_iter().map(Effect::Send));
        }
    }
}
