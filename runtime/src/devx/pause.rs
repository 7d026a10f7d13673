//! `pause!()`: halts the thread it is on, in async or plain code, with all its frames alive.
//!
//! Every place has a [`Site`] of its own. While pauses are off a site is asked once, says so, and
//! from then on costs one relaxed load. Captures are taken before the thread halts and written
//! back after it; nothing of the user's is touched while it stands.
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Mutex, PoisonError};

use serde_json::Value;

use super::capture::Capture;
use super::installed::installed;
use crate::hooks::DebugQuitPayload;

/// Ask whether to stop here.
const ASK: u8 = 0;
/// Go on without asking.
const PASS: u8 = 1;
/// Go on without asking, whatever is switched on later: somebody detached this site.
const DETACHED: u8 = 2;

/// One `pause!()` in the source.
pub struct Site {
    state: AtomicU8,
    said: AtomicBool,
    file: &'static str,
    line: u32,
}

/// The sites that were passed over, so that they can be asked again when that changes.
static PASSED: Mutex<Vec<&'static Site>> = Mutex::new(Vec::new());

/// Lets every site that was passed over ask again.
pub(super) fn ask_again() {
    for site in PASSED.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
        // A detached site stays so.
        let _ = site.state.compare_exchange(PASS, ASK, Ordering::Relaxed, Ordering::Relaxed);
    }
}

impl Site {
    /// A site that was never reached.
    #[must_use]
    pub const fn new(file: &'static str, line: u32) -> Self {
        Self { state: AtomicU8::new(ASK), said: AtomicBool::new(false), file, line }
    }

    /// Whether to stop here: false, at the price of one relaxed load, once it is known that not.
    #[inline]
    pub fn stops(&'static self) -> bool {
        self.state.load(Ordering::Relaxed) == ASK && self.decide()
    }

    #[cold]
    fn decide(&'static self) -> bool {
        match installed() {
            Some(actor) if actor.pause => return cfg!(feature = "repl"),
            Some(_) => self.pass_over("pauses are off; `COULTER_DEBUG=1`, `coulter run`, or a debug build on a terminal turn them on"),
            None => self.pass_over("this process is no actor; `#[coulter::main]` or `coulter::init()` makes it one"),
        }
        PASSED.lock().unwrap_or_else(PoisonError::into_inner).push(self);
        self.state.store(PASS, Ordering::Relaxed);
        // Boot may have come between the question and the mark.
        if installed().is_some_and(|actor| actor.pause) {
            ask_again();
        }
        false
    }

    /// Says, once for each site, that it was passed over.
    pub(super) fn pass_over(&self, why: &str) {
        if !self.said.swap(true, Ordering::Relaxed) {
            crate::log::log_notice!("a pause was passed over at {}: {why}", self.place());
        }
    }

    /// Never stops here again.
    pub(super) fn detach(&self) {
        self.state.store(DETACHED, Ordering::Relaxed);
    }

    /// `file:line`.
    pub(super) fn place(&self) -> String {
        format!("{}:{}", self.file, self.line)
    }
    /// The file as compiled.
    pub(super) fn file(&self) -> &'static str {
        self.file
    }
    /// The line.
    pub(super) fn line(&self) -> u32 {
        self.line
    }
}

/// What the person at the terminal decided.
#[derive(Debug, Default)]
#[must_use]
pub struct Outcome {
    /// Values to be written back, by the name they were captured under.
    pub(super) sets: Vec<(String, Value)>,
    /// Whether the task shall fail.
    pub(super) quit: bool,
}

impl Outcome {
    /// The value to be written back to what was captured as `name`.
    pub fn take(&mut self, name: &str) -> Option<Value> {
        let at = self.sets.iter().rposition(|(set, _)| set == name)?;
        Some(self.sets.swap_remove(at).1)
    }

    /// Goes on, or unwinds the task with `DebugQuit`.
    pub fn finish(self) {
        if self.quit {
            // Not `panic_any`: no panic hook has anything to say about it.
            std::panic::resume_unwind(Box::new(DebugQuitPayload));
        }
    }
}

/// Says that a value set in the debugger could not be written back.
pub fn not_written(name: &str, why: &str) {
    crate::log::log_notice!("`{name}` was not set: {why}");
}

/// The name of the function that `marker` was defined in.
#[must_use]
pub fn function_of<F>(_marker: F) -> &'static str {
    let name = std::any::type_name::<F>();
    name.rsplit_once("::").map_or(name, |(function, _)| function)
}

/// Halts this thread until the stop is over.
#[cold]
#[inline(never)]
pub fn halt(site: &'static Site, function: &'static str, captures: Vec<Capture>) -> Outcome {
    #[cfg(feature = "repl")]
    return super::stop::at_pause(site, function, captures);
    #[cfg(not(feature = "repl"))]
    {
        let _ = (site.file(), site.line(), function, captures);
        site.pass_over("built without the feature `repl`");
        site.detach();
        Outcome::default()
    }
}

/// Opens a REPL at this line, in the root's terminal or an attached console.
///
/// Blocks the thread it is on, so it works in async and in plain code, on any thread; the actor's
/// watch thread goes on, and no clock of the runtime runs out on a stopped actor. Off (see
/// `DebugMode`) it costs one relaxed load and says once that it was passed over.
///
/// Values to look at are named: `pause!(order, total = price * qty)`; those named with `&mut` can be
/// `set` and are written back when the thread goes on: `pause!(&mut qty)`. What can be seen of a
/// value depends on its type: `Serialize` gives fields and arithmetic, `Debug` text, anything else
/// the name of the type.
///
/// # Panics
/// `quit` in the REPL unwinds the task, which then fails with `DebugQuit`.
#[macro_export]
macro_rules! pause {
    (@capture $captures:ident;) => {};
    (@capture $captures:ident; &mut $place:expr $(, $($rest:tt)*)?) => {
        {
            #[allow(unused_imports)]
            use $crate::__pause::{ByDebug as _, ByName as _, BySerialize as _, BySerializeAndDebug as _, Write1 as _, Write2 as _};
            let capture = (&&&&$crate::__pause::Probe(&$place)).capture();
            let settable = (&mut $crate::__pause::Slot(&mut $place)).settable();
            $captures.push(capture.named(stringify!($place)).settable(settable));
        }
        $crate::pause!(@capture $captures; $($($rest)*)?);
    };
    (@capture $captures:ident; $name:ident = $value:expr $(, $($rest:tt)*)?) => {
        {
            #[allow(unused_imports)]
            use $crate::__pause::{ByDebug as _, ByName as _, BySerialize as _, BySerializeAndDebug as _};
            $captures.push((&&&&$crate::__pause::Probe(&$value)).capture().named(stringify!($name)));
        }
        $crate::pause!(@capture $captures; $($($rest)*)?);
    };
    (@capture $captures:ident; $value:expr $(, $($rest:tt)*)?) => {
        {
            #[allow(unused_imports)]
            use $crate::__pause::{ByDebug as _, ByName as _, BySerialize as _, BySerializeAndDebug as _};
            $captures.push((&&&&$crate::__pause::Probe(&$value)).capture().named(stringify!($value)));
        }
        $crate::pause!(@capture $captures; $($($rest)*)?);
    };
    (@write $outcome:ident;) => {};
    (@write $outcome:ident; &mut $place:expr $(, $($rest:tt)*)?) => {
        if let ::core::option::Option::Some(value) = $outcome.take(stringify!($place)) {
            #[allow(unused_imports)]
            use $crate::__pause::{Write1 as _, Write2 as _};
            if let ::core::result::Result::Err(why) = (&mut &mut $crate::__pause::Slot(&mut $place)).write(value) {
                $crate::__pause::not_written(stringify!($place), &why);
            }
        }
        $crate::pause!(@write $outcome; $($($rest)*)?);
    };
    (@write $outcome:ident; $name:ident = $value:expr $(, $($rest:tt)*)?) => {
        $crate::pause!(@write $outcome; $($($rest)*)?);
    };
    (@write $outcome:ident; $value:expr $(, $($rest:tt)*)?) => {
        $crate::pause!(@write $outcome; $($($rest)*)?);
    };
    (@ $($rest:tt)*) => {
        ::core::compile_error!("pause! takes values, `&mut` places and `name = value`, with commas between them")
    };
    ($($captures:tt)*) => {{
        static __COULTER_SITE: $crate::__pause::Site = $crate::__pause::Site::new(file!(), line!());
        if __COULTER_SITE.stops() {
            fn __coulter_here() {}
            #[allow(unused_mut)]
            let mut captures = ::std::vec::Vec::<$crate::__pause::Capture>::new();
            $crate::pause!(@capture captures; $($captures)*);
            #[allow(unused_mut)]
            let mut outcome = $crate::__pause::halt(&__COULTER_SITE, $crate::__pause::function_of(__coulter_here), captures);
            $crate::pause!(@write outcome; $($captures)*);
            outcome.finish();
        }
    }};
}
