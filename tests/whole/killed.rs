//! `kill -9` while a prompt is open: of the seat's owner, of the root, of an actor between them.
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::support::{Place, Terminal, example, kill};

/// The rule says one second; a busy machine is given more, and what it took is printed.
const NEXT_IN_LINE: Duration = Duration::from_secs(3);

#[test]
fn the_seats_owner_killed_at_its_prompt_gives_the_terminal_to_the_next_in_line() {
    let place = Place::new();
    let mut terminal = Terminal::new(&place);
    terminal.run(&example("multi_subactors"));
    terminal.expect("path: all three are on their way");
    let walker = terminal.expect_prompt("walker");
    crate::support::until("two wait", || terminal.ask("stops").contains("waits, number 2"));
    let stops = terminal.ask("stops");
    let second = ["stumbler", "jumper"].into_iter().find(|name| stops.lines().any(|line| line.contains(name) && line.contains("waits, number 1"))).unwrap();
    terminal.press("p half_ty");
    terminal.expect("p half_ty");
    let begun = Instant::now();
    kill(walker, Signal::KILL);
    terminal.expect_prompt(second);
    let took = begun.elapsed();
    println!("next in line after {took:?}");
    assert!(took < NEXT_IN_LINE, "{took:?}");
    assert!(terminal.ask("tree").lines().any(|line| line.contains("walker") && line.contains("SIGKILL")), "{}", terminal.screen());
    terminal.interrupt_the_prompt();
    terminal.enter("c");
    terminal.expect_prompt(if second == "stumbler" { "jumper" } else { "stumbler" });
    terminal.enter("c");
    assert_eq!(terminal.status(), 0);
    place.nothing_left(vec![terminal]);
}

#[test]
fn the_only_one_stopped_killed_at_its_prompt_ends_the_prompt_and_its_parent_hears_of_it() {
    let place = Place::new();
    let mut terminal = Terminal::new(&place);
    terminal.run(&example("subactor_pause"));
    let counter = terminal.expect_prompt("counter");
    let begun = Instant::now();
    kill(counter, Signal::KILL);
    assert_ne!(terminal.status(), 0);
    println!("over after {:?}", begun.elapsed());
    assert!(terminal.screen().contains("SIGKILL"), "{}", terminal.screen());
    place.nothing_left(vec![terminal]);
}

#[test]
fn the_root_killed_at_a_prompt_leaves_no_process_and_no_raw_terminal() {
    for (name, root_name, stopped) in
        [("subactor_pause", "hall", "counter"), ("nested_errors", "observatory", "thermometer"), ("root_pause", "harbour", "harbour")]
    {
        let place = Place::new();
        let mut terminal = Terminal::new(&place);
        terminal.run(&example(name));
        terminal.expect_prompt(stopped);
        let root = place.pid_of(root_name);
        let shell = terminal.shell();
        let begun = Instant::now();
        kill(root, Signal::KILL);
        assert_eq!(terminal.status(), 128 + 9, "{}", terminal.screen());
        crate::support::until("nobody but the shell", || place.processes() == [shell]);
        let took = begun.elapsed();
        println!("{name}: all gone after {took:?}");
        assert!(took < Duration::from_secs(5), "{took:?}");
        // The directory of a dead tree is swept by whoever sees it next.
        assert!(place.text(&["ps"]).contains("no tree is running"));
        place.nothing_left(vec![terminal]);
    }
}

#[test]
fn an_actor_between_the_root_and_the_one_stopped_killed_takes_those_below_with_it() {
    let place = Place::new();
    let mut terminal = Terminal::new(&place);
    terminal.run(&example("nested_errors"));
    terminal.expect_prompt("thermometer");
    let station = place.pid_of("station");
    kill(station, Signal::KILL);
    assert_eq!(terminal.status(), 0, "the root handles the error");
    let shown = terminal.screen();
    assert!(shown.contains("SIGKILL") && shown.contains(&format!("station@{station}")), "{shown}");
    place.nothing_left(vec![terminal]);
}
