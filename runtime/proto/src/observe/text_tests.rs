//! What is printed is aligned, bounded, and harmless.
#![allow(clippy::unwrap_used, reason = "a panic is how a test says no")]

use proptest::prelude::*;

use super::*;
use crate::hub::FromHub;
use crate::id::Uuid;

fn actor(n: u128, parent: Option<u128>, name: &str) -> ActorRow {
    let aid = |n: u128| Aid { name: name.to_owned(), uuid: Uuid::from_u128(n << 96), pid: 100 + n as u32 };
    ActorRow { state: ActorState::Running, ..ActorRow::new(aid(n), parent.map(aid), n as u64) }
}

#[test]
fn escape_sequences_leave_nothing_behind() {
    assert_eq!(clean("a\u{1b}[31mred\u{1b}[0m", 99), "ared");
    assert_eq!(clean("\u{1b}]52;c;c2VjcmV0\u{7}x", 99), "x");
    assert_eq!(clean("\u{1b}]0;title\u{1b}\\x", 99), "x");
    assert_eq!(clean("\u{1b}Pq..\u{9c}x\u{9b}2Jy", 99), "xy");
    assert_eq!(clean("a\nb\tc\u{202e}d", 99), "a b cd");
    assert_eq!(clean("abcdef", 4), "abc…");
    assert_eq!(clean("abcd", 4), "abcd");
}

#[test]
fn a_tree_is_drawn_with_its_branches() {
    let mut model = Model::new();
    for (n, parent) in [(1, None), (2, Some(1)), (3, Some(2)), (4, Some(1)), (5, Some(4))] {
        model.apply(&FromHub::Actor(actor(n, parent, "x")));
    }
    let text: Vec<String> = tree(&model).iter().map(Line::text).collect();
    assert_eq!(
        text,
        [
            "actor    pid  state    id",
            "x        101  running  00000001",
            "├─ x     102  running  00000002",
            "│  └─ x  103  running  00000003",
            "└─ x     104  running  00000004",
            "   └─ x  105  running  00000005",
        ]
    );
}

#[test]
fn nothing_is_said_in_words() {
    let model = Model::new();
    for (lines, word) in [(tree(&model), "actors"), (contexts(&model), "contexts"), (channels(&model), "channels"), (stops(&model), "stops")] {
        assert_eq!(lines[0].text(), format!("no {word}"));
    }
}

#[test]
fn a_long_list_says_how_much_is_not_shown() {
    let mut model = Model::new();
    for n in 1..=MOST_LINES as u128 + 5 {
        model.apply(&FromHub::Actor(actor(n, None, "x")));
    }
    assert_eq!(tree(&model).last().unwrap().text(), "and 5 more actors");
}

proptest! {
    #[test]
    fn cleaned_text_has_no_control_characters_and_its_bound(text in "(\\PC|[\u{0}-\u{20}\u{7f}-\u{9f}]|\u{1b}\\[|\u{1b}\\]){0,40}", most in 0usize..30) {
        let clean = clean(&text, most);
        prop_assert!(clean.chars().count() <= most);
        prop_assert!(!clean.chars().any(|c| c.is_control() || is_unseen(c)));
    }
}
