//! Which records the Logs view shows.
use std::collections::VecDeque;

use coulter_proto::level::Level;
use coulter_proto::observe::{LogRow, Model};

use super::filter::{Filter, passes};

/// The view's own state. Records are named by their running number.
#[derive(Clone, Debug)]
pub struct Logs {
    /// The quietest level shown, and asked of the hub.
    pub level: Level,
    /// The list of filters.
    pub filters: Vec<Filter>,
    /// Which filter the cursor of the list is on.
    pub at: usize,
    shown: VecDeque<u64>,
    next: u64,
    /// The selected record; none while the newest is followed.
    pub selected: Option<u64>,
}

impl Default for Logs {
    fn default() -> Self {
        Self { level: Level::Info, filters: Vec::new(), at: 0, shown: VecDeque::new(), next: 0, selected: None }
    }
}

impl Logs {
    /// The numbers of the records that pass.
    #[must_use]
    pub fn shown(&self) -> &VecDeque<u64> {
        &self.shown
    }
    /// The filters or the model have changed: looks at all records again.
    pub fn sift_again(&mut self, model: &Model) {
        self.shown.clear();
        self.next = oldest(model);
        self.sift(model);
    }
    /// Looks at the records that are new.
    pub fn sift(&mut self, model: &Model) {
        let oldest = oldest(model);
        while self.shown.front().is_some_and(|number| *number < oldest) {
            self.shown.pop_front();
        }
        for number in self.next.max(oldest)..model.logs_seen() {
            if record(model, number).is_some_and(|row| row.level >= self.level && passes(&self.filters, row)) {
                self.shown.push_back(number);
            }
        }
        self.next = model.logs_seen();
        if let (Some(number), Some(&first)) = (self.selected, self.shown.front())
            && self.shown.binary_search(&number).is_err()
        {
            self.selected = Some(self.shown.range(..).copied().find(|shown| *shown > number).unwrap_or(first));
        }
    }
    /// The row of the selected record; the last while the newest is followed.
    #[must_use]
    pub fn index(&self) -> usize {
        let last = self.shown.len().saturating_sub(1);
        self.selected.map_or(last, |number| self.shown.binary_search(&number).unwrap_or(last))
    }
    /// Moves; onto the last row means to follow again.
    pub fn go(&mut self, index: usize) {
        let last = self.shown.len().saturating_sub(1);
        self.selected = if index >= last { None } else { self.shown.get(index).copied() };
    }
    /// One level quieter or louder.
    pub fn turn(&mut self, by: isize) {
        let at = Level::ALL.iter().position(|level| *level == self.level).unwrap_or(4);
        self.level = Level::ALL[at.saturating_add_signed(by).min(Level::ALL.len() - 1)];
    }
    /// The next record from here on (or back) that is an error or a warning.
    #[must_use]
    pub fn next_trouble(&self, model: &Model, back: bool) -> Option<usize> {
        let bad =
            |index: &usize| self.shown.get(*index).and_then(|n| record(model, *n)).is_some_and(|row| (Level::Warn..=Level::Critical).contains(&row.level));
        let here = self.index();
        if back { (0..here).rev().find(bad) } else { (here + 1..self.shown.len()).find(bad) }
    }
}

fn oldest(model: &Model) -> u64 {
    model.logs_seen() - model.logs().len() as u64
}

/// A record by its number, while it is kept.
#[must_use]
pub fn record(model: &Model, number: u64) -> Option<&LogRow> {
    let index = number.checked_sub(oldest(model))?;
    model.logs().get(usize::try_from(index).ok()?)
}
