//! Waiting for any of several descriptors: the console has one thread, and sleeps in here.
use std::os::fd::BorrowedFd;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};

/// What is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Want {
    /// Something to read (or an end).
    Read,
    /// That, or room to write.
    ReadWrite,
}

/// Waits until one of them has something, or the time is over; which ones have.
#[must_use]
pub fn wait(fds: &[(BorrowedFd<'_>, Want)], most: Option<Duration>) -> Vec<bool> {
    let mut polled: Vec<PollFd<'_>> = fds
        .iter()
        .map(|(fd, want)| {
            let flags = match want {
                Want::Read => PollFlags::IN,
                Want::ReadWrite => PollFlags::IN | PollFlags::OUT,
            };
            PollFd::from_borrowed_fd(*fd, flags)
        })
        .collect();
    let timeout = most.map(|most| Timespec { tv_sec: most.as_secs().min(86_400).cast_signed(), tv_nsec: i64::from(most.subsec_nanos()) });
    match poll(&mut polled, timeout.as_ref()) {
        Ok(_) => polled.iter().map(|fd| !fd.revents().is_empty()).collect(),
        // Interrupted by a signal: nothing is ready, and the loop goes round.
        Err(_) => vec![false; fds.len()],
    }
}
