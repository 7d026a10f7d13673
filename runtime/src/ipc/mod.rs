//! Channels between actors: sockets, and what a channel does with frames.
pub(crate) mod channel;
pub(crate) mod socket;
mod spare;
