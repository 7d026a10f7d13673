//! The rules of the runtime, with real processes, over UDS and TCP. Tests are named after the rule they hold.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod calls;
mod contexts;
mod discovery;
mod errors;
mod examples;
mod nurseries;
mod signals;
mod spawning;
mod strangers;
mod streams;
mod support;
mod traces;
mod ui;
