//! What the program printed: its last lines, bounded in bytes.
use std::collections::VecDeque;

/// How much is kept.
const MOST: usize = 8 << 20;

/// The lines, and where the view stands.
#[derive(Clone, Debug, Default)]
pub struct Output {
    lines: VecDeque<String>,
    bytes: usize,
    /// Lines that had to make room.
    pub let_go: u64,
    /// How many lines above the end the view stands; 0 follows.
    pub back: usize,
    /// Only lines with this text are shown.
    pub filter: String,
}

impl Output {
    pub fn push(&mut self, line: String) {
        self.bytes += line.len() + 24;
        if self.back > 0 {
            self.back += 1;
        }
        self.lines.push_back(line);
        while self.bytes > MOST {
            let Some(oldest) = self.lines.pop_front() else { break };
            self.bytes -= oldest.len() + 24;
            self.let_go += 1;
        }
        self.back = self.back.min(self.lines.len().saturating_sub(1));
    }
    #[must_use]
    pub fn lines(&self) -> &VecDeque<String> {
        &self.lines
    }
    /// Scrolls by so many lines; down is positive.
    pub fn scroll(&mut self, by: isize) {
        self.back = self.back.saturating_add_signed(by.saturating_neg()).min(self.lines.len().saturating_sub(1));
    }
}
