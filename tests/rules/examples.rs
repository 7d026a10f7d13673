//! Every example, run as a newcomer runs it: it prints what `examples/expected/` says, and leaves no process and no socket.
//!
//! In an expected line `*` stands for any text, `||` between two says that either will do; a line that begins with `~` may come anywhere, for what
//! different processes print has no order. Everything else must come in the order given.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

const LIMIT: Duration = Duration::from_secs(120);

macro_rules! examples {
    ($($name:ident),* $(,)?) => {
        $(
            #[test]
            fn $name() {
                run(stringify!($name), include_str!(concat!("../../examples/expected/", stringify!($name), ".txt")));
            }
        )*
    };
}

examples!(
    a_first_scene,
    spawning_and_causality,
    daemon_actor,
    remote_error_propagation,
    rpc_bidir_streaming,
    full_fledged_streaming_service,
    nested_actor_tree,
    service_discovery,
    typed_payloads,
    uds_transport_actor_tree,
    we_are_processes,
    concurrent_primes,
    root_pause,
    subactor_pause,
    subactor_error,
    pause_in_context,
    multi_subactors,
    nested_errors,
);

/// Where the examples are, built: `cargo test --test rules` alone would not have done it.
fn built() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let mut cargo = Command::new(env!("CARGO"));
        cargo.args(["build", "--quiet", "--package", "coulter", "--examples"]);
        if !cfg!(debug_assertions) {
            cargo.arg("--release");
        }
        let status = cargo.current_dir(env!("CARGO_MANIFEST_DIR")).status().unwrap();
        assert!(status.success(), "the examples do not build");
        let test = std::env::current_exe().unwrap();
        test.parent().unwrap().with_file_name("examples")
    })
}

fn run(name: &str, expected: &str) {
    let dir = RuntimeDir::new(name);
    let mut child = Command::new(built().join(name))
        .env("COULTER_RUNTIME_DIR", &dir.0)
        .env_remove("COULTER_LOG")
        .env_remove("RUST_LOG")
        .current_dir(std::env::temp_dir())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let (out, err) = (read(child.stdout.take()), read(child.stderr.take()));
    let begun = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        if begun.elapsed() > LIMIT {
            child.kill().unwrap();
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    let left = dir.left();
    let (out, err) = (out.join().unwrap(), err.join().unwrap());
    let shown = format!("\n--- {name} printed\n{out}--- and to stderr\n{err}---");
    assert!(status.success(), "{name} ended with {status}{shown}");
    if let Err(why) = compare(expected, &out) {
        panic!("{why}{shown}");
    }
    assert!(left.is_empty(), "{name} left behind {left:?}{shown}");
}

fn read(pipe: Option<impl std::io::Read + Send + 'static>) -> std::thread::JoinHandle<String> {
    let mut pipe = pipe.unwrap();
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        pipe.read_to_end(&mut bytes).unwrap();
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

/// Matches in order the expected lines without a tilde; those with one are looked for anywhere.
fn compare(expected: &str, printed: &str) -> Result<(), String> {
    let mut rest = printed.lines();
    for line in expected.lines() {
        let found = match line.strip_prefix('~') {
            Some(anywhere) => printed.lines().any(|printed| matches(anywhere, printed)),
            None => rest.any(|printed| matches(line, printed)),
        };
        if !found {
            return Err(format!("expected a line `{line}`"));
        }
    }
    Ok(())
}

fn matches(patterns: &str, text: &str) -> bool {
    patterns.split("||").any(|pattern| matches_one(pattern, text))
}

fn matches_one(pattern: &str, text: &str) -> bool {
    let Some((head, tail)) = pattern.split_once('*') else {
        return pattern == text;
    };
    text.strip_prefix(head).is_some_and(|rest| (0..=rest.len()).any(|at| rest.is_char_boundary(at) && matches_one(tail, &rest[at..])))
}

#[test]
fn comparing_sees_what_is_missing_and_what_is_out_of_order() {
    assert_eq!(compare("a\nb *\n~z", "z\na\nx\nb 3\n"), Ok(()));
    assert!(compare("b\na", "a\nb\n").is_err());
    assert!(compare("~c", "a\nb\n").is_err());
    assert!(compare("a * c", "a b\n").is_err());
}

/// A runtime directory of the example's own, by which its processes are known too.
struct RuntimeDir(PathBuf);

impl RuntimeDir {
    fn new(name: &str) -> Self {
        // Short: socket paths hold 107 bytes.
        let short: String = name.chars().take(12).collect();
        Self(std::env::temp_dir().join(format!("ce-{}-{short}", std::process::id())))
    }

    /// Sockets, and processes that do not go within five seconds.
    fn left(&self) -> Vec<String> {
        let begun = Instant::now();
        loop {
            let mut left = self.processes();
            sockets(&self.0, &mut left);
            if left.is_empty() || begun.elapsed() > Duration::from_secs(5) {
                return left;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    fn processes(&self) -> Vec<String> {
        let needle = format!("COULTER_RUNTIME_DIR={}", self.0.display());
        let Ok(entries) = std::fs::read_dir("/proc") else {
            return Vec::new();
        };
        entries
            .flatten()
            .filter(|entry| std::fs::read(entry.path().join("environ")).is_ok_and(|vars| vars.split(|byte| *byte == 0).any(|var| var == needle.as_bytes())))
            .map(|entry| format!("process {}", entry.file_name().display()))
            .collect()
    }
}

fn sockets(dir: &Path, found: &mut Vec<String>) {
    use std::os::unix::fs::FileTypeExt as _;
    let Ok(entries) = std::fs::read_dir(dir) else {
        return;
    };
    for entry in entries.flatten() {
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => sockets(&entry.path(), found),
            Ok(kind) if kind.is_socket() => found.push(entry.path().display().to_string()),
            _ => {}
        }
    }
}

impl Drop for RuntimeDir {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
