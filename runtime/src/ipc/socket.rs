//! One connected stream socket, UDS or TCP alike: readiness for reading only, writes tried at once.
//!
//! tokio's own stream types register for write readiness too, which wakes the task a second time
//! for every message on a UDS (the peer freeing its buffer counts as writable). Here the write
//! side gets a descriptor of its own only once a write would block.
use std::cell::OnceCell;
use std::io;
use std::os::fd::{AsFd, OwnedFd};

use bytes::BytesMut;
use coulter_proto::spawn::{Address, Transport};
use rustix::net::{SendFlags, SocketAddrAny};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// How much is read at once.
const READ_CHUNK: usize = 64 * 1024;

/// A connected socket.
pub(crate) struct Socket {
    read: AsyncFd<OwnedFd>,
    write: OnceCell<AsyncFd<OwnedFd>>,
    transport: Transport,
    laddr: String,
    raddr: String,
    peer_pid: Option<u32>,
}

impl Socket {
    /// Takes a connected socket; must be called inside the runtime.
    pub(crate) fn new(fd: OwnedFd, transport: Transport) -> io::Result<Self> {
        rustix::io::ioctl_fionbio(&fd, true)?;
        let (laddr, raddr, peer_pid) = match transport {
            Transport::Tcp => {
                rustix::net::sockopt::set_tcp_nodelay(&fd, true)?;
                (tcp_name(rustix::net::getsockname(&fd)), tcp_name(peer_name(&fd)), None)
            }
            Transport::Uds => {
                let peer = rustix::net::sockopt::socket_peercred(&fd)?;
                if peer.uid != rustix::process::geteuid() {
                    return Err(io::Error::new(io::ErrorKind::PermissionDenied, "the peer on this socket belongs to another user"));
                }
                let pid = u32::try_from(peer.pid.as_raw_nonzero().get()).ok();
                (uds_name(rustix::net::getsockname(&fd)), uds_name(peer_name(&fd)), pid)
            }
        };
        Ok(Self { read: crate::sys::ready::register(fd, Interest::READABLE)?, write: OnceCell::new(), transport, laddr, raddr, peer_pid })
    }

    /// Takes one end of the socketpair a child is spawned with. The kernel names the pair's maker as the peer of both
    /// ends, so who is at the other one is told by who spawned it.
    pub(crate) fn inherited(fd: OwnedFd, peer_pid: u32) -> io::Result<Self> {
        Ok(Self { peer_pid: Some(peer_pid), ..Self::new(fd, Transport::Uds)? })
    }

    /// Connects to an address.
    pub(crate) async fn connect(address: &Address) -> io::Result<Self> {
        match address {
            Address::Uds(path) => {
                let stream = tokio::net::UnixStream::connect(path).await?.into_std()?;
                Self::new(stream.into(), Transport::Uds)
            }
            Address::Tcp(addr) => {
                let stream = tokio::net::TcpStream::connect(addr).await?.into_std()?;
                Self::new(stream.into(), Transport::Tcp)
            }
        }
    }

    pub(crate) fn transport(&self) -> Transport {
        self.transport
    }
    pub(crate) fn laddr(&self) -> &str {
        &self.laddr
    }
    pub(crate) fn raddr(&self) -> &str {
        &self.raddr
    }
    /// The peer's process id as the kernel tells it; UDS only.
    pub(crate) fn peer_pid(&self) -> Option<u32> {
        self.peer_pid
    }

    /// Appends what has arrived to `into`; 0 is the end of the stream.
    ///
    /// Cancel safe: nothing is taken off the socket unless it is in `into`.
    pub(crate) async fn read(&self, into: &mut BytesMut) -> io::Result<usize> {
        if into.capacity() - into.len() < 4096 {
            into.reserve(READ_CHUNK);
        }
        loop {
            let mut ready = self.read.readable().await?;
            let room = into.capacity() - into.len();
            match super::spare::receive(&self.read, into) {
                Ok(n) => {
                    // A short read means the socket is drained: skip the read that would say so.
                    if n > 0 && n < room {
                        ready.clear_ready();
                    }
                    return Ok(n);
                }
                Err(rustix::io::Errno::AGAIN) => ready.clear_ready(),
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Writes what fits now; `WouldBlock` when nothing does.
    pub(crate) fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        loop {
            match rustix::net::send(self.read.as_fd(), bytes, SendFlags::DONTWAIT | SendFlags::NOSIGNAL) {
                Ok(n) => return Ok(n),
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Waits until [`Socket::try_write`] may write something. Cancel safe.
    pub(crate) async fn writable(&self) -> io::Result<()> {
        let write = match self.write.get() {
            Some(write) => write,
            None => {
                let fd = rustix::io::fcntl_dupfd_cloexec(&self.read, 0)?;
                let fd = crate::sys::ready::register(fd, Interest::WRITABLE)?;
                self.write.get_or_init(|| fd)
            }
        };
        // Only asked after a write would have blocked, so any readiness seen before is stale.
        let mut ready = write.writable().await?;
        ready.clear_ready();
        let mut again = [rustix::event::PollFd::new(&self.read, rustix::event::PollFlags::OUT)];
        if rustix::event::poll(&mut again, Some(&rustix::time::Timespec { tv_sec: 0, tv_nsec: 0 }))? > 0 {
            return Ok(());
        }
        drop(ready);
        write.writable().await?.retain_ready();
        Ok(())
    }

    /// Ends both directions; the peer reads the end of the stream.
    pub(crate) fn shutdown(&self) {
        let _ = rustix::net::shutdown(self.read.as_fd(), rustix::net::Shutdown::Both);
    }
}

fn peer_name(fd: impl AsFd) -> rustix::io::Result<SocketAddrAny> {
    rustix::net::getpeername(fd)?.ok_or(rustix::io::Errno::NOTCONN)
}

fn tcp_name(addr: rustix::io::Result<SocketAddrAny>) -> String {
    addr.ok().and_then(|addr| std::net::SocketAddr::try_from(addr).ok()).map_or_else(|| "tcp".into(), |addr| Address::Tcp(addr).to_string())
}

fn uds_name(addr: rustix::io::Result<SocketAddrAny>) -> String {
    let path = addr.ok().and_then(|addr| rustix::net::SocketAddrUnix::try_from(addr).ok());
    match path.as_ref().and_then(|addr| addr.path()) {
        Some(path) => format!("/unix{}", path.to_string_lossy()),
        None => "/unix/socketpair".into(),
    }
}
