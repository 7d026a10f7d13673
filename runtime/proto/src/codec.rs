//! Length-prefixed msgpack for the planes that are not hot: bus and hub. Names are written out, so
//! that a console of the neighbouring version still reads a tree.
use std::fmt;

use serde::Serialize;
use serde::de::DeserializeOwned;

/// The largest bus or hub frame: far above any page we send, far below what would hurt.
pub const MAX_FRAME: usize = 8 << 20;

/// Why bytes are not a frame.
#[derive(Debug)]
pub enum DecodeError {
    /// The length is above [`MAX_FRAME`].
    TooLarge(usize),
    /// The body is not what it should be.
    Malformed(String),
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLarge(len) => write!(f, "a frame of {len} bytes is above the limit of {MAX_FRAME}"),
            Self::Malformed(why) => write!(f, "malformed frame: {why}"),
        }
    }
}
impl std::error::Error for DecodeError {}

/// Appends one frame to `out`.
///
/// # Errors
/// When the value cannot be encoded, or is above [`MAX_FRAME`]; `out` is then unchanged.
pub fn encode<T: Serialize>(value: &T, out: &mut Vec<u8>) -> Result<(), DecodeError> {
    let at = out.len();
    out.extend_from_slice(&[0; 4]);
    let mut serializer = rmp_serde::Serializer::new(&mut *out).with_struct_map();
    if let Err(error) = value.serialize(&mut serializer) {
        out.truncate(at);
        return Err(DecodeError::Malformed(error.to_string()));
    }
    let len = out.len() - at - 4;
    if len > MAX_FRAME {
        out.truncate(at);
        return Err(DecodeError::TooLarge(len));
    }
    #[allow(clippy::cast_possible_truncation)]
    out[at..at + 4].copy_from_slice(&(len as u32).to_le_bytes());
    Ok(())
}

/// Takes the first whole frame from the front of `buffer`; `None` when there is none yet.
///
/// # Errors
/// When the length is above [`MAX_FRAME`] (known before any of the body is kept) or the body is malformed.
pub fn decode<T: DeserializeOwned>(buffer: &mut Vec<u8>) -> Result<Option<T>, DecodeError> {
    let Some(head) = buffer.first_chunk::<4>() else { return Ok(None) };
    let len = u32::from_le_bytes(*head) as usize;
    if len > MAX_FRAME {
        return Err(DecodeError::TooLarge(len));
    }
    if buffer.len() < 4 + len {
        return Ok(None);
    }
    let value = rmp_serde::from_slice(&buffer[4..4 + len]).map_err(|e| DecodeError::Malformed(e.to_string()));
    buffer.drain(..4 + len);
    value.map(Some)
}
