//! What the dashboard knows and how it changes: pure.
//!
//! [`update`] takes a [`State`] and a [`Msg`] and says what is to be done as [`Effect`]s. There is
//! no clock in here (time comes as a message), no terminal, no socket: a list of messages is a
//! test, and a bug report.
mod deeds;
pub mod editor;
pub mod filter;
pub mod key;
pub mod keymap;
mod keys;
mod layers;
pub mod list;
pub mod logs;
pub mod output;
pub mod rates;
pub mod repl;
pub mod rows;
mod state;
mod update;

pub use keys::commands as proposals;
pub use layers::{Asks, Choice, Decision, Layer};
pub use state::{Link, Notice, ProgramSeen, State, View};
pub use update::{Effect, Msg, update};
