//! Without the feature `repl` there is no front; other consoles still see the tree.
use std::path::Path;

/// Never starts.
pub(crate) fn start_front(_tree_dir: &Path) -> bool {
    false
}
/// Nothing to stop.
pub(crate) fn stop_front() {}
/// Nothing was changed.
pub(crate) fn restore_terminal() {}
/// No prompt, so nothing to shield.
pub(crate) fn shields_interrupt() -> bool {
    false
}
/// Nobody prints above a prompt: the caller writes by itself.
pub(crate) fn print_above(_text: &str) -> bool {
    false
}
