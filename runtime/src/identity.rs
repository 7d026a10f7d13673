//! Who this process is, and names nobody has had.
use std::sync::OnceLock;

use coulter_proto::id::{Aid, Uuid};

static CURRENT: OnceLock<Aid> = OnceLock::new();

/// Tells the process who it is, once.
pub(crate) fn set_current(aid: &Aid) {
    let _ = CURRENT.set(aid.clone());
}

/// Who this process is, if it is an actor; on any thread.
pub(crate) fn current() -> Option<Aid> {
    CURRENT.get().cloned()
}

/// A uuid nobody has had.
pub(crate) fn fresh_uuid() -> Uuid {
    let mut bytes = [0; 16];
    crate::sys::random::fill(&mut bytes);
    uuid::Builder::from_random_bytes(bytes).into_uuid()
}
