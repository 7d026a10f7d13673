//! Marks on output that consoles have been told of already.
//!
//! What an actor prints reaches consoles as records made by its parent's watch thread. What that
//! parent forwards (and its own log lines) then passes the grandparent's, which cannot see from the
//! text whose it is. So whatever a watch thread or the log layer writes into a pipe that is known
//! to end in another watch thread begins each line with a mark; that one forwards it without
//! telling of it again, and the root takes the marks off. Into anything else nothing is written
//! but the text.
use std::borrow::Cow;
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::Which;

/// Begins a line that has been told of. Control characters no program prints in this order.
const MARK: &[u8] = b"\x1ec\x1f";

/// The number of an open file in its file system.
pub(in crate::observe) fn inode(fd: &impl AsFd) -> Option<u64> {
    rustix::fs::fstat(fd).ok().map(|stat| stat.st_ino)
}

/// The pipes that end in our parent's watch thread.
#[derive(Clone, Default)]
pub(in crate::observe) struct Marks(Arc<Pipes>);

#[derive(Default)]
struct Pipes {
    any: AtomicBool,
    inodes: Mutex<Vec<u64>>,
}

impl Marks {
    /// The parent has said which they are.
    pub(in crate::observe) fn set(&self, inodes: Vec<u64>) {
        *self.0.inodes.lock().unwrap_or_else(PoisonError::into_inner) = inodes;
        self.0.any.store(true, Ordering::Release);
    }

    /// The text with a mark on each line, if our own descriptor leads into such a pipe right now:
    /// the program may have pointed it at a file.
    pub(in crate::observe) fn mark(&self, text: Vec<u8>, which: Which) -> Vec<u8> {
        if !self.0.any.load(Ordering::Acquire) {
            return text;
        }
        let ours = match which {
            Which::Out => inode(&rustix::stdio::stdout()),
            Which::Err => inode(&rustix::stdio::stderr()),
        };
        let leads_up = ours.is_some_and(|ours| self.0.inodes.lock().unwrap_or_else(PoisonError::into_inner).contains(&ours));
        if leads_up { marked(&text) } else { text }
    }
}

fn marked(text: &[u8]) -> Vec<u8> {
    let lines = text.split_inclusive(|byte| *byte == b'\n');
    lines.flat_map(|line| MARK.iter().chain(line)).copied().collect()
}

/// The text without marks.
pub(super) fn strip(text: Vec<u8>) -> Vec<u8> {
    let Some(mut at) = find(&text) else { return text };
    let (mut clean, mut rest) = (Vec::with_capacity(text.len()), &text[..]);
    loop {
        clean.extend_from_slice(&rest[..at]);
        rest = &rest[at + MARK.len()..];
        match find(rest) {
            Some(next) => at = next,
            None => break,
        }
    }
    clean.extend_from_slice(rest);
    clean
}

fn find(text: &[u8]) -> Option<usize> {
    let mut from = 0;
    // The first byte alone is looked for: it is in no ordinary text, and that search is fast.
    while let Some(at) = text[from..].iter().position(|byte| *byte == MARK[0]) {
        if text[from + at..].starts_with(MARK) {
            return Some(from + at);
        }
        from += at + 1;
    }
    None
}

/// One line as it came.
pub(super) struct Line<'a>(&'a [u8]);

impl<'a> Line<'a> {
    pub(super) fn read(line: &'a [u8]) -> Self {
        Self(line)
    }

    /// All of it, without marks.
    pub(super) fn text(&self) -> Cow<'a, str> {
        match find(self.0) {
            None => String::from_utf8_lossy(self.0),
            Some(_) => Cow::Owned(String::from_utf8_lossy(&strip(self.0.to_vec())).into_owned()),
        }
    }

    /// What nobody has been told of: all of it without a mark, else what stands before it (the
    /// program had begun a line of its own).
    pub(super) fn news(&self) -> Option<Cow<'a, str>> {
        match find(self.0) {
            None => Some(String::from_utf8_lossy(self.0)),
            Some(0) => None,
            Some(at) => Some(String::from_utf8_lossy(&self.0[..at])),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // a test that panics has failed
    use super::*;

    #[test]
    fn what_was_marked_is_no_news_and_comes_out_as_it_went_in() {
        let text = b"one\ntwo\npart".to_vec();
        let marked = marked(&text);
        assert_eq!(marked.split(|byte| *byte == b'\n').filter_map(|line| Line::read(line).news()).count(), 0);
        assert_eq!(strip(marked), text);
        assert_eq!(strip(text.clone()), text);
    }

    #[test]
    fn what_only_looks_like_a_mark_stays() {
        let text = b"\x1e \x1ec \x1ec".to_vec();
        assert_eq!(strip(text.clone()), text);
        assert_eq!(strip([text.as_slice(), MARK, b"x"].concat()), [text.as_slice(), b"x"].concat());
    }

    #[test]
    fn a_line_the_program_had_begun_is_news_up_to_the_mark() {
        let line = [b"begun ".as_slice(), MARK, b"a record"].concat();
        let line = Line::read(&line);
        assert_eq!((line.news().as_deref(), &*line.text()), (Some("begun "), "begun a record"));
    }

    #[test]
    fn only_a_descriptor_that_leads_up_is_marked() {
        let marks = Marks::default();
        let text = b"x\n".to_vec();
        assert_eq!(marks.mark(text.clone(), Which::Out), text);
        marks.set(vec![u64::MAX]);
        assert_eq!(marks.mark(text.clone(), Which::Out), text);
        marks.set(vec![inode(&rustix::stdio::stdout()).unwrap()]);
        assert_eq!(marks.mark(text, Which::Out), marked(b"x\n"));
    }
}
