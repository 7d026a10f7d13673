//! The few calls from the rooms below into the debugger, and the slots they share with it.
//!
//! The rooms below (tasks, nurseries, boot) know nothing of REPLs: they call these functions, which
//! do nothing until the debugger has filled the table at boot. The slots are thread-local, for what
//! they tell belongs to the task that runs on this thread right now.
use std::any::Any;
use std::cell::RefCell;
use std::sync::OnceLock;

use coulter_proto::error::Failure;
use coulter_proto::id::ContextKey;

/// What the person at the terminal decided about a stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Go on as if nothing had stopped.
    Continue,
    /// The task fails with `DebugQuit`.
    #[cfg_attr(not(feature = "repl"), allow(dead_code))]
    Quit,
}

/// What is known about a panic, kept by the panic hook for whoever catches the unwinding.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct PanicInfo {
    /// The message.
    pub message: String,
    /// `file:line:column`.
    pub location: Option<String>,
    /// The user's frames, one a line, innermost first.
    pub backtrace: Option<String>,
    /// Whether somebody quit the task while it was stopped at this panic: it fails with
    /// `DebugQuit` then.
    pub quit: bool,
}

/// The payload of the unwinding that `quit` at a `pause!()` starts. No panic hook sees it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DebugQuitPayload;

/// Whether a caught unwinding is a `quit` at a `pause!()`.
pub(crate) fn is_debug_quit(payload: &(dyn Any + Send)) -> bool {
    payload.is::<DebugQuitPayload>()
}

/// The debugger's side of this page.
pub(crate) struct Hooks {
    /// See [`on_endpoint_error`].
    pub endpoint_error: fn(&str, Option<ContextKey>, &Failure) -> Verdict,
    /// See [`stack_text`].
    pub stack: fn() -> Option<String>,
    /// See [`shields_interrupt`].
    pub shields_interrupt: fn() -> bool,
    /// See [`prompt_is_open`].
    pub prompt_is_open: fn() -> bool,
}

static HOOKS: OnceLock<Hooks> = OnceLock::new();

/// Fills the table; the first one stays.
pub(crate) fn fill(hooks: Hooks) {
    let _ = HOOKS.set(hooks);
}

/// An error leaves its endpoint uncaught, in the actor where it arose. Stops there in debug mode.
///
/// Not to be called for cancellations, `DebugQuit`, lost transports, or errors that came from
/// another actor: one error is one stop, at its source.
pub(crate) fn on_endpoint_error(task: &str, context: Option<ContextKey>, failure: &Failure) -> Verdict {
    match HOOKS.get() {
        Some(hooks) => (hooks.endpoint_error)(task, context, failure),
        None => Verdict::Continue,
    }
}

/// The user's frames above this call, one a line, innermost first; `None` when crash stops are off.
pub(crate) fn stack_text() -> Option<String> {
    HOOKS.get().and_then(|hooks| (hooks.stack)())
}

/// Whether a SIGINT that arrives now belongs to a prompt in this process's terminal (or was sent by
/// its front to close one), and is no request to cancel the tree.
pub(crate) fn shields_interrupt() -> bool {
    HOOKS.get().is_some_and(|hooks| (hooks.shields_interrupt)())
}

/// Whether a prompt has this process's terminal right now: what is printed then lands in it.
pub(crate) fn prompt_is_open() -> bool {
    HOOKS.get().is_some_and(|hooks| (hooks.prompt_is_open)())
}

thread_local! {
    static PANIC: RefCell<Option<PanicInfo>> = const { RefCell::new(None) };
}

/// Keeps what the panic hook knows until the unwinding is caught on this thread.
pub(crate) fn note_panic(info: PanicInfo) {
    PANIC.with(|slot| *slot.borrow_mut() = Some(info));
}

/// What the panic hook knew about the unwinding just caught on this thread.
pub(crate) fn take_panic() -> Option<PanicInfo> {
    PANIC.with(|slot| slot.borrow_mut().take())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_hook_knew_is_given_once() {
        let info = PanicInfo { message: "gone".into(), ..PanicInfo::default() };
        note_panic(info.clone());
        assert_eq!(take_panic(), Some(info));
        assert_eq!(take_panic(), None);
    }

    #[test]
    fn a_quit_is_told_from_a_panic() {
        assert!(is_debug_quit(&DebugQuitPayload));
        assert!(!is_debug_quit(&"a message"));
    }
}
