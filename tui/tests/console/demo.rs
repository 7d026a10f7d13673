//! The demo, whole: real processes, a real terminal.
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use serde_json::Value;

use crate::cli::coulter;
use crate::fake::Place;
use crate::screen::Terminal;

/// Name and process of every actor there is.
fn actors(place: &Place) -> Vec<(String, Pid)> {
    let output = coulter(place, &["tree", "--json"]);
    let rows: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
    let of = |row: &Value| {
        let aid = &row["actor"]["aid"];
        Some((aid["name"].as_str()?.to_owned(), Pid::from_raw(i32::try_from(aid["pid"].as_i64()?).ok()?)?))
    };
    rows.as_array().into_iter().flatten().filter_map(of).collect()
}

#[test]
fn a_tree_is_alive_a_killed_actor_is_shown_a_pause_is_served_and_nothing_is_left() {
    let place = Place::new();
    let mut terminal = Terminal::start(&place, &["demo"]);
    for name in ["supervisor", "worker_1", "worker_2", "thinker", "juggler", "slow_consumer"] {
        terminal.wait_for(name);
    }
    let all = actors(&place);
    assert_eq!(all.len(), 7, "{all:?}");
    let (_, worker) = all.iter().find(|(name, _)| name == "worker_2").unwrap();
    let killed = Instant::now();
    kill_process(*worker, Signal::KILL).unwrap();
    terminal.wait_for("died SIGKILL");
    assert!(killed.elapsed() < Duration::from_secs(1), "{:?}", killed.elapsed());

    terminal.wait_for("thinker@");
    terminal.press("r");
    terminal.wait_for("(thinker@");
    terminal.press("locals\r");
    terminal.wait_for("doubled: u64 = 62");
    terminal.press("c\r");
    terminal.wait_for("it goes on");
    // If somebody else has stopped meanwhile it asks; else `y` does no harm.
    terminal.press("qy");
    let (code, terminal) = terminal.end();
    assert_eq!(code, 0);
    terminal.assert_put_back();

    for (name, pid) in all {
        let end = Instant::now() + Duration::from_secs(3);
        while test_kill_process(pid).is_ok() {
            assert!(Instant::now() < end, "{name} is still there");
            std::thread::yield_now();
        }
    }
    let left: Vec<_> = std::fs::read_dir(&place.0).unwrap().flatten().map(|entry| entry.path()).filter(|path| path.is_dir()).collect();
    assert!(left.is_empty(), "{left:?}");
}
