//! The dashboard's decisions: by cases, and by chance.
use coulter_console::model::key::Key;
use coulter_console::model::{Effect, Layer, Link, Msg, ProgramSeen, State, View, update};
use coulter_console::term::{Input, Typed};
use coulter_proto::exit::ExitStatus;
use coulter_proto::hub::{FromHub, ToHub};
use coulter_proto::id::StopId;
use coulter_proto::level::Level;
use coulter_proto::observe::*;
use coulter_proto::repl::{Completion, Line, Next, Reply};
use proptest::prelude::*;

use crate::fake::{NOON, actor, ended, log, snapshot, stop, uuid};
use crate::views::{picture, press, state};

fn sent(effects: &[Effect]) -> Vec<&ToHub> {
    effects.iter().filter_map(|effect| if let Effect::Send(message) = effect { Some(message) } else { None }).collect()
}

fn key(state: &mut State, key: Key) -> Vec<Effect> {
    update(state, Msg::Key(key))
}

#[test]
fn the_selection_sticks_to_the_actor() {
    let mut state = state((100, 26));
    assert_eq!(state.actors.selected(), Some(uuid(3)));
    let mut early = actor(9, Some(2));
    early.started = 1;
    update(&mut state, Msg::Hub(vec![FromHub::Actor(early)]));
    assert_eq!(state.actors.selected(), Some(uuid(3)), "though a row was put above it");
    assert_eq!(state.actors.index(), 3);
}

#[test]
fn a_gap_asks_for_a_snapshot_once() {
    let mut state = state((100, 26));
    let gap = |seq| Msg::Hub(vec![FromHub::Delta(Delta { actor: uuid(3), seq, changes: vec![] })]);
    assert!(matches!(sent(&update(&mut state, gap(5)))[..], [ToHub::Snapshot]));
    assert!(sent(&update(&mut state, gap(6))).is_empty());
}

#[test]
fn what_changes_nothing_is_not_drawn() {
    let mut state = state((100, 26));
    let empty = FromHub::Delta(Delta { actor: uuid(3), seq: 1, changes: vec![] });
    assert!(update(&mut state, Msg::Hub(vec![empty])).is_empty());
    let now = state.now;
    assert!(update(&mut state, Msg::Time(now + 1)).is_empty());
}

#[test]
fn a_killed_actor_is_shown_with_its_signal() {
    let mut state = state((140, 30));
    update(&mut state, Msg::Hub(vec![ended(4, ExitStatus::Signal(9))]));
    let shown = picture(&state, false);
    assert!(shown.contains("worker_2           died SIGKILL"), "{shown}");
    press(&mut state, "j");
    assert!(picture(&state, false).contains("died: signal 9 (SIGKILL)"), "whole in the detail");
}

#[test]
fn cancelling_asks_first() {
    let mut state = state((100, 26));
    assert!(sent(&key(&mut state, Key::Char('x'))).is_empty());
    assert!(matches!(state.layers.last(), Some(Layer::Confirm { question, .. }) if question.contains("worker_1@4003")));
    assert!(matches!(sent(&key(&mut state, Key::Char('y')))[..], [ToHub::Cancel { actor, context: None }] if *actor == uuid(3)));
    press(&mut state, "2");
    key(&mut state, Key::Char('x'));
    assert!(matches!(sent(&key(&mut state, Key::Char('y')))[..], [ToHub::Cancel { context: Some(_), .. }]));
    key(&mut state, Key::Char('x'));
    assert!(sent(&key(&mut state, Key::Char('n'))).is_empty() && state.layers.is_empty());
}

#[test]
fn stops_are_taken_in_any_order() {
    let mut state = state((100, 26));
    press(&mut state, "5j");
    assert!(matches!(sent(&key(&mut state, Key::Enter))[..], [ToHub::Seat { stop: StopId(2) }]));
    assert!(!state.at_prompt(), "until it is seated");
    update(&mut state, Msg::Hub(vec![FromHub::Unseated { stop: StopId(1) }, FromHub::Seated { stop: StopId(2), banner: vec![] }]));
    assert!(state.at_prompt());
    press(&mut state, "p x");
    assert!(matches!(&sent(&key(&mut state, Key::Enter))[..], [ToHub::Line { stop: StopId(2), text, .. }] if text == "p x"));
    press(&mut state, "c");
    let line = match sent(&key(&mut state, Key::Enter))[..] {
        [ToHub::Line { line, .. }] => *line,
        ref other => panic!("{other:?}"),
    };
    let reply = Reply { lines: vec![], value: None, next: Next::Continue };
    update(&mut state, Msg::Hub(vec![FromHub::Reply { stop: StopId(2), line, reply }]));
    assert!(!state.at_prompt(), "the keys are the views' again");
    update(&mut state, Msg::Hub(vec![FromHub::Seated { stop: StopId(1), banner: vec![] }]));
    assert!(state.at_prompt(), "who was at a prompt stays there for the next stop");
    key(&mut state, Key::Esc);
    update(&mut state, Msg::Hub(vec![FromHub::Unseated { stop: StopId(1) }, FromHub::Seated { stop: StopId(2), banner: vec![] }]));
    assert!(!state.at_prompt(), "who turned away is left alone");
}

#[test]
fn stops_go_on_one_by_one_and_all_alike() {
    let mut state = state((100, 26));
    press(&mut state, "5");
    assert!(matches!(sent(&key(&mut state, Key::Char('c')))[..], [ToHub::Continue { stop: StopId(1) }]));
    assert_eq!(sent(&key(&mut state, Key::Char('C'))).len(), 2);
    assert!(matches!(sent(&key(&mut state, Key::Char('s')))[..], [ToHub::Skip { stop: StopId(1) }]));
}

#[test]
fn the_prompt_completes_and_remembers() {
    let mut state = state((100, 26));
    press(&mut state, "5\n");
    assert!(state.at_prompt());
    press(&mut state, "lo");
    let number = match sent(&key(&mut state, Key::Tab))[..] {
        [ToHub::Complete { line, cursor: 2, .. }] => *line,
        ref other => panic!("{other:?}"),
    };
    let candidates = |words: &[&str]| Completion { start: 0, candidates: words.iter().map(|word| (*word).to_owned()).collect() };
    let answer = |line, completion| Msg::Hub(vec![FromHub::Completed { stop: StopId(1), line, completion }]);
    update(&mut state, answer(number, candidates(&["locals", "locate"])));
    assert_eq!(state.repl.editor.text(), "loca");
    update(&mut state, answer(number, candidates(&["other"])));
    assert_eq!(state.repl.editor.text(), "loca", "an answer counts once");
    press(&mut state, "\n");
    key(&mut state, Key::Up);
    assert_eq!(state.repl.editor.text(), "loca");
    for _ in 0..4 {
        key(&mut state, Key::Ctrl('c'));
    }
    assert!(matches!(state.layers.last(), Some(Layer::Confirm { .. })), "clears the line, then asks after three");
}

#[test]
fn the_fronts_own_words_do_not_go_to_the_engine() {
    let mut state = state((140, 30));
    press(&mut state, "5\n");
    press(&mut state, "stops");
    assert!(sent(&key(&mut state, Key::Enter)).is_empty());
    press(&mut state, "seat 2");
    assert!(matches!(sent(&key(&mut state, Key::Enter))[..], [ToHub::Seat { stop: StopId(2) }]));
}

#[test]
fn leaving_asks_while_something_is_stopped_and_ends_what_was_started() {
    let mut state = state((100, 26));
    press(&mut state, "q");
    let effects = key(&mut state, Key::Char('y'));
    assert!(matches!(effects[..], [Effect::EndProgram, ..]));
    assert!(matches!(sent(&effects)[..], [ToHub::Continue { stop: StopId(1) }, ToHub::Continue { stop: StopId(2) }]), "nobody stopped can be ended in order");
    assert!(matches!(key(&mut state, Key::Char('q'))[..], [Effect::KillProgram, ..]));
    assert!(update(&mut state, Msg::Ended(ExitStatus::Signal(9))).iter().any(|effect| matches!(effect, Effect::Leave)));
}

#[test]
fn the_last_state_stays_after_the_end() {
    let mut state = state((100, 26));
    update(&mut state, Msg::Ended(ExitStatus::Signal(9)));
    update(&mut state, Msg::Unlinked { why: "gone".into(), dead: true });
    let shown = picture(&state, false);
    assert!(shown.contains("ended: signal 9 (SIGKILL)") && shown.contains("supervisor                 gone"), "{shown}");
    assert!(state.ages_in().is_none(), "nothing moves any more");
    assert!(matches!(key(&mut state, Key::Char('q'))[..], [Effect::Leave, ..]));
}

#[test]
fn a_frozen_view_stands_still_and_the_tree_goes_on() {
    let mut state = state((100, 26));
    press(&mut state, "f");
    let before = picture(&state, false);
    let mut row = actor(3, Some(2));
    row.aid.name = "renamed".into();
    let effects = update(&mut state, Msg::Hub(vec![FromHub::Delta(Delta { actor: uuid(3), seq: 1, changes: vec![Change::Actor(row)] })]));
    assert!(effects.is_empty());
    assert_eq!(picture(&state, false), before);
    press(&mut state, "f");
    assert!(picture(&state, false).contains("renamed"));
}

#[test]
fn filters_of_one_kind_widen_and_kinds_narrow() {
    let mut state = state((140, 30));
    let rows = (0..50).map(|n| log(n, 3 + u128::from(n % 3), [Level::Info, Level::Warn][(n % 2) as usize], &format!("m{n}"))).collect();
    update(&mut state, Msg::Hub(vec![FromHub::Logs { rows, dropped: 0 }]));
    let shown = |state: &State| state.logs.shown().len();
    let all = shown(&state);
    press(&mut state, "4/actor:worker_1\n");
    let one = shown(&state);
    press(&mut state, "/actor:worker_2\n");
    let two = shown(&state);
    press(&mut state, "/level>=warn\n");
    let loud = shown(&state);
    assert!(loud < two && one < two && two < all, "{loud} {one} {two} {all}");
    press(&mut state, " ");
    assert_eq!(shown(&state), two, "off again");
    press(&mut state, "/!/m1/\n");
    assert!(shown(&state) < two);
    press(&mut state, "/level>=loud\n");
    assert!(state.notice.as_ref().is_some_and(|notice| notice.bad));
}

#[test]
fn a_quieter_level_is_asked_of_the_hub() {
    let mut state = state((100, 26));
    press(&mut state, "4");
    assert!(matches!(sent(&key(&mut state, Key::Char('-')))[..], [ToHub::Follow { tables: true, logs: Some(Level::Devx) }]));
}

#[test]
fn folding_hides_and_counts() {
    let mut state = state((100, 26));
    press(&mut state, "kh");
    let shown = picture(&state, false);
    assert!(shown.contains("2 below") && !shown.contains("worker_2  "), "{shown}");
    press(&mut state, "l");
    assert!(picture(&state, false).contains("worker_2"));
}

#[test]
fn without_a_tree_it_waits_and_several_are_offered() {
    let mut state = State::new((80, 24), "waiting for a tree");
    assert!(picture(&state, false).contains("waiting for a tree"));
    assert!(update(&mut state, Msg::Trees(vec![])).is_empty());
    let found = |n: u128| coulter_console::client::Found {
        dir: format!("/tmp/{n}").into(),
        info: coulter_proto::hub::TreeInfo { version: 1, root: crate::fake::aid(n), program: "p".into(), args: vec![], started: NOON },
    };
    update(&mut state, Msg::Trees(vec![found(1), found(2)]));
    assert!(picture(&state, false).contains("supervisor@4002"));
    key(&mut state, Key::Down);
    assert!(key(&mut state, Key::Enter).iter().any(|effect| matches!(effect, Effect::Attach(tree) if tree.info.root == crate::fake::aid(2))));
    let mut alone = State::new((80, 24), "waiting");
    assert!(update(&mut alone, Msg::Trees(vec![found(1)])).iter().any(|effect| matches!(effect, Effect::Attach(_))));
    assert_eq!(alone.link, Link::Waiting("waiting".into()));
}

#[test]
fn before_there_is_a_tree_the_output_is_shown() {
    let mut state = State::new((80, 24), "cargo is starting");
    state.program = Some(ProgramSeen { line: "cargo run".into(), pid: 1, status: None, leaving: false });
    assert!(picture(&state, false).contains("cargo is starting"));
    assert!(!update(&mut state, Msg::Printed(vec!["Compiling coulter".into()])).is_empty());
    assert!(picture(&state, false).contains("Compiling coulter"));
    let tree = coulter_proto::hub::TreeInfo { version: 1, root: crate::fake::aid(1), program: "p".into(), args: vec![], started: NOON };
    update(&mut state, Msg::Linked(tree.clone()));
    assert_eq!(state.view, View::Tree);
    state.link = Link::Waiting("again".into());
    update(&mut state, Msg::Printed(vec!["more".into()]));
    press(&mut state, "7");
    update(&mut state, Msg::Linked(tree));
    assert_eq!(state.view, View::Output, "who chose a view keeps it");
}

#[test]
fn keys_come_out_of_bytes() {
    let mut input = Input::default();
    let keys = |typed: Vec<Typed>| -> Vec<Key> { typed.into_iter().map(|typed| if let Typed::Key(key) = typed { key } else { panic!() }).collect() };
    assert_eq!(
        keys(input.take(b"a\x1b[A\x1bOB\x1b[5~\x1b[Z\x03\r\x7f\xc3\xa4")),
        [Key::Char('a'), Key::Up, Key::Down, Key::PageUp, Key::BackTab, Key::Ctrl('c'), Key::Enter, Key::Backspace, Key::Char('ä')]
    );
    assert!(input.take(b"\x1b").is_empty() && input.is_unfinished());
    assert_eq!(keys(input.no_more()), [Key::Esc]);
    assert!(input.take(b"\x1b[1;").is_empty());
    assert_eq!(keys(input.take(b"5C")), [Key::Right]);
    assert_eq!(input.take(b"\x1b[200~two\nlines\x1b[201~q"), [Typed::Paste("two\nlines".into()), Typed::Key(Key::Char('q'))]);
}

fn any_key() -> impl Strategy<Value = Key> {
    prop_oneof![
        8 => prop::sample::select("jkhlgGfrxyqnN/:?12457cCsd+- \u{1F600}ä漢".chars().collect::<Vec<_>>()).prop_map(Key::Char),
        2 => prop::sample::select(vec![Key::Enter, Key::Esc, Key::Tab, Key::BackTab, Key::Up, Key::Down, Key::Left, Key::Right, Key::Home, Key::End, Key::PageUp, Key::PageDown, Key::Backspace, Key::Delete]),
        1 => prop::sample::select("abcdefhklnpuwz".chars().collect::<Vec<_>>()).prop_map(Key::Ctrl),
    ]
}

fn any_message() -> impl Strategy<Value = Msg> {
    let hub = prop_oneof![
        Just(snapshot()),
        (1u128..7, 1u128..7).prop_map(|(n, parent)| vec![FromHub::Actor(actor(n, Some(parent)))]),
        (1u128..7).prop_map(|n| vec![ended(n, ExitStatus::Signal(9))]),
        proptest::collection::vec((1u64..5, 1u128..6), 0..4)
            .prop_map(|stops| { vec![FromHub::Stops(stops.into_iter().map(|(id, who)| stop(id, who, StopReason::Pause, StopStatus::Queued(1))).collect())] }),
        (1u64..5).prop_map(|id| vec![FromHub::Seated { stop: StopId(id), banner: vec![Line::plain("\u{1b}]0;x\u{7}here")] }]),
        (1u64..5).prop_map(|id| vec![FromHub::Unseated { stop: StopId(id) }]),
        (1u64..5, 0u64..9).prop_map(|(id, line)| vec![FromHub::Reply {
            stop: StopId(id),
            line,
            reply: Reply { lines: vec![], value: None, next: Next::Quit }
        }]),
        (0u64..9, 0usize..9).prop_map(|(line, start)| {
            vec![FromHub::Completed { stop: StopId(1), line, completion: Completion { start, candidates: vec!["lä".into(), "lö".into()] } }]
        }),
        (0u64..40, "(\\PC|\u{1b}|\n){0,60}")
            .prop_map(|(n, text)| vec![FromHub::Logs { rows: vec![log(n, 3, Level::ALL[n as usize % 11], &text)], dropped: n }]),
        Just(vec![FromHub::Refused { why: "no".into() }]),
        Just(vec![FromHub::Ending]),
    ];
    prop_oneof![
        8 => any_key().prop_map(Msg::Key),
        4 => hub.prop_map(Msg::Hub),
        1 => (0u64..100_000_000).prop_map(|more| Msg::Time(NOON + more)),
        1 => (0u16..200, 0u16..60).prop_map(|(columns, rows)| Msg::Size(columns, rows)),
        1 => "(\\PC|\n){0,30}".prop_map(Msg::Paste),
        1 => "\\PC{0,80}".prop_map(|line| Msg::Printed(vec![line])),
        1 => any::<bool>().prop_map(|dead| Msg::Unlinked { why: "gone".into(), dead }),
        1 => Just(Msg::Ended(ExitStatus::Code(0))),
        1 => Just(Msg::Aged),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    /// Whatever happens in whatever order, at whatever size: it is drawn, Escape leads back to the
    /// views and never out, and what is selected is there.
    #[test]
    fn anything_may_happen(messages in proptest::collection::vec(any_message(), 0..60)) {
        let mut state = state((100, 26));
        for message in messages {
            let escape = matches!(message, Msg::Key(Key::Esc));
            let effects = update(&mut state, message);
            prop_assert!(!escape || !effects.iter().any(|effect| matches!(effect, Effect::Leave)));
            picture(&state, false);
            if state.view == View::Tree && let Some(id) = state.actors.selected() {
                prop_assert!(state.seen().actor(id).is_some());
            }
        }
        for _ in 0..20 {
            update(&mut state, Msg::Key(Key::Esc));
        }
        let back = state.layers.iter().all(|layer| matches!(layer, Layer::Trees { .. }));
        prop_assert!(back);
    }

    /// Every view, every size, with and without layers.
    #[test]
    fn every_size_is_drawn(columns in 0u16..260, rows in 0u16..80, view in prop::sample::select(vec!["1", "2", "4", "5", "7", "5\n", "?", "1x", ":", "4/"]), ascii: bool, tabs in 0usize..3) {
        let mut state = state((columns, rows));
        press(&mut state, view);
        for _ in 0..tabs {
            update(&mut state, Msg::Key(Key::Tab));
        }
        let text = picture(&state, ascii);
        let escaped = text.contains('\u{1b}');
        prop_assert!(!escaped);
    }

    #[test]
    fn any_bytes_may_be_typed(pieces in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..20), 0..10)) {
        let mut input = Input::default();
        for piece in pieces {
            input.take(&piece);
        }
        input.no_more();
        prop_assert!(!input.is_unfinished());
    }
}
