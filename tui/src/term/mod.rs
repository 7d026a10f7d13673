//! The only room that touches the terminal: its settings, its bytes, its signals.
mod signals;
mod wait;

pub use signals::Signals;
pub use wait::{Want, wait};
