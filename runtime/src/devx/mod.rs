//! The debugger: stops, the engine that answers at them, and the front in the root's terminal.
//!
//! A stop halts the thread it is on. There the **engine** serves lines of text with structured
//! replies; it never touches a terminal. The **front** is wherever the terminal is, and is a client
//! of the hub like any console. Between the two is the watch thread, which works whatever the
//! stopped thread does.
//!
//! Nothing here runs while nothing is stopped: a `pause!()` that is off is one relaxed load.
#![forbid(unsafe_code)]

pub(crate) mod capture;
#[cfg_attr(not(feature = "repl"), allow(dead_code))]
pub(crate) mod pause;

mod crash;
// Nothing stops without a REPL: these are only told to.
#[cfg_attr(not(feature = "repl"), allow(dead_code))]
mod desk;
#[cfg_attr(not(feature = "repl"), allow(dead_code))]
mod installed;
#[cfg_attr(not(feature = "repl"), allow(dead_code))]
mod names;
#[cfg_attr(not(feature = "repl"), allow(dead_code))]
mod stack;

#[cfg(feature = "repl")]
mod engine;
#[cfg(feature = "repl")]
mod expr;
#[cfg(feature = "repl")]
pub(crate) mod front;
#[cfg(not(feature = "repl"))]
#[path = "without.rs"]
pub(crate) mod front;
#[cfg(feature = "repl")]
mod source;
#[cfg(feature = "repl")]
mod stop;

pub(crate) use front::{start_front, stop_front};
pub(crate) use installed::{install, uninstall};

#[cfg(all(test, feature = "repl"))]
mod tests;
