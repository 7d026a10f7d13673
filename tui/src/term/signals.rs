//! Signals as something a loop can wait for.
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;

use signal_hook::iterator::backend::SignalDelivery;
use signal_hook::iterator::exfiltrator::SignalOnly;

/// Some signals of this process, told through a pipe.
pub struct Signals(SignalDelivery<UnixStream, SignalOnly>);

impl Signals {
    /// From now on these do not do what they did, but come out of [`Self::pending`].
    ///
    /// # Errors
    /// When the system does not let us.
    pub fn new(signals: &[i32]) -> io::Result<Self> {
        let (read, write) = UnixStream::pair()?;
        read.set_nonblocking(true)?;
        SignalDelivery::with_pipe(read, write, SignalOnly, signals).map(Self)
    }
    /// Those that came since.
    pub fn pending(&mut self) -> Vec<i32> {
        self.0.pending().collect()
    }
}

impl AsFd for Signals {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.get_read().as_fd()
    }
}
