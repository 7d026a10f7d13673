//! A line of text being typed.
use super::key::Key;

/// The longest line that can be typed or pasted.
const LONGEST: usize = 8 << 10;

/// The line, and the cursor in bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Editor {
    text: String,
    cursor: usize,
}

impl Editor {
    /// A line that begins with this text, the cursor behind it.
    #[must_use]
    pub fn with(text: &str) -> Self {
        Self { text: text.to_owned(), cursor: text.len() }
    }
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }
    #[must_use]
    pub fn cursor(&self) -> usize {
        self.cursor
    }
    #[must_use]
    pub fn before(&self) -> &str {
        &self.text[..self.cursor]
    }
    /// Takes the line; what stays is empty.
    pub fn take(&mut self) -> String {
        self.cursor = 0;
        std::mem::take(&mut self.text)
    }
    /// Puts text in at the cursor; line breaks and control characters become blanks.
    pub fn insert(&mut self, text: &str) {
        for c in text.chars() {
            if self.text.len() + c.len_utf8() > LONGEST {
                return;
            }
            let c = if c.is_control() { ' ' } else { c };
            self.text.insert(self.cursor, c);
            self.cursor += c.len_utf8();
        }
    }
    /// Replaces what stands between `start` and the cursor. A start that is none is ignored.
    pub fn replace_from(&mut self, start: usize, with: &str) {
        if start <= self.cursor && self.text.is_char_boundary(start) {
            self.text.replace_range(start..self.cursor, "");
            self.cursor = start;
            self.insert(with);
        }
    }
    /// Whether the key was one for editing.
    pub fn press(&mut self, key: Key) -> bool {
        match key {
            Key::Char(c) => self.insert(c.encode_utf8(&mut [0; 4])),
            Key::Backspace | Key::Ctrl('h') => {
                let start = self.back();
                self.cut(start, self.cursor);
            }
            Key::Delete => self.cut(self.cursor, self.forward()),
            Key::Ctrl('d') if !self.text.is_empty() => self.cut(self.cursor, self.forward()),
            Key::Left | Key::Ctrl('b') => self.cursor = self.back(),
            Key::Right | Key::Ctrl('f') => self.cursor = self.forward(),
            Key::Home | Key::Ctrl('a') => self.cursor = 0,
            Key::End | Key::Ctrl('e') => self.cursor = self.text.len(),
            Key::Ctrl('k') => self.text.truncate(self.cursor),
            Key::Ctrl('u') => self.cut(0, self.cursor),
            Key::Ctrl('w') | Key::Alt('\u{7f}') => self.cut(self.word(), self.cursor),
            Key::Alt('b') => self.cursor = self.word(),
            _ => return false,
        }
        true
    }
    fn cut(&mut self, from: usize, to: usize) {
        self.text.replace_range(from..to, "");
        self.cursor = from;
    }
    fn back(&self) -> usize {
        self.before().char_indices().next_back().map_or(0, |(at, _)| at)
    }
    fn forward(&self) -> usize {
        self.text[self.cursor..].chars().next().map_or(self.cursor, |c| self.cursor + c.len_utf8())
    }
    fn word(&self) -> usize {
        let kept = self.before().trim_end();
        kept.char_indices().rev().find(|(_, c)| c.is_whitespace()).map_or(0, |(at, c)| at + c.len_utf8())
    }
}
