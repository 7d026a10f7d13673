//! The last lines a child printed, and the end of its output.
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use crate::observe::probe::truncate;

/// Lines kept of one child.
const LINES: usize = 40;
/// Bytes kept of one line.
const LINE: usize = 1024;

/// The last lines a child printed.
#[derive(Clone)]
pub(crate) struct OutputTail {
    lines: Arc<Mutex<VecDeque<String>>>,
    /// How many outputs are still open.
    open: Arc<tokio::sync::watch::Sender<usize>>,
}

impl OutputTail {
    pub(crate) fn new() -> Self {
        // Both count as open before the watch thread has taken them over.
        Self { lines: Arc::default(), open: Arc::new(tokio::sync::watch::Sender::new(2)) }
    }

    /// The last lines of stdout and stderr, oldest first.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }

    /// Waits until both outputs have come to their end and all they held is in [`OutputTail::lines`].
    /// Limit it: somebody the child left behind may still hold them open.
    pub(crate) async fn closed(&self) {
        let mut open = self.open.subscribe();
        // The sender lives in `self`, so this ends with the value only.
        let _ = open.wait_for(|open| *open == 0).await;
    }

    pub(super) fn push(&self, line: &str) {
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        if lines.len() >= LINES {
            lines.pop_front();
        }
        let mut line = line.to_owned();
        truncate(&mut line, LINE);
        lines.push_back(line);
    }

    /// To be dropped at the end of one output.
    pub(super) fn closing(&self) -> Closing {
        Closing(self.clone())
    }

    /// Nobody will drain it.
    pub(crate) fn close(&self) {
        self.open.send_replace(0);
    }
}

/// One open output.
pub(super) struct Closing(OutputTail);

impl Drop for Closing {
    fn drop(&mut self) {
        self.0.open.send_modify(|open| *open = open.saturating_sub(1));
    }
}
