//! Stops on real threads, with a desk that answers from a script instead of a watch thread.
#![allow(clippy::unwrap_used, clippy::expect_used)] // a test that panics has failed
use std::future::Future as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::AtomicBool;
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use coulter_proto::error::{Failure, FailureKind};
use coulter_proto::id::{Aid, StopId, Uuid};
use coulter_proto::observe::StopReason;
use coulter_proto::repl::{Completion, Line, Reply};
use serde_json::json;

use super::desk::Desk;
use super::installed::{Installed, put, uninstall};
use crate::hooks::{self, DebugQuitPayload, Verdict};
use crate::observe::watch::{StopAsk, ToEngine};

/// What was asked: the task, the reason, the function.
type Asked = (String, StopReason, String);

#[derive(Default)]
struct Script {
    messages: Mutex<Vec<ToEngine>>,
    asked: Mutex<Vec<Asked>>,
    replies: Mutex<Vec<String>>,
    over: Mutex<Vec<StopId>>,
    /// Pauses again while it is asked, as code of the same task might.
    pauses: bool,
}

fn all<T: Clone>(of: &Mutex<Vec<T>>) -> Vec<T> {
    of.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

/// Answers the thread of its test alone: others of this process may panic meanwhile.
struct ScriptedDesk(Arc<Script>, std::thread::ThreadId);

impl Desk for ScriptedDesk {
    fn ask(&self, ask: StopAsk) -> Receiver<ToEngine> {
        if std::thread::current().id() != self.1 {
            return channel().1;
        }
        if self.0.pauses {
            crate::pause!();
        }
        self.0.asked.lock().unwrap().push((ask.task, ask.reason, ask.function));
        let (sender, receiver) = channel();
        for message in self.0.messages.lock().unwrap().drain(..) {
            sender.send(message).unwrap();
        }
        receiver
    }
    fn reply(&self, _: StopId, line: u64, reply: Reply) {
        let text: Vec<String> = reply.lines.iter().map(Line::text).collect();
        self.0.replies.lock().unwrap().push(format!("{line}: {}", text.join("|")));
    }
    fn completed(&self, _: StopId, line: u64, completion: Completion) {
        self.0.replies.lock().unwrap().push(format!("{line}: {:?}", completion.candidates));
    }
    fn over(&self, stop: StopId) {
        self.0.over.lock().unwrap().push(stop);
    }
}

/// One debugger a process: tests of it take turns.
static TURN: Mutex<()> = Mutex::new(());

struct Set {
    script: Arc<Script>,
    _turn: MutexGuard<'static, ()>,
}

impl Drop for Set {
    fn drop(&mut self) {
        uninstall();
    }
}

fn aid() -> Aid {
    Aid { name: "root".into(), uuid: Uuid::nil(), pid: 1 }
}

fn lines(lines: &[&str]) -> Vec<ToEngine> {
    let mut messages = vec![ToEngine::Queued(StopId(7))];
    messages.extend((1..).zip(lines).map(|(line, text)| ToEngine::Line { line, text: (*text).into() }));
    messages
}

fn set_up(messages: Vec<ToEngine>, pause: bool, debug: bool) -> Set {
    set_up_script(Script { messages: Mutex::new(messages), ..Script::default() }, pause, debug)
}

fn set_up_script(script: Script, pause: bool, debug: bool) -> Set {
    let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let script = Arc::new(script);
    put(Installed {
        aid: aid(),
        pause,
        debug,
        detached: AtomicBool::new(false),
        desk: Arc::new(ScriptedDesk(Arc::clone(&script), std::thread::current().id())),
        cancel: Box::new(|| {}),
    });
    Set { script, _turn: turn }
}

#[test]
fn values_set_in_the_repl_are_written_back() {
    let set = set_up(lines(&["p total", "set y = 5", "set name = \"bob\"", "c"]), true, false);
    let (x, mut y, mut name) = (3, 10u8, String::from("al"));
    crate::pause!(x, &mut y, &mut name, total = x + i32::from(y));
    assert_eq!((x, y, name.as_str()), (3, 5, "bob"));
    let replies = all(&set.script.replies);
    assert_eq!(replies[0], "1: 13  i32");
    assert_eq!(replies[3], "4: set: y, name");
    assert_eq!(all(&set.script.over), [StopId(7)]);
    let (task, reason, function) = all(&set.script.asked).remove(0);
    assert_eq!(reason, StopReason::Pause);
    assert!(function.ends_with("tests::values_set_in_the_repl_are_written_back"), "{function}");
    assert!(task.starts_with("thread "), "{task}");
}

#[test]
fn a_pause_works_in_generic_async_and_method_code() {
    struct Counter {
        count: u32,
    }
    impl Counter {
        fn bump<T>(&mut self, by: T) {
            crate::pause!(&mut self.count, by);
            drop(by);
        }
        async fn later(&mut self) {
            crate::pause!(&mut self.count);
        }
    }
    let set = set_up(lines(&["p by", "set self.count += 2", "c"]), true, false);
    let mut counter = Counter { count: 1 };
    counter.bump(std::rc::Rc::new(()));
    assert_eq!(counter.count, 3);
    assert!(all(&set.script.replies)[0].contains("neither Debug nor Serialize"), "{:?}", all(&set.script.replies));
    drop(set);
    let set = set_up(lines(&["set self.count = 9", "c"]), true, false);
    let mut task = std::task::Context::from_waker(std::task::Waker::noop());
    assert!(std::pin::pin!(counter.later()).poll(&mut task).is_ready());
    assert_eq!(counter.count, 9);
    assert!(all(&set.script.asked)[0].2.ends_with("Counter::later") || all(&set.script.asked)[0].2.ends_with("::later"), "{:?}", all(&set.script.asked));
}

#[test]
fn a_pause_that_is_off_asks_nobody_and_stops_once_it_is_on() {
    fn here() {
        crate::pause!();
    }
    let off = set_up(Vec::new(), false, true);
    here();
    here();
    assert_eq!(all(&off.script.asked).len(), 0);
    drop(off);
    let nobody = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    here();
    drop(nobody);
    let on = set_up(lines(&["c"]), true, false);
    here();
    assert_eq!(all(&on.script.asked).len(), 1);
}

#[test]
fn detach_ends_the_stops_of_this_line_only() {
    fn here() {
        crate::pause!();
    }
    let set = set_up(lines(&["detach"]), true, false);
    here();
    here();
    assert_eq!(all(&set.script.asked).len(), 1);
    crate::pause!();
    assert_eq!(all(&set.script.asked).len(), 2);
}

#[test]
fn quit_unwinds_without_a_panic() {
    let _set = set_up(lines(&["q"]), true, false);
    hooks::take_panic();
    let payload = catch_unwind(|| crate::pause!()).expect_err("the task fails");
    assert!(hooks::is_debug_quit(&*payload));
    assert!(payload.is::<DebugQuitPayload>());
    assert_eq!(hooks::take_panic(), None, "no panic hook saw it");
}

#[test]
fn a_stop_ends_from_outside() {
    let mut messages = lines(&[]);
    messages.push(ToEngine::Complete { line: 4, text: "tot".into(), cursor: 3 });
    messages.push(ToEngine::End { quit: true });
    let set = set_up(messages, true, false);
    let total = 1;
    assert!(catch_unwind(AssertUnwindSafe(|| crate::pause!(total))).is_err());
    assert_eq!(all(&set.script.replies), ["4: [\"total\"]"]);
    assert_eq!(all(&set.script.over), [StopId(7)]);
}

#[test]
fn where_nobody_can_attend_a_pause_goes_on() {
    let set = set_up(vec![ToEngine::Refused { why: "no terminal".into(), unattended: true }], true, false);
    crate::pause!();
    assert_eq!(all(&set.script.asked).len(), 1);
    assert_eq!(all(&set.script.over), [], "it never was in the queue");
}

#[test]
fn a_task_that_pauses_while_it_is_stopped_is_one_stop() {
    let script = Script { messages: Mutex::new(lines(&["c"])), pauses: true, ..Script::default() };
    let set = set_up_script(script, true, true);
    crate::pause!();
    assert_eq!(all(&set.script.asked).len(), 1);
}

#[test]
fn a_panic_stops_before_unwinding_with_its_frames_alive() {
    super::crash::install_hooks();
    let set = set_up(lines(&["w", "q"]), false, true);
    hooks::take_panic();
    let alive = AtomicBool::new(false);
    struct Guard<'a>(&'a AtomicBool);
    impl Drop for Guard<'_> {
        fn drop(&mut self) {
            self.0.store(true, std::sync::atomic::Ordering::Relaxed);
        }
    }
    let caught = catch_unwind(AssertUnwindSafe(|| {
        let _guard = Guard(&alive);
        let nothing: Option<u8> = std::hint::black_box(None);
        nothing.expect("there is one")
    }));
    assert!(caught.is_err());
    let (_, reason, function) = all(&set.script.asked).remove(0);
    assert_eq!(reason, StopReason::Panic("there is one".into()));
    assert!(function.ends_with("tests::a_panic_stops_before_unwinding_with_its_frames_alive"), "{function}");
    let frames = all(&set.script.replies).remove(0);
    assert!(frames.contains(">   0") && frames.contains("devx/tests.rs:"), "{frames}");
    let info = hooks::take_panic().expect("kept for whoever caught it");
    assert_eq!((info.message.as_str(), info.quit), ("there is one", true));
    assert!(info.location.is_some_and(|at| at.contains("devx/tests.rs:")));
    assert!(info.backtrace.is_some_and(|text| text.contains("a_panic_stops_before_unwinding")));
}

#[test]
fn an_endpoints_error_stops_where_it_arose_and_only_for_real_errors() {
    super::crash::install_hooks();
    let set = set_up(lines(&["w", "q"]), false, true);
    let mut failure = Failure::new(Uuid::nil(), FailureKind::Application, "no route");
    failure.location = Some("src/net.rs:12:5".into());
    failure.backtrace = Some("app::net::dial at src/net.rs:12\napp::run at src/main.rs:3\n".into());
    assert_eq!(hooks::on_endpoint_error("dial", None, &failure), Verdict::Quit);
    assert_eq!(all(&set.script.asked), [("dial".to_owned(), StopReason::Error("no route".into()), "app::net::dial".to_owned())]);
    assert_eq!(all(&set.script.replies)[0], "1: >   0  app::net::dial  src/net.rs:12|    1  app::run        src/main.rs:3");
    for kind in [FailureKind::Panic, FailureKind::DebugQuit] {
        let seen = Failure::new(Uuid::nil(), kind, "seen");
        assert_eq!(hooks::on_endpoint_error("dial", None, &seen), Verdict::Continue);
    }
    assert_eq!(all(&set.script.asked).len(), 1);
    drop(set);
    let off = set_up(lines(&["q"]), true, false);
    assert_eq!(hooks::on_endpoint_error("dial", None, &failure), Verdict::Continue);
    assert_eq!(all(&off.script.asked).len(), 0);
}

#[test]
fn what_serde_calls_it_is_what_expressions_see() {
    #[derive(serde::Serialize)]
    struct Only {
        a: u8,
    }
    let mut captures = Vec::new();
    let only = Only { a: 2 };
    crate::pause!(@capture captures; only, only.a, sum = 1 + 1);
    let names: Vec<_> = captures.iter().map(|capture: &super::capture::Capture| capture.name).collect();
    assert_eq!(names, ["only", "only.a", "sum"]);
    assert_eq!(captures[0].value, Some(Ok(json!({ "a": 2 }))));
    assert!(captures[0].debug.is_none());
    assert!(captures[1].debug.is_some());
}
