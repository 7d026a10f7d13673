//! What the operating system is asked for beside sockets: the process itself and its terminal.
//!
//! Everything goes through `rustix` and `signal-hook`, whose interfaces are safe; a call neither
//! has would get its `unsafe` here, with its safety argument beside it.
pub(crate) mod process;
pub(crate) mod random;
pub(crate) mod ready;
pub(crate) mod terminal;
