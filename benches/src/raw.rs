//! The limits: blocking sockets between two processes, nothing on top.
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use crate::stats::{ROUND, median_micros, per_second};

/// The argument that makes this executable the other side.
pub(crate) const PEER: &str = "raw-peer";

const MESSAGE: usize = 64;
const BATCH: usize = 64 * 1024;

/// The other side: does what the first byte of each request says.
pub(crate) fn peer() {
    let fd = std::io::stdin();
    let mut socket: UnixStream = std::os::fd::AsFd::as_fd(&fd).try_clone_to_owned().unwrap().into();
    let mut buffer = vec![0; BATCH];
    let mut mode = [0; 1];
    while socket.read_exact(&mut mode).is_ok() {
        match mode[0] {
            b'e' => loop {
                socket.read_exact(&mut buffer[..MESSAGE]).unwrap();
                socket.write_all(&buffer[..MESSAGE]).unwrap();
                if buffer[0] == b'.' {
                    break;
                }
            },
            // Sends whole batches until asked to stop.
            b's' => {
                socket.set_nonblocking(false).unwrap();
                let mut rest = [0; 8];
                socket.read_exact(&mut rest).unwrap();
                for _ in 0..u64::from_le_bytes(rest) {
                    socket.write_all(&buffer).unwrap();
                }
            }
            _ => return,
        }
    }
}

pub(crate) struct Peer {
    child: Child,
    socket: UnixStream,
}

impl Peer {
    pub(crate) fn start() -> Self {
        let (socket, theirs) = UnixStream::pair().unwrap();
        let child = Command::new(std::env::current_exe().unwrap()).arg(PEER).stdin(Stdio::from(OwnedFd::from(theirs))).spawn().unwrap();
        Self { child, socket }
    }

    /// One message there and back.
    pub(crate) fn round_trip(&mut self) -> f64 {
        self.socket.write_all(b"e").unwrap();
        let mut message = [b'x'; MESSAGE];
        let mut samples = Vec::new();
        let end = Instant::now() + ROUND;
        loop {
            let begun = Instant::now();
            let last = begun > end;
            message[0] = if last { b'.' } else { b'x' };
            self.socket.write_all(&message).unwrap();
            self.socket.read_exact(&mut message).unwrap();
            if last {
                return median_micros(&samples);
            }
            samples.push(u64::try_from(begun.elapsed().as_nanos()).unwrap());
        }
    }

    /// 64 messages written at once, 64 read back at once.
    pub(crate) fn pipelined(&mut self) -> f64 {
        self.socket.write_all(b"e").unwrap();
        let mut messages = vec![b'x'; MESSAGE * 64];
        let begun = Instant::now();
        let mut count = 0;
        loop {
            let last = begun.elapsed() > ROUND;
            messages.fill(b'x');
            if last {
                let at = MESSAGE * 63;
                messages[at] = b'.';
            }
            self.socket.write_all(&messages).unwrap();
            self.socket.read_exact(&mut messages).unwrap();
            count += 64;
            if last {
                return per_second(count, begun.elapsed());
            }
        }
    }

    /// Bytes in batches, counted as messages of 64.
    pub(crate) fn stream(&mut self) -> f64 {
        let batches = 4000u64;
        self.socket.write_all(b"s").unwrap();
        self.socket.write_all(&batches.to_le_bytes()).unwrap();
        let mut buffer = vec![0; BATCH];
        let begun = Instant::now();
        let mut left = usize::try_from(batches).unwrap() * BATCH;
        while left > 0 {
            let most = left.min(BATCH);
            left -= self.socket.read(&mut buffer[..most]).unwrap();
        }
        per_second(batches * (BATCH / MESSAGE) as u64, begun.elapsed())
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.socket.shutdown(std::net::Shutdown::Both);
        let _ = self.child.wait();
    }
}

/// The executable started, to its first byte over an inherited socket.
pub(crate) fn exec() -> f64 {
    let mut samples = Vec::new();
    for _ in 0..20 {
        let begun = Instant::now();
        let mut peer = Peer::start();
        let mut message = [b'.'; MESSAGE];
        peer.socket.write_all(b"e").unwrap();
        peer.socket.write_all(&message).unwrap();
        peer.socket.read_exact(&mut message).unwrap();
        samples.push(u64::try_from(begun.elapsed().as_nanos()).unwrap());
    }
    median_micros(&samples)
}
