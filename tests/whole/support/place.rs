//! One test's runtime directory and mark, and the check that nothing is left of it.
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use super::Terminal;

/// Far above what anything here takes on a loaded machine.
pub const LIMIT: Duration = Duration::from_secs(30);
/// How long processes may take to go after their terminal has its shell back.
const GOING: Duration = Duration::from_secs(5);
/// Inherited by every process of one test; its value tells the tests apart.
const MARK: &str = "COULTER_WHOLE_MARK";

static NEXT: AtomicU32 = AtomicU32::new(0);

/// A runtime directory and a mark of the test's own.
#[derive(Debug)]
pub struct Place {
    pub dir: PathBuf,
    mark: String,
}

impl Place {
    pub fn new() -> Self {
        let mark = format!("{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        // Short: socket paths hold 107 bytes.
        let dir = std::env::temp_dir().join(format!("cw-{mark}"));
        Self { dir, mark }
    }

    /// What every process of this test finds in its environment.
    pub fn variables(&self) -> Vec<(&'static str, String)> {
        vec![
            ("COULTER_RUNTIME_DIR", self.dir.display().to_string()),
            (MARK, self.mark.clone()),
            ("LANG", "C.UTF-8".into()),
            ("TERM", "xterm-256color".into()),
            ("PS1", "status=$? shell$ ".into()),
            ("HISTFILE", "/dev/null".into()),
            ("INPUTRC", "/dev/null".into()),
        ]
    }

    /// What none of them finds.
    pub fn not_inherited() -> [&'static str; 9] {
        ["LC_ALL", "NO_COLOR", "RUST_LOG", "RUST_BACKTRACE", "COULTER_LOG", "COULTER_DEBUG", "COULTER_FRONT", "COULTER_TRANSPORT", "COULTER_ACTOR"]
    }

    /// Runs the command to its end, without a terminal.
    pub fn coulter(&self, args: &[&str]) -> Output {
        let mut command = Command::new(super::coulter());
        command.args(args).envs(self.variables()).stdin(std::process::Stdio::null());
        for name in Self::not_inherited() {
            command.env_remove(name);
        }
        command.output().unwrap()
    }

    /// What it prints, which must end well.
    pub fn text(&self, args: &[&str]) -> String {
        let output = self.coulter(args);
        assert_eq!(output.status.code(), Some(0), "coulter {args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// The same, as JSON.
    pub fn json(&self, args: &[&str]) -> Value {
        serde_json::from_str(&self.text(args)).unwrap()
    }

    /// Waits for an actor of that name that lives, and tells its pid.
    pub fn pid_of(&self, name: &str) -> u32 {
        let mut found = None;
        until(&format!("an actor {name}"), || {
            let trees = self.json(&["ps", "--json"]);
            let actors = trees.as_array().unwrap().iter().flat_map(|tree| tree["actors"].as_array().unwrap());
            found =
                actors.filter(|row| row["aid"]["name"] == name).filter_map(|row| u32::try_from(row["aid"]["pid"].as_u64()?).ok()).find(|pid| is_alive(*pid));
            found.is_some()
        });
        found.unwrap()
    }

    /// A file beside the runtime directory; `go` is the one that a program of ours waits for.
    pub fn beside(&self, what: &str) -> PathBuf {
        PathBuf::from(format!("{}.{what}", self.dir.display()))
    }

    /// Every terminal is at its shell again, line by line and with echo; no process, no file is left.
    pub fn nothing_left(&self, mut terminals: Vec<Terminal>) {
        for terminal in &mut terminals {
            terminal.assert_put_back();
        }
        let shells: Vec<u32> = terminals.iter().map(Terminal::shell).collect();
        let others = || self.processes().into_iter().filter(|pid| !shells.contains(pid)).collect::<Vec<_>>();
        let begun = Instant::now();
        while !others().is_empty() {
            let left: Vec<String> = others().into_iter().map(told).collect();
            assert!(begun.elapsed() < GOING, "left behind: {left:?}\n{}", terminals.iter().map(Terminal::screen).collect::<Vec<_>>().join("\n"));
            std::thread::sleep(Duration::from_millis(5));
        }
        let mut files = Vec::new();
        walk(&self.dir, &mut files);
        assert!(files.is_empty(), "left behind: {files:?}");
    }

    /// Those that carry the mark.
    pub fn processes(&self) -> Vec<u32> {
        let needle = format!("{MARK}={}", self.mark);
        let carries =
            |pid: &u32| std::fs::read(format!("/proc/{pid}/environ")).is_ok_and(|vars| vars.split(|byte| *byte == 0).any(|var| var == needle.as_bytes()));
        let all = std::fs::read_dir("/proc").unwrap().flatten();
        all.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).filter(carries).collect()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // Only after a test that failed is there anything to end: it must not spoil the next.
        for pid in self.processes() {
            kill(pid, Signal::KILL);
        }
        let _ = std::fs::remove_dir_all(&self.dir);
        for what in ["go", "logs"] {
            let _ = std::fs::remove_file(self.beside(what));
        }
    }
}

fn told(pid: u32) -> String {
    let read = |what| std::fs::read_to_string(format!("/proc/{pid}/{what}")).unwrap_or_default();
    let state = read("status").lines().filter(|line| line.starts_with("State") || line.starts_with("PPid")).collect::<Vec<_>>().join(" ");
    format!("{pid} {} {state}", read("cmdline").replace('\0', " "))
}

fn walk(dir: &Path, found: &mut Vec<String>) {
    for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
        if entry.path().is_dir() {
            walk(&entry.path(), found);
        }
        if entry.file_name() != "realm.key" {
            found.push(entry.path().display().to_string());
        }
    }
}

/// Sends a signal; a process that is gone already has no need of it.
pub fn kill(pid: u32, signal: Signal) {
    if let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
        let _ = kill_process(pid, signal);
    }
}

/// Whether a process is there and no zombie.
pub fn is_alive(pid: u32) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.rsplit(')').next().unwrap_or("").trim_start().starts_with('Z'))
}

/// Looks until it holds.
pub fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < LIMIT, "it never came: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}
