//! Every view at five sizes, as pictures; and the layers over them.
use coulter_console::model::key::Key;
use coulter_console::model::{Msg, ProgramSeen, State, update};
use coulter_console::view::{Pen, Tier, draw};
use coulter_proto::exit::ExitStatus;
use coulter_proto::hub::{FromHub, HUB_VERSION, TreeInfo};
use coulter_proto::id::StopId;
use coulter_proto::level::Level;
use coulter_proto::observe::{StopReason, StopStatus};
use coulter_proto::repl::{Line, Next, Reply};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::fake::{NOON, aid, ended, log, snapshot, stop, value};

pub const SIZES: [(u16, u16); 5] = [(140, 30), (100, 26), (70, 20), (50, 14), (30, 5)];

/// A tree in which something goes on: one worker stopped, one failed, one killed.
pub fn state(size: (u16, u16)) -> State {
    let mut state = State::new(size, "waiting for a tree");
    state.program = Some(ProgramSeen { line: "demo --fast".into(), pid: 4001, status: None, leaving: false });
    let tree = TreeInfo { version: HUB_VERSION, root: aid(1), program: "/bin/demo".into(), args: vec!["--fast".into()], started: NOON };
    update(&mut state, Msg::Time(NOON + 60_000_000));
    update(&mut state, Msg::Linked(tree));
    update(&mut state, Msg::Hub(snapshot()));
    let logs = vec![
        log(1, 3, Level::Info, "started"),
        log(2, 4, Level::Warn, "the window is full"),
        log(3, 3, Level::Error, "no such symbol: \u{1b}[31mXYZ\u{1b}[0m"),
        log(4, 5, Level::Cancel, "cancelled by supervisor@4002"),
    ];
    let stops = vec![stop(1, 3, StopReason::Pause, StopStatus::Seated), stop(2, 4, StopReason::Panic("index out of range".into()), StopStatus::Queued(1))];
    update(
        &mut state,
        Msg::Hub(vec![
            FromHub::Logs { rows: logs, dropped: 2 },
            FromHub::Stops(stops),
            FromHub::Seated { stop: StopId(1), banner: vec![Line::plain("paused in demo::workers::stream")] },
            ended(5, ExitStatus::Signal(9)),
        ]),
    );
    update(&mut state, Msg::Printed(vec!["Alright... Action!".into(), "tick \u{1b}[1m1\u{1b}[0m".into()]));
    update(&mut state, Msg::Time(NOON + 62_000_000));
    press(&mut state, "j");
    press(&mut state, "j");
    state
}

/// Types characters.
pub fn press(state: &mut State, keys: &str) {
    for c in keys.chars() {
        update(state, Msg::Key(if c == '\n' { Key::Enter } else { Key::Char(c) }));
    }
}

/// The picture, as text.
pub fn picture(state: &State, ascii: bool) -> String {
    let (columns, rows) = state.size;
    let mut buf = Buffer::empty(Rect::new(0, 0, columns, rows));
    let cursor = draw(state, &Pen::new(Tier::None, ascii), &mut buf);
    let mut text = String::new();
    for y in 0..rows {
        let mut line = String::new();
        let mut x = 0;
        while x < columns {
            let symbol = if cursor.is_some_and(|at| (at.x, at.y) == (x, y)) { "█" } else { buf[(x, y)].symbol() };
            line.push_str(symbol);
            x += 1;
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

fn shot(name: &str, state: &State, ascii: bool) {
    insta::with_settings!({ snapshot_path => "../snapshots", prepend_module_to_snapshot => false, omit_expression => true }, {
        insta::assert_snapshot!(name, picture(state, ascii));
    });
}

fn at_sizes(name: &str, keys: &str) {
    for size in SIZES {
        let mut state = state(size);
        press(&mut state, keys);
        shot(&format!("{name}_{}x{}", size.0, size.1), &state, false);
    }
}

#[test]
fn tree() {
    at_sizes("tree", "");
}

#[test]
fn contexts() {
    at_sizes("contexts", "2jj");
}

#[test]
fn logs() {
    at_sizes("logs", "4/actor:worker\n");
}

#[test]
fn stops() {
    at_sizes("stops", "5");
}

#[test]
fn output() {
    at_sizes("output", "7");
}

#[test]
fn the_prompt_in_ascii() {
    let mut state = state((100, 26));
    press(&mut state, "5\np total");
    update(&mut state, Msg::Key(Key::Left));
    shot("prompt_ascii_100x26", &state, true);
    let reply = Reply { lines: vec![value("42")], value: None, next: Next::Prompt };
    press(&mut state, "\n");
    update(&mut state, Msg::Hub(vec![FromHub::Reply { stop: StopId(1), line: 1, reply }]));
    assert!(picture(&state, false).contains("42"));
}

#[test]
fn help_says_why_a_key_does_nothing() {
    let mut state = state((100, 40));
    press(&mut state, "4?");
    let shown = picture(&state, false);
    assert!(shown.contains("(not now: there are no filters; `/` adds one)"), "{shown}");
    shot("help_100x40", &state, false);
}

#[test]
fn leaving_while_something_is_stopped_is_asked() {
    let mut state = state((100, 26));
    press(&mut state, "q");
    shot("leave_100x26", &state, false);
}

#[test]
fn the_palette_finds_commands_by_name() {
    let mut state = state((70, 20));
    press(&mut state, ":can");
    shot("palette_70x20", &state, false);
}

#[test]
fn no_colour_keeps_bold_and_reverse() {
    let state = state((100, 26));
    let mut buf = Buffer::empty(Rect::new(0, 0, 100, 26));
    draw(&state, &Pen::new(Tier::None, false), &mut buf);
    let (mut bold, mut reversed) = (false, false);
    for cell in &buf.content {
        assert_eq!((cell.fg, cell.bg), (ratatui::style::Color::Reset, ratatui::style::Color::Reset));
        bold |= cell.modifier.contains(ratatui::style::Modifier::BOLD);
        reversed |= cell.modifier.contains(ratatui::style::Modifier::REVERSED);
    }
    assert!(bold && reversed);
}

#[test]
fn tiers_follow_the_environment() {
    let tier = |pairs: &'static [(&str, &str)]| Tier::of_environment(|name| pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned()));
    assert_eq!(tier(&[("TERM", "xterm")]), Tier::Sixteen);
    assert_eq!(tier(&[("TERM", "xterm-256color")]), Tier::TwoFiftySix);
    assert_eq!(tier(&[("TERM", "xterm-256color"), ("COLORTERM", "truecolor")]), Tier::Rgb);
    assert_eq!(tier(&[("TERM", "xterm-256color"), ("NO_COLOR", "1")]), Tier::None);
    assert_eq!(tier(&[("TERM", "xterm"), ("NO_COLOR", "")]), Tier::Sixteen);
    assert_eq!(tier(&[("TERM", "dumb")]), Tier::None);
}
