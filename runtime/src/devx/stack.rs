//! The frames of a halted thread: the user's own, with the runtime's and the libraries' folded away.
//!
//! Addresses are taken at once; names and lines are looked up when somebody asks, for the first
//! look-up reads the program's debug information.
use std::backtrace::Backtrace;
use std::path::Path;

use super::names::{crate_of, short_function};

/// One frame of the user's code.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Frame {
    /// The function, short.
    pub function: String,
    /// The file as compiled, where known.
    pub file: Option<String>,
    /// The line.
    pub line: Option<u32>,
    /// How many frames of libraries were folded between the frame inside and this one.
    pub folded: usize,
}

impl Frame {
    /// `file:line`, as far as it is known; below the current directory as one sees it from there.
    pub(super) fn place(&self) -> String {
        let here = std::env::current_dir().ok();
        let shown = self.file.as_deref().map(|file| match &here {
            Some(here) => Path::new(file).strip_prefix(here).map_or(file, |below| below.to_str().unwrap_or(file)),
            None => file,
        });
        let shown = shown.map(|file| file.trim_start_matches("./"));
        match (shown, self.line) {
            (Some(file), Some(line)) => format!("{file}:{line}"),
            (Some(file), None) => file.to_owned(),
            _ => "no line known".to_owned(),
        }
    }
}

/// No more frames than this are kept in text that travels.
const MAX_LINES: usize = 32;

/// The frames as text that travels: one a line, innermost first: `function at file:line`.
pub(super) fn as_text(frames: &[Frame]) -> Option<String> {
    if frames.is_empty() {
        return None;
    }
    let mut text: String = frames.iter().take(MAX_LINES).map(|frame| format!("{} at {}\n", frame.function, frame.place())).collect();
    if frames.len() > MAX_LINES {
        text.push_str(&format!("… {} more\n", frames.len() - MAX_LINES));
    }
    Some(text)
}

/// Reads back what [`as_text`] wrote.
pub(super) fn from_text(text: &str) -> Vec<Frame> {
    text.lines()
        .filter_map(|line| {
            let (function, place) = line.trim().rsplit_once(" at ")?;
            let (file, line) = split_place(place);
            Some(Frame { function: function.to_owned(), file, line, folded: 0 })
        })
        .collect()
}

/// `file:line` or `file:line:column` in its parts.
pub(super) fn split_place(place: &str) -> (Option<String>, Option<u32>) {
    let mut parts: Vec<&str> = place.split(':').collect();
    let mut numbers = Vec::new();
    while parts.len() > 1 && numbers.len() < 2 {
        match parts.last().and_then(|part| part.parse::<u32>().ok()) {
            Some(number) => {
                numbers.push(number);
                parts.pop();
            }
            None => break,
        }
    }
    match numbers.last() {
        Some(line) => (Some(parts.join(":")), Some(*line)),
        None => (None, None),
    }
}

/// The addresses of a thread's frames.
///
/// std's own backtrace, read back from its text: the copy of the symbol reader inside std is always
/// optimised, and looks names up in a fifth of a second where the same code in a debug build of a
/// program takes more than one.
pub(super) struct Captured(Backtrace);

impl Captured {
    /// Those of this thread, now.
    pub(super) fn here() -> Self {
        Self(Backtrace::force_capture())
    }

    /// Names and lines; the user's frames only.
    pub(super) fn frames(&self) -> Vec<Frame> {
        fold(symbols(&self.0.to_string()).into_iter())
    }
}

/// One frame as the debug information tells it.
struct Symbol {
    name: String,
    file: Option<String>,
    line: Option<u32>,
}

/// Reads std's text: `  12: name` (the number only for the outermost of what was inlined together),
/// and below it, where it is known, `      at file:line:column`.
fn symbols(text: &str) -> Vec<Symbol> {
    let mut symbols: Vec<Symbol> = Vec::new();
    for line in text.lines() {
        let line = line.trim();
        if let (Some(place), Some(last)) = (line.strip_prefix("at "), symbols.last_mut()) {
            (last.file, last.line) = split_place(place);
            continue;
        }
        let name = match line.split_once(": ") {
            Some((number, name)) if number.bytes().all(|byte| byte.is_ascii_digit()) => name,
            _ => line,
        };
        symbols.push(Symbol { name: name.to_owned(), file: None, line: None });
    }
    symbols
}

fn fold(symbols: impl Iterator<Item = Symbol>) -> Vec<Frame> {
    let mut frames: Vec<Frame> = Vec::new();
    let (mut folded, mut ours) = (0, false);
    for symbol in symbols {
        if !is_users(&symbol) {
            folded += 1;
            ours |= crate_of(&symbol.name) == "coulter_runtime";
            continue;
        }
        let function = short_function(&symbol.name);
        // An async body and the closures inside it are one function to its author.
        let repeats = |last: &Frame| last.function == function && last.line == symbol.line;
        // The `main` behind our own frames only boots: what runs in it was seen further in.
        let boots = ours && !frames.is_empty() && function.ends_with("::main");
        if !boots && frames.last().is_none_or(|last| !repeats(last)) {
            let between = if frames.is_empty() { 0 } else { folded };
            frames.push(Frame { function, file: symbol.file, line: symbol.line, folded: between });
        }
        (folded, ours) = (0, false);
    }
    frames
}

/// Crates whose frames nobody at a prompt is looking for.
const LIBRARIES: &[&str] = &[
    "std",
    "core",
    "alloc",
    "test",
    "backtrace",
    "tokio",
    "coulter",
    "coulter_runtime",
    "coulter_proto",
    "panic_unwind",
    "rust_begin_unwind",
    "rust_panic",
    "__rust_try",
    "futures",
    "futures_core",
    "futures_util",
    "main",
    "_start",
    "__libc_start_main",
    "__libc_start_call_main",
    "__libc_start_main_impl",
    "start_thread",
    "clone",
    "clone3",
    "__clone3",
];

fn is_users(symbol: &Symbol) -> bool {
    let library_file =
        |file: &String| file.starts_with("/rustc/") || file.contains("/.cargo/registry/") || file.contains("/.cargo/git/") || file.contains("/lib/rustlib/");
    if symbol.file.as_ref().is_some_and(library_file) {
        return false;
    }
    // Our own tests play the user.
    if cfg!(test) && symbol.name.contains("tests::") && !symbol.name.contains("::test::") {
        return symbol.file.is_some();
    }
    // What the macros wrap around an endpoint is not the endpoint.
    !LIBRARIES.contains(&crate_of(&symbol.name)) && !symbol.name.contains("__coulter") && !symbol.name.contains("__COULTER")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn symbol(name: &str, file: &str, line: u32) -> Symbol {
        Symbol { name: name.into(), file: (!file.is_empty()).then(|| file.into()), line: Some(line) }
    }

    #[test]
    fn libraries_are_folded_and_counted() {
        let frames = fold(
            [
                symbol("coulter_runtime::devx::pause::halt", "/w/runtime/src/devx/pause.rs", 1),
                symbol("app::check::{{closure}}", "/w/app/src/main.rs", 12),
                symbol("app::check", "/w/app/src/main.rs", 12),
                symbol("core::iter::Iterator::map", "/rustc/abc/library/core/src/iter.rs", 2),
                symbol("<F as core::ops::FnOnce>::call_once", "/rustc/abc/library/core/src/ops.rs", 2),
                symbol("app::run", "/w/app/src/main.rs", 40),
                symbol("app::main::{{closure}}", "/w/app/src/main.rs", 50),
                symbol("tokio::runtime::park", "/home/u/.cargo/registry/src/tokio/park.rs", 9),
                symbol("coulter_runtime::boot::main::run_main", "/w/runtime/src/boot/main.rs", 9),
                symbol("app::main", "/w/app/src/main.rs", 49),
                symbol("main", "", 0),
            ]
            .into_iter(),
        );
        let seen: Vec<_> = frames.iter().map(|frame| (frame.function.as_str(), frame.line, frame.folded)).collect();
        assert_eq!(seen, [("app::check", Some(12), 0), ("app::run", Some(40), 2), ("app::main", Some(50), 0)]);
    }

    #[inline(never)]
    fn inner() -> Vec<Frame> {
        std::hint::black_box(Captured::here().frames())
    }

    #[test]
    fn the_frames_of_this_thread_begin_with_the_function_that_asks() {
        let frames = std::hint::black_box(inner());
        assert!(frames[0].function.ends_with("stack::tests::inner"), "{frames:?}");
        assert!(frames[0].file.as_ref().is_some_and(|file| file.ends_with("stack.rs")), "{frames:?}");
        assert!(frames.iter().any(|frame| frame.function.ends_with("the_function_that_asks")), "{frames:?}");
    }

    #[test]
    fn the_text_of_a_backtrace_is_read() {
        let text = "   0: app::inlined\n             at ./src/main.rs:6:27\n      app::outer::{{closure}}\n             at ./src/main.rs:9\n  11: main\n";
        let seen: Vec<_> = symbols(text).into_iter().map(|symbol| (symbol.name, symbol.file, symbol.line)).collect();
        let file = Some("./src/main.rs".to_owned());
        assert_eq!(seen, [("app::inlined".into(), file.clone(), Some(6)), ("app::outer::{{closure}}".into(), file, Some(9)), ("main".into(), None, None)]);
    }

    #[test]
    fn text_that_travelled_is_read_back() {
        let frames = from_text(
            "app::check at src/main.rs:12
app::run at no line known
… 3 more
",
        );
        assert_eq!(frames.len(), 2);
        assert_eq!((frames[0].file.as_deref(), frames[0].line), (Some("src/main.rs"), Some(12)));
        assert_eq!((frames[1].file.as_deref(), frames[1].line), (None, None));
        assert_eq!(split_place("a.rs:3:9"), (Some("a.rs".into()), Some(3)));
    }
}
