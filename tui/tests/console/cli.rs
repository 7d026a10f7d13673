//! What the commands print, and the codes they end with.
use std::process::{Command, Output};

use coulter_proto::hub::{HUB_VERSION, ToHub};
use coulter_proto::level::Level;
use coulter_proto::observe::{StopReason, StopStatus};
use serde_json::Value;

use crate::fake::{FakeHub, Place, log, stop};

pub fn coulter(place: &Place, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_coulter"))
        .args(args)
        .env("COULTER_RUNTIME_DIR", &place.0)
        .env("LANG", "C.UTF-8")
        .env_remove("LC_ALL")
        .stdin(std::process::Stdio::null())
        .output()
        .unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn fine(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    text(&output.stdout)
}

fn json(place: &Place, args: &[&str]) -> Value {
    serde_json::from_str(&fine(&coulter(place, args))).unwrap()
}

#[test]
fn usage_is_two_and_help_is_fine() {
    let place = Place::new();
    assert_eq!(coulter(&place, &["dance"]).status.code(), Some(2));
    assert_eq!(coulter(&place, &["logs", "--level", "loud"]).status.code(), Some(2));
    assert_eq!(coulter(&place, &["run"]).status.code(), Some(2));
    let help = fine(&coulter(&place, &["--help"]));
    for word in ["run", "attach", "ps", "tree", "contexts", "channels", "logs", "stops", "cancel", "repl"] {
        assert!(help.contains(&format!("  {word} ")), "{word} is missing in\n{help}");
    }
    for word in ["record", "why", "stacks", "break", "doctor", "completions"] {
        assert!(!help.contains(&format!("  {word} ")), "{word} is not there yet");
    }
}

#[test]
fn no_tree_is_three_with_a_next_step() {
    let place = Place::new();
    for args in [&["tree"][..], &["logs"], &["stops", "other"], &["cancel", "x", "--yes"], &["repl"]] {
        let output = coulter(&place, args);
        assert_eq!(output.status.code(), Some(3), "{args:?}");
        assert!(text(&output.stderr).contains("coulter "), "{args:?}");
    }
    assert!(fine(&coulter(&place, &["ps"])).contains("no tree is running"));
    assert_eq!(json(&place, &["ps", "--json"]), Value::Array(vec![]));
}

#[test]
fn a_runtime_directory_that_is_a_file_is_refused() {
    let place = Place::new();
    std::fs::remove_dir(&place.0).unwrap();
    std::fs::write(&place.0, "").unwrap();
    let output = coulter(&place, &["ps"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("is not a directory; remove it"));
    std::fs::remove_file(&place.0).unwrap();
}

#[test]
fn the_tree_is_printed_in_its_order() {
    let place = Place::new();
    let _hub = place.tree();
    let printed = fine(&coulter(&place, &["tree"]));
    let names: Vec<&str> =
        printed.lines().skip(1).map(|line| line.split_whitespace().find(|w| w.starts_with(|c: char| c.is_ascii_alphabetic())).unwrap()).collect();
    assert_eq!(names, ["root", "supervisor", "worker_1", "worker_2", "slow_consumer"]);
    assert!(printed.contains("│  └─ worker_2"), "{printed}");
    assert!(!printed.contains('\u{1b}'), "no colours into a pipe");
    assert!(fine(&coulter(&place, &["tree", "--ascii"])).contains("|  `- worker_2"));
    let tree = json(&place, &["tree", "--json"]);
    assert_eq!(tree[2]["depth"], 2);
    assert_eq!(tree[2]["actor"]["aid"]["name"], "worker_1");
}

#[test]
fn contexts_and_channels_are_printed_each_once() {
    let place = Place::new();
    let _hub = place.tree();
    let printed = fine(&coulter(&place, &["contexts", "root"]));
    assert_eq!(printed.lines().count(), 4, "{printed}");
    assert!(printed.contains("failed: Boom: no such symbol"));
    assert_eq!(json(&place, &["contexts", "--json"])[0]["callee"]["side"], "Callee");
    assert_eq!(json(&place, &["channels", "--json"]).as_array().unwrap().len(), 4);
    assert_eq!(fine(&coulter(&place, &["channels"])).lines().count(), 5);
}

#[test]
fn stops_are_printed_as_the_queue_has_them() {
    let place = Place::new();
    let hub = place.tree();
    assert_eq!(fine(&coulter(&place, &["stops"])), "no stops\n");
    hub.set_stops(vec![stop(7, 3, StopReason::Pause, StopStatus::Seated), stop(8, 4, StopReason::Error("\u{1b}[2Jbad".into()), StopStatus::Queued(1))]);
    let printed = fine(&coulter(&place, &["stops"]));
    assert!(printed.contains("has the seat") && printed.contains("error: bad"), "{printed}");
    assert_eq!(json(&place, &["stops", "--json"])[1]["id"], 8);
}

#[test]
fn logs_are_one_object_per_line() {
    let place = Place::new();
    let hub = place.tree();
    hub.set_logs(vec![log(1, 3, Level::Debug, "quiet"), log(2, 3, Level::Warn, "loud\u{7}"), log(3, 4, Level::Info, "so")]);
    let printed = fine(&coulter(&place, &["logs", "--json"]));
    let rows: Vec<Value> = printed.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(rows.len(), 2);
    assert_eq!(rows[0]["message"], "loud\u{7}", "JSON carries what was said");
    let printed = fine(&coulter(&place, &["logs", "--level", "debug"]));
    assert!(printed.lines().count() == 3 && !printed.contains('\u{7}'), "{printed}");
}

#[test]
fn cancelling_has_to_be_confirmed_and_says_what_came_of_it() {
    let place = Place::new();
    let hub = place.tree();
    assert_eq!(coulter(&place, &["cancel", "worker_2"]).status.code(), Some(2), "nobody can be asked");
    assert_eq!(coulter(&place, &["cancel", "nobody", "--yes"]).status.code(), Some(3));
    assert_eq!(fine(&coulter(&place, &["cancel", "worker_2", "--yes"])), "worker_2@4004 is cancelled\n");
    let refused = coulter(&place, &["cancel", "worker_1", "--yes"]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(text(&refused.stderr).contains("is being debugged"));
    let id = json(&place, &["contexts", "--json"])[0]["id"].as_str().unwrap().to_owned();
    assert!(fine(&coulter(&place, &["cancel", &id, "--yes"])).contains("is cancelled"));
    hub.wait_for("the context's cancel", |m| matches!(m, ToHub::Cancel { context: Some(key), .. } if key.n == 1));
    let over = coulter(&place, &["cancel", "00000002:4", "--yes"]);
    assert!(over.status.code() == Some(1) && text(&over.stderr).contains("is over already"));
}

#[test]
fn several_trees_have_to_be_told_apart() {
    let place = Place::new();
    let (_one, two) = (place.tree(), place.tree());
    let output = coulter(&place, &["tree"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("there are several trees"));
    fine(&coulter(&place, &["tree", two.dir.to_str().unwrap()]));
    let all = json(&place, &["ps", "--json"]);
    assert_eq!(all.as_array().unwrap().len(), 2);
    assert_eq!(all[0]["actors"].as_array().unwrap().len(), 5);
}

#[test]
fn another_version_is_named_with_the_line_that_helps() {
    let place = Place::new();
    let _hub = FakeHub::start(&place.0, HUB_VERSION + 5);
    let output = coulter(&place, &["tree"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("cargo install coulter-console"));
}

#[test]
fn the_directory_of_a_dead_tree_is_swept() {
    let place = Place::new();
    let hub = place.tree();
    let mut child = Command::new("true").spawn().unwrap();
    let mut info = hub.info.clone();
    info.root.pid = child.id();
    child.wait().unwrap();
    std::fs::write(hub.dir.join("tree.json"), serde_json::to_vec(&info).unwrap()).unwrap();
    assert!(fine(&coulter(&place, &["ps"])).contains("no tree"));
    assert!(!hub.dir.exists());
}
