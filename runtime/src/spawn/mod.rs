//! Starting an actor's process and waiting for its end.
pub(crate) mod method;
pub(crate) mod process;
