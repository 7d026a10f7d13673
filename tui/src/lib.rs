//! The console of coulter: the command line, and the dashboard.
//!
//! Everything it knows of a tree comes over the hub's socket ([`client`]) and is folded into one
//! model; `model` decides, `view` draws what the model says, `term` is the only room that touches
//! the terminal. This library is the command `coulter` without its `main`, for its tests' sake: it
//! promises nothing to other crates.
#![forbid(unsafe_code)]
#![allow(missing_docs, reason = "no interface for others: the rooms say at their top what they know")]

pub mod cli;
pub mod client;
pub mod dash;
#[cfg(feature = "demo")]
pub mod demo;
pub mod front;
pub mod model;
pub mod run;
pub mod term;
pub mod view;
