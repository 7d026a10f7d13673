//! Contexts as tasks see them: both sides' handles, streams, and the dialog underneath.
pub(crate) mod callee;
pub(crate) mod caller;
pub(crate) mod dialog;
pub(crate) mod effects;
pub(crate) mod stream;
