//! What is run: the command, the examples as a newcomer builds them, and this very executable as a program of actors.
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The command.
pub fn coulter() -> &'static str {
    env!("CARGO_BIN_EXE_coulter")
}

/// An example, built with whatever this test was built with.
pub fn example(name: &str) -> String {
    static EXAMPLES: OnceLock<PathBuf> = OnceLock::new();
    let examples = EXAMPLES.get_or_init(|| {
        let test = std::env::current_exe().unwrap();
        // target/PROFILE/deps/whole-HASH
        let profile = test.parent().and_then(Path::parent).unwrap();
        let mut cargo = Command::new(env!("CARGO"));
        cargo.args(["build", "--quiet", "--package", "coulter", "--examples"]);
        match profile.file_name().and_then(|name| name.to_str()).unwrap() {
            "debug" => {}
            "release" => drop(cargo.arg("--release")),
            other => drop(cargo.args(["--profile", other])),
        }
        cargo.env("CARGO_TARGET_DIR", profile.parent().unwrap()).current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
        let output = cargo.output().unwrap();
        assert!(
            output.status.success(),
            "the examples do not build; `cargo build --package coulter --examples` says why:\n{}",
            String::from_utf8_lossy(&output.stderr)
        );
        profile.join("examples")
    });
    examples.join(name).display().to_string()
}

/// The command line of a program in `programs.rs`.
pub fn program(name: &str) -> String {
    let exe = std::env::current_exe().unwrap();
    format!("COULTER_TEST_ROOT=1 {} programs::{name} --exact --include-ignored --nocapture --test-threads=1 -q", exe.display())
}
