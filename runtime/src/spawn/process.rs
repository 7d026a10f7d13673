//! A child's process as its parent holds it: signalled by its pid while unreaped, reaped once its pidfd is readable.
use std::cell::{Cell, RefCell};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::process::ExitStatusExt;
use std::process::Child;

use coulter_proto::exit::ExitStatus;
use rustix::process::{Pid, PidfdFlags, Signal};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::sync::Notify;

/// A process of ours.
pub(crate) struct Process {
    child: RefCell<Child>,
    pidfd: AsyncFd<OwnedFd>,
    status: Cell<Option<ExitStatus>>,
    ended: Notify,
}

impl Process {
    /// Takes charge of a started process.
    pub(crate) fn new(child: Child) -> io::Result<Self> {
        let pid = child.id();
        let pidfd = rustix::process::pidfd_open(as_pid(pid)?, PidfdFlags::empty())?;
        Ok(Self { child: RefCell::new(child), pidfd: crate::sys::ready::register(pidfd, Interest::READABLE)?, status: Cell::new(None), ended: Notify::new() })
    }

    /// How it ended, once it is reaped.
    pub(crate) fn status(&self) -> Option<ExitStatus> {
        self.status.get()
    }

    /// Sends a signal, unless it is reaped.
    pub(crate) fn signal(&self, signal: Signal) {
        if self.status.get().is_none() {
            // It may have ended this instant; its pidfd tells.
            let _ = rustix::process::pidfd_send_signal(self.pidfd.get_ref(), signal);
        }
    }

    /// Waits for its end and reaps it. Cancel safe; any number may wait.
    pub(crate) async fn wait(&self) -> ExitStatus {
        loop {
            if let Some(status) = self.status.get() {
                return status;
            }
            let ended = self.ended.notified();
            tokio::select! {
                ready = self.pidfd.readable() => if ready.is_ok() {
                    self.reap();
                },
                () = ended => {}
            }
        }
    }

    fn reap(&self) {
        if self.status.get().is_some() {
            return;
        }
        let status = match self.child.borrow_mut().try_wait() {
            Ok(Some(status)) => match (status.code(), status.signal()) {
                (Some(code), _) => ExitStatus::Code(code),
                (None, Some(signal)) => ExitStatus::Signal(signal),
                (None, None) => ExitStatus::Unknown,
            },
            Ok(None) => return,
            // Somebody else in this process waited for all children; it is gone all the same.
            Err(_) => ExitStatus::Unknown,
        };
        self.status.set(Some(status));
        self.ended.notify_waiters();
    }
}

fn as_pid(pid: u32) -> io::Result<Pid> {
    i32::try_from(pid).ok().and_then(Pid::from_raw).ok_or_else(|| io::Error::other("a process id out of range"))
}

impl Drop for Process {
    fn drop(&mut self) {
        if self.status.get().is_none() {
            // Only when the runtime itself is torn down early: leave neither process nor zombie.
            let mut child = self.child.borrow_mut();
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
