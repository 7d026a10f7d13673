//! The teardown ladder of one child (rule 2.4): ask, terminate, kill, and never touch anyone who
//! is stopped in the debugger.
//!
//! Asking the root before each signal is what puts "stopped" and "signalled" in one order: a stop
//! the root has queued makes it answer wait; an approved signal makes it refuse the stop. Without
//! it a stop and a signal that cross would kill somebody at a prompt.
use serde::{Deserialize, Serialize};

use crate::machine::{Machine, Sink};
use crate::time::{Deadline, Now};

/// How long each step waits, microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timing {
    /// From the request to its acknowledgement.
    pub acknowledge: u64,
    /// From the acknowledgement to the exit.
    pub graceful: u64,
    /// From SIGTERM to SIGKILL.
    pub terminate: u64,
    /// For the root's answer.
    pub ask: u64,
    /// Until one asks again after a "wait" no stop was told for.
    pub ask_again: u64,
}

impl Default for Timing {
    fn default() -> Self {
        Self { acknowledge: 500_000, graceful: 12_000_000, terminate: 1_600_000, ask: 100_000, ask_again: 1_000_000 }
    }
}

/// A signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Signal {
    /// SIGTERM.
    Term,
    /// SIGKILL.
    Kill,
}

/// What can happen to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Input {
    /// Begin with the request.
    Cancel,
    /// Begin with SIGTERM: `an.kill()`. Also on a ladder that runs: ends its waiting at once.
    Kill,
    /// The child acknowledged the request.
    Acked,
    /// The request cannot be sent: the channel is gone.
    RequestUnsendable,
    /// The root has nothing against the signal asked about.
    Go {
        /// The number of the question.
        ask: u32,
    },
    /// Somebody below is stopped.
    Wait {
        /// The number of the question.
        ask: u32,
    },
    /// Whether the child, or anyone below it, is stopped in the debugger.
    Debugged(bool),
    /// The child was reaped.
    Exited,
}

/// What it decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Effect {
    /// Send the cancel request.
    SendCancel,
    /// Ask the root whether the child may be signalled; answer with [`Input::Go`] or [`Input::Wait`].
    /// Outside debug trees the shell answers `Go` at once.
    AskRoot {
        /// The number of the question.
        ask: u32,
    },
    /// Signal the child.
    Signal(Signal),
    /// The child is gone.
    Done,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Idle,
    Requested,
    Graceful,
    /// The root is asked whether this signal may go.
    Asking(Signal),
    /// The root said wait: until the stop is over.
    Waiting(Signal),
    Terminated,
    Killed,
    Gone,
}

/// The ladder of one child.
#[derive(Clone, Debug)]
pub struct Ladder {
    timing: Timing,
    step: Step,
    clock: Deadline,
    debugged: bool,
    ask: u32,
}

impl Ladder {
    /// A ladder at rest.
    #[must_use]
    pub fn new(timing: Timing) -> Self {
        Self { timing, step: Step::Idle, clock: Deadline::Off, debugged: false, ask: 0 }
    }
    /// The durations it was made with.
    #[must_use]
    pub fn timing(&self) -> Timing {
        self.timing
    }
    /// Whether the child was asked to end, one way or another.
    #[must_use]
    pub fn begun(&self) -> bool {
        self.step != Step::Idle
    }
    /// Whether a signal of ours went out: the child's exit by a signal is then no failure of its own.
    #[must_use]
    pub fn signalled(&self) -> bool {
        matches!(self.step, Step::Terminated | Step::Asking(Signal::Kill) | Step::Waiting(Signal::Kill) | Step::Killed)
    }
    /// Whether it is over.
    #[must_use]
    pub fn done(&self) -> bool {
        self.step == Step::Gone
    }

    fn run_clock(&mut self, now: Now, micros: u64) {
        self.clock = Deadline::after(now, micros);
        if self.debugged {
            self.clock.hold(now);
        }
    }
    fn want(&mut self, now: Now, signal: Signal, out: &mut impl Sink<Effect>) {
        if self.debugged {
            self.step = Step::Waiting(signal);
            self.clock = Deadline::Off;
            return;
        }
        self.ask = self.ask.wrapping_add(1);
        self.step = Step::Asking(signal);
        self.clock = Deadline::after(now, self.timing.ask);
        out.emit(Effect::AskRoot { ask: self.ask });
    }
    fn signal(&mut self, now: Now, signal: Signal, out: &mut impl Sink<Effect>) {
        match signal {
            Signal::Term => {
                self.step = Step::Terminated;
                self.run_clock(now, self.timing.terminate);
            }
            Signal::Kill => {
                self.step = Step::Killed;
                self.clock = Deadline::Off;
            }
        }
        out.emit(Effect::Signal(signal));
    }
    fn on_debugged(&mut self, now: Now, debugged: bool, out: &mut impl Sink<Effect>) {
        if self.debugged == debugged {
            return;
        }
        self.debugged = debugged;
        match (self.step, debugged) {
            (Step::Asking(signal), true) => {
                self.step = Step::Waiting(signal);
                self.clock = Deadline::Off;
            }
            (Step::Waiting(signal), false) => self.want(now, signal, out),
            (_, true) => self.clock.hold(now),
            (_, false) => self.clock.go_on(now),
        }
    }
}

impl Machine for Ladder {
    type Input = Input;
    type Effect = Effect;

    fn on(&mut self, now: Now, input: Input, out: &mut impl Sink<Effect>) {
        match (input, self.step) {
            (_, Step::Gone) => {}
            (Input::Exited, _) => {
                self.step = Step::Gone;
                self.clock = Deadline::Off;
                out.emit(Effect::Done);
            }
            (Input::Debugged(debugged), _) => self.on_debugged(now, debugged, out),
            (Input::Cancel, Step::Idle) => {
                self.step = Step::Requested;
                self.run_clock(now, self.timing.acknowledge);
                out.emit(Effect::SendCancel);
            }
            (Input::Kill, Step::Idle | Step::Requested | Step::Graceful) => self.want(now, Signal::Term, out),
            (Input::Kill, Step::Terminated) => self.want(now, Signal::Kill, out),
            (Input::Acked, Step::Requested) => {
                self.step = Step::Graceful;
                self.run_clock(now, self.timing.graceful);
            }
            (Input::RequestUnsendable, Step::Requested | Step::Graceful) => self.want(now, Signal::Term, out),
            (Input::Go { ask }, Step::Asking(signal)) if ask == self.ask => self.signal(now, signal, out),
            (Input::Wait { ask }, Step::Asking(signal)) if ask == self.ask => {
                self.step = Step::Waiting(signal);
                // The notice of the stop follows on the same link; should it be lost with its root, ask again.
                self.clock = Deadline::after(now, self.timing.ask_again);
            }
            _ => {}
        }
    }

    fn next_deadline(&self) -> Option<Now> {
        self.clock.due()
    }

    fn on_time(&mut self, now: Now, out: &mut impl Sink<Effect>) {
        if !self.clock.take_due(now) {
            return;
        }
        match self.step {
            Step::Requested | Step::Graceful => self.want(now, Signal::Term, out),
            Step::Terminated => self.want(now, Signal::Kill, out),
            Step::Waiting(signal) => self.want(now, signal, out),
            // No root that answers: nobody can be stopped through it either.
            Step::Asking(signal) => self.signal(now, signal, out),
            Step::Idle | Step::Killed | Step::Gone => {}
        }
    }
}
