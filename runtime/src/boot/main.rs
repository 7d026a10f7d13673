//! What `#[coulter::main]` and [`init`] do first, and the options they take.
use coulter_proto::spawn::Transport;

pub(crate) use super::root::run_root;

/// The options of `#[coulter::main]` and `#[coulter::test]`.
#[derive(Clone, Copy, Debug, Default)]
pub struct MainOptions {
    /// The root's name; by default the executable's.
    pub name: Option<&'static str>,
    /// The log filter, unless `COULTER_LOG` says otherwise.
    pub log: Option<&'static str>,
    /// Whether crashes stop in the debugger, unless `COULTER_DEBUG` says otherwise.
    pub debug: Option<bool>,
    /// Transports, best first, unless `COULTER_TRANSPORT` says otherwise; empty for the default: UDS and TCP.
    pub transports: &'static [Transport],
    /// Runs in every actor before its first task, root included.
    pub each: Option<fn()>,
}

/// Runs `main`: as an actor if this process was spawned as one, else as the root of a tree.
pub fn run_main<T>(options: MainOptions, body: impl AsyncFnOnce() -> T) -> T {
    super::child::run_if_child(options.each);
    run_root(options, body)
}

/// Must be the first line of a `main` that is not made by `#[coulter::main]`.
///
/// If this process was spawned as an actor, it runs as one and the call does not return.
/// Otherwise it does nothing; open the tree with [`Root::run`](crate::Root::run).
///
/// # Panics
/// Never; a process that cannot come up as the actor it was spawned as says so and exits.
///
/// ```no_run
/// coulter::init();
/// let answer = coulter::Root::builder().run(async || 42);
/// println!("{answer}");
/// ```
pub fn init() {
    super::child::run_if_child(None);
}
