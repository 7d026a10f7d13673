//! `coulter demo`: the tree a newcomer sees first.
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::support::{Place, Terminal, coulter, kill};

/// Starts it and waits for its three levels.
fn start() -> (Place, Terminal) {
    let place = Place::new();
    let mut terminal = Terminal::new(&place);
    terminal.run(&format!("{} demo", coulter()));
    terminal.see("three levels", |_, shown| {
        ["● demo", "─ ● supervisor", "─ ● worker_1", "─ ● thinker", "─ ● slow_consumer"].iter().all(|wanted| shown.contains(wanted)).then_some(())
    });
    (place, terminal)
}

/// Leaves; nothing is left.
fn leave(place: &Place, mut terminal: Terminal) {
    terminal.press("q");
    terminal.see("the shell, or the question", |_, shown| {
        (shown.contains("Leave?") || shown.lines().next_back().is_some_and(|line| line.ends_with("shell$"))).then_some(())
    });
    if terminal.screen().contains("Leave?") {
        terminal.press("y");
    }
    terminal.status();
    place.nothing_left(vec![terminal]);
}

#[test]
fn a_stop_comes_and_goes_on() {
    let (place, mut terminal) = start();
    let shown = terminal.expect("5Stops(1)");
    assert!(shown.contains("stopped at tui/src/demo/actors.rs:"), "{shown}");
    terminal.press("5");
    terminal.expect("┌ REPL");
    terminal.expect("coulter::pause!(round");
    let stops = place.json(&["stops", "--json"]);
    let thinks = stops.as_array().unwrap().iter().find(|stop| stop["actor"]["name"] == "thinker");
    if let Some(stop) = thinks {
        assert_eq!(stop["status"], "Seated", "{stops}");
    }
    let first = stops[0]["id"].as_u64().unwrap();
    terminal.press("c");
    crate::support::until("that stop to be over", || {
        place.json(&["stops", "--json"]).as_array().unwrap().iter().all(|stop| stop["id"].as_u64() != Some(first))
    });
    leave(&place, terminal);
}

#[test]
fn a_killed_supervisor_is_shown_with_its_signal_and_followed_by_a_new_one() {
    let (place, terminal) = start();
    let supervisor = place.pid_of("supervisor");
    let begun = Instant::now();
    kill(supervisor, Signal::KILL);
    terminal.expect("SIGKILL");
    let took = begun.elapsed();
    println!("shown after {took:?}");
    assert!(took < Duration::from_secs(3), "{took:?}");
    assert_ne!(place.pid_of("supervisor"), supervisor, "a new one follows");
    terminal.see("the new one's workers", |_, shown| shown.matches("─ ● worker_1").count().eq(&1).then_some(()));
    leave(&place, terminal);
}

#[test]
fn a_killed_root_is_told_and_leaves_nothing() {
    let (place, mut terminal) = start();
    kill(place.pid_of("demo"), Signal::KILL);
    terminal.expect("SIGKILL");
    terminal.press("q");
    assert_eq!(terminal.status(), 0, "the demo is for looking: {}", terminal.screen());
    assert!(place.text(&["ps"]).contains("no tree is running"));
    place.nothing_left(vec![terminal]);
}
