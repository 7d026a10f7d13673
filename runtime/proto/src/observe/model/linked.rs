//! A context as both of its sides tell it.
use crate::id::Aid;
use crate::observe::{ContextRow, Phase, Side};

/// A context, with what each side says of it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Linked {
    /// The side that opened it.
    pub caller: Option<ContextRow>,
    /// The side that runs the endpoint.
    pub callee: Option<ContextRow>,
}

impl Linked {
    pub(super) fn side(&mut self, side: Side) -> &mut Option<ContextRow> {
        match side {
            Side::Caller => &mut self.caller,
            Side::Callee => &mut self.callee,
        }
    }
    /// The caller's row, else the callee's: for what both know.
    #[must_use]
    pub fn any(&self) -> Option<&ContextRow> {
        self.caller.as_ref().or(self.callee.as_ref())
    }
    /// The name of the actor that opened it.
    #[must_use]
    pub fn from(&self) -> Option<&Aid> {
        self.caller.as_ref().map(|row| &row.here).or(self.callee.as_ref().map(|row| &row.there))
    }
    /// The name of the actor that runs the endpoint.
    #[must_use]
    pub fn to(&self) -> Option<&Aid> {
        self.callee.as_ref().map(|row| &row.here).or(self.caller.as_ref().map(|row| &row.there))
    }
    /// Whether either side still goes on.
    #[must_use]
    pub fn is_live(&self) -> bool {
        [&self.caller, &self.callee].into_iter().flatten().any(|row| !is_over(&row.phase))
    }
    /// Stream items from the caller to the callee: as sent, else as received.
    #[must_use]
    pub fn down(&self) -> (u64, u64) {
        match (&self.caller, &self.callee) {
            (Some(row), _) => (row.sent, row.sent_bytes),
            (None, Some(row)) => (row.received, row.received_bytes),
            (None, None) => (0, 0),
        }
    }
    /// Stream items from the callee to the caller: as sent, else as received.
    #[must_use]
    pub fn up(&self) -> (u64, u64) {
        match (&self.callee, &self.caller) {
            (Some(row), _) => (row.sent, row.sent_bytes),
            (None, Some(row)) => (row.received, row.received_bytes),
            (None, None) => (0, 0),
        }
    }
}

/// Whether a phase is a last one.
#[must_use]
pub fn is_over(phase: &Phase) -> bool {
    matches!(phase, Phase::Done | Phase::Cancelled(_) | Phase::Failed(_))
}
