//! From the bytes of a keyboard to keys.
use crate::model::key::Key;

/// The longest paste taken.
const LONGEST: usize = 64 << 10;
const PASTE_BEGINS: &[u8] = b"\x1b[200~";
const PASTE_ENDS: &[u8] = b"\x1b[201~";

/// What was typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Typed {
    /// A key.
    Key(Key),
    /// Pasted text.
    Paste(String),
}

/// The reader: bytes go in, keys come out. A sequence may come in pieces.
#[derive(Debug, Default)]
pub struct Input {
    bytes: Vec<u8>,
}

/// One step of reading.
enum Step {
    /// This many bytes were something.
    Took(usize, Option<Typed>),
    /// The rest is not here yet.
    More,
}

impl Input {
    /// Takes bytes.
    pub fn take(&mut self, bytes: &[u8]) -> Vec<Typed> {
        self.bytes.extend_from_slice(bytes);
        self.read(false)
    }
    /// Whether something begun waits for its rest: an Escape alone looks like that, and nothing
    /// but time tells which it is.
    #[must_use]
    pub fn is_unfinished(&self) -> bool {
        !self.bytes.is_empty() && !self.bytes.starts_with(PASTE_BEGINS)
    }
    /// Nothing more came for a while: what is here is all there is.
    pub fn no_more(&mut self) -> Vec<Typed> {
        self.read(true)
    }

    fn read(&mut self, all: bool) -> Vec<Typed> {
        let mut typed = Vec::new();
        while !self.bytes.is_empty() {
            match step(&self.bytes) {
                Step::Took(count, what) => {
                    self.bytes.drain(..count);
                    typed.extend(what);
                }
                Step::More if all && !self.bytes.starts_with(PASTE_BEGINS) => {
                    let first = self.bytes.remove(0);
                    typed.extend((first == 0x1b).then_some(Typed::Key(Key::Esc)));
                }
                Step::More => break,
            }
        }
        typed
    }
}

fn step(bytes: &[u8]) -> Step {
    let took = |count, key| Step::Took(count, Some(Typed::Key(key)));
    match bytes {
        [0x1b, b'[', ..] if bytes.starts_with(PASTE_BEGINS) => pasted(bytes),
        [0x1b, b'[', rest @ ..] => control_sequence(rest),
        [0x1b, b'O', last, ..] => Step::Took(3, letter(*last).map(Typed::Key)),
        [0x1b] | [0x1b, b'O'] => Step::More,
        [0x1b, 0x1b, ..] => took(1, Key::Esc),
        [0x1b, rest @ ..] => match character(rest) {
            Some((count, c)) => took(count + 1, Key::Alt(c)),
            None => Step::More,
        },
        [b'\r' | b'\n', ..] => took(1, Key::Enter),
        [b'\t', ..] => took(1, Key::Tab),
        [0x7f, ..] => took(1, Key::Backspace),
        [0, ..] => Step::Took(1, None),
        [c @ 1..=26, ..] => took(1, Key::Ctrl(char::from(b'a' + c - 1))),
        [0x1c..=0x1f, ..] => Step::Took(1, None),
        _ => match character(bytes) {
            Some((count, c)) => took(count, Key::Char(c)),
            None => Step::More,
        },
    }
}

/// One character in UTF-8; bytes that are none count as a replacement character.
fn character(bytes: &[u8]) -> Option<(usize, char)> {
    let long = match bytes.first()? {
        0..=0x7f => 1,
        0xc2..=0xdf => 2,
        0xe0..=0xef => 3,
        0xf0..=0xf4 => 4,
        _ => return Some((1, '\u{fffd}')),
    };
    let whole = bytes.get(..long.min(bytes.len()))?;
    match std::str::from_utf8(whole) {
        Ok(text) => text.chars().next().map(|c| (long, c)),
        Err(error) if error.error_len().is_none() => None,
        Err(_) => Some((1, '\u{fffd}')),
    }
}

fn control_sequence(rest: &[u8]) -> Step {
    let Some(end) = rest.iter().position(|byte| (0x40..=0x7e).contains(byte)) else {
        // No sequence is this long.
        return if rest.len() > 32 { Step::Took(rest.len() + 2, None) } else { Step::More };
    };
    let numbers = std::str::from_utf8(&rest[..end]).unwrap_or("");
    let first = numbers.split(';').next().unwrap_or("");
    let key = match rest[end] {
        b'~' => match first {
            "1" | "7" => Some(Key::Home),
            "4" | "8" => Some(Key::End),
            "3" => Some(Key::Delete),
            "5" => Some(Key::PageUp),
            "6" => Some(Key::PageDown),
            _ => None,
        },
        b'Z' => Some(Key::BackTab),
        last => letter(last),
    };
    Step::Took(end + 3, key.map(Typed::Key))
}

fn letter(last: u8) -> Option<Key> {
    Some(match last {
        b'A' => Key::Up,
        b'B' => Key::Down,
        b'C' => Key::Right,
        b'D' => Key::Left,
        b'H' => Key::Home,
        b'F' => Key::End,
        b'M' => Key::Enter,
        _ => return None,
    })
}

fn pasted(bytes: &[u8]) -> Step {
    let body = &bytes[PASTE_BEGINS.len()..];
    let end = body.windows(PASTE_ENDS.len()).position(|window| window == PASTE_ENDS);
    match end {
        Some(end) => {
            let text = String::from_utf8_lossy(&body[..end.min(LONGEST)]).into_owned();
            Step::Took(PASTE_BEGINS.len() + end + PASTE_ENDS.len(), Some(Typed::Paste(text)))
        }
        // An end that never comes must not swallow the keyboard for good.
        None if body.len() > LONGEST => Step::Took(bytes.len(), None),
        None => Step::More,
    }
}
