//! The debugger's examples, as a person walks through them; Ctrl-C at every prompt of every one.
use crate::support::{Place, Terminal, example, is_alive};

/// Starts an example in a terminal with a shell.
fn start(name: &str) -> (Place, Terminal) {
    let place = Place::new();
    let mut terminal = Terminal::new(&place);
    terminal.run(&example(name));
    (place, terminal)
}

/// The pids in what `tree` says.
fn pids(tree: &str) -> Vec<u32> {
    // The first number in a line: an id may be one too.
    tree.lines().filter_map(|line| line.split_whitespace().find_map(|word| word.parse().ok())).collect()
}

/// Ctrl-C at this prompt: it is there again, and everybody lives on.
fn interrupt(terminal: &mut Terminal) {
    let before = pids(&terminal.ask("tree"));
    assert!(!before.is_empty());
    terminal.interrupt_the_prompt();
    assert_eq!(pids(&terminal.ask("tree")), before);
    assert!(before.iter().all(|pid| is_alive(*pid)), "{before:?}");
}

fn shows(text: &str, wanted: &[&str]) {
    for wanted in wanted {
        assert!(text.contains(wanted), "`{wanted}` is missing in\n{text}");
    }
}

/// Goes on to the end, which the shell calls a success.
fn ends_well(place: &Place, mut terminal: Terminal, last_words: &[&str]) {
    terminal.enter("c");
    assert_eq!(terminal.status(), 0, "{}", terminal.screen());
    shows(&terminal.screen(), last_words);
    place.nothing_left(vec![terminal]);
}

#[test]
fn root_pause_shows_its_line_and_its_captures_and_takes_a_new_value() {
    let (place, mut terminal) = start("root_pause");
    let pid = terminal.expect_prompt("harbour");
    let shown = terminal.screen();
    shows(&shown, &["before the pause: 2450 t", &format!("stopped in harbour@{pid}, main: pause!()"), "root_pause.rs:20 in root_pause::main"]);
    shows(&shown, &["-> 20      coulter::pause!(ships, &mut total);", "captured: ships, total"]);
    assert!(!shown.contains("after the pause: 2450 t"));
    shows(&terminal.ask("locals"), &["ships: [(&str, u32); 3] = [(\"Heron\", 1200), (\"Gannet\", 850), (\"Petrel\", 400)]", "total: u32 = 2450"]);
    shows(&terminal.ask("p ships[1]"), &["\"Gannet\"", "850"]);
    shows(&terminal.ask("p total / 2"), &["1225"]);
    shows(&terminal.ask("where"), &["root_pause::main", "root_pause.rs:20"]);
    shows(&terminal.ask("tree"), &["harbour", "stopped"]);
    shows(&terminal.ask("help"), &["go on", "continue, c", "locals", "stops"]);
    shows(&terminal.ask("set total = 3000"), &["3000"]);
    interrupt(&mut terminal);
    ends_well(&place, terminal, &["after the pause: 3000 t"]);
}

#[test]
fn root_pause_can_be_quit() {
    let (place, mut terminal) = start("root_pause");
    terminal.expect_prompt("harbour");
    terminal.enter("q");
    assert_ne!(terminal.status(), 0, "its task fails");
    assert!(!terminal.screen().contains("after the pause:"), "{}", terminal.screen());
    place.nothing_left(vec![terminal]);
}

#[test]
fn three_ctrl_c_ask_what_is_meant_and_the_tree_can_be_cancelled() {
    let (place, mut terminal) = start("subactor_pause");
    terminal.expect_prompt("counter");
    terminal.interrupt_the_prompt();
    for times in 2..=3 {
        let prompts = |shown: &str| shown.lines().filter(|line| line.starts_with("coulter(") && line.ends_with(")>")).count();
        terminal.see("the prompt", |_, shown| (prompts(shown) == times).then_some(()));
        terminal.ctrl_c();
    }
    terminal.expect("[s]tay, [g]o on, [q]uit this stop (its task fails), or [c]ancel the tree?");
    terminal.press("s\r");
    terminal.expect_prompt("counter");
    terminal.press("\x04");
    terminal.see("the question again", |_, shown| shown.lines().next_back()?.ends_with("[c]ancel the tree?").then_some(()));
    terminal.press("c");
    terminal.expect("[c]ancel the tree? c");
    terminal.press("\r");
    // A `pause!()` stops in a cancelled tree too, and this one comes three times without an await between.
    while terminal.expect_any_prompt().is_some() {
        terminal.enter("c");
    }
    assert_ne!(terminal.status(), 0);
    shows(&terminal.screen(), &["the root was cancelled"]);
    place.nothing_left(vec![terminal]);
}

#[test]
fn ctrl_z_stops_the_whole_tree_and_fg_brings_the_prompt_back() {
    let (place, mut terminal) = start("subactor_pause");
    terminal.expect_prompt("counter");
    let pids = pids(&terminal.ask("tree"));
    terminal.clear();
    terminal.press("p wai");
    terminal.expect(")> p wai");
    terminal.press("\x1a");
    terminal.expect("Stopped");
    terminal.assert_put_back();
    for pid in &pids {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
        assert!(stat.rsplit(')').next().unwrap().starts_with(" T"), "{stat}");
    }
    terminal.enter("fg");
    terminal.see("the half-typed line", |_, shown| shown.lines().next_back()?.ends_with(")> p wai").then_some(()));
    terminal.press("ting\r");
    terminal.see("its answer", |_, shown| shown.lines().rev().nth(1)?.starts_with('2').then_some(()));
    for _ in 0..2 {
        terminal.enter("c");
        terminal.expect_prompt("counter");
    }
    ends_well(&place, terminal, &["hall: 3 were served"]);
}

#[test]
fn subactor_pause_stops_another_process_three_times() {
    let (place, mut terminal) = start("subactor_pause");
    let mut pid = None;
    for (served, name, waiting) in [(1, "Ravi", 2), (2, "Pim", 1), (3, "Noor", 0)] {
        let here = terminal.expect_prompt("counter");
        assert_eq!(*pid.get_or_insert(here), here, "the same process");
        shows(&terminal.screen(), &[&format!("stopped in counter@{here}, subactor_pause::serve: pause!()"), "-> 15 ", "captured: next, served, waiting"]);
        shows(
            &terminal.ask("locals"),
            &[&format!("next: alloc::string::String = \"{name}\"").replace("alloc::string::", ""), &format!("served: usize = {served}")],
        );
        shows(&terminal.ask("p waiting"), &[&waiting.to_string()]);
        if served == 1 {
            shows(&terminal.ask("tree"), &["hall", "└─ counter", "stopped", "running"]);
            shows(&terminal.ask("contexts"), &["subactor_pause::serve(queue=[\"Noor\",\"Pim\",\"Ravi", "started"]);
            shows(&terminal.ask("stops"), &["has the seat", "subactor_pause.rs:15", "pause"]);
            shows(&terminal.ask("seat"), &["usage: seat N"]);
            shows(&terminal.ask("where"), &["subactor_pause::serve"]);
        }
        interrupt(&mut terminal);
        if served < 3 {
            terminal.enter("c");
        }
    }
    ends_well(&place, terminal, &["counter: served Noor", "hall: 3 were served"]);
}

#[test]
fn subactor_error_stops_at_its_line_before_anything_is_torn_down() {
    let (place, mut terminal) = start("subactor_error");
    let pid = terminal.expect_prompt("bucket");
    let shown = terminal.screen();
    shows(&shown, &[&format!("stopped in bucket@{pid}, subactor_error::pour: error: 5 l ran out"), "of type Leak", "-> 33      Ok(fill(10, &pours)?)"]);
    assert!(!shown.contains("well:"), "{shown}");
    shows(&terminal.ask("where"), &["subactor_error::pour", "subactor_error.rs:33"]);
    shows(&terminal.ask("contexts"), &["subactor_error::pour(pours=[4,5,6])", "started"]);
    shows(&terminal.ask("tree"), &["well", "└─ bucket", "stopped"]);
    interrupt(&mut terminal);
    ends_well(&place, terminal, &[&format!("well: 5 l ran out (in bucket@{pid})")]);
}

#[test]
fn pause_in_context_stops_on_both_sides() {
    let (place, mut terminal) = start("pause_in_context");
    terminal.expect_prompt("echo");
    shows(&terminal.screen(), &["player: tuned", "-> 18 ", "captured: note, played"]);
    shows(&terminal.ask("p note"), &["220"]);
    shows(&terminal.ask("contexts"), &["pause_in_context::echo()", "context", "streaming"]);
    interrupt(&mut terminal);
    terminal.enter("c");
    terminal.expect_prompt("player");
    shows(&terminal.screen(), &["-> 34 ", "captured: answer"]);
    shows(&terminal.ask("p answer"), &["Some(440)", "Option<u32>"]);
    interrupt(&mut terminal);
    ends_well(&place, terminal, &["player: 220 came back as Some(440)", "player: 1 note"]);
}

#[test]
fn multi_subactors_queue_for_the_terminal_and_are_served_in_order() {
    let (place, mut terminal) = start("multi_subactors");
    // What the root prints meanwhile comes above the prompt.
    terminal.expect("path: all three are on their way");
    terminal.expect_prompt("walker");
    // Each of the three stops by itself; which is second is theirs to settle.
    let stops = until_asked(&mut terminal, "stops", |stops| stops.contains("waits, number 2"));
    shows(&stops, &["walker@", "has the seat", "stumbler@", "error: fell over a root", "jumper@", "panic: index out of bounds", "waits, number 1"]);
    interrupt(&mut terminal);
    let second = ["stumbler", "jumper"].into_iter().find(|name| stops.lines().any(|line| line.contains(name) && line.contains("waits, number 1"))).unwrap();
    let third = if second == "stumbler" { "jumper" } else { "stumbler" };
    // The walker pauses again at once, and queues behind those that waited.
    terminal.enter("c");
    terminal.expect_prompt(second);
    shows(&terminal.screen(), &["for this terminal: `stops` lists them, `seat N` enters one"]);
    interrupt(&mut terminal);
    let number = number_of(&terminal.ask("stops"), third);
    terminal.enter(&format!("seat {number}"));
    terminal.expect_prompt(third);
    interrupt(&mut terminal);
    terminal.enter("c");
    // The one that was left for another waits on.
    let mut seen = Vec::new();
    while let Some(name) = terminal.expect_any_prompt() {
        seen.push(name);
        terminal.interrupt_the_prompt();
        terminal.enter("c");
    }
    assert!(seen.contains(&second.to_owned()) && seen.contains(&"walker".to_owned()) && !seen.contains(&third.to_owned()), "{seen:?}");
    assert_eq!(terminal.status(), 0);
    place.nothing_left(vec![terminal]);
}

/// Asks until the answer is as wanted.
fn until_asked(terminal: &mut Terminal, line: &str, wanted: impl Fn(&str) -> bool) -> String {
    let mut answer = String::new();
    crate::support::until(line, || {
        answer = terminal.ask(line);
        wanted(&answer)
    });
    answer
}

/// The number of an actor's stop.
fn number_of(stops: &str, actor: &str) -> u32 {
    let line = stops.lines().find(|line| line.contains(&format!(" {actor}@"))).unwrap();
    line.split_whitespace().next().unwrap().parse().unwrap()
}

#[test]
fn nested_errors_stop_once_at_their_source_and_come_out_of_the_root_once() {
    let (place, mut terminal) = start("nested_errors");
    let pid = terminal.expect_prompt("thermometer");
    let shown = terminal.screen();
    shows(&shown, &[&format!("stopped in thermometer@{pid}, nested_errors::instrument: error: invalid float literal"), "of type ParseFloatError"]);
    shows(&shown, &["-> 19      let value = parse(&reading)?;", "instrument: reading \"-4,5\""]);
    shows(&terminal.ask("where"), &["nested_errors::instrument", "nested_errors.rs:19"]);
    shows(&terminal.ask("tree"), &["observatory", "└─ region", "   └─ station", "      └─ thermometer"]);
    shows(&terminal.ask("contexts"), &["nested_errors::region()", "nested_errors::station()", "nested_errors::instrument(reading=\"-4,5\")"]);
    shows(&terminal.ask("stops"), &["thermometer@", "error: invalid float literal"]);
    interrupt(&mut terminal);
    terminal.enter("c");
    assert_eq!(terminal.status(), 0);
    let shown = terminal.screen();
    shows(
        &shown,
        &["observatory: invalid float literal", &format!("in thermometer@{pid}: nested_errors::instrument failed"), "through station@", "through region@"],
    );
    assert_eq!(shown.matches("invalid float literal").count(), 1, "told once:\n{shown}");
    assert!(shown.lines().count() < 60);
    place.nothing_left(vec![terminal]);
}

#[test]
fn twenty_that_crash_at_once_are_twenty_stops() {
    let place = Place::new();
    let mut terminal = Terminal::new(&place);
    terminal.run(&crate::support::program("twenty"));
    let mut seen = std::collections::BTreeSet::new();
    assert!(terminal.expect_any_prompt().is_some());
    until_asked(&mut terminal, "stops", |stops| stops.lines().filter(|line| line.contains("fell")).count() == 20);
    for left in (0..20).rev() {
        let name = terminal.expect_any_prompt().unwrap();
        assert!(!seen.contains(&name), "{name} stops once");
        seen.insert(name);
        terminal.enter("c");
        if left == 0 {
            assert_eq!(terminal.status(), 0);
        }
    }
    assert_eq!(seen.len(), 20);
    shows(&terminal.screen(), &["twenty: "]);
    place.nothing_left(vec![terminal]);
}
