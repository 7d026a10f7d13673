//! Contexts as tasks see them: both sides' handles, and streams.
pub(crate) mod callee;
pub(crate) mod caller;
pub(crate) mod stream;
