//! Stops at crashes: in the panic hook, before unwinding, and at an endpoint's uncaught error.
//!
//! The hook also keeps what it knows (message, place, the user's frames) for whoever catches the
//! unwinding. A stop inside the hook blocks `std::panic::set_hook` in other threads until it ends;
//! panics of other threads are not held up.
use std::panic::PanicHookInfo;
use std::sync::Once;

use coulter_proto::error::Failure;
use coulter_proto::id::ContextKey;

use super::installed::installed;
use super::stack::{self, Captured, Frame};
use crate::hooks::{self, DebugQuitPayload, Hooks, PanicInfo, Verdict};

/// Fills the hooks and sets the panic hook, once a process.
pub(super) fn install_hooks() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        hooks::fill(Hooks {
            endpoint_error: at_endpoint_error,
            stack: stack_in_debug,
            shields_interrupt: super::front::shields_interrupt,
            prompt_is_open: super::front::prompt_is_open,
        });
        let previous = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if !at_panic(info) {
                previous(info);
            }
        }));
    });
}

fn stack_in_debug() -> Option<String> {
    let wanted = installed().is_some_and(|actor| actor.stops_at_crashes());
    if wanted { stack::as_text(&Captured::here().frames()) } else { None }
}

/// Whether the look at the stack, a good part of a second the first time, is wanted.
fn wants_backtrace() -> bool {
    cfg!(debug_assertions) || std::env::var_os("RUST_BACKTRACE").is_some_and(|value| value != "0") || installed().is_some_and(|actor| actor.debug)
}

/// Whether it stopped, and so was seen by a person: else it is printed by the hook before ours.
fn at_panic(info: &PanicHookInfo<'_>) -> bool {
    let payload = info.payload();
    if payload.is::<DebugQuitPayload>() {
        return true;
    }
    let text = payload.downcast_ref::<&str>().copied().or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    let message = text.unwrap_or("a panic whose payload is no text").to_owned();
    let location = info.location().map(|at| format!("{}:{}:{}", at.file(), at.line(), at.column()));
    let frames = if wants_backtrace() { Captured::here().frames() } else { Vec::new() };
    let backtrace = stack::as_text(&frames);
    let (stopped, quit) = stop_at_panic(info, &message, frames).unwrap_or((false, false));
    hooks::note_panic(PanicInfo { message, location, backtrace, quit });
    stopped
}

/// Whether it was attended to and whether the task shall fail; `None` where panics do not stop.
#[cfg(feature = "repl")]
fn stop_at_panic(info: &PanicHookInfo<'_>, message: &str, frames: Vec<Frame>) -> Option<(bool, bool)> {
    use super::engine::Scene;
    use super::stop::{Who, hold, is_stopped};
    use coulter_proto::observe::StopReason;
    use std::sync::atomic::Ordering;

    let actor = installed()?;
    if !actor.stops_at_crashes() || is_stopped() {
        return None;
    }
    let (file, line) = info.location().map_or(("", 0), |at| (at.file(), at.line()));
    let scene = Scene::new(StopReason::Panic(message.to_owned()), file, line, "").with_frames(frames);
    let ended = hold(&actor, Who::here(), scene);
    if ended.detach {
        actor.detached.store(true, Ordering::Relaxed);
    }
    Some((ended.unattended.is_none(), ended.quit))
}

#[cfg(not(feature = "repl"))]
fn stop_at_panic(_: &PanicHookInfo<'_>, _: &str, _: Vec<Frame>) -> Option<(bool, bool)> {
    None
}

#[cfg(feature = "repl")]
fn at_endpoint_error(task: &str, context: Option<ContextKey>, failure: &Failure) -> Verdict {
    use super::engine::Scene;
    use super::stop::{Who, hold, is_stopped};
    use coulter_proto::error::FailureKind;
    use coulter_proto::observe::StopReason;
    use std::sync::atomic::Ordering;

    let Some(actor) = installed() else {
        return Verdict::Continue;
    };
    // A panic was stopped at where it happened.
    let was_seen = matches!(failure.kind, FailureKind::Panic | FailureKind::DebugQuit) || failure.is_cancelled();
    if !actor.stops_at_crashes() || was_seen || is_stopped() {
        return Verdict::Continue;
    }
    // Without frames the endpoint is what is known of the function.
    let function = if failure.backtrace.is_some() { "" } else { task };
    let (file, line) = failure.location.as_deref().map_or((None, None), stack::split_place);
    let scene = Scene::new(StopReason::Error(failure.message.clone()), file.as_deref().unwrap_or_default(), line.unwrap_or_default(), function)
        .with_frames(failure.backtrace.as_deref().map(stack::from_text).unwrap_or_default())
        .with_causes(&failure.type_name, &failure.causes);
    let ended = hold(&actor, Who { task: task.to_owned(), context }, scene);
    if ended.detach {
        actor.detached.store(true, Ordering::Relaxed);
    }
    if ended.quit { Verdict::Quit } else { Verdict::Continue }
}

#[cfg(not(feature = "repl"))]
fn at_endpoint_error(_: &str, _: Option<ContextKey>, _: &Failure) -> Verdict {
    Verdict::Continue
}
