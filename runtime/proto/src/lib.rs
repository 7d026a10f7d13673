//! The protocol of coulter as data and plain state machines.
//!
//! Everything that can be decided without a socket, a clock or a task is decided here: what a
//! message is, when a context ends and with whose error, who may have the terminal, when a child
//! is signalled. Time comes in as [`time::Now`], decisions leave through a [`machine::Sink`] that
//! acts at once. Nothing here does I/O, reads a clock, or runs code of a user.
#![forbid(unsafe_code)]

pub mod bus;
pub mod codec;
pub mod dialog;
pub mod error;
pub mod exit;
pub mod handshake;
pub mod hub;
pub mod id;
pub mod ladder;
pub mod level;
pub mod machine;
pub mod message;
pub mod nursery;
pub mod observe;
pub mod registrar;
pub mod repl;
pub mod scope;
pub mod seat;
pub mod spawn;
pub mod time;
pub mod trace;
pub mod window;

/// The version of everything two processes say to each other; peers of another version are refused.
pub const PROTOCOL_VERSION: u32 = 1;
