//! Receiving straight into the spare room of a buffer, without zeroing it first.
use std::os::fd::AsFd;

use bytes::BytesMut;
use rustix::net::RecvFlags;

/// Receives what is there into the spare capacity of `into` and returns how much that was.
pub(super) fn receive(fd: impl AsFd, into: &mut BytesMut) -> rustix::io::Result<usize> {
    let ((filled, _), _) = rustix::net::recv(fd, into.spare_capacity_mut(), RecvFlags::DONTWAIT)?;
    let n = filled.len();
    let len = into.len() + n;
    // SAFETY: `recv` returned `filled` as the initialised front of the spare capacity, which
    // begins at the old length; so the first `len` bytes are initialised and within capacity.
    unsafe { into.set_len(len) };
    Ok(n)
}
