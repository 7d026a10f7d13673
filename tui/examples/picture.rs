//! Makes pictures of programs in a terminal: the ones in `assets/`.
//!
//! Runs a command in a pseudo terminal, plays a script of steps, and writes what the screen shows as SVG: text, so
//! that it stays sharp and small, with no font of its own.
//!
//! ```text
//! cargo run -p coulter-console --example picture -- 130x36 see:stopped take:assets/dashboard.svg -- target/debug/coulter demo
//! ```
//!
//! | step | does |
//! | --- | --- |
//! | `see:TEXT` | waits until the screen shows it |
//! | `gone:TEXT` | waits until it does not |
//! | `end:TEXT` | waits until the last line ends with it: a prompt |
//! | `type:TEXT`, `line:TEXT` | types it; with Enter behind it |
//! | `key:NAME` | a key: `enter`, `esc`, `tab`, `up`, `down`, `left`, `right`, `clear`, or a character |
//! | `text:FILE`, `take:FILE` | writes the screen there, as text, as SVG |
//!
//! A step that does not come true within a minute fails with the screen as it is. After the last step the command
//! gets a SIGHUP, and its end is waited for. A prompt of the debugger outlasts that: leave it by a step (`line:q`).
use std::error::Error;
use std::fmt::Write as _;
use std::io::{Read, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use portable_pty::{CommandBuilder, PtySize, native_pty_system};
use rustix::process::{Pid, Signal, kill_process};
use vt100::{Callbacks, Cell, Color, Parser, Screen};

type Outcome<T> = Result<T, Box<dyn Error>>;

const USAGE: &str = "usage: picture COLUMNSxROWS STEP... -- PROGRAM ARGS; the steps are at the top of picture.rs";
const PATIENCE: Duration = Duration::from_secs(60);

fn main() -> std::process::ExitCode {
    match play() {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            std::process::ExitCode::FAILURE
        }
    }
}

fn play() -> Outcome<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let (script, command) = args.split_at(args.iter().position(|arg| arg == "--").ok_or(USAGE)?);
    let (size, steps) = script.split_first().ok_or(USAGE)?;
    let (columns, rows) = size.split_once('x').ok_or(USAGE)?;
    let mut terminal = Terminal::start(columns.parse()?, rows.parse()?, &command[1..])?;
    for step in steps {
        let (verb, text) = step.split_once(':').ok_or(USAGE)?;
        match verb {
            "see" => drop(terminal.wait(step, |shown| shown.contains(text))?),
            "gone" => drop(terminal.wait(step, |shown| !shown.contains(text))?),
            "end" => drop(terminal.wait(step, |shown| shown.trim_end().ends_with(text))?),
            "type" => terminal.press(text)?,
            "line" => terminal.press(&format!("{text}\r"))?,
            "key" => terminal.press(key(text)?)?,
            "text" => std::fs::write(text, terminal.wait(step, |_| true)?.screen().contents())?,
            "take" => std::fs::write(text, svg(terminal.wait(step, |_| true)?.screen()))?,
            _ => return Err(format!("`{verb}` is no step; {USAGE}").into()),
        }
    }
    terminal.end()
}

fn key(name: &str) -> Outcome<&str> {
    Ok(match name {
        "enter" => "\r",
        "esc" => "\x1b",
        "tab" => "\t",
        "up" => "\x1b[A",
        "down" => "\x1b[B",
        "right" => "\x1b[C",
        "left" => "\x1b[D",
        "clear" => "\x0c",
        one if one.chars().count() == 1 => one,
        other => return Err(format!("`{other}` is no key I know").into()),
    })
}

/// Whether a frame is half drawn: programs that draw whole frames say where each begins and ends.
#[derive(Default)]
struct Frame {
    open: bool,
}

impl Callbacks for Frame {
    fn unhandled_csi(&mut self, _: &mut Screen, first: Option<u8>, _: Option<u8>, params: &[&[u16]], last: char) {
        if first == Some(b'?') && params == [[2026]] {
            self.open = last == 'h';
        }
    }
}

type Shared = Arc<(Mutex<Parser<Frame>>, Condvar)>;

/// A terminal with the command in it.
struct Terminal {
    shared: Shared,
    keys: Box<dyn Write + Send>,
    child: Box<dyn portable_pty::Child + Send + Sync>,
    _master: Box<dyn portable_pty::MasterPty + Send>,
}

impl Terminal {
    fn start(columns: u16, rows: u16, command: &[String]) -> Outcome<Self> {
        let (program, args) = command.split_first().ok_or(USAGE)?;
        let pair = native_pty_system().openpty(PtySize { rows, cols: columns, pixel_width: 0, pixel_height: 0 })?;
        // A path is looked up from here, a bare name in PATH.
        let mut command = if program.contains('/') { CommandBuilder::new(std::fs::canonicalize(program)?) } else { CommandBuilder::new(program) };
        command.args(args);
        command.cwd(std::env::current_dir()?);
        command.env("TERM", "xterm-256color");
        command.env("LANG", "C.UTF-8");
        command.env_remove("NO_COLOR");
        let child = pair.slave.spawn_command(command)?;
        drop(pair.slave);
        let shared: Shared = Arc::new((Mutex::new(Parser::new_with_callbacks(rows, columns, 0, Frame::default())), Condvar::new()));
        let (mut reader, written) = (pair.master.try_clone_reader()?, shared.clone());
        std::thread::spawn(move || {
            let mut chunk = [0; 4096];
            while let Ok(n @ 1..) = reader.read(&mut chunk) {
                lock(&written.0).process(&chunk[..n]);
                written.1.notify_all();
            }
        });
        Ok(Self { shared, keys: pair.master.take_writer()?, child, _master: pair.master })
    }

    fn press(&mut self, keys: &str) -> Outcome<()> {
        self.keys.write_all(keys.as_bytes())?;
        Ok(self.keys.flush()?)
    }

    /// Waits until a whole frame is as wanted.
    fn wait(&self, step: &str, wanted: impl Fn(&str) -> bool) -> Outcome<MutexGuard<'_, Parser<Frame>>> {
        let end = Instant::now() + PATIENCE;
        let mut parser = lock(&self.shared.0);
        loop {
            if !parser.callbacks().open && wanted(&parser.screen().contents()) {
                return Ok(parser);
            }
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(format!("`{step}` does not come true; the screen shows\n{}", parser.screen().contents()).into());
            }
            parser = self.shared.1.wait_timeout(parser, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Hangs up: the reading thread keeps the terminal's other end open, so the command is told by the signal alone.
    fn end(mut self) -> Outcome<()> {
        if let Some(pid) = self.child.process_id().and_then(|pid| Pid::from_raw(pid.cast_signed())) {
            // It may be gone by itself.
            let _ = kill_process(pid, Signal::HUP);
        }
        self.child.wait()?;
        Ok(())
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

// The drawing. Most fixed fonts are 0.6 em wide; those that are not are stretched to it.

const EM: f32 = 14.0;
const WIDTH: f32 = 8.4;
const HEIGHT: f32 = 18.0;
const EDGE: f32 = 14.0;
const FONTS: &str = "ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono','Liberation Mono',monospace";
const GROUND: &str = "#171a21";
const INK: &str = "#d3d7de";
const DIM: &str = "#7d8590";
/// The sixteen named colours, on a dark ground.
const NAMED: [&str; 16] = [
    "#363c48", "#e06c75", "#8fc07a", "#e2b86b", "#6ea8e6", "#bf8fdc", "#66c2c7", "#c9ced6", "#7d8590", "#f0868e", "#a8d694", "#f2cd87", "#8dbdf2", "#d3a9ea",
    "#86d6da", "#f2f4f7",
];

/// How a cell looks.
#[derive(Clone, PartialEq, Eq)]
struct Look {
    ink: String,
    ground: String,
    bold: bool,
    italic: bool,
    underline: bool,
}

impl Look {
    fn of(cell: &Cell) -> Self {
        let (mut ink, mut ground) = (colour(cell.fgcolor(), INK), colour(cell.bgcolor(), GROUND));
        if cell.dim() && cell.fgcolor() == Color::Default {
            DIM.clone_into(&mut ink);
        }
        if cell.inverse() {
            std::mem::swap(&mut ink, &mut ground);
        }
        Self { ink, ground, bold: cell.bold(), italic: cell.italic(), underline: cell.underline() }
    }
}

fn colour(colour: Color, default: &str) -> String {
    match colour {
        Color::Default => default.to_owned(),
        Color::Rgb(r, g, b) => format!("#{r:02x}{g:02x}{b:02x}"),
        Color::Idx(n @ 0..16) => NAMED[usize::from(n)].to_owned(),
        Color::Idx(n @ 16..232) => {
            let step = |n: u8| if n == 0 { 0 } else { 55 + 40 * n };
            let n = n - 16;
            format!("#{:02x}{:02x}{:02x}", step(n / 36), step(n / 6 % 6), step(n % 6))
        }
        Color::Idx(n) => format!("#{0:02x}{0:02x}{0:02x}", 8 + 10 * (n - 232)),
    }
}

/// A stretch of cells of one look in a row.
struct Run {
    row: u16,
    column: u16,
    text: String,
    look: Look,
}

fn svg(screen: &Screen) -> String {
    let (rows, columns) = screen.size();
    let used = (0..rows).rev().find(|row| (0..columns).any(|column| screen.cell(*row, column).is_some_and(is_seen))).map_or(1, |row| row + 1);
    let (width, height) = (f32::from(columns) * WIDTH + 2.0 * EDGE, f32::from(used) * HEIGHT + 2.0 * EDGE);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {height:.0}\" width=\"{width:.0}\" font-family=\"{FONTS}\" font-size=\"{EM}\">\n\
         <style>.b{{font-weight:bold}}.i{{font-style:italic}}.u{{text-decoration:underline}}</style>\n\
         <rect width=\"100%\" height=\"100%\" rx=\"10\" fill=\"{GROUND}\"/>\n"
    );
    let (mut texts, mut lines) = (String::new(), Vec::<(String, String)>::new());
    for row in 0..used {
        for run in runs(screen, row, columns) {
            draw(&run, &mut svg, &mut texts, &mut lines);
        }
    }
    for (ink, path) in lines {
        let _ = writeln!(texts, "<path d=\"{path}\" stroke=\"{ink}\" stroke-width=\"1.2\" fill=\"none\"/>");
    }
    svg + &texts + "</svg>\n"
}

fn is_seen(cell: &Cell) -> bool {
    !cell.contents().trim().is_empty() || cell.inverse() || cell.bgcolor() != Color::Default
}

/// A row in runs. Anything beyond ASCII stands alone: fonts do not agree on how wide it is.
fn runs(screen: &Screen, row: u16, columns: u16) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    for column in 0..columns {
        let Some(cell) = screen.cell(row, column).filter(|cell| !cell.is_wide_continuation()) else { continue };
        let (text, look) = (if cell.has_contents() { cell.contents() } else { " " }, Look::of(cell));
        match runs.last_mut() {
            Some(last) if last.look == look && text.is_ascii() && last.text.is_ascii() => last.text.push_str(text),
            _ => runs.push(Run { row, column, text: text.to_owned(), look }),
        }
    }
    runs
}

fn draw(run: &Run, grounds: &mut String, texts: &mut String, lines: &mut Vec<(String, String)>) {
    let (x, y) = (EDGE + f32::from(run.column) * WIDTH, EDGE + f32::from(run.row) * HEIGHT);
    let cells = if run.text.is_ascii() { run.text.len() } else { 1 };
    if run.look.ground != GROUND {
        // A little over, so that no seam shows to the next.
        let width = WIDTH * f32::from(u16::try_from(cells).unwrap_or(u16::MAX)) + 0.4;
        let _ = writeln!(grounds, "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{HEIGHT}\" fill=\"{}\"/>", run.look.ground);
    }
    if let Some(path) = strokes(&run.text, x, y) {
        match lines.iter_mut().find(|(ink, _)| *ink == run.look.ink) {
            Some((_, all)) => all.push_str(&path),
            None => lines.push((run.look.ink.clone(), path)),
        }
        return;
    }
    if let Some((top, part)) = bar(&run.text) {
        let _ =
            writeln!(texts, "<rect x=\"{x:.1}\" y=\"{:.1}\" width=\"{WIDTH}\" height=\"{:.1}\" fill=\"{}\"/>", y + top * HEIGHT, part * HEIGHT, run.look.ink);
        return;
    }
    // Words far apart are placed each for itself: less to drift, and no long stretches of blanks in the file.
    let mut at = 0;
    while let Some(skip) = run.text[at..].find(|c| c != ' ') {
        let start = at + skip;
        let end = run.text[start..].find("  ").map_or(run.text.trim_end().len(), |n| start + n);
        word(&run.text[start..end], x + WIDTH * f32::from(u16::try_from(start).unwrap_or(0)), y, &run.look, texts);
        at = end;
    }
}

fn word(word: &str, x: f32, y: f32, look: &Look, texts: &mut String) {
    let classes = [(look.bold, "b"), (look.italic, "i"), (look.underline, "u")];
    let class: Vec<&str> = classes.iter().filter(|(on, _)| *on).map(|(_, name)| *name).collect();
    let class = if class.is_empty() { String::new() } else { format!(" class=\"{}\"", class.join(" ")) };
    let length = if word.is_ascii() && word.len() > 1 {
        format!(" textLength=\"{:.1}\" lengthAdjust=\"spacingAndGlyphs\"", WIDTH * f32::from(u16::try_from(word.len()).unwrap_or(1)))
    } else {
        String::new()
    };
    let text = word.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let _ = writeln!(texts, "<text x=\"{x:.1}\" y=\"{:.1}\" fill=\"{}\"{class}{length}>{text}</text>", y + HEIGHT * 0.74, look.ink);
}

/// Box-drawing glyphs as strokes that meet, whatever the font.
fn strokes(glyph: &str, x: f32, y: f32) -> Option<String> {
    let (left, right, up, down) = match glyph {
        "─" | "━" => (true, true, false, false),
        "│" | "┃" => (false, false, true, true),
        "┌" | "╭" => (false, true, false, true),
        "┐" | "╮" => (true, false, false, true),
        "└" | "╰" => (false, true, true, false),
        "┘" | "╯" => (true, false, true, false),
        "├" => (false, true, true, true),
        "┤" => (true, false, true, true),
        "┬" => (true, true, false, true),
        "┴" => (true, true, true, false),
        "┼" => (true, true, true, true),
        _ => return None,
    };
    let (middle, centre) = (x + WIDTH / 2.0, y + HEIGHT / 2.0);
    let across = (if left { x } else { middle }, if right { x + WIDTH } else { middle });
    let along = (if up { y } else { centre }, if down { y + HEIGHT } else { centre });
    let mut path = String::new();
    if left || right {
        let _ = write!(path, "M{:.1} {centre:.1}H{:.1}", across.0, across.1);
    }
    if up || down {
        let _ = write!(path, "M{middle:.1} {:.1}V{:.1}", along.0, along.1);
    }
    Some(path)
}

/// Bars of eighths: where they begin in the cell, and how much of it they fill.
fn bar(glyph: &str) -> Option<(f32, f32)> {
    let eighths = match glyph {
        "▁" => 1.0,
        "▂" => 2.0,
        "▃" => 3.0,
        "▄" => 4.0,
        "▅" => 5.0,
        "▆" => 6.0,
        "▇" => 7.0,
        "█" => 8.0,
        _ => return None,
    };
    Some((1.0 - eighths / 8.0, eighths / 8.0))
}
