//! A stop from the halted thread's side: announce it, serve its lines, go on.
use std::cell::Cell;

use coulter_proto::id::ContextKey;
use coulter_proto::observe::StopReason;
use coulter_proto::repl::Next;
use serde_json::Value;

use super::capture::Capture;
use super::engine::{Engine, Scene};
use super::installed::{Installed, installed};
use super::names::short_function;
use super::pause::{Outcome, Site};
use super::stack::Captured;
use crate::observe::watch::{StopAsk, ToEngine};

/// How a stop ended.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Ended {
    /// The task shall fail.
    pub quit: bool,
    /// No more stops here.
    pub detach: bool,
    /// Values to be written back.
    pub sets: Vec<(String, Value)>,
    /// It never was one, because nobody could attend to it.
    pub unattended: Option<String>,
}

thread_local! {
    static STOPPED: Cell<bool> = const { Cell::new(false) };
}

/// Whether this thread stands in a stop: what happens on it now is no stop of its own.
pub(super) fn is_stopped() -> bool {
    STOPPED.with(Cell::get)
}

/// Marks this thread as stopped, until dropped.
struct Mark;

impl Mark {
    fn set() -> Option<Self> {
        (!STOPPED.with(|stopped| stopped.replace(true))).then_some(Self)
    }
}
impl Drop for Mark {
    fn drop(&mut self) {
        STOPPED.with(|stopped| stopped.set(false));
    }
}

/// Which task halts, and for which context.
pub(super) struct Who {
    pub task: String,
    pub context: Option<ContextKey>,
}

impl Who {
    /// The one that runs on this thread.
    pub(super) fn here() -> Self {
        let task = crate::log::current_task()
            .map_or_else(|| std::thread::current().name().map_or_else(|| "a thread".to_owned(), |name| format!("thread {name}")), |task| task.to_string());
        Self { task, context: crate::log::current_context() }
    }
}

/// `pause!()`.
pub(super) fn at_pause(site: &'static Site, function: &'static str, captures: Vec<Capture>) -> Outcome {
    let Some(actor) = installed() else {
        return Outcome::default();
    };
    let scene = Scene::new(StopReason::Pause, site.file(), site.line(), &short_function(function)).with_captures(captures).with_stack(Captured::here());
    let ended = hold(&actor, Who::here(), scene);
    if let Some(why) = ended.unattended {
        site.pass_over(&why);
    }
    if ended.detach {
        site.detach();
    }
    Outcome { sets: ended.sets, quit: ended.quit }
}

/// Halts this thread until the stop is over. The same task halting again while it stands is one stop.
pub(super) fn hold(actor: &Installed, who: Who, scene: Scene) -> Ended {
    let Some(_mark) = Mark::set() else {
        return Ended::default();
    };
    let mut engine = Engine::new(scene, format!("{}", actor.aid), who.task.clone());
    crate::log::log_devx!("{} stops at {}", who.task, engine.place());
    let asked = actor.desk.ask(StopAsk {
        task: who.task,
        context: who.context,
        reason: engine.reason().clone(),
        place: engine.place(),
        function: engine.function().to_owned(),
        banner: engine.banner(),
    });
    let mut id = None;
    let mut ended = Ended::default();
    // A watch thread that is gone attends to nobody: go on.
    while let Ok(message) = asked.recv() {
        match message {
            ToEngine::Queued(stop) => id = Some(stop),
            ToEngine::Refused { why, unattended } => {
                ended.unattended = unattended.then_some(why);
                return ended;
            }
            ToEngine::Line { line, text } => {
                let reply = engine.line(&text);
                let next = reply.next;
                if engine.take_cancel() {
                    (actor.cancel)();
                }
                if let Some(stop) = id {
                    actor.desk.reply(stop, line, reply);
                }
                if next != Next::Prompt {
                    ended.quit = next == Next::Quit;
                    break;
                }
            }
            ToEngine::Complete { line, text, cursor } => {
                if let Some(stop) = id {
                    actor.desk.completed(stop, line, engine.complete(&text, cursor));
                }
            }
            ToEngine::End { quit } => {
                ended.quit = quit;
                break;
            }
        }
    }
    if let Some(stop) = id {
        actor.desk.over(stop);
    }
    ended.detach = engine.detached();
    ended.sets = engine.into_sets();
    ended
}
