//! Starting an actor's process and waiting for its end.
pub(crate) mod process;
pub(crate) mod method;
