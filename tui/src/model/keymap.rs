//! The keys: one table. What a key does, its help, the footer and the palette all come from here,
//! and so does why a key does nothing at the moment.
use super::key::Key;
use super::layers::Layer;
use super::state::{Link, State, View};

/// What can be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    Show(View),
    Down,
    Up,
    First,
    Last,
    HalfDown,
    HalfUp,
    Fold,
    Unfold,
    NextPane,
    PreviousPane,
    Enter,
    Back,
    Filter,
    NextTrouble,
    PreviousTrouble,
    Palette,
    Help,
    Freeze,
    Repl,
    Cancel,
    Copy,
    Leave,
    Interrupt,
    Suspend,
    Redraw,
    Toggle,
    Remove,
    Quieter,
    Louder,
    Skip,
    Continue,
    ContinueAlike,
}

/// Where a key counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// In every view.
    Everywhere,
    /// In this one.
    In(View),
}

/// One line of the table.
#[derive(Debug)]
pub struct Binding {
    /// The keys for it; the first is the one shown.
    pub keys: &'static [Key],
    /// What it does.
    pub action: Action,
    /// Its name, for the palette.
    pub name: &'static str,
    /// What it does, for people.
    pub what: &'static str,
    /// Where it counts.
    pub place: Place,
    /// Whether the footer shows it.
    pub footer: bool,
}

const fn all(keys: &'static [Key], action: Action, name: &'static str, what: &'static str, footer: bool) -> Binding {
    Binding { keys, action, name, what, place: Place::Everywhere, footer }
}

const fn quiet(view: View, keys: &'static [Key], action: Action, name: &'static str, what: &'static str) -> Binding {
    Binding { keys, action, name, what, place: Place::In(view), footer: false }
}

const fn only(view: View, keys: &'static [Key], action: Action, name: &'static str, what: &'static str) -> Binding {
    Binding { keys, action, name, what, place: Place::In(view), footer: true }
}

/// The table. Keys of one view come before those of all.
pub static BINDINGS: &[Binding] = &[
    quiet(View::Tree, &[Key::Char('h'), Key::Left], Action::Fold, "fold", "fold, or to the parent"),
    quiet(View::Tree, &[Key::Char('l'), Key::Right], Action::Unfold, "unfold", "unfold"),
    only(View::Stops, &[Key::Char('c')], Action::Continue, "continue", "go on"),
    only(View::Stops, &[Key::Char('C')], Action::ContinueAlike, "continue-alike", "all at this place go on"),
    only(View::Stops, &[Key::Char('s')], Action::Skip, "skip", "put last"),
    only(View::Logs, &[Key::Char(' ')], Action::Toggle, "toggle-filter", "filter on/off"),
    only(View::Logs, &[Key::Char('d')], Action::Remove, "remove-filter", "remove the filter"),
    only(View::Logs, &[Key::Char('+')], Action::Louder, "louder", "louder"),
    only(View::Logs, &[Key::Char('-')], Action::Quieter, "quieter", "quieter"),
    all(&[Key::Enter], Action::Enter, "enter", "into it", true),
    all(&[Key::Esc], Action::Back, "back", "back; never leaves", false),
    all(&[Key::Char('x')], Action::Cancel, "cancel", "cancel (asks)", true),
    all(&[Key::Char('r')], Action::Repl, "repl", "prompt of a stop", true),
    all(&[Key::Char('/')], Action::Filter, "filter", "filter", true),
    all(&[Key::Tab], Action::NextPane, "next-pane", "next pane", true),
    all(&[Key::Char('?')], Action::Help, "help", "keys", true),
    all(&[Key::Char('q')], Action::Leave, "leave", "leave", true),
    all(&[Key::Char(':')], Action::Palette, "palette", "commands by name", false),
    all(&[Key::Char('1')], Action::Show(View::Tree), "tree", "actors", false),
    all(&[Key::Char('2')], Action::Show(View::Contexts), "contexts", "contexts and calls", false),
    all(&[Key::Char('4')], Action::Show(View::Logs), "logs", "log records", false),
    all(&[Key::Char('5')], Action::Show(View::Stops), "stops", "stops and their prompt", false),
    all(&[Key::Char('7')], Action::Show(View::Output), "output", "what the program printed", false),
    all(&[Key::Char('j'), Key::Down], Action::Down, "down", "down", false),
    all(&[Key::Char('k'), Key::Up], Action::Up, "up", "up", false),
    all(&[Key::Home], Action::First, "first", "to the first (also gg)", false),
    all(&[Key::Char('G'), Key::End], Action::Last, "last", "to the last; in logs and output: follow", false),
    all(&[Key::Ctrl('d'), Key::PageDown], Action::HalfDown, "half-down", "half a page down", false),
    all(&[Key::Ctrl('u'), Key::PageUp], Action::HalfUp, "half-up", "half a page up", false),
    all(&[Key::BackTab], Action::PreviousPane, "previous-pane", "previous pane", false),
    all(&[Key::Char('n')], Action::NextTrouble, "next-trouble", "next that went wrong", false),
    all(&[Key::Char('N')], Action::PreviousTrouble, "previous-trouble", "previous that went wrong", false),
    all(&[Key::Char('f')], Action::Freeze, "freeze", "freeze the view, or let it go on", false),
    all(&[Key::Char('y')], Action::Copy, "copy", "copy its name", false),
    all(&[Key::Ctrl('c')], Action::Interrupt, "interrupt", "stay, leave, or cancel the tree (asks)", false),
    all(&[Key::Ctrl('z')], Action::Suspend, "suspend", "to the shell; `fg` comes back", false),
    all(&[Key::Ctrl('l')], Action::Redraw, "redraw", "draw everything anew", false),
];

/// What a key means in a view.
#[must_use]
pub fn find(view: View, key: Key) -> Option<&'static Binding> {
    here(view).find(|binding| binding.keys.contains(&key))
}

/// The bindings that count in a view.
pub fn here(view: View) -> impl Iterator<Item = &'static Binding> {
    BINDINGS.iter().filter(move |binding| binding.place == Place::Everywhere || binding.place == Place::In(view))
}

/// Why an action can do nothing now.
#[must_use]
pub fn why_not(state: &State, action: Action) -> Option<&'static str> {
    let no = |holds: bool, why: &'static str| holds.then_some(why);
    let live = state.link == Link::Live;
    let stopped = !state.live.stops().is_empty();
    match action {
        Action::Show(View::Output) => no(state.program.is_none(), "only a program started by `coulter run` has its output here"),
        Action::Repl => no(!live, "no tree is connected").or(no(!stopped, "nothing is stopped")),
        Action::Skip => no(!stopped, "nothing is stopped").or(no(state.live.stops().len() < 2, "nobody else is stopped")),
        Action::Continue | Action::ContinueAlike => no(!stopped, "nothing is stopped"),
        Action::Cancel => no(!live, "no tree is connected").or(match state.view {
            View::Tree => no(state.actors.selected().is_none(), "no actor is selected"),
            View::Contexts => no(state.contexts.selected().is_none(), "no context is selected"),
            View::Stops => no(state.stops.selected().is_none(), "nothing is stopped"),
            View::Logs | View::Output => Some("nothing here can be cancelled; choose an actor or a context"),
        }),
        Action::Toggle | Action::Remove => no(state.logs.filters.is_empty(), "there are no filters; `/` adds one"),
        Action::NextPane | Action::PreviousPane => no(state.view.panes().len() < 2, "this view has one pane"),
        Action::Freeze => no(!live && state.frozen.is_none(), "nothing moves"),
        Action::NextTrouble | Action::PreviousTrouble => no(matches!(state.view, View::Output), "output is not sorted into good and bad"),
        Action::Enter => match state.view {
            View::Stops => no(!stopped, "nothing is stopped"),
            View::Output => Some("there is nothing to go into"),
            _ => None,
        },
        _ => None,
    }
}

/// The keys of a layer, as its footer and its help say them.
#[must_use]
pub fn of_layer(layer: &Layer) -> &'static [(&'static str, &'static str)] {
    match layer {
        Layer::Help { .. } => &[("jk", "scroll"), ("Esc", "close")],
        Layer::Confirm { .. } => &[("Esc", "stay")],
        Layer::Line { .. } => &[("Enter", "take"), ("Tab", "complete"), ("Esc", "close")],
        Layer::Trees { .. } => &[("jk", "choose"), ("Enter", "attach"), ("q", "leave")],
        Layer::Repl => &[("Enter", "say"), ("Tab", "complete"), ("Up", "history"), ("^c", "clear"), ("Esc", "back to the views")],
    }
}
