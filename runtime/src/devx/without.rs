//! Without the feature `repl` there is no front; other consoles still see the tree.
use std::path::Path;

/// Never starts.
pub(crate) fn start_front(_tree_dir: &Path) -> bool {
    false
}
/// Nothing to stop.
pub(crate) fn stop_front() {}
/// There never is one.
pub(crate) fn prompt_is_open() -> bool {
    false
}
/// No prompt, so nothing to shield.
pub(crate) fn shields_interrupt() -> bool {
    false
}
