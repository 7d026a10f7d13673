//! `#[coulter::test]`: each test is a tree of its own, in a process of its own.
//!
//! The test the harness runs starts the same executable again for this one test, with a runtime
//! directory of its own, and passes when that process passes and has left nothing behind: no
//! process of the tree, no file. In that second process the body runs as the root's.
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::main::{MainOptions, run_root};

/// Marks the process that runs the body; its value is the mark every process of the test inherits.
const TEST_ROOT: &str = "COULTER_TEST_ROOT";
/// Inherited by every process of one test.
const TEST_MARK: &str = "COULTER_TEST_MARK";
/// How long processes of a test may take to go after its root has.
const LEFTOVERS: Duration = Duration::from_secs(5);

/// What a test may return.
pub trait TestOutcome {
    /// The value of a test that passed.
    fn passed() -> Self;
}
impl TestOutcome for () {
    fn passed() -> Self {}
}
impl<E: std::fmt::Debug> TestOutcome for Result<(), E> {
    fn passed() -> Self {
        Ok(())
    }
}

/// Runs a test. Called by what `#[coulter::test]` expands to.
pub fn run_test<T: TestOutcome>(options: MainOptions, module: &'static str, name: &'static str, body: impl AsyncFnOnce() -> T) -> T {
    let path = match module.split_once("::") {
        Some((_, inner)) => format!("{inner}::{name}"),
        None => name.to_owned(),
    };
    let args: Vec<String> = [&path, "--exact", "--include-ignored", "--nocapture", "--test-threads=1", "-q"].map(str::to_owned).to_vec();
    if super::is_marked_as_child() || std::env::var_os(TEST_ROOT).is_some() {
        crate::spawn::method::set_child_args(args.clone());
    }
    super::child::run_if_child(options.each);
    if std::env::var_os(TEST_ROOT).is_some() {
        super::marker::remove(TEST_ROOT);
        // Whether a panic is what the test wants is judged once, by the harness that started this process.
        return std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| run_root(options, body))).unwrap_or_else(|_| std::process::exit(101));
    }
    run_in_process(&path, &args);
    T::passed()
}

fn run_in_process(path: &str, args: &[String]) {
    let mark = crate::identity::fresh_uuid().simple().to_string();
    let dir = RuntimeDir::new(&mark);
    let exe = match std::env::current_exe() {
        Ok(exe) => exe,
        Err(error) => panic!("this test's executable cannot be found again: {error}"),
    };
    let mut command = Command::new(exe);
    command
        .args(args)
        .env(TEST_ROOT, "1")
        .env(TEST_MARK, &mark)
        .env("COULTER_RUNTIME_DIR", &dir.0)
        .env_remove("COULTER_ACTOR")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = match command.spawn() {
        Ok(child) => child,
        Err(error) => panic!("the process of test {path} cannot be started: {error}"),
    };
    let (out, err) = (child.stdout.take(), child.stderr.take());
    let out = std::thread::spawn(move || read_all(out));
    let err = std::thread::spawn(move || read_all(err));
    let status = child.wait();
    let left = processes_left(&mark);
    let (out, err) = (out.join().unwrap_or_default(), err.join().unwrap_or_default());
    print!("{out}");
    eprint!("{err}");
    assert!(left.is_empty(), "test {path} left processes behind: {}", left.join(", "));
    let files = dir.files_left();
    assert!(files.is_empty(), "test {path} left files behind: {}", files.join(", "));
    match status {
        Ok(status) if status.success() => {}
        Ok(status) => panic!("test {path} failed ({status})\n{}", tail(&err)),
        Err(error) => panic!("test {path}: its process cannot be waited for: {error}"),
    }
}

fn read_all(pipe: Option<impl Read>) -> String {
    let mut bytes = Vec::new();
    if let Some(mut pipe) = pipe {
        let _ = pipe.read_to_end(&mut bytes);
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn tail(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(200)..].join("\n")
}

/// Processes that carry the mark and do not go within the limit; killed, so that one bad test does not spoil the next.
fn processes_left(mark: &str) -> Vec<String> {
    let deadline = Instant::now() + LEFTOVERS;
    loop {
        let left = marked(mark);
        if left.is_empty() {
            return Vec::new();
        }
        if Instant::now() > deadline {
            for pid in &left {
                if let Some(pid) = rustix::process::Pid::from_raw(*pid) {
                    let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
                }
            }
            return left.iter().map(|pid| format!("{pid} ({})", state(*pid))).collect();
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn marked(mark: &str) -> Vec<i32> {
    let needle = format!("{TEST_MARK}={mark}");
    let Ok(entries) = std::fs::read_dir("/proc") else { return Vec::new() };
    entries
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok())
        .filter(|pid| std::fs::read(format!("/proc/{pid}/environ")).is_ok_and(|environ| environ.split(|byte| *byte == 0).any(|var| var == needle.as_bytes())))
        .collect()
}

fn state(pid: i32) -> String {
    let line = std::fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    line.replace('\0', " ")
}

/// A runtime directory for one test.
struct RuntimeDir(PathBuf);

impl RuntimeDir {
    fn new(mark: &str) -> Self {
        // Short: socket paths hold 107 bytes.
        let path = std::env::temp_dir().join(format!("ct-{}", &mark[..12]));
        Self(path)
    }

    fn files_left(&self) -> Vec<String> {
        fn walk(dir: &Path, found: &mut Vec<String>) {
            let Ok(entries) = std::fs::read_dir(dir) else { return };
            for entry in entries.flatten() {
                let path = entry.path();
                if path.is_dir() {
                    walk(&path, found);
                }
                if path.file_name().is_none_or(|name| name != "realm.key") {
                    found.push(path.display().to_string());
                }
            }
        }
        let mut found = Vec::new();
        walk(&self.0, &mut found);
        found
    }
}

impl Drop for RuntimeDir {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
