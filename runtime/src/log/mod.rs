//! Records: levels, the filter, and the layer that prints them.
//!
//! Records are ordinary `tracing` events. The targets `coulter::transport`, `::runtime`, `::devx`,
//! `::io` and `::cancel` stand for the levels `tracing` does not have. A record nobody wants costs
//! the branch `tracing` has at each call site; one that somebody wants is formatted once, for
//! stderr, and copied for the consoles only while one looks.
mod filter;
mod layer;

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use coulter_proto::id::{Aid, ContextKey};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::registry::LookupSpan;

pub(crate) use filter::Filter;

/// A record at a level of ours: `log_at!("coulter::runtime", "spawned {aid}")`.
macro_rules! log_at {
    ($target:literal, $($rest:tt)+) => { ::tracing::debug!(target: $target, $($rest)+) };
}
/// Level transport: every frame.
macro_rules! log_transport { ($($rest:tt)+) => { ::tracing::trace!(target: "coulter::transport", $($rest)+) }; }
/// Level runtime: spawning, dialogs, nurseries.
macro_rules! log_runtime { ($($rest:tt)+) => { $crate::log::log_at!("coulter::runtime", $($rest)+) }; }
/// Level devx: the debugger at work.
#[allow(unused_macros)] // without the debugger nobody says anything here
macro_rules! log_devx { ($($rest:tt)+) => { $crate::log::log_at!("coulter::devx", $($rest)+) }; }
/// Level io: what processes print.
#[allow(unused_macros)] // the level is complete with it, whether or not a room says anything there
macro_rules! log_io { ($($rest:tt)+) => { ::tracing::info!(target: "coulter::io", $($rest)+) }; }
/// Level cancel: who cancelled whom.
macro_rules! log_cancel { ($($rest:tt)+) => { ::tracing::info!(target: "coulter::cancel", $($rest)+) }; }
/// The debugger's own notices: always shown.
macro_rules! log_notice { ($($rest:tt)+) => { ::tracing::error!(target: "coulter::notice", $($rest)+) }; }
#[allow(unused_imports)] // which levels are in use is up to the other rooms
pub(crate) use {log_at, log_cancel, log_devx, log_io, log_notice, log_runtime, log_transport};

static FILTER: RwLock<Option<Arc<Filter>>> = RwLock::new(None);
static COLOR: OnceLock<bool> = OnceLock::new();

thread_local! {
    static TASK: RefCell<Option<Rc<str>>> = const { RefCell::new(None) };
    static CONTEXT: Cell<Option<ContextKey>> = const { Cell::new(None) };
}

/// Sets the task records of this thread come from, and gives back the one before.
pub(crate) fn set_task(name: Option<Rc<str>>) -> Option<Rc<str>> {
    TASK.try_with(|task| task.replace(name)).ok().flatten()
}

/// The task this thread runs.
pub(crate) fn current_task() -> Option<Rc<str>> {
    TASK.try_with(|task| task.borrow().clone()).ok().flatten()
}

/// Sets the context records of this thread belong to, and gives back the one before.
pub(crate) fn set_context(key: Option<ContextKey>) -> Option<ContextKey> {
    CONTEXT.try_with(|context| context.replace(key)).ok().flatten()
}

/// The context this thread's task serves.
pub(crate) fn current_context() -> Option<ContextKey> {
    CONTEXT.try_with(Cell::get).ok().flatten()
}

/// The filter text that holds: `COULTER_LOG`, else what the code says, else `RUST_LOG`, else `warn`.
pub(crate) fn filter_spec(code: Option<&str>) -> String {
    let variable = |name| std::env::var(name).ok().filter(|text| !text.trim().is_empty());
    variable("COULTER_LOG").or_else(|| code.map(str::to_owned)).or_else(|| variable("RUST_LOG")).unwrap_or_else(|| "warn".to_owned())
}

/// Whether lines on stderr may be coloured; the first answer holds for the process.
fn set_color(color: bool) {
    let _ = COLOR.set(color);
}

fn color() -> bool {
    *COLOR.get_or_init(|| std::env::var_os("NO_COLOR").is_none_or(|text| text.is_empty()) && crate::sys::terminal::stderr_is_terminal())
}

/// Sets the filter of this process; an unreadable part of it is told on stderr and left out.
pub(crate) fn set_filter(text: &str) {
    let (filter, complaints) = Filter::parse(text);
    for complaint in complaints {
        crate::observe::print(format!("coulter: log filter: {complaint}\n").into_bytes());
    }
    *FILTER.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(filter));
    tracing::callsite::rebuild_interest_cache();
}

/// The filter of this process; before [`set_filter`], the one of the environment.
fn filter() -> Arc<Filter> {
    if let Some(filter) = &*FILTER.read().unwrap_or_else(PoisonError::into_inner) {
        return Arc::clone(filter);
    }
    let filter = Arc::new(Filter::parse(&filter_spec(None)).0);
    Arc::clone(FILTER.write().unwrap_or_else(PoisonError::into_inner).get_or_insert(filter))
}

/// Sets the filter, and our subscriber where the program has none of its own. `aid` heads each line.
pub(crate) fn install(filter: &str, aid: &Aid, color: bool) {
    set_color(color);
    layer::set_header(aid);
    set_filter(filter);
    // A standing subscriber is the program's: it adds `layer()` itself, or does without.
    let _ = tracing::subscriber::set_global_default(tracing_subscriber::registry().with(layer()));
}

/// The layer that prints records the way coulter does and shows them to consoles, for programs
/// that set up their own `tracing` subscriber.
#[must_use]
pub fn layer<S>() -> impl tracing_subscriber::Layer<S>
where
    S: tracing::Subscriber + for<'a> LookupSpan<'a>,
{
    use tracing_subscriber::Layer as _;
    layer::Printer.with_filter(layer::Wanted)
}
