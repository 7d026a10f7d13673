//! The custody of what children print.
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

/// Lines kept of one child.
const TAIL_LINES: usize = 40;

/// The last lines a child printed.
#[derive(Clone, Default)]
pub(crate) struct OutputTail(Arc<Tail>);

#[derive(Default)]
struct Tail {
    lines: Mutex<VecDeque<String>>,
}

impl OutputTail {
    pub(super) fn new() -> Self {
        Self::default()
    }

    /// The last lines, oldest first.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.0.lines.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }

    /// Waits until the child's output has come to its end.
    pub(crate) async fn closed(&self) {}
}

/// Writes to stderr, without std's lock.
pub(crate) fn write_stderr(text: &[u8]) {
    let _ = rustix::io::write(rustix::stdio::stderr(), text);
}
