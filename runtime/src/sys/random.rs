//! Bytes nobody can guess.

/// Fills `bytes` with what nobody can guess.
pub(crate) fn fill(bytes: &mut [u8]) {
    if getrandom::fill(bytes).is_err() {
        // Linux gives random bytes to everyone since 3.17; a process that cannot have them cannot be told apart from others.
        eprintln!("coulter: this system gives no random bytes (getrandom failed); no actor can be started without them");
        std::process::abort();
    }
}
