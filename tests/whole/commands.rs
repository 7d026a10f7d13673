//! The command line against a real tree: text, JSON and exit codes.
use rustix::process::Signal;
use serde_json::Value;

use crate::support::{Place, Terminal, coulter, example, kill, program, until};

#[test]
fn every_command_tells_of_a_real_tree() {
    let place = Place::new();
    assert!(place.text(&["ps"]).contains("no tree is running"));
    let mut terminal = Terminal::new(&place);
    terminal.run(&program("busy"));
    terminal.expect("busy: all are there");
    place.pid_of("below");

    let trees = place.json(&["ps", "--json"]);
    assert_eq!(trees[0]["tree"]["root"]["name"], "busy");
    assert_eq!(trees[0]["actors"].as_array().unwrap().len(), 5);
    let tree = place.json(&["tree", "--json"]);
    let depths: Vec<(&str, u64)> =
        tree.as_array().unwrap().iter().map(|row| (row["actor"]["aid"]["name"].as_str().unwrap(), row["depth"].as_u64().unwrap())).collect();
    assert!(depths.starts_with(&[("busy", 0), ("keeper", 1), ("below", 2)]) && depths.len() == 5, "{depths:?}");
    let text = place.text(&["tree"]);
    assert!(text.contains("├─ keeper") && text.contains("└─ below") && text.contains("running"), "{text}");

    let contexts = place.text(&["contexts", "busy"]);
    for wanted in ["programs::keep_one()", "programs::spin_forever()", "programs::idle()", "started"] {
        assert!(contexts.contains(wanted), "`{wanted}` is missing in\n{contexts}");
    }
    assert!(
        place.json(&["contexts", "--json"]).as_array().unwrap().iter().any(|row| row["caller"]["endpoint"].as_str().is_some_and(|name| name.ends_with("idle")))
    );
    let channels = place.json(&["channels", "--json"]);
    assert!(channels.as_array().unwrap().len() >= 4, "{channels}");
    assert!(place.text(&["channels"]).contains("uds"));
    assert_eq!(place.text(&["stops"]).trim(), "no stops");
    place.text(&["logs", "--level", "transport"]);

    // Which of them died, and of what.
    kill(place.pid_of("victim"), Signal::KILL);
    until("the end of the victim, told", || place.text(&["tree"]).lines().any(|line| line.contains("victim") && line.contains("SIGKILL")));

    assert_eq!(place.coulter(&["dance"]).status.code(), Some(2));
    assert_eq!(place.coulter(&["cancel", "spinner"]).status.code(), Some(2), "nobody can be asked");
    assert_eq!(place.coulter(&["tree", "elsewhere"]).status.code(), Some(3));
    assert_eq!(place.coulter(&["cancel", "nobody", "--yes"]).status.code(), Some(3));

    // The whole tree, by its root.
    assert_eq!(place.coulter(&["cancel", "busy", "--yes"]).status.code(), Some(0));
    assert_ne!(terminal.status(), 0);
    assert_eq!(place.coulter(&["tree"]).status.code(), Some(3));
    place.nothing_left(vec![terminal]);
}

#[test]
fn logs_are_followed_to_the_end_one_object_a_line() {
    let place = Place::new();
    let mut there = Terminal::new(&place);
    there.run(&program("noisy"));
    there.expect("coulter(sleeper@");
    let mut here = Terminal::new(&place);
    let log = place.beside("logs");
    here.run(&format!("{} logs -f --json --level warn > {}", coulter(), log.display()));
    let rows = || -> Vec<Value> { std::fs::read_to_string(&log).unwrap_or_default().lines().filter_map(|line| serde_json::from_str(line).ok()).collect() };
    until("records", || rows().iter().any(|row| row["message"].as_str().is_some_and(|message| message.starts_with("chatter logs"))));
    // From here on nobody prints.
    there.expect("noisy: silence");
    there.enter("c");
    assert_eq!(there.status(), 0);
    assert_eq!(here.status(), 0, "{}", here.screen());
    let rows = rows();
    assert!(rows.iter().any(|row| row["message"] == "chatter logs 300." && row["actor"]["name"] == "chatter"), "{rows:?}");
    place.nothing_left(vec![here, there]);
}

#[test]
fn the_seat_is_taken_from_another_terminal() {
    let place = Place::new();
    let mut there = Terminal::new(&place);
    there.run(&example("root_pause"));
    there.expect_prompt("harbour");
    assert!(place.text(&["stops"]).contains("has the seat"));
    assert_eq!(place.json(&["stops", "--json"])[0]["actor"]["name"], "harbour");
    let mut here = Terminal::new(&place);
    here.run(&format!("{} repl harbour", coulter()));
    let prompt = |shown: &str| shown.lines().next_back().is_some_and(|line| line.starts_with("(harbour@") && line.ends_with(')'));
    here.see("the prompt here", |_, shown| prompt(shown).then_some(()));
    there.expect("this prompt was closed");
    here.press("p total / 2\r");
    here.see("the answer, and the prompt again", |_, shown| (shown.contains("1225") && prompt(shown)).then_some(()));
    here.press("c\r");
    assert_eq!(here.status(), 0, "{}", here.screen());
    assert_eq!(there.status(), 0, "{}", there.screen());
    assert!(there.screen().contains("after the pause: 2450 t"), "{}", there.screen());
    place.nothing_left(vec![here, there]);
}
