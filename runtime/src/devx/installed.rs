//! What the debugger was told at boot, and the sites that go by it.
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use coulter_proto::id::Aid;
use coulter_proto::spawn::RuntimeVars;

use super::desk::Desk;
use crate::observe::watch::Watch;

/// One actor's debugger.
pub(super) struct Installed {
    /// Who we are.
    pub aid: Aid,
    /// Whether pauses stop.
    pub pause: bool,
    /// Whether crashes stop.
    pub debug: bool,
    /// Set by `detach` at a crash: no more crash stops in this actor.
    pub detached: AtomicBool,
    /// Where stops are announced.
    pub desk: Arc<dyn Desk>,
    /// Asks the work thread to cancel this actor.
    pub cancel: Box<dyn Fn() + Send + Sync>,
}

impl Installed {
    /// Whether a crash stops here, now.
    pub(super) fn stops_at_crashes(&self) -> bool {
        self.debug && !self.detached.load(Ordering::Relaxed)
    }
}

static INSTALLED: RwLock<Option<Arc<Installed>>> = RwLock::new(None);

/// The debugger of this process's actor, if it has booted.
pub(super) fn installed() -> Option<Arc<Installed>> {
    INSTALLED.read().unwrap_or_else(PoisonError::into_inner).clone()
}

/// Called once at boot, before the first task: fills the hooks, sets the panic hook, and lets
/// pauses stop if `vars.pause` says so. `cancel` asks the work thread to cancel this actor; it is
/// called on halted threads, so it must not wait for the work thread.
pub(crate) fn install(vars: &RuntimeVars, aid: &Aid, watch: Watch, cancel: impl Fn() + Send + Sync + 'static) {
    put(Installed {
        aid: aid.clone(),
        pause: vars.pause,
        debug: vars.debug,
        detached: AtomicBool::new(false),
        desk: Arc::new(watch),
        cancel: Box::new(cancel),
    });
    crate::observe::probe::get().set_may_stop(vars.pause || vars.debug);
    super::crash::install_hooks();
}

/// Called when the actor has ended: from here on nothing stops.
pub(crate) fn uninstall() {
    *INSTALLED.write().unwrap_or_else(PoisonError::into_inner) = None;
    super::pause::ask_again();
}

/// Makes this the debugger of the process, and lets every pause site ask anew.
pub(super) fn put(installed: Installed) {
    *INSTALLED.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(installed));
    super::pause::ask_again();
}
