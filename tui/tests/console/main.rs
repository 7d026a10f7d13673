//! The console against a hub that does what a test tells it to.
#![allow(unreachable_pub, clippy::unwrap_used, reason = "a test binary: nobody reaches into it, and a panic is its answer")]

mod cli;
#[cfg(feature = "demo")]
mod demo;
mod fake;
mod plain;
mod screen;
mod update;
mod views;
