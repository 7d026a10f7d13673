//! What can be seen of this process, and the thread that shows it.
//!
//! The [`probe`] is where any room records facts: live tables and counters, no history. The
//! [`recorder`] keeps the last events, overwriting. The [`watch`] thread serves both to the root
//! over the bus, apart from the application's channels and from the work thread, so that an actor
//! that is stopped, spinning or blocked can still be seen. In the root the same thread is the
//! hub: it gathers what everybody tells and serves consoles.
//!
//! This room is a leaf: it knows ids and rows, never a portal, a nursery or a REPL.
mod diff;
mod hub;
mod link;
mod output;
mod place;
pub(crate) mod probe;
mod proof;
pub(crate) mod recorder;
pub(crate) mod watch;

/// Prints to stderr; while a prompt is open in our terminal, above or behind it.
pub(crate) fn print(text: Vec<u8>) {
    match watch::get() {
        Some(watch) => watch.print(text),
        None => output::write_stderr(&text),
    }
}
