//! The only room that touches the terminal: its settings, its bytes, its signals.
//!
//! Keys are read here by hand and only while the dashboard's loop asks for them: no reader lives
//! on that could take keystrokes from whoever has the terminal next.
mod guard;
mod input;
mod screen;
mod signals;
mod wait;

pub use guard::{Guard, put_back};
pub use input::{Input, Typed};
pub use screen::{Screen, clipboard, size};
pub use signals::Signals;
pub use wait::{Want, wait};
