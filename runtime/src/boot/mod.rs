//! How a process becomes an actor, root or child, and how it ends as one.
pub(crate) mod child;
pub(crate) mod current;
mod life;
pub(crate) mod main;
mod marker;
pub(crate) mod root;
pub(crate) mod test;
pub(crate) mod vars;

/// Whether this process was spawned as an actor and has not become one yet.
fn is_marked_as_child() -> bool {
    std::env::var_os(coulter_proto::spawn::CHILD_MARKER).is_some()
}

/// The child marker, taken out of the environment of this process.
pub(crate) fn take_child_marker() -> bool {
    let marked = is_marked_as_child();
    if marked {
        marker::remove(coulter_proto::spawn::CHILD_MARKER);
    }
    marked
}
