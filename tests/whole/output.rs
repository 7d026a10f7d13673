//! What is printed while a line is half typed.
use crate::support::{Place, Terminal, program};

/// How far the root's own lines have come, of those on the screen.
fn newest(shown: &str) -> Option<u32> {
    shown.lines().rev().find_map(|line| line.strip_prefix("noisy prints ")?.strip_suffix('.')?.parse().ok())
}

#[test]
fn a_half_typed_line_stays_whole_below_two_hundred_lines_a_second() {
    let place = Place::new();
    let mut terminal = Terminal::new(&place);
    terminal.run(&program("noisy"));
    // The prompt's line moves down with every line above it; what counts is that it is always whole again.
    let prompt = terminal
        .see("the prompt", |_, shown| shown.lines().next_back().filter(|line| line.starts_with("coulter(sleeper@") && line.ends_with(")>")).map(str::to_owned));
    let mut typed = format!("{prompt} ");
    let mut seen = 0;
    for key in "p dreams+1000".chars() {
        // Ten more lines between one key and the next.
        seen = terminal.see("lines above the prompt", |_, shown| newest(shown).filter(|line| *line >= seen + 10 || *line == 300));
        terminal.press(&key.to_string());
        typed.push(key);
        terminal.see("the half-typed line, whole", |_, shown| (shown.lines().next_back()? == typed.trim_end()).then_some(()));
    }
    terminal.see("the half-typed line below the last one printed", |_, shown| {
        (newest(shown) == Some(300) && shown.contains("noisy: silence") && shown.lines().next_back()? == typed).then_some(())
    });
    // Every line above is a whole one, and they are in order.
    let shown = terminal.screen();
    let lines: Vec<u32> = shown.lines().filter_map(|line| line.strip_prefix("noisy prints ")?.strip_suffix('.')?.parse().ok()).collect();
    assert!(lines.len() > 20 && lines.is_sorted_by(|a, b| a + 1 == *b), "{shown}");
    terminal.press("\r");
    terminal.expect("1021");
    terminal.see("the prompt, empty", |_, shown| (shown.lines().next_back()? == prompt).then_some(()));
    assert!(!terminal.screen().contains("noisy: 42"));
    terminal.enter("c");
    assert_eq!(terminal.status(), 0);
    let shown = terminal.everything();
    assert!(shown.contains("noisy: silence") && shown.contains("noisy: 42"), "{shown}");
    assert!(shown.contains("chatter prints 300.") && shown.contains("chatter logs 300."), "held, not lost:\n{shown}");
    assert!((1..=300).all(|line| shown.contains(&format!("chatter prints {line}."))), "every line");
    place.nothing_left(vec![terminal]);
}
