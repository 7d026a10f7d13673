//! Variables that are for one process and not for those it starts: read once, then taken out of the environment.

/// Takes a variable out of the environment of this process.
pub(crate) fn remove(name: &str) {
    // SAFETY: called in the first lines of `main` (or of a test's body in a process started for
    // that one test), before this crate has started a thread and before the runtime exists. A
    // program that starts threads reading the environment before `coulter::init()` breaks the
    // documented rule that `init` comes first.
    unsafe { std::env::remove_var(name) };
}
