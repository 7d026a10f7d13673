//! Source text at a stop: found on disk, cut to a window, coloured by meaning.
mod highlight;

use std::path::{Path, PathBuf};

use coulter_proto::repl::{Line, Role, Span};

/// No larger file is read.
const MAX_FILE: u64 = 4 << 20;

/// A file's lines, with their roles.
pub(super) struct Source {
    lines: Vec<Line>,
}

impl Source {
    /// Reads `file` as the compiler named it: as it is, else below this directory and those above
    /// it, the package's, and those above the program.
    pub(super) fn read(file: &str) -> Option<Self> {
        let text = places(file).into_iter().find_map(|path| {
            let meta = path.metadata().ok()?;
            if !meta.is_file() || meta.len() > MAX_FILE {
                return None;
            }
            std::fs::read(path).ok()
        })?;
        Some(Self::of(&String::from_utf8_lossy(&text)))
    }

    /// A text that is at hand.
    pub(super) fn of(text: &str) -> Self {
        Self { lines: highlight::highlight(text) }
    }

    /// How many lines it has.
    pub(super) fn len(&self) -> usize {
        self.lines.len()
    }

    /// The first and last line of the item that line `current` is in, as its indentation tells:
    /// the nearest `fn` above that is indented less, down to the brace that closes it.
    pub(super) fn function_around(&self, current: usize) -> (usize, usize) {
        let text = |number: usize| self.lines.get(number.wrapping_sub(1)).map(Line::text).unwrap_or_default();
        let indent = |line: &str| line.len() - line.trim_start().len();
        let is_head = |line: &str| {
            let line = line.trim_start();
            (line.starts_with("fn ") || line.contains(" fn ")) && !line.starts_with("//")
        };
        let inner = indent(&text(current));
        let head = (1..=current).rev().find(|number| {
            let line = text(*number);
            is_head(&line) && (*number == current || indent(&line) < inner)
        });
        let Some(head) = head else {
            return (current.saturating_sub(20), current + 20);
        };
        let depth = indent(&text(head));
        let end = (current..=self.lines.len()).find(|number| {
            let line = text(*number);
            line.trim_start().starts_with('}') && indent(&line) == depth
        });
        let mut from = head;
        while from > 1 && text(from - 1).trim_start().starts_with(['#', '/']) {
            from -= 1;
        }
        (from, end.unwrap_or(self.lines.len()).min(from + 200))
    }

    /// Lines `from..=to` (from 1) with numbers, `current` marked.
    pub(super) fn window(&self, from: usize, to: usize, current: Option<usize>) -> Vec<Line> {
        let (from, to) = (from.max(1), to.min(self.lines.len()));
        let width = to.to_string().len();
        (from..=to)
            .filter_map(|number| {
                let text = self.lines.get(number - 1)?;
                let is_current = current == Some(number);
                let mut spans = Vec::with_capacity(text.0.len() + 2);
                spans.push(Span::new(Role::Warning, if is_current { "->" } else { "  " }));
                let role = if is_current { Role::Strong } else { Role::Quiet };
                let gap = if text.0.is_empty() { "" } else { "  " };
                spans.push(Span::new(role, format!(" {number:>width$}{gap}")));
                spans.extend(text.0.iter().cloned());
                Some(Line(spans))
            })
            .collect()
    }
}

/// Where a file named by the compiler may be.
fn places(file: &str) -> Vec<PathBuf> {
    let path = Path::new(file);
    let mut places = vec![path.to_owned()];
    if path.is_relative() {
        let mut roots: Vec<PathBuf> = Vec::new();
        roots.extend(std::env::current_dir().ok());
        roots.extend(std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from));
        roots.extend(std::env::current_exe().ok());
        for root in roots {
            places.extend(root.ancestors().take(8).map(|above| above.join(path)));
        }
    }
    places
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_found_as_the_compiler_named_it() {
        let source = Source::read(file!());
        assert!(source.is_some_and(|source| source.len() > 20));
        assert!(Source::read("no/such/file.rs").is_none());
    }

    #[test]
    fn a_function_is_found_around_a_line() {
        let source = Source::of("mod m {\n    fn a() {\n    }\n\n    /// Doc\n    async fn b() {\n        if x {\n            y();\n        }\n    }\n}\n");
        assert_eq!(source.function_around(8), (5, 10));
        assert_eq!(source.function_around(2), (2, 3));
    }

    #[test]
    fn a_window_marks_the_current_line() {
        let source = Source::of("fn a() {\n    b();\n\n}\n");
        let text: Vec<String> = source.window(1, 9, Some(2)).iter().map(Line::text).collect();
        assert_eq!(text, ["   1  fn a() {", "-> 2      b();", "   3", "   4  }"]);
    }
}
