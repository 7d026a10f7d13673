//! A selection that sticks to its thing, not to a row number.

/// What is selected in a list, and where it stood last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct List<Id> {
    selected: Option<Id>,
    index: usize,
    /// Only rows that hold this text are shown.
    pub filter: String,
}

impl<Id> Default for List<Id> {
    fn default() -> Self {
        Self { selected: None, index: 0, filter: String::new() }
    }
}

impl<Id: Copy + PartialEq> List<Id> {
    #[must_use]
    pub fn selected(&self) -> Option<Id> {
        self.selected
    }
    #[must_use]
    pub fn index(&self) -> usize {
        self.index
    }
    pub fn select(&mut self, id: Id) {
        self.selected = Some(id);
    }
    /// The rows may have changed: finds the selected thing again; when it is gone, its place is
    /// taken by what stands there now.
    pub fn settle(&mut self, rows: &[Id]) {
        let at = self.selected.and_then(|id| rows.iter().position(|row| *row == id));
        self.go(rows, at.unwrap_or(self.index));
    }
    /// Moves by so many rows, and stays inside.
    pub fn step(&mut self, rows: &[Id], by: isize) {
        self.go(rows, self.index.saturating_add_signed(by));
    }
    /// To a row, or the last one.
    pub fn go(&mut self, rows: &[Id], index: usize) {
        self.index = index.min(rows.len().saturating_sub(1));
        self.selected = rows.get(self.index).copied();
    }
}
