//! Frames on the terminal: only what changed is written, in one piece, as a synchronized update.
use std::cell::RefCell;
use std::io::{self, Write};
use std::rc::Rc;

use ratatui::backend::{Backend, CrosstermBackend};
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use rustix::stdio::stdout;
use rustix::termios::tcgetwinsize;

use super::guard::write_all;

const BEGIN: &[u8] = b"\x1b[?2026h";
const END: &[u8] = b"\x1b[?2026l";

/// Bytes on their way to the terminal.
#[derive(Clone, Debug, Default)]
struct Bytes(Rc<RefCell<Vec<u8>>>);

impl Write for Bytes {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What the terminal shows now.
#[derive(Debug)]
pub struct Screen {
    backend: CrosstermBackend<Bytes>,
    bytes: Bytes,
    shown: Buffer,
    cursor: Option<Position>,
    anew: bool,
}

impl Default for Screen {
    fn default() -> Self {
        let bytes = Bytes::default();
        Self { backend: CrosstermBackend::new(bytes.clone()), bytes, shown: Buffer::empty(Rect::ZERO), cursor: None, anew: true }
    }
}

impl Screen {
    /// The next frame is drawn whole: who knows what stands there now.
    pub fn forget(&mut self) {
        self.anew = true;
    }

    /// Draws a frame of this size. What is the same already is not written; when nothing differs,
    /// nothing is.
    ///
    /// # Errors
    /// When the terminal is gone.
    pub fn draw(&mut self, (columns, rows): (u16, u16), paint: impl FnOnce(&mut Buffer) -> Option<Position>) -> io::Result<()> {
        let area = Rect::new(0, 0, columns, rows);
        let mut next = Buffer::empty(area);
        let cursor = paint(&mut next);
        if self.anew || self.shown.area != area {
            self.bytes.0.borrow_mut().extend_from_slice(b"\x1b[0m\x1b[2J\x1b[?25l");
            self.shown = Buffer::empty(area);
            self.cursor = None;
            self.anew = false;
        }
        let changes = self.shown.diff(&next);
        let moved = !changes.is_empty();
        if moved {
            self.backend.draw(changes.into_iter())?;
        }
        if cursor != self.cursor || (moved && cursor.is_some()) {
            let text = match cursor {
                Some(at) => format!("\x1b[{};{}H\x1b[?25h", at.y + 1, at.x + 1),
                None => "\x1b[?25l".to_owned(),
            };
            self.bytes.0.borrow_mut().extend_from_slice(text.as_bytes());
        }
        self.shown = next;
        self.cursor = cursor;
        let bytes = self.bytes.0.take();
        if bytes.is_empty() {
            return Ok(());
        }
        write_all(&[BEGIN, &bytes, END].concat())
    }
}

/// The terminal's columns and rows.
#[must_use]
pub fn size() -> (u16, u16) {
    tcgetwinsize(stdout()).map_or((80, 24), |size| (size.ws_col, size.ws_row))
}

/// Puts text into the terminal's clipboard, where the terminal lets us.
///
/// # Errors
/// When the terminal is gone.
pub fn clipboard(text: &str) -> io::Result<()> {
    write_all(format!("\x1b]52;c;{}\x07", base64(text.as_bytes())).as_bytes())
}

fn base64(bytes: &[u8]) -> String {
    const SIGNS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for three in bytes.chunks(3) {
        let all = three.iter().fold(0_u32, |all, byte| (all << 8) | u32::from(*byte)) << (8 * (3 - three.len()));
        for at in 0..4 {
            let sign = SIGNS[(all >> (18 - 6 * at)) as usize & 63];
            text.push(if at <= three.len() { char::from(sign) } else { '=' });
        }
    }
    text
}
