//! The way to a tree: finding it in the runtime directory, and the connection to its hub.
//!
//! Knows paths and sockets; knows nothing of what is shown.
mod connection;
mod find;

pub use connection::{Connection, Trouble};
pub use find::{Found, Picked, Unfit, lives, matches, pick, runtime_dir, trees};
