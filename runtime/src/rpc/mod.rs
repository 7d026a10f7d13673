//! Calling by name: the registry of endpoints, how arguments are written and read, and the tasks that run them.
pub(crate) mod arguments;
pub(crate) mod endpoint;
pub(crate) mod invoke;
pub(crate) mod router;
