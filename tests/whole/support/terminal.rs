//! A terminal with a shell in it, and a person who looks at its screen.
use std::io::{Read, Write};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Instant;

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};

use super::{LIMIT, Place};

const ROWS: u16 = 50;
const COLUMNS: u16 = 140;
/// Clears the screen; at a shell's prompt and at ours alike.
const CTRL_L: &str = "\x0c";
const CTRL_C: &str = "\x03";

/// What came: as it is on the screen, and all of it.
struct Seen {
    parser: vt100::Parser,
    all: Vec<u8>,
}

type Shared = Arc<(Mutex<Seen>, Condvar)>;

/// A terminal; a bash is in it.
pub struct Terminal {
    seen: Shared,
    master: Box<dyn MasterPty + Send>,
    keys: Box<dyn Write + Send>,
    shell: Box<dyn Child + Send + Sync>,
}

impl Terminal {
    pub fn new(place: &Place) -> Self {
        let size = PtySize { rows: ROWS, cols: COLUMNS, pixel_width: 0, pixel_height: 0 };
        let pair = native_pty_system().openpty(size).unwrap();
        let mut command = CommandBuilder::new("bash");
        command.args(["--norc", "--noprofile", "-i"]);
        command.cwd(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
        for name in Place::not_inherited() {
            command.env_remove(name);
        }
        for (name, value) in place.variables() {
            command.env(name, value);
        }
        let shell = pair.slave.spawn_command(command).unwrap();
        drop(pair.slave);
        let seen: Shared = Arc::new((Mutex::new(Seen { parser: vt100::Parser::new(ROWS, COLUMNS, 0), all: Vec::new() }), Condvar::new()));
        let (mut reader, shared) = (pair.master.try_clone_reader().unwrap(), Arc::clone(&seen));
        std::thread::spawn(move || {
            let mut chunk = [0; 1 << 14];
            while let Ok(n @ 1..) = reader.read(&mut chunk) {
                let mut seen = shared.0.lock().unwrap();
                seen.parser.process(&chunk[..n]);
                seen.all.extend_from_slice(&chunk[..n]);
                drop(seen);
                shared.1.notify_all();
            }
        });
        let terminal = Self { seen, keys: pair.master.take_writer().unwrap(), master: pair.master, shell };
        terminal.expect_shell();
        terminal
    }

    /// The shell's pid.
    pub fn shell(&self) -> u32 {
        self.shell.process_id().unwrap()
    }

    /// What is on the screen.
    pub fn screen(&self) -> String {
        text(&self.seen.0.lock().unwrap().parser)
    }

    /// Everything that ever was, as it came.
    pub fn everything(&self) -> String {
        String::from_utf8_lossy(&self.seen.0.lock().unwrap().all).into_owned()
    }

    /// Presses keys.
    pub fn press(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).unwrap();
        self.keys.flush().unwrap();
    }

    pub fn ctrl_c(&mut self) {
        self.press(CTRL_C);
    }

    /// Makes the terminal another size, as dragging its corner does.
    pub fn resize(&self, columns: u16, rows: u16) {
        self.seen.0.lock().unwrap().parser.screen_mut().set_size(rows, columns);
        self.master.resize(PtySize { rows, cols: columns, pixel_width: 0, pixel_height: 0 }).unwrap();
    }

    /// Waits until the screen is as wanted.
    pub fn see<T>(&self, what: &str, wanted: impl Fn(&vt100::Screen, &str) -> Option<T>) -> T {
        let end = Instant::now() + LIMIT;
        let mut seen = self.seen.0.lock().unwrap();
        loop {
            let shown = text(&seen.parser);
            if let Some(found) = wanted(seen.parser.screen(), &shown) {
                return found;
            }
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                drop(seen);
                panic!("{what} is not to be seen in\n{shown}");
            }
            seen = self.seen.1.wait_timeout(seen, left).unwrap().0;
        }
    }

    /// Waits until the screen shows it.
    pub fn expect(&self, wanted: &str) -> String {
        self.see(&format!("`{wanted}`"), |_, shown| shown.contains(wanted).then(|| shown.to_owned()))
    }

    /// Waits until the screen shows it no more.
    pub fn expect_gone(&self, unwanted: &str) -> String {
        self.see(&format!("a screen without `{unwanted}`"), |_, shown| (!shown.contains(unwanted)).then(|| shown.to_owned()))
    }

    /// Waits for the shell's prompt, with nothing typed behind it.
    pub fn expect_shell(&self) -> String {
        self.see("the shell's prompt", |_, shown| status_of(last(shown)).map(|_| shown.to_owned()))
    }

    /// Waits for the debugger's prompt of this actor, with nothing typed behind it; its pid.
    pub fn expect_prompt(&self, actor: &str) -> u32 {
        self.see(&format!("the prompt of {actor}"), |_, shown| {
            let (name, pid) = prompt_of(last(shown))?;
            (name == actor && shown.lines().count() > 1).then_some(pid)
        })
    }

    /// Waits for anybody's prompt (its actor's name), or for the shell's.
    pub fn expect_any_prompt(&self) -> Option<String> {
        self.see("a prompt", |_, shown| {
            let last = last(shown);
            let debugger = prompt_of(last).map(|(name, _)| Some(name.to_owned()));
            debugger.or_else(|| status_of(last).map(|_| None)).filter(|_| shown.lines().count() > 1)
        })
    }

    /// Clears the screen: what is seen from here on is new.
    pub fn clear(&mut self) -> String {
        let before = last(&self.screen()).to_owned();
        self.press(CTRL_L);
        self.see("an empty screen", |_, shown| (shown == before).then_some(()));
        before
    }

    /// Types a line on a screen cleared before.
    pub fn enter(&mut self, line: &str) {
        let prompt = self.clear();
        self.press(line);
        // A long one goes on in the next row.
        let typed = format!("{prompt} {line}");
        self.see("what was typed", |_, shown| (shown.replace('\n', "") == typed).then_some(()));
        self.press("\r");
    }

    /// Starts a command at the shell's prompt.
    pub fn run(&mut self, command: &str) {
        self.expect_shell();
        self.enter(command);
    }

    /// What the command at the shell's prompt ended with, once it has.
    pub fn status(&self) -> u32 {
        self.see("the end of what ran", |_, shown| status_of(last(shown)).filter(|_| shown.lines().count() > 1))
    }

    /// Types a line at the debugger's prompt and waits for the next prompt; what came between.
    pub fn ask(&mut self, line: &str) -> String {
        self.enter(line);
        self.see(&format!("an answer to `{line}`"), |_, shown| {
            let (asked, rest) = shown.split_once('\n')?;
            let whole = asked.ends_with(line) && prompt_of(last(rest)).is_some();
            whole.then(|| rest.trim_end().rsplit_once('\n').map_or_else(String::new, |(answer, _)| answer.to_owned()))
        })
    }

    /// Ctrl-C at the debugger's prompt, with half a line typed and without: it is there again, empty.
    pub fn interrupt_the_prompt(&mut self) {
        let prompt = self.clear();
        self.press("p half_a_li");
        self.expect(&format!("{prompt} p half_a_li"));
        self.ctrl_c();
        let again = |shown: &str, times| last(shown) == prompt && shown.lines().filter(|line| line.starts_with(&prompt)).count() == times;
        self.see("the prompt again, empty", |_, shown| again(shown, 2).then_some(()));
        self.ctrl_c();
        self.see("the prompt again and again", |_, shown| again(shown, 3).then_some(()));
    }

    /// The shell reads line by line and echoes, the screen is its own again.
    pub fn assert_put_back(&mut self) {
        self.expect_shell();
        self.see("the shell's own screen, with its cursor", |screen, _| (!screen.alternate_screen() && !screen.hide_cursor()).then_some(()));
        self.enter("stty -a");
        assert_eq!(self.status(), 0);
        let shown = self.screen();
        let flags: Vec<&str> = shown.split_whitespace().collect();
        for flag in ["icanon", "echo", "isig", "icrnl", "opost", "onlcr"] {
            assert!(flags.contains(&flag), "{flag} is off:\n{shown}");
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.shell.kill();
        let _ = self.shell.wait();
    }
}

/// The screen's rows, without what is blank at their ends.
fn text(parser: &vt100::Parser) -> String {
    let (_, columns) = parser.screen().size();
    let rows: Vec<String> = parser.screen().rows(0, columns).map(|row| row.trim_end().to_owned()).collect();
    rows.join("\n").trim_end().to_owned()
}

fn last(shown: &str) -> &str {
    shown.lines().next_back().unwrap_or("")
}

/// The shell's prompt carries what the command before ended with.
fn status_of(line: &str) -> Option<u32> {
    line.strip_prefix("status=")?.strip_suffix(" shell$")?.parse().ok()
}

/// Whose prompt of the debugger it is, empty.
fn prompt_of(line: &str) -> Option<(&str, u32)> {
    let (name, pid) = line.strip_prefix("coulter(")?.strip_suffix(")>")?.split_once('@')?;
    Some((name, pid.parse().ok()?))
}
