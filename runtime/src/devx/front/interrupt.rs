//! Ending a `readline` from outside.
//!
//! While rustyline reads, SIGINT is its own: its handler wakes the reader, which returns. So a stop
//! that ends from outside sends this process SIGINT, but only between the moment its handler is in
//! place (the first hint is asked for) and the moment the line is accepted, and again every 20 ms,
//! for a resize at the same moment hides it. Outside that span SIGINT would mean "cancel the tree".
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use coulter_proto::id::StopId;
use rustix::process::{Signal, getpid, kill_process};

/// Where the reading thread is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum At {
    /// Not in `readline`.
    #[default]
    Away,
    /// On its way in; the handler may not stand yet.
    Entering,
    /// The handler stands.
    Reading,
}

#[derive(Debug, Default)]
struct State {
    at: At,
    /// The stop whose prompt is open.
    serves: Option<StopId>,
    /// That stop's prompt shall end.
    wanted: bool,
    /// All shall.
    over: bool,
    /// The reader was left only to be entered again.
    resumed: bool,
    /// When a piece of text was last handed to the reader, which prints it above its line.
    handed: Option<Instant>,
}

impl State {
    fn shall_end(&self) -> bool {
        self.wanted || self.over
    }
}

/// One front's interrupter.
#[derive(Debug, Default)]
pub(super) struct Interrupt {
    state: Mutex<State>,
    changed: Condvar,
}

/// A signal that had no effect is sent again after so long.
const AGAIN: Duration = Duration::from_millis(20);
/// How long the reader has for a piece of text handed to it, before it is made to leave: what it
/// has not printed by then would be lost with it.
const SETTLE: Duration = Duration::from_millis(60);
/// How long the reader is waited for, before text goes to the terminal all the same.
const LEAVING: Duration = Duration::from_millis(500);
/// How long a signal may be on its way to a handler that is no longer rustyline's.
const GRACE: Duration = Duration::from_millis(250);
/// When the last signal was sent, in milliseconds since [`started`]; 0 is never.
static SENT: AtomicU64 = AtomicU64::new(0);

fn started() -> Instant {
    static STARTED: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
    *STARTED.get_or_init(Instant::now)
}

fn millis() -> u64 {
    u64::try_from(started().elapsed().as_millis()).unwrap_or(u64::MAX).max(1)
}

/// Whether a SIGINT that arrives now may be one of ours.
pub(super) fn was_sent_just_now() -> bool {
    let sent = SENT.load(Ordering::Acquire);
    sent != 0 && Duration::from_millis(millis().saturating_sub(sent)) < GRACE
}

impl Interrupt {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
    fn move_to(&self, at: At) {
        self.state().at = at;
        self.changed.notify_all();
    }

    /// The prompt is this stop's from here on, and of none with `None`: what ended the one before
    /// is no matter any more.
    pub(super) fn serve(&self, stop: Option<StopId>) {
        let mut state = self.state();
        state.serves = stop;
        state.wanted = false;
    }
    /// Whose prompt is open.
    pub(super) fn serves(&self) -> Option<StopId> {
        self.state().serves
    }
    /// Whether the prompt shall end.
    pub(super) fn is_wanted(&self) -> bool {
        self.state().shall_end()
    }
    /// Before reading; false when there is nothing to read for any more.
    pub(super) fn enter(&self) -> bool {
        let mut state = self.state();
        if state.shall_end() {
            return false;
        }
        state.at = At::Entering;
        true
    }
    /// While reading.
    pub(super) fn reads(&self) {
        self.move_to(At::Reading);
    }
    /// Whether a reader stands ready.
    #[cfg(test)]
    pub(super) fn is_reading(&self) -> bool {
        self.state().at == At::Reading
    }
    /// Whether a piece of text may be handed to the reader now: it stands, and is not about to leave.
    pub(super) fn hands_over(&self) -> bool {
        let mut state = self.state();
        let stands = state.at == At::Reading && !state.shall_end();
        if stands {
            state.handed = Some(Instant::now());
        }
        stands
    }
    /// Waits for a reader that is about to leave, so that text does not land in its line.
    pub(super) fn until_left(&self) {
        let end = Instant::now() + LEAVING;
        let mut state = self.state();
        while state.at == At::Reading && state.shall_end() && Instant::now() < end {
            (state, _) = self.changed.wait_timeout(state, AGAIN).unwrap_or_else(PoisonError::into_inner);
        }
    }
    /// The line is accepted, or reading is over.
    pub(super) fn leave(&self) {
        self.move_to(At::Away);
    }

    /// The process was stopped and goes on: a reader that stands is left, to be entered again.
    pub(super) fn resume(&self) {
        let mut state = self.state();
        if state.at == At::Reading {
            state.resumed = true;
            SENT.store(millis(), Ordering::Release);
            let _ = kill_process(getpid(), Signal::INT);
        }
    }
    /// Whether reading ended for that, and for nothing else.
    pub(super) fn take_resumed(&self) -> bool {
        let mut state = self.state();
        std::mem::take(&mut state.resumed) && !state.shall_end()
    }

    /// Ends the prompt of this stop; returns once nobody reads for it.
    pub(super) fn end(&self, stop: StopId) {
        let mut state = self.state();
        if state.serves == Some(stop) {
            state.wanted = true;
            self.until_away(state, |state| state.serves == Some(stop));
        }
    }

    /// Ends any prompt, and those to come.
    pub(super) fn end_all(&self) {
        let mut state = self.state();
        state.over = true;
        self.until_away(state, |_| true);
    }

    fn until_away(&self, mut state: MutexGuard<'_, State>, still: impl Fn(&State) -> bool) {
        let settled = state.handed.map(|handed| handed + SETTLE);
        while state.at != At::Away && still(&state) {
            let settling = settled.map_or(Duration::ZERO, |at| at.saturating_duration_since(Instant::now()));
            if state.at == At::Reading && settling.is_zero() {
                SENT.store(millis(), Ordering::Release);
                let _ = kill_process(getpid(), Signal::INT);
            }
            let wait = if settling.is_zero() { AGAIN } else { settling };
            (state, _) = self.changed.wait_timeout(state, wait).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prompt_that_shall_end_is_not_entered() {
        let interrupt = Interrupt::default();
        interrupt.serve(Some(StopId(1)));
        assert!(interrupt.enter());
        interrupt.leave();
        interrupt.end(StopId(2));
        assert!(interrupt.enter(), "another stop's end is no matter");
        interrupt.leave();
        interrupt.end(StopId(1));
        assert!(interrupt.is_wanted() && !interrupt.enter());
        interrupt.serve(Some(StopId(3)));
        assert!(interrupt.enter());
        interrupt.leave();
        interrupt.end_all();
        interrupt.serve(Some(StopId(4)));
        assert!(!interrupt.enter());
        assert!(!was_sent_just_now(), "nobody was reading, so no signal was sent");
    }
}
