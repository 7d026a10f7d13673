//! Printing: lines with roles in the colours this terminal has, and never a panic at a closed pipe.
use std::io::{self, ErrorKind, IsTerminal, Write};

use coulter_proto::observe::text::clean;
use coulter_proto::repl::{Line, Role};

use super::{Args, Failure};

/// How lines are printed here.
#[derive(Clone, Copy, Debug)]
pub struct Look {
    colour: bool,
    bold: bool,
    ascii: bool,
}

impl Look {
    /// As the arguments, the environment and the terminal have it.
    #[must_use]
    pub fn of(args: &Args) -> Self {
        let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let dumb = std::env::var_os("TERM").is_none_or(|term| term == "dumb");
        let terminal = io::stdout().is_terminal() && !dumb;
        Self { colour: terminal && !set("NO_COLOR"), bold: terminal, ascii: args.ascii || !utf8_locale() }
    }

    /// A line with its roles.
    #[must_use]
    pub fn line(self, line: &Line) -> String {
        let mut text = String::new();
        for span in &line.0 {
            let code = self.code(span.role);
            let body = self.text(&span.text);
            if code.is_empty() {
                text.push_str(&body);
            } else {
                text.push_str("\u{1b}[");
                text.push_str(code);
                text.push('m');
                text.push_str(&body);
                text.push_str("\u{1b}[0m");
            }
        }
        text
    }

    fn text(self, text: &str) -> String {
        let text = clean(text, 4096);
        if !self.ascii {
            return text;
        }
        let twin = |c| match c {
            '├' => '|',
            '└' => '`',
            '│' => '|',
            '─' => '-',
            '…' => '~',
            c if c.is_ascii() => c,
            _ => '?',
        };
        text.chars().map(twin).collect()
    }

    fn code(self, role: Role) -> &'static str {
        match role {
            Role::Strong if self.bold => "1",
            Role::Name if self.colour => "36",
            Role::Value if self.colour => "32",
            Role::Error if self.colour => "1;31",
            Role::Error if self.bold => "1",
            Role::Warning if self.colour => "33",
            Role::Keyword if self.colour => "35",
            Role::Literal if self.colour => "32",
            Role::Quiet | Role::Comment if self.colour => "2",
            _ => "",
        }
    }

    /// Prints lines.
    ///
    /// # Errors
    /// When they cannot be written.
    pub fn print<'a>(self, lines: impl IntoIterator<Item = &'a Line>) -> Result<(), Failure> {
        let mut text = String::new();
        for line in lines {
            text.push_str(self.line(line).trim_end());
            text.push('\n');
        }
        raw(&text)
    }
}

/// Whether the locale says that the terminal writes UTF-8.
#[must_use]
pub fn utf8_locale() -> bool {
    let set = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(|name| std::env::var(name).ok().filter(|value| !value.is_empty()));
    set.is_some_and(|value| {
        let lower = value.to_ascii_lowercase();
        lower.contains("utf-8") || lower.contains("utf8")
    })
}

/// Prints text as it is. A reader that has seen enough (`coulter logs | head`) ends the command in peace.
///
/// # Errors
/// When it cannot be written for another reason.
pub fn raw(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => std::process::exit(0),
        other => other.map_err(Failure::from),
    }
}

/// Prints a value as one JSON document.
///
/// # Errors
/// When it cannot be written.
pub fn json(value: &impl serde::Serialize) -> Result<(), Failure> {
    let text = serde_json::to_string(value).map_err(|error| Failure::Failed(format!("no JSON can be made of it: {error}")))?;
    raw(&format!("{text}\n"))
}

/// Says on stderr why something was not done.
pub fn complain(text: &str) {
    // Where stderr is closed nobody listens.
    drop(writeln!(io::stderr(), "coulter: {}", clean(text, 2000)));
}
