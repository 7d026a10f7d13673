//! `coulter run`: a program with the dashboard in this terminal, or plainly.
use crate::support::{Place, Terminal, coulter, example};

const SGR_NONE: vt100::Color = vt100::Color::Default;

fn run(terminal: &mut Terminal, before: &str, example_name: &str) {
    terminal.run(&format!("{before} {} run -- {}", coulter(), example(example_name)));
}

#[test]
fn every_view_is_seen_the_stop_is_served_and_the_end_is_told() {
    let place = Place::new();
    let mut terminal = Terminal::new(&place);
    run(&mut terminal, "", "nested_errors");
    // 1 Tree: three levels, the one stopped, and a line that says where.
    terminal.expect("‖ thermometer");
    let shown = terminal.expect("stopped at examples/debugging/nested_errors.rs:19");
    for wanted in ["1Tree", "5Stops(1)", "● observatory", "└─ ● region", "└─ ● station", "seat: thermometer@"] {
        assert!(shown.contains(wanted), "`{wanted}` is missing in\n{shown}");
    }
    terminal.press("2");
    let shown = terminal.expect("┌ Contexts");
    assert!(shown.contains("started") && shown.contains("thermometer"), "{shown}");
    terminal.press("4");
    terminal.expect("┌ Records: info and up");
    terminal.press("7");
    terminal.expect("instrument: reading \"-4,5\"");
    // 5 Stops: the prompt is beside it.
    terminal.press("5");
    terminal.expect("┌ REPL");
    terminal.expect("-> 19      let value = parse(&reading)?;");
    terminal.press("r");
    terminal.expect("(thermometer@");
    terminal.press("where\r");
    terminal.expect("0  nested_errors::instrument");
    terminal.press("6 * 7\r");
    terminal.expect("42");
    terminal.press("half a line");
    terminal.expect("half a line");
    terminal.ctrl_c();
    terminal.expect("6 * 7");
    terminal.press("c\r");
    terminal.expect("the program has ended (exit code 0)");
    terminal.press("\x1b");
    terminal.press("1");
    terminal.expect("○ thermometer");
    terminal.press("7");
    terminal.expect("observatory: invalid float literal");
    terminal.press("q");
    assert_eq!(terminal.status(), 0);
    place.nothing_left(vec![terminal]);
}

#[test]
fn without_colour_nothing_has_one_and_any_size_is_drawn() {
    let place = Place::new();
    let mut terminal = Terminal::new(&place);
    run(&mut terminal, "NO_COLOR=1", "nested_errors");
    terminal.expect("‖ thermometer");
    let colourless = |screen: &vt100::Screen| {
        let (rows, columns) = screen.size();
        let mut cells = (0..rows).flat_map(|row| (0..columns).filter_map(move |column| screen.cell(row, column)));
        cells.all(|cell| cell.fgcolor() == SGR_NONE && cell.bgcolor() == SGR_NONE)
    };
    for (columns, rows, wanted) in [(40, 8, "thermometer"), (20, 5, "observatory@"), (8, 2, "observa"), (140, 50, "└─ ● station")] {
        terminal.resize(columns, rows);
        terminal.expect(wanted);
        for view in ["2", "4", "5", "7", "1"] {
            terminal.press(view);
        }
        terminal.see("a screen without colours", |screen, shown| (shown.contains(wanted) && colourless(screen)).then_some(()));
    }
    terminal.press("5");
    terminal.expect("┌ Stops");
    terminal.press("c");
    terminal.expect("the program has ended (exit code 0)");
    terminal.press("q");
    assert_eq!(terminal.status(), 0);
    place.nothing_left(vec![terminal]);
}

#[test]
fn colours_are_there_by_default() {
    let place = Place::new();
    let mut terminal = Terminal::new(&place);
    run(&mut terminal, "", "nested_errors");
    terminal.see("a colour", |screen, shown| {
        let (rows, columns) = screen.size();
        let coloured = (0..rows).flat_map(|row| (0..columns).filter_map(move |column| screen.cell(row, column))).any(|cell| cell.fgcolor() != SGR_NONE);
        (shown.contains("‖ thermometer") && coloured).then_some(())
    });
    // Leaving while somebody is stopped is asked, and ends the program that was started here.
    terminal.press("q");
    terminal.expect("stopped in the debugger. Leave?");
    terminal.press("n");
    terminal.expect_gone("Leave?");
    terminal.press("q");
    terminal.expect("Leave?");
    terminal.press("y");
    terminal.status();
    place.nothing_left(vec![terminal]);
}

#[test]
fn a_killed_dashboard_leaves_no_program() {
    let place = Place::new();
    let mut terminal = Terminal::new(&place);
    run(&mut terminal, "", "subactor_pause");
    terminal.expect("‖ counter");
    // The console is the terminal's: it is ended as a vanished terminal would end it.
    let console =
        place.processes().into_iter().find(|pid| std::fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|comm| comm.trim() == "coulter")).unwrap();
    crate::support::kill(console, rustix::process::Signal::TERM);
    terminal.status();
    place.nothing_left(vec![terminal]);
}

#[test]
fn plainly_it_passes_output_on_and_has_a_prompt() {
    let place = Place::new();
    let mut terminal = Terminal::new(&place);
    terminal.run(&format!("{} run --plain -- {}", coulter(), example("nested_errors")));
    terminal.see("the prompt", |_, shown| shown.lines().next_back().filter(|line| line.starts_with("(thermometer@") && line.ends_with(')')).map(drop));
    let shown = terminal.screen();
    for wanted in ["instrument: reading \"-4,5\"", "stopped in thermometer@", "-> 19      let value = parse(&reading)?;", " stopped"] {
        assert!(shown.contains(wanted), "`{wanted}` is missing in\n{shown}");
    }
    terminal.press("where\r");
    terminal.see("the answer, and the prompt again", |_, shown| {
        let last = shown.lines().next_back()?;
        (shown.contains("0  nested_errors::instrument") && last.starts_with("(thermometer@") && last.ends_with(')')).then_some(())
    });
    terminal.press("c\r");
    assert_eq!(terminal.status(), 0);
    assert!(terminal.screen().contains("observatory: invalid float literal"), "{}", terminal.screen());
    place.nothing_left(vec![terminal]);
}

#[test]
fn the_programs_exit_code_is_ours() {
    let place = Place::new();
    let mut terminal = Terminal::new(&place);
    for (program, code) in [("sh -c 'exit 7'", 7), ("sh -c 'kill -9 $$'", 137), ("/nonexistent/program", 1)] {
        terminal.run(&format!("{} run --plain -- {program}", coulter()));
        assert_eq!(terminal.status(), code, "{}", terminal.screen());
    }
    place.nothing_left(vec![terminal]);
}
