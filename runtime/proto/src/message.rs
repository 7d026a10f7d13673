//! What travels on a channel between two actors: frames, and the small bodies the runtime itself reads.
//!
//! ```text
//! frame := u32 length (LE) | u8 kind | varint dialog | body
//! ```
//! The length counts everything behind itself. The body of `Start` is a [`StartHead`] followed by
//! the encoded arguments; the bodies of `Started`, `Item` and `Return` are one payload of the
//! user's; all others are bodies of this module.
use std::fmt;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::error::CancelCause;
use crate::id::{ContextKey, DialogId};
use crate::observe::DialogKind;
use crate::window::WindowSize;

/// The largest frame one accepts unless told otherwise: 64 MiB.
pub const DEFAULT_MAX_FRAME: usize = 64 << 20;

/// The kind of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[repr(u8)]
pub enum Kind {
    /// Handshake messages; see [`crate::handshake`]. Only before anything else.
    Handshake = 1,
    /// Opens a dialog.
    Start = 2,
    /// The callee runs it: contexts only, for a call's first word is its last.
    Accepted = 3,
    /// The callee's `started(value)`.
    Started = 4,
    /// One item of a stream.
    Item = 5,
    /// No more items from this side.
    EndOfStream = 6,
    /// The receiver took some: [`Credit`].
    Credit = 7,
    /// The sender dropped items for want of credit: [`Dropped`].
    Dropped = 8,
    /// Final word: a value.
    Return = 9,
    /// Final word: a [`crate::error::Failure`].
    Fail = 10,
    /// The caller asks the callee's task to cancel: [`CancelCause`].
    Cancel = 11,
    /// The callee saw the cancel.
    CancelAck = 12,
    /// Asks the whole actor to cancel: [`CancelCause`]. Dialog 0.
    CancelActor = 13,
    /// The actor saw it. Dialog 0.
    CancelActorAck = 14,
    /// Child to parent, dialog 0: endpoints callable, registered: [`Ready`].
    Ready = 15,
    /// Are you there? Dialog 0.
    Ping = 16,
    /// Yes. Dialog 0.
    Pong = 17,
    /// Nothing more will come, on purpose. Dialog 0.
    Goodbye = 18,
}

impl Kind {
    /// The kind with this number.
    #[must_use]
    pub fn from_u8(number: u8) -> Option<Self> {
        Some(match number {
            1 => Self::Handshake,
            2 => Self::Start,
            3 => Self::Accepted,
            4 => Self::Started,
            5 => Self::Item,
            6 => Self::EndOfStream,
            7 => Self::Credit,
            8 => Self::Dropped,
            9 => Self::Return,
            10 => Self::Fail,
            11 => Self::Cancel,
            12 => Self::CancelAck,
            13 => Self::CancelActor,
            14 => Self::CancelActorAck,
            15 => Self::Ready,
            16 => Self::Ping,
            17 => Self::Pong,
            18 => Self::Goodbye,
            _ => return None,
        })
    }
}

/// One frame, read. The body is a slice of the connection's buffer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// What it is.
    pub kind: Kind,
    /// Which dialog it belongs to; 0 for the channel itself.
    pub dialog: DialogId,
    /// The rest.
    pub body: Bytes,
}

/// Why bytes are no frame. Each ends the channel: there is no way to find the next frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FrameError {
    /// Longer than the limit.
    TooLarge {
        /// The announced length.
        len: usize,
        /// The limit.
        max: usize,
    },
    /// A kind nobody knows.
    UnknownKind(u8),
    /// Too short, or a varint that does not end.
    Malformed(&'static str),
    /// The body is not what its kind says.
    Body(String),
}

impl fmt::Display for FrameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLarge { len, max } => write!(f, "a frame of {len} bytes is above the limit of {max}"),
            Self::UnknownKind(kind) => write!(f, "unknown frame kind {kind}"),
            Self::Malformed(what) => write!(f, "malformed frame: {what}"),
            Self::Body(why) => write!(f, "malformed frame body: {why}"),
        }
    }
}
impl std::error::Error for FrameError {}

/// The open end of a frame being written: [`Open::close`] fills in the length.
#[derive(Debug)]
#[must_use]
pub struct Open {
    at: usize,
}

/// Begins a frame in `out`; write the body behind it, then [`Open::close`].
pub fn open(out: &mut BytesMut, kind: Kind, dialog: DialogId) -> Open {
    let at = out.len();
    out.put_u32_le(0);
    out.put_u8(kind as u8);
    put_varint(out, dialog.0);
    Open { at }
}

impl Open {
    /// Ends the frame.
    ///
    /// # Errors
    /// When it is above `max`; `out` is then as it was before [`open`].
    pub fn close(self, out: &mut BytesMut, max: usize) -> Result<(), FrameError> {
        let len = out.len() - self.at - 4;
        if len > max {
            out.truncate(self.at);
            return Err(FrameError::TooLarge { len, max });
        }
        #[allow(clippy::cast_possible_truncation)]
        out[self.at..self.at + 4].copy_from_slice(&(len as u32).to_le_bytes());
        Ok(())
    }
    /// Takes the frame back; `out` is then as it was before [`open`].
    pub fn abandon(self, out: &mut BytesMut) {
        out.truncate(self.at);
    }
}

/// Takes the first whole frame from the front of `buffer`; `None` when more bytes are needed.
///
/// # Errors
/// When the bytes are no frame. The length and the kind are checked before anything is waited for or allocated.
pub fn take_frame(buffer: &mut BytesMut, max: usize) -> Result<Option<Frame>, FrameError> {
    let Some(head) = buffer.first_chunk::<4>() else { return Ok(None) };
    let len = u32::from_le_bytes(*head) as usize;
    if len > max {
        return Err(FrameError::TooLarge { len, max });
    }
    if len < 2 {
        return Err(FrameError::Malformed("shorter than its own head"));
    }
    if let Some(&kind) = buffer.get(4)
        && Kind::from_u8(kind).is_none()
    {
        return Err(FrameError::UnknownKind(kind));
    }
    if buffer.len() < 4 + len {
        return Ok(None);
    }
    buffer.advance(4);
    let mut body = buffer.split_to(len).freeze();
    let kind = body.get_u8();
    let kind = Kind::from_u8(kind).ok_or(FrameError::UnknownKind(kind))?;
    let dialog = DialogId(take_varint(&mut body)?);
    Ok(Some(Frame { kind, dialog, body }))
}

fn put_varint(out: &mut BytesMut, mut value: u64) {
    while value >= 0x80 {
        #[allow(clippy::cast_possible_truncation)]
        out.put_u8(value as u8 | 0x80);
        value >>= 7;
    }
    #[allow(clippy::cast_possible_truncation)]
    out.put_u8(value as u8);
}

fn take_varint(body: &mut Bytes) -> Result<u64, FrameError> {
    let mut value = 0u64;
    for shift in (0..64).step_by(7) {
        if !body.has_remaining() {
            return Err(FrameError::Malformed("the dialog number does not end"));
        }
        let byte = body.get_u8();
        let bits = u64::from(byte & 0x7f);
        if shift == 63 && bits > 1 {
            break;
        }
        value |= bits << shift;
        if byte & 0x80 == 0 {
            return Ok(value);
        }
    }
    Err(FrameError::Malformed("the dialog number is too large"))
}

/// Writes a whole frame whose body is one of ours.
///
/// # Errors
/// When the body cannot be encoded or is above `max`; `out` is then unchanged.
pub fn put<T: Serialize>(out: &mut BytesMut, kind: Kind, dialog: DialogId, body: &T, max: usize) -> Result<(), FrameError> {
    let frame = open(out, kind, dialog);
    match body.serialize(&mut rmp_serde::Serializer::new((&mut *out).writer())) {
        Ok(()) => frame.close(out, max),
        Err(error) => {
            frame.abandon(out);
            Err(FrameError::Body(error.to_string()))
        }
    }
}

/// Writes a frame without a body.
pub fn put_empty(out: &mut BytesMut, kind: Kind, dialog: DialogId) {
    let frame = open(out, kind, dialog);
    let closed = frame.close(out, usize::MAX);
    debug_assert!(closed.is_ok());
}

/// Reads a body of ours.
///
/// # Errors
/// When it is something else.
pub fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, FrameError> {
    rmp_serde::from_slice(body).map_err(|error| FrameError::Body(error.to_string()))
}

/// Reads a body of ours from the front of `body` and leaves what follows it.
///
/// # Errors
/// When it is something else.
pub fn read_front<T: DeserializeOwned>(body: &mut Bytes) -> Result<T, FrameError> {
    let mut cursor = std::io::Cursor::new(&body[..]);
    let value = T::deserialize(&mut rmp_serde::Deserializer::new(&mut cursor)).map_err(|error| FrameError::Body(error.to_string()))?;
    #[allow(clippy::cast_possible_truncation)]
    let used = cursor.position() as usize;
    body.advance(used);
    Ok(value)
}

/// The head of a `Start`: which endpoint, and on what terms.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StartHead {
    /// Call or context.
    pub kind: DialogKind,
    /// The same number on both sides, unique in the tree.
    pub key: ContextKey,
    /// `module::name@file:line:col`.
    pub endpoint: String,
    /// Of the endpoint's payload types; two builds that differ do not get past here.
    pub fingerprint: u64,
    /// The window each side grants the other.
    pub window: WindowSize,
    /// What a sender does when the window is full.
    pub overrun: crate::window::Overrun,
}

/// How much the receiver has taken since its last word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Credit {
    /// Messages.
    pub messages: u32,
    /// Bytes.
    pub bytes: u64,
}

/// How many items the sender has dropped since its last word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dropped {
    /// Items.
    pub count: u64,
}

/// A child's word that it can be called.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ready {
    /// Where it listens.
    pub addresses: Vec<crate::spawn::Address>,
}

/// The body of `Cancel` and `CancelActor`.
pub type CancelBody = CancelCause;
