//! Nobody debugged is signalled or given up by the runtime, whatever ends around it.
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::support::{Place, Terminal, is_alive, kill, program};

/// Longer than all steps of the ladder together, by which a parent ends a child that does not go.
const LADDER: Duration = Duration::from_millis(3500);

fn start(name: &str) -> (Place, Terminal, u32) {
    let place = Place::new();
    let mut terminal = Terminal::new(&place);
    terminal.run(&program(name));
    let sleeper = terminal.expect_prompt("sleeper");
    (place, terminal, sleeper)
}

/// For longer than the ladder the prompt answers, question after question.
fn answers_for_long(terminal: &mut Terminal, sleeper: u32) {
    let begun = Instant::now();
    let mut questions = 0;
    while begun.elapsed() < LADDER {
        assert!(terminal.ask("p dreams * 2").contains("42"), "{}", terminal.screen());
        let tree = terminal.ask("tree");
        assert!(tree.lines().any(|line| line.contains(&format!("sleeper  {sleeper}")) && line.contains("stopped")), "{tree}");
        questions += 2;
    }
    assert!(is_alive(sleeper));
    println!("{questions} answers in {:?}", begun.elapsed());
}

#[test]
fn a_root_that_fails_waits_for_a_grandchild_at_its_prompt() {
    let (place, mut terminal, sleeper) = start("hasty");
    std::fs::write(place.beside("go"), "").unwrap();
    crate::support::until("the cancel on its way down", || terminal.ask("tree").contains("cancelling"));
    answers_for_long(&mut terminal, sleeper);
    terminal.interrupt_the_prompt();
    terminal.enter("c");
    assert_eq!(terminal.status(), 0, "{}", terminal.screen());
    assert!(terminal.screen().contains("hasty: the root could not wait"), "{}", terminal.screen());
    assert!(!terminal.screen().contains("SIG"), "nobody was signalled: {}", terminal.screen());
    place.nothing_left(vec![terminal]);
}

#[test]
fn a_deadline_over_it_all_does_not_end_a_grandchild_at_its_prompt() {
    let (place, mut terminal, sleeper) = start("strict");
    answers_for_long(&mut terminal, sleeper);
    terminal.enter("c");
    assert_eq!(terminal.status(), 0, "{}", terminal.screen());
    assert!(terminal.screen().contains("strict: 42"), "{}", terminal.screen());
    assert!(!terminal.screen().contains("SIG"), "nobody was signalled: {}", terminal.screen());
    place.nothing_left(vec![terminal]);
}

#[test]
fn a_signal_to_the_root_waits_for_a_grandchild_at_its_prompt() {
    let (place, mut terminal, sleeper) = start("patient");
    kill(place.pid_of("patient"), Signal::TERM);
    crate::support::until("the cancel on its way down", || terminal.ask("tree").contains("cancelling"));
    answers_for_long(&mut terminal, sleeper);
    terminal.enter("c");
    assert_eq!(terminal.status(), 128 + 15, "{}", terminal.screen());
    place.nothing_left(vec![terminal]);
}
