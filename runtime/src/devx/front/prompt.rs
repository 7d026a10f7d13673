//! Reading a line from a person: rustyline, and a plain reader for terminals that can do nothing.
use std::sync::Arc;
use std::time::Duration;

use coulter_proto::repl::Completion;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::stdio::stdin;
use rustyline::completion::Completer;
use rustyline::error::ReadlineError;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::history::{History, MemHistory, SearchDirection};
use rustyline::validate::{ValidationContext, ValidationResult, Validator};
use rustyline::{Behavior, CompletionType, Config, Context, Editor, Helper};

use super::interrupt::Interrupt;
use super::resumed::Resumed;
use super::terminal;

/// What came of asking for a line.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Typed {
    /// A line.
    Line(String),
    /// Ctrl-C, and whether anything had been typed.
    Interrupted { empty: bool },
    /// Ctrl-D.
    End,
    /// The prompt was ended from outside.
    Cancelled,
    /// The terminal is gone.
    Broken,
}

/// Asks for lines.
pub(super) trait Prompt {
    /// Asks for one; `keep` puts it into the history.
    fn read(&mut self, prompt: &str, keep: bool) -> Typed;
    /// Whether text can be printed above a line that is being typed.
    fn prints_above(&self) -> bool {
        false
    }
    /// The lines kept, oldest first.
    fn history(&self) -> Vec<String>;
}

/// Asks the hub how a line could go on.
pub(super) type Complete = Box<dyn Fn(&str, usize) -> Completion + Send>;

/// The prompt for this terminal.
pub(super) fn for_this_terminal(interrupt: &Arc<Interrupt>, complete: Complete) -> Box<dyn Prompt> {
    let dumb = std::env::var("TERM").is_ok_and(|term| matches!(term.as_str(), "dumb" | "cons25" | "emacs"));
    // rustyline would print through std's stdout to those.
    if !dumb && let Ok(full) = Full::new(Arc::clone(interrupt), complete) {
        return Box::new(full);
    }
    Box::new(Plain { interrupt: Arc::clone(interrupt), buffer: Vec::new(), history: Vec::new() })
}

/// Line editing, history, completion.
struct Full {
    editor: Editor<Asks, MemHistory>,
    interrupt: Arc<Interrupt>,
    _resumed: Option<Resumed>,
}

impl Full {
    fn new(interrupt: Arc<Interrupt>, complete: Complete) -> rustyline::Result<Self> {
        let config = Config::builder()
            .max_history_size(1000)?
            .history_ignore_space(true)
            .completion_type(CompletionType::List)
            // By `/dev/tty` where there is one: descriptor 1 may lead elsewhere meanwhile.
            .behavior(Behavior::PreferTerm)
            .build();
        let mut editor = Editor::with_history(config.clone(), MemHistory::with_config(&config))?;
        editor.set_helper(Some(Asks { interrupt: Arc::clone(&interrupt), complete, typed: std::cell::RefCell::default() }));
        super::above::install(editor.create_external_printer()?, &interrupt);
        let resumed = Resumed::heed(&interrupt).ok();
        Ok(Self { editor, interrupt, _resumed: resumed })
    }
}

impl Prompt for Full {
    fn read(&mut self, prompt: &str, keep: bool) -> Typed {
        let mut typed = (String::new(), String::new());
        let line = loop {
            if !self.interrupt.enter() {
                return Typed::Cancelled;
            }
            terminal::will_change();
            let line = self.editor.readline_with_initial(prompt, (&typed.0, &typed.1));
            self.interrupt.leave();
            typed = self.editor.helper().map(|helper| helper.typed.take()).unwrap_or_default();
            if !(self.interrupt.take_resumed() && is_interrupted(&line)) {
                break line;
            }
        };
        match line {
            // What ended it stands above what was typed.
            _ if self.interrupt.is_wanted() => Typed::Cancelled,
            Ok(line) => {
                if keep {
                    let _ = self.editor.add_history_entry(line.as_str());
                }
                Typed::Line(line)
            }
            _ if is_interrupted(&line) => Typed::Interrupted { empty: typed.0.is_empty() && typed.1.is_empty() },
            Err(ReadlineError::Eof) => Typed::End,
            Err(_) => Typed::Broken,
        }
    }

    fn prints_above(&self) -> bool {
        true
    }

    fn history(&self) -> Vec<String> {
        let history = self.editor.history();
        let entry = |index| history.get(index, SearchDirection::Forward).ok().flatten().map(|found| found.entry.into_owned());
        (0..history.len()).filter_map(entry).collect()
    }
}

/// What rustyline asks back while it reads.
struct Asks {
    interrupt: Arc<Interrupt>,
    complete: Complete,
    /// What the line has in it, left and right of the cursor.
    typed: std::cell::RefCell<(String, String)>,
}

fn is_interrupted(line: &rustyline::Result<String>) -> bool {
    matches!(line, Err(ReadlineError::Interrupted | ReadlineError::Signal(_)))
}

impl Helper for Asks {}
impl Highlighter for Asks {}

impl Hinter for Asks {
    type Hint = String;
    /// Asked whenever the line is drawn, from the first time on, which is behind the handlers.
    fn hint(&self, line: &str, cursor: usize, _: &Context<'_>) -> Option<String> {
        let (left, right) = line.split_at_checked(cursor).unwrap_or((line, ""));
        *self.typed.borrow_mut() = (left.to_owned(), right.to_owned());
        self.interrupt.reads();
        None
    }
}

impl Validator for Asks {
    /// Asked when the line is accepted, before the handlers go.
    fn validate(&self, _: &mut ValidationContext<'_>) -> rustyline::Result<ValidationResult> {
        self.interrupt.leave();
        Ok(ValidationResult::Valid(None))
    }
}

impl Completer for Asks {
    type Candidate = String;
    fn complete(&self, line: &str, pos: usize, _: &Context<'_>) -> rustyline::Result<(usize, Vec<String>)> {
        let completion = (self.complete)(line, pos);
        let start = if line.is_char_boundary(completion.start) { completion.start.min(pos) } else { pos };
        Ok((start, completion.candidates))
    }
}

/// Whole lines, as the terminal gives them.
struct Plain {
    interrupt: Arc<Interrupt>,
    buffer: Vec<u8>,
    history: Vec<String>,
}

/// How often the plain reader looks whether it shall end.
const LOOK: Duration = Duration::from_millis(50);

impl Prompt for Plain {
    fn read(&mut self, prompt: &str, keep: bool) -> Typed {
        terminal::write(prompt);
        loop {
            if self.interrupt.is_wanted() {
                terminal::write("\n");
                return Typed::Cancelled;
            }
            if let Some(end) = self.buffer.iter().position(|byte| *byte == b'\n') {
                let rest = self.buffer.split_off(end + 1);
                let line = String::from_utf8_lossy(&self.buffer).trim_end().to_owned();
                self.buffer = rest;
                if keep {
                    self.history.push(line.clone());
                }
                return Typed::Line(line);
            }
            let input = stdin();
            let timeout = Timespec { tv_sec: 0, tv_nsec: LOOK.subsec_nanos().into() };
            match poll(&mut [PollFd::new(&input, PollFlags::IN)], Some(&timeout)) {
                Ok(0) | Err(Errno::INTR) => continue,
                Ok(_) => {}
                Err(_) => return Typed::Broken,
            }
            let mut chunk = [0; 1024];
            match rustix::io::read(stdin(), &mut chunk) {
                Ok(0) => return Typed::End,
                Ok(len) => self.buffer.extend(chunk.iter().take(len)),
                Err(Errno::INTR | Errno::AGAIN) => {}
                Err(_) => return Typed::Broken,
            }
        }
    }

    fn history(&self) -> Vec<String> {
        self.history.clone()
    }
}
