//! The shape every state machine here has: inputs with a time come in, effects go to a sink.
use crate::time::Now;

/// Where a machine's decisions go. The runtime's sinks act at once; the simulator's and the
/// trace's record. No sink may run code of a user or call back into the machine.
pub trait Sink<E> {
    /// Takes one decision.
    fn emit(&mut self, effect: E);
}

impl<E> Sink<E> for Vec<E> {
    fn emit(&mut self, effect: E) {
        self.push(effect);
    }
}

/// A sink made of a closure.
pub struct SinkFn<F>(pub F);

impl<E, F: FnMut(E)> Sink<E> for SinkFn<F> {
    fn emit(&mut self, effect: E) {
        (self.0)(effect);
    }
}

/// A state machine: the same inputs at the same times give the same effects, always.
pub trait Machine {
    /// What can happen to it.
    type Input;
    /// What it can decide.
    type Effect;
    /// Takes one input at `now`; decisions go to `out`.
    fn on(&mut self, now: Now, input: Self::Input, out: &mut impl Sink<Self::Effect>);
    /// When [`Machine::on_time`] wants to be called, if nothing else happens before.
    fn next_deadline(&self) -> Option<Now>;
    /// Lets deadlines that are due take effect.
    fn on_time(&mut self, now: Now, out: &mut impl Sink<Self::Effect>);
}
