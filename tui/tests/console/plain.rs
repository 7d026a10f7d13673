//! Consoles without a full screen: the prompt, and programs run with their output passed through.
use std::io::{Read, Write};
use std::process::{Command, Stdio};

use coulter_proto::exit::ExitStatus;
use coulter_proto::hub::{FromHub, ToHub};
use coulter_proto::id::StopId;
use coulter_proto::observe::{StopReason, StopStatus};

use crate::cli::coulter;
use crate::fake::{FakeHub, Place, ended, stop};

#[test]
fn a_prompt_serves_the_stop_until_it_goes_on() {
    let place = Place::new();
    let hub = place.tree();
    hub.set_stops(vec![stop(7, 3, StopReason::Pause, StopStatus::Seated), stop(8, 4, StopReason::Pause, StopStatus::Queued(1))]);
    let mut child = Command::new(env!("CARGO_BIN_EXE_coulter"))
        .args(["repl", "worker_2"])
        .env("COULTER_RUNTIME_DIR", &place.0)
        .env("LANG", "C.UTF-8")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    hub.wait_for("the seat", |m| matches!(m, ToHub::Seat { stop: StopId(8) }));
    child.stdin.take().unwrap().write_all(b"p 1 + 1\nstops\nc\n").unwrap();
    let output = child.wait_with_output().unwrap();
    let printed = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{printed}");
    for text in ["stopped here: stream", "(worker_2@4004) ", "= p 1 + 1", "has the seat"] {
        assert!(printed.contains(text), "{text} is missing in\n{printed}");
    }
    hub.wait_for("the line", |m| matches!(m, ToHub::Hello { attends: true, .. }));
}

#[test]
fn nothing_stopped_is_said() {
    let place = Place::new();
    let hub = place.tree();
    let output = coulter(&place, &["repl"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8(output.stderr).unwrap().contains("nothing is stopped; `coulter tree`"));
    hub.set_stops(vec![stop(7, 3, StopReason::Pause, StopStatus::Seated)]);
    let output = coulter(&place, &["repl", "worker_2"]);
    assert!(String::from_utf8(output.stderr).unwrap().contains("worker_2@4004 is not stopped; `coulter stops`"));
}

#[test]
fn a_plain_run_passes_streams_on_apart_and_ends_as_the_program_does() {
    let place = Place::new();
    let output = coulter(&place, &["run", "--plain", "--", "sh", "-c", "echo out; echo err >&2; echo $COULTER_FRONT$COULTER_DEBUG; exit 7"]);
    assert_eq!(output.status.code(), Some(7));
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "out\noff1\n");
    assert!(String::from_utf8(output.stderr).unwrap().starts_with("err\n"));
    let output = coulter(&place, &["run", "--plain", "--", "sh", "-c", "kill -9 $$"]);
    assert_eq!(output.status.code(), Some(128 + 9));
    let output = coulter(&place, &["run", "--plain", "--", "/nowhere/to/be/found"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8(output.stderr).unwrap().contains("could not be started"));
}

/// The program that the next test runs: this test binary again, as a root with a hub.
#[test]
#[ignore = "the program another test runs"]
fn a_program_with_a_tree() {
    let place = std::path::PathBuf::from(std::env::var_os("COULTER_RUNTIME_DIR").unwrap());
    let hub = FakeHub::start(&place, coulter_proto::hub::HUB_VERSION);
    hub.wait_for("a snapshot", |m| matches!(m, ToHub::Snapshot));
    println!("before");
    hub.say(&FromHub::Stops(vec![stop(1, 3, StopReason::Pause, StopStatus::Seated)]));
    hub.say(&FromHub::Seated { stop: StopId(1), banner: vec![] });
    hub.wait_for("the end of the stop", |m| matches!(m, ToHub::Continue { .. }) || matches!(m, ToHub::Line { text, .. } if text == "c"));
    hub.say(&ended(4, ExitStatus::Signal(9)));
    println!("after");
    hub.say(&FromHub::Ending);
}

fn run_the_program(place: &Place, typed: &[u8]) -> (Option<i32>, String, String) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_coulter"))
        .args(["run", "--plain", "--"])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "plain::a_program_with_a_tree", "--ignored", "--nocapture"])
        .env("COULTER_RUNTIME_DIR", &place.0)
        .env("LANG", "C.UTF-8")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let mut stdout = child.stdout.take().unwrap();
    let mut printed = Vec::new();
    let mut chunk = [0; 256];
    if !typed.is_empty() {
        while !String::from_utf8_lossy(&printed).contains("(worker_1@4003) ") {
            let n = stdout.read(&mut chunk).unwrap();
            assert!(n > 0, "no prompt in {}", String::from_utf8_lossy(&printed));
            printed.extend_from_slice(&chunk[..n]);
        }
        stdin.write_all(typed).unwrap();
    }
    drop(stdin);
    stdout.read_to_end(&mut printed).unwrap();
    let output = child.wait_with_output().unwrap();
    (output.status.code(), String::from_utf8(printed).unwrap(), String::from_utf8(output.stderr).unwrap())
}

#[test]
fn a_plain_run_finds_its_tree_and_serves_its_stops() {
    let place = Place::new();
    let (code, printed, events) = run_the_program(&place, b"where\nc\n");
    assert_eq!(code, Some(0), "{printed}\n{events}");
    assert!(printed.contains("= where") && printed.contains("after"), "{printed}");
    assert!(events.contains("worker_2@4004 died, signal 9 (SIGKILL)"), "{events}");
}

#[test]
fn without_a_keyboard_stops_go_on_and_that_is_said() {
    let place = Place::new();
    let (code, printed, events) = run_the_program(&place, b"");
    assert_eq!(code, Some(0), "{printed}\n{events}");
    assert!(events.contains("worker_1@4003 goes on: stdin is closed"), "{events}");
}
