//! Readiness of an owned descriptor in the work thread's reactor.
use std::io;
use std::os::fd::OwnedFd;

use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// Registers a descriptor for one kind of readiness only; must be called inside the runtime.
pub(crate) fn register(fd: OwnedFd, interest: Interest) -> io::Result<AsyncFd<OwnedFd>> {
    // SAFETY: the `AsyncFd` owns the `OwnedFd`, which keeps the descriptor open and the same for
    // as long as it lives; nothing here closes or replaces it (no `dup2` ever targets it: those
    // of this crate name fds 0 to 2 only).
    Ok(unsafe { AsyncFd::register_with_interest(fd, interest) }?)
}
