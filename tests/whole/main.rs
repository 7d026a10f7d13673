//! Whole programs in real terminals: the debugger, the dashboard and the command line as a person meets them.
//!
//! Every test ends with the same question: is the terminal the shell's again, and is any process or file left?
#![allow(missing_docs, unreachable_pub, clippy::unwrap_used, clippy::expect_used, reason = "a test binary: nobody reaches into it, and a panic is its answer")]

mod attached;
mod commands;
mod dashboard;
mod demo;
mod killed;
mod output;
mod programs;
mod scenarios;
mod shielded;
mod support;
