//! `coulter attach`: the dashboard of a tree that runs elsewhere, also while it spins, also while somebody kills.
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::support::{Place, Terminal, coulter, example, is_alive, kill, program};

#[test]
fn a_tree_started_elsewhere_is_seen_while_one_spins_and_goes_on_without_us() {
    let place = Place::new();
    let mut there = Terminal::new(&place);
    there.run(&program("busy"));
    there.expect("busy: all are there");
    let mut here = Terminal::new(&place);
    here.run(&format!("{} attach", coulter()));
    let shown = here.see("all of them", |_, shown| ["keeper", "below", "spinner", "victim"].iter().all(|name| shown.contains(name)).then(|| shown.to_owned()));
    assert!(shown.contains("● busy") && shown.contains("live"), "{shown}");
    // A killed one is shown with its signal: the rule says within a second.
    let begun = Instant::now();
    kill(place.pid_of("victim"), Signal::KILL);
    here.expect("died SIGKILL");
    let took = begun.elapsed();
    println!("shown after {took:?}");
    assert!(took < Duration::from_secs(3), "{took:?}");
    here.press("q");
    assert_eq!(here.status(), 0);
    // It goes on, and may be seen again.
    there.expect("busy: ");
    assert!(is_alive(place.pid_of("spinner")) && is_alive(place.pid_of("busy")));
    here.run(&format!("{} attach busy", coulter()));
    here.expect("● spinner");
    here.press("q");
    assert_eq!(here.status(), 0);
    there.ctrl_c();
    assert_eq!(there.status(), 130, "{}", there.screen());
    place.nothing_left(vec![here, there]);
}

#[test]
fn a_stop_is_served_from_another_terminal() {
    let place = Place::new();
    let mut there = Terminal::new(&place);
    there.run(&example("subactor_pause"));
    there.expect_prompt("counter");
    let mut here = Terminal::new(&place);
    here.run(coulter());
    here.expect("‖ counter");
    here.press("5");
    here.expect("┌ Stops");
    // All three, one after the other; whoever attends, the tree's own terminal is put back.
    here.press("C");
    crate::support::until("the end", || {
        if !there.screen().ends_with("shell$") && !here.screen().contains("the tree has ended") {
            here.press("C");
        }
        there.screen().ends_with("shell$")
    });
    here.expect("the tree has ended");
    here.press("q");
    assert_eq!(here.status(), 0);
    assert_eq!(there.status(), 0);
    assert!(there.screen().contains("hall: 3 were served"), "{}", there.screen());
    place.nothing_left(vec![here, there]);
}

#[test]
fn without_a_tree_it_waits_for_one() {
    let place = Place::new();
    let mut here = Terminal::new(&place);
    here.run(coulter());
    here.expect("waiting for a tree");
    let mut there = Terminal::new(&place);
    there.run(&example("root_pause"));
    there.expect_prompt("harbour");
    here.expect("‖ harbour");
    here.press("q");
    here.see("the shell, or the question", |_, shown| {
        (shown.contains("Leave?") || shown.lines().next_back().is_some_and(|line| line.ends_with("shell$"))).then_some(())
    });
    if here.screen().contains("Leave?") {
        here.press("y");
    }
    assert_eq!(here.status(), 0);
    there.interrupt_the_prompt();
    there.enter("c");
    assert_eq!(there.status(), 0);
    place.nothing_left(vec![here, there]);
}
