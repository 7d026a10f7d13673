//! Channels between actors: sockets, the handshake on them, listeners, and what a channel does with frames.
pub(crate) mod channel;
pub(crate) mod greet;
pub(crate) mod listen;
pub(crate) mod socket;
mod spare;
