//! The engine, fed with lines; what it answers is compared as text.
#![allow(clippy::unwrap_used, clippy::expect_used)] // a test that panics has failed
use serde::{Deserialize, Serialize};

use super::*;

#[derive(Debug, Serialize, Deserialize)]
struct Order {
    sku: String,
    qty: u32,
}

#[derive(Debug)]
struct OnlyDebug(#[allow(dead_code)] u8);

struct Opaque;

/// Captures as `pause!` takes them.
fn captures() -> Vec<Capture> {
    let mut captures = Vec::new();
    let x = 3u8;
    let mut order = Order { sku: "A1".into(), qty: 4 };
    let mut name = Some(String::from("bo"));
    let only_debug = OnlyDebug(1);
    let opaque = Opaque;
    let mut locked = OnlyDebug(2);
    crate::pause!(@capture captures; x, &mut order, &mut name, total = f64::from(x) * 1.5, only_debug, opaque, &mut locked);
    let _ = (&mut order, &mut name, &mut locked);
    captures
}

fn frame(function: &str, line: u32, folded: usize) -> Frame {
    Frame { function: function.into(), file: Some("no/such/app.rs".into()), line: Some(line), folded }
}

fn engine() -> Engine {
    let scene = Scene::new(StopReason::Pause, "no/such/app.rs", 12, "app::check").with_captures(captures()).with_frames(vec![
        frame("app::check", 12, 0),
        frame("app::run", 40, 3),
        frame("app::main", 90, 17),
    ]);
    Engine::new(scene, "worker_1@4711".into(), "ticker".into())
}

/// An engine that stands in this file, at the line of the call.
#[track_caller]
fn engine_here() -> Engine {
    let here = std::panic::Location::caller();
    Engine::new(Scene::new(StopReason::Pause, here.file(), here.line(), "app::here"), "root@1".into(), "main".into())
}

fn text(lines: &[Line]) -> String {
    lines.iter().map(|line| line.text().trim_end().to_owned()).collect::<Vec<_>>().join("\n")
}

fn say(engine: &mut Engine, line: &str) -> String {
    text(&engine.line(line).lines)
}

#[test]
fn the_banner_tells_where_why_and_what() {
    assert_eq!(
        text(&engine().banner()),
        "stopped in worker_1@4711, ticker: pause!()\nat no/such/app.rs:12 in app::check\n\
         captured: x, order, name, total, only_debug, opaque, locked"
    );
    let mut here = engine_here();
    let banner = text(&here.banner());
    assert!(banner.contains("->") && banner.contains("let mut here = engine_here();"), "{banner}");
    let scene = Scene::new(StopReason::Error("no route\nto host".into()), "", 0, "")
        .with_frames(vec![frame("app::dial", 5, 0)])
        .with_causes("std::io::error::Error", &["connection refused".into()]);
    let mut engine = Engine::new(scene, "a@1".into(), "dial".into());
    assert_eq!(
        text(&engine.banner()),
        "stopped in a@1, dial: error: no route\n  to host\n  of type Error\n  because: connection refused\nat no/such/app.rs:5 in app::dial"
    );
}

#[test]
fn frames_are_walked_and_folded_ones_counted() {
    let mut engine = engine();
    assert_eq!(
        say(&mut engine, "w"),
        ">   0  app::check  no/such/app.rs:12\n       … 3 frames of the runtime and libraries\n    1  app::run    no/such/app.rs:40\n\
         \u{20}      … 17 frames of the runtime and libraries\n    2  app::main   no/such/app.rs:90"
    );
    assert_eq!(say(&mut engine, "down"), "this is the innermost frame");
    assert_eq!(say(&mut engine, "up"), "frame 1  app::run  no/such/app.rs:40");
    assert_eq!(say(&mut engine, ""), "frame 2  app::main  no/such/app.rs:90");
    assert_eq!(say(&mut engine, ""), "this is the outermost frame");
    assert_eq!(say(&mut engine, "down 9"), "frame 0  app::check  no/such/app.rs:12");
    assert_eq!(say(&mut engine, "frame 7"), "there is no frame 7: they go from 0 to 2");
    assert_eq!(say(&mut engine, "f 1"), "frame 1  app::run  no/such/app.rs:40");
    assert!(say(&mut engine, "bt").contains(">   1  app::run"));
    assert_eq!(say(&mut engine, "up x"), "usage: up [N] (`help up` tells more)");
}

#[test]
fn the_source_is_listed_around_the_line_and_on() {
    let mut engine = engine_here();
    let line = engine.scene.line as usize;
    let first = say(&mut engine, "l");
    assert_eq!(first.lines().count(), 11, "{first}");
    assert_eq!(first.lines().filter(|line| line.starts_with("->")).count(), 1);
    assert!(first.lines().nth(5).is_some_and(|current| current.starts_with("->") && current.contains(&line.to_string())), "{first}");
    let second = say(&mut engine, "");
    assert!(second.lines().next().is_some_and(|next| next.contains(&(line + 6).to_string())), "{second}");
    assert_eq!(say(&mut engine, "list ."), first);
    assert!(say(&mut engine, "list 1").contains("//! The engine, fed with lines"));
    assert!(say(&mut engine, "list 99999").starts_with("the file ends at line "));
    assert!(say(&mut engine, "ll").lines().any(|line| line.contains("fn the_source_is_listed_around_the_line_and_on()")));
    let mut gone = super::tests::engine();
    assert_eq!(say(&mut gone, "l"), "no/such/app.rs cannot be read from here; it is line 12 of it");
}

#[test]
fn captures_are_shown_by_what_their_types_can_do() {
    let mut engine = engine();
    assert_eq!(
        say(&mut engine, "locals"),
        "x: u8 = 3\norder: Order = Order { sku: \"A1\", qty: 4 }  (can be set)\nname: Option<String> = Some(\"bo\")  (can be set)\n\
         total: f64 = 4.5\nonly_debug: OnlyDebug = OnlyDebug(1)\nopaque: Opaque = (Opaque is neither Debug nor Serialize)\n\
         locked: OnlyDebug = OnlyDebug(2)\nthese are what the pause!() names; name more there to see more here"
    );
    assert_eq!(say(&mut engine, "p order"), "Order { sku: \"A1\", qty: 4 }  Order");
    assert_eq!(say(&mut engine, "pp order"), "Order {  Order\n    sku: \"A1\",\n    qty: 4,\n}");
    assert_eq!(say(&mut engine, "whatis name"), "Option<String>  core::option::Option<alloc::string::String>");
    assert_eq!(say(&mut engine, "whatis order.qty + 1"), "a number");
    assert_eq!(say(&mut engine, "whatis x"), "u8");
    let mut empty = engine_here();
    assert!(say(&mut empty, "locals").contains("pause!(a, &mut b, total = x + y)"));
}

#[test]
fn a_line_that_is_no_command_is_an_expression() {
    let mut engine = engine();
    let reply = engine.line("order.qty * 2 + x");
    assert_eq!((text(&reply.lines).as_str(), reply.value), ("11", Some(serde_json::json!(11))));
    assert_eq!(say(&mut engine, "_ + 1"), "12");
    assert_eq!(say(&mut engine, "x"), "3  u8");
    assert_eq!(say(&mut engine, "order.qtty"), "  order.qtty\n        ^\nno field `qtty`; there are qty, sku");
    assert_eq!(
        say(&mut engine, "only_debug.0 + 1"),
        "  only_debug.0 + 1\n  ^\n`only_debug` can be shown as a whole (`p only_debug`), but not computed with: derive Serialize for OnlyDebug"
    );
    assert!(say(&mut engine, "frobnicate").contains("`frobnicate` is no name here; there are name, order, total, x"));
    assert_eq!(say(&mut engine, "p"), "usage: p EXPR (`help p` tells more)");
}

#[test]
fn commands_beat_variables_unless_an_operator_follows() {
    let (c, n) = (5, 6);
    let mut captures = Vec::new();
    crate::pause!(@capture captures; c, n);
    let scene = Scene::new(StopReason::Pause, "no/such/app.rs", 1, "f").with_captures(captures);
    let mut engine = Engine::new(scene, "a@1".into(), "t".into());
    assert_eq!(say(&mut engine, "p c"), "5  i32");
    assert_eq!(say(&mut engine, "c == 5"), "true");
    let stepping = say(&mut engine, "n");
    assert!(stepping.starts_with("there is no stepping") && stepping.ends_with("`p n` prints what was captured as `n`"), "{stepping}");
    assert_eq!(engine.line("c").next, Next::Continue);
}

#[test]
fn set_is_checked_at_once_and_handed_over_at_the_end() {
    let mut engine = engine();
    assert_eq!(say(&mut engine, "set order.qty = 9"), "order.qty = 9  (written when it goes on)");
    assert_eq!(say(&mut engine, "set order.qty += x"), "order.qty = 12  (written when it goes on)");
    assert_eq!(say(&mut engine, "p order.qty"), "12");
    assert!(say(&mut engine, "locals").contains("order: Order = { qty: 12, sku: \"A1\" }  (set; written when it goes on)"));
    assert!(say(&mut engine, "set order.qty = \"many\"").starts_with("this is no Order: invalid type: string \"many\", expected u32"));
    assert!(say(&mut engine, "set order.qty = -1").starts_with("this is no Order: "));
    assert_eq!(say(&mut engine, "set name = None"), "name = None  (written when it goes on)");
    assert_eq!(say(&mut engine, "set x = 1"), "`x` was captured as it is: write `pause!(&mut x)` to be able to set it");
    assert!(say(&mut engine, "set locked = 1").contains("`locked`"));
    assert_eq!(say(&mut engine, "set order.none = 1"), "  order.none = 1\n        ^\nno field `none`; there are qty, sku");
    assert_eq!(text(&engine.line("c").lines), "set: order, name");
    let sets = engine.into_sets();
    assert_eq!(sets, [("order".to_owned(), serde_json::json!({ "sku": "A1", "qty": 12 })), ("name".to_owned(), Value::Null)]);
}

#[test]
fn the_ways_to_go_on() {
    for (line, next) in [
        ("c", Next::Continue),
        ("continue", Next::Continue),
        ("q", Next::Quit),
        ("exit", Next::Quit),
        ("detach", Next::Continue),
        ("cancel", Next::Continue),
        ("w", Next::Prompt),
        ("", Next::Prompt),
    ] {
        let mut engine = engine();
        assert_eq!(engine.line(line).next, next, "{line}");
        assert_eq!(engine.detached(), line == "detach");
        assert_eq!(engine.take_cancel(), line == "cancel");
    }
    let mut engine = engine();
    engine.line("p x");
    engine.line("c");
    assert_eq!(engine.line("").next, Next::Prompt, "an empty line repeats no going on");
}

#[test]
fn every_word_of_other_debuggers_says_what_to_do() {
    let mut engine = engine();
    for word in ["n", "s", "next", "step", "until", "b", "info", "break main.rs:3", "finish", "threads", "call f(1)", "!ls"] {
        let reply = engine.line(word);
        let lines = text(&reply.lines);
        assert_eq!(reply.lines.len(), 1, "{word}: {lines}");
        assert!(reply.next == Next::Prompt && lines.len() > 20 && !lines.contains("no name here"), "{word}: {lines}");
    }
}

#[test]
fn help_teaches_every_command() {
    let mut engine = engine();
    let overview = say(&mut engine, "help");
    for command in commands::COMMANDS.iter().filter(|command| command.group != commands::Group::Hidden) {
        assert!(overview.contains(command.name()), "{}", command.name());
        let about = say(&mut engine, &format!("help {}", command.name()));
        assert!(about.contains(command.what), "{about}");
    }
    assert!(overview.lines().count() <= 40, "it fits a screen");
    assert!(say(&mut engine, "help c").contains("also: c, cont"));
    assert!(say(&mut engine, "help n").contains("no stepping"));
    assert!(say(&mut engine, "help lo").contains("there are list, ll, locals"));
}

#[test]
fn no_two_commands_share_a_word() {
    let mut words: Vec<&str> = commands::COMMANDS.iter().flat_map(|command| command.names).copied().collect();
    let count = words.len();
    words.sort_unstable();
    words.dedup();
    assert_eq!(words.len(), count);
}

#[test]
fn words_complete_by_where_they_stand() {
    let engine = engine();
    let complete = |text: &str| {
        let completion = engine.complete(text, text.len());
        (completion.start, completion.candidates)
    };
    let (start, words) = complete("lo");
    assert_eq!((start, words), (0, vec!["locked".to_owned(), "locals".to_owned()]));
    assert_eq!(complete("p ord"), (2, vec!["order".to_owned()]));
    assert_eq!(complete("p order.q"), (8, vec!["qty".to_owned()]));
    assert_eq!(complete("order.sku.to_l"), (10, vec!["to_lowercase()".to_owned()]));
    assert_eq!(complete("help wh"), (5, vec!["where".to_owned(), "whatis".to_owned()]));
    assert_eq!(complete("p nothing.x").1, Vec::<String>::new());
    assert_eq!(engine.complete("p ört.x", 3).candidates, Vec::<String>::new(), "a cursor inside a character");
}

/// A panic inside the panic hook would abort the process: nothing a person types, and no source, may cause one.
#[test]
fn no_line_and_no_source_makes_the_engine_panic() {
    const PIECES: &[&str] = &[
        "p ",
        "pp ",
        "set ",
        "whatis ",
        "l ",
        "frame ",
        "up ",
        "help ",
        "order",
        "x",
        ".",
        "qty",
        "[",
        "]",
        "(",
        ")",
        "{",
        "}",
        "|",
        "||",
        "..",
        "..=",
        "=",
        "==",
        "+=",
        "-",
        "!",
        "\"",
        "'",
        "\\",
        "1",
        "0x",
        "1e",
        "9999999999999999999999",
        "ü",
        "😀",
        "\t",
        "\u{1b}[2J",
        "if ",
        " else ",
        ",",
        ":",
        "&",
        "#",
        "r#\"",
        "/*",
        "//",
        "\n",
        "::",
        "<",
        ">",
        "len()",
        "map(|a| ",
        "_",
    ];
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let mut random = move |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state % below as u64).unwrap()
    };
    let mut engine = engine();
    for _ in 0..20_000 {
        let text: String = (0..random(12)).map(|_| PIECES[random(PIECES.len())]).collect();
        engine.line(&text);
        engine.complete(&text, random(text.len() + 2));
        crate::devx::source::Source::of(&text).function_around(random(5));
        crate::devx::names::short_function(&text);
        short_type(&text);
        crate::devx::stack::from_text(&text);
    }
}
