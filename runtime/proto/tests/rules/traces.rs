//! A trace of a run is a test of its machines.
use std::sync::{Arc, Mutex};

use coulter_proto::dialog::{Caller, CallerInput, DialogKind, FromPeer, Terms};
use coulter_proto::ladder::{self, Ladder};
use coulter_proto::machine::Machine;
use coulter_proto::scope::{self, ScopeKind, Scopes};
use coulter_proto::time::Now;
use coulter_proto::trace::{Mismatch, Recorded, Recorder, replay};

fn recorder() -> (Recorder, Arc<Mutex<Vec<String>>>) {
    let lines = Arc::new(Mutex::new(Vec::new()));
    let kept = lines.clone();
    (Recorder::new(move |line| kept.lock().unwrap().push(line.to_owned())), lines)
}

fn a_run() -> Vec<String> {
    let (recorder, lines) = recorder();
    let mut ladder = Recorded::new(Ladder::new(ladder::Timing::default()), 1, Some(recorder.clone()));
    let mut caller = Recorded::new(Caller::new(Terms::new(DialogKind::Context)), 2, Some(recorder.clone()));
    let mut scopes = Recorded::new(Scopes::new(scope::Timing::default()), 3, Some(recorder));
    let mut out = Vec::new();
    ladder.on(Now(1), ladder::Input::Cancel, &mut out);
    ladder.on_time(Now(500_001), &mut out);
    assert_eq!(out.len(), 2, "effects still reach the sink");
    for message in [FromPeer::Accepted, FromPeer::Started, FromPeer::Item { len: 3 }, FromPeer::Return] {
        caller.on(Now(2), CallerInput::Peer(message), &mut Vec::new());
    }
    let task = scopes.open(Now(3), None, ScopeKind::Task, Some(5));
    let duty = scopes.add_duty(Now(3), task, &mut Vec::new());
    scopes.on_time(Now(8), &mut Vec::new());
    for input in [scope::Input::BodyPending { scope: task }, scope::Input::BodyEnded { scope: task }, scope::Input::DutyDone { duty, errors: vec![] }] {
        scopes.on(Now(9), input, &mut Vec::new());
    }
    assert!(scopes.ended(task), "queries go to the machine");
    let lines = lines.lock().unwrap();
    lines.clone()
}

#[test]
fn a_trace_replays_to_the_same_effects() {
    let lines = a_run();
    let summary = replay(lines.join("\n").as_bytes()).unwrap();
    assert_eq!((summary.machines, summary.inputs), (3, lines.len() - 3));
    assert!(summary.effects > 10, "{summary:?}");
}

#[test]
fn a_trace_that_differs_names_line_and_machine() {
    let text = a_run().join("\n").replace("\"ask\":1", "\"ask\":2");
    let mismatch = replay(text.as_bytes()).unwrap_err();
    assert!(matches!(&mismatch, Mismatch::Effects { machine, instance: 1, .. } if machine == "ladder"), "{mismatch}");
    assert!(matches!(replay(&b"nonsense"[..]), Err(Mismatch::Unreadable { line: 1, .. })));
}
