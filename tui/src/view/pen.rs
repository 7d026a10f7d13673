//! The one way text gets onto the screen: stripped, bounded, in this terminal's signs and colours.
use coulter_proto::observe::text::clean;
use coulter_proto::repl;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::widgets::{Block, Widget};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::glyphs::{ASCII, Glyphs, UNICODE};
use super::styles::{Meaning, Styles, Tier};

/// The longest text drawn of one piece.
const LONGEST: usize = 1000;

/// A piece of text with its meaning.
pub type Piece = (Meaning, String);

/// What this terminal can show.
#[derive(Clone, Copy, Debug)]
pub struct Pen {
    pub styles: Styles,
    pub glyphs: &'static Glyphs,
}

impl Pen {
    #[must_use]
    pub fn new(tier: Tier, ascii: bool) -> Self {
        Self { styles: Styles::new(tier), glyphs: if ascii { &ASCII } else { &UNICODE } }
    }

    /// Makes text fit to be drawn.
    #[must_use]
    pub fn fit(&self, text: &str) -> String {
        self.glyphs.text(clean(text, LONGEST))
    }

    /// Draws pieces on one line from `x` on, cut at `width`; how many columns were used.
    pub fn pieces(&self, buf: &mut Buffer, x: u16, y: u16, width: u16, pieces: &[Piece]) -> u16 {
        let mut used = 0;
        for (meaning, text) in pieces {
            let room = width.saturating_sub(used);
            if room == 0 {
                break;
            }
            let text = cut(&self.fit(text), usize::from(room), self.glyphs.ascii);
            buf.set_stringn(x + used, y, &text, usize::from(room), self.styles.of(*meaning));
            used += u16::try_from(text.width()).unwrap_or(room).min(room);
        }
        used
    }

    /// Draws pieces on the line of `area` with this number, if it has that many.
    pub fn line(&self, buf: &mut Buffer, area: Rect, number: usize, pieces: &[Piece]) -> u16 {
        match u16::try_from(number) {
            Ok(row) if row < area.height => self.pieces(buf, area.x, area.y + row, area.width, pieces),
            _ => 0,
        }
    }

    /// A pane's frame; what is inside it.
    pub fn frame(&self, buf: &mut Buffer, area: Rect, title: &str, focused: bool) -> Rect {
        let style = self.styles.of(if focused { Meaning::Focus } else { Meaning::Quiet });
        let title = cut(&self.fit(title), usize::from(area.width.saturating_sub(4)), self.glyphs.ascii);
        let block = Block::bordered().border_set(self.glyphs.border).border_style(style).title(format!(" {title} "));
        let inner = block.inner(area);
        block.render(area, buf);
        inner
    }

    /// Gives a whole line the look of a selection.
    pub fn select(&self, buf: &mut Buffer, area: Rect, number: usize, focused: bool) {
        if let Some(row) = u16::try_from(number).ok().filter(|row| *row < area.height) {
            let line = Rect { x: area.x, y: area.y + row, width: area.width, height: 1 };
            if focused {
                // Reversed colours of every kind side by side would be a patchwork: the line is one.
                buf.set_style(line, Style::reset());
            }
            buf.set_style(line, self.styles.of(if focused { Meaning::Selected } else { Meaning::Dimly }));
        }
    }
}

/// A line of the REPL as pieces.
#[must_use]
pub fn of_line(line: &repl::Line) -> Vec<Piece> {
    line.0.iter().map(|span| (span.role.into(), span.text.clone())).collect()
}

/// How wide text is on a terminal.
#[must_use]
pub fn width(text: &str) -> usize {
    text.width()
}

/// Cuts text at a width; what is cut is said by its last character.
#[must_use]
pub fn cut(text: &str, most: usize, ascii: bool) -> String {
    if text.width() <= most {
        return text.to_owned();
    }
    let mut kept = String::new();
    let mut used = 0;
    for c in text.chars() {
        let wide = c.width().unwrap_or(0);
        if used + wide + 1 > most {
            break;
        }
        used += wide;
        kept.push(c);
    }
    if most > 0 {
        kept.push(if ascii { '~' } else { '…' });
    }
    kept
}

/// Breaks a text into lines of a width, at blanks where that is possible.
#[must_use]
pub fn wrap(text: &str, most: usize) -> Vec<String> {
    let most = most.max(1);
    let mut lines = Vec::new();
    let mut line = String::new();
    for word in text.split(' ') {
        if !line.is_empty() && line.width() + 1 + word.width() > most {
            lines.push(std::mem::take(&mut line));
        }
        if !line.is_empty() {
            line.push(' ');
        }
        for c in word.chars() {
            if line.width() + c.width().unwrap_or(0) > most {
                lines.push(std::mem::take(&mut line));
            }
            line.push(c);
        }
    }
    lines.push(line);
    lines
}
