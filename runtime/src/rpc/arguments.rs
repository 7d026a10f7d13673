//! The arguments of a call: written one after the other, read back one by one, so that a mismatch can name its argument.
use std::fmt;

use bytes::{BufMut, Bytes, BytesMut};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Why an argument could not be written.
#[derive(Debug)]
pub struct EncodeError {
    what: String,
    why: String,
}

impl fmt::Display for EncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} cannot be sent: {}", self.what, self.why)
    }
}
impl std::error::Error for EncodeError {}

/// Why an argument could not be read.
#[derive(Debug)]
pub struct ArgError {
    /// Which argument.
    pub name: &'static str,
    /// The type it should have.
    pub expected: &'static str,
    /// What the decoder says.
    pub why: String,
}

impl fmt::Display for ArgError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "argument `{}` is not a `{}`: {}", self.name, self.expected, self.why)
    }
}
impl std::error::Error for ArgError {}

/// All arguments of one endpoint.
pub trait Arguments: Sized + 'static {
    /// Writes them.
    ///
    /// # Errors
    /// When one of them cannot be encoded.
    fn encode(&self, out: &mut ArgWriter<'_>) -> Result<(), EncodeError>;
    /// Reads them.
    ///
    /// # Errors
    /// When the bytes are not these arguments.
    fn decode(input: &mut ArgReader<'_>) -> Result<Self, ArgError>;
    /// Prints them for people, bounded.
    fn describe(&self, out: &mut Describe);
}

/// Where arguments are written.
pub struct ArgWriter<'a> {
    out: &'a mut BytesMut,
}

impl<'a> ArgWriter<'a> {
    pub(crate) fn new(out: &'a mut BytesMut) -> Self {
        Self { out }
    }
    /// Writes the next argument.
    ///
    /// # Errors
    /// When it cannot be encoded.
    pub fn arg(&mut self, name: &'static str, value: &impl Serialize) -> Result<(), EncodeError> {
        encode_into(self.out, value).map_err(|why| EncodeError { what: format!("argument `{name}`"), why })
    }
}

/// Where arguments are read from.
pub struct ArgReader<'a> {
    input: std::io::Cursor<&'a [u8]>,
}

impl<'a> ArgReader<'a> {
    pub(crate) fn new(input: &'a [u8]) -> Self {
        Self { input: std::io::Cursor::new(input) }
    }
    /// Reads the next argument.
    ///
    /// # Errors
    /// When it is not a `T`.
    pub fn arg<T: DeserializeOwned>(&mut self, name: &'static str) -> Result<T, ArgError> {
        T::deserialize(&mut rmp_serde::Deserializer::new(&mut self.input)).map_err(|error| ArgError {
            name,
            expected: std::any::type_name::<T>(),
            why: error.to_string(),
        })
    }
    /// Whether anything is left unread: then the other side has more arguments than we know.
    pub(crate) fn is_done(&self) -> bool {
        self.input.position() >= self.input.get_ref().len() as u64
    }
}

/// Arguments as text, bounded.
#[derive(Default)]
pub struct Describe {
    text: String,
}

impl Describe {
    const MAX: usize = 200;

    /// Adds one argument.
    pub fn arg(&mut self, name: &'static str, value: &impl Serialize) {
        if self.text.len() >= Self::MAX {
            return;
        }
        if !self.text.is_empty() {
            self.text.push_str(", ");
        }
        self.text.push_str(name);
        self.text.push('=');
        let shown = serde_json::to_string(value).unwrap_or_else(|_| "?".into());
        let room = Self::MAX.saturating_sub(self.text.len());
        if shown.len() <= room {
            self.text.push_str(&shown);
        } else {
            self.text.extend(shown.chars().take(room));
            self.text.push('…');
        }
    }
    pub(crate) fn into_text(self) -> String {
        self.text
    }
}

/// Appends one value.
pub(crate) fn encode_into(out: &mut BytesMut, value: &impl Serialize) -> Result<(), String> {
    value.serialize(&mut rmp_serde::Serializer::new(out.writer())).map_err(|error| error.to_string())
}

/// Appends the members of a tuple, one after the other.
pub(crate) fn encode_tuple(out: &mut BytesMut, values: &impl Serialize) -> Result<(), String> {
    let encoded = rmp_serde::to_vec(values).map_err(|error| error.to_string())?;
    // The members stand behind the head of the array: one byte up to 15 of them, three beyond.
    let members = match encoded.first() {
        Some(0xc0) => &encoded[1..],
        Some(0x90..=0x9f) => &encoded[1..],
        Some(0xdc) => encoded.get(3..).unwrap_or_default(),
        _ => return Err("the arguments are not a tuple; write one argument as `(value,)`, none as `()`".into()),
    };
    out.put_slice(members);
    Ok(())
}

/// One value on its own.
pub(crate) fn encode(value: &impl Serialize) -> Result<Bytes, EncodeError> {
    let mut out = BytesMut::new();
    encode_into(&mut out, value).map_err(|why| EncodeError { what: "a value".into(), why })?;
    Ok(out.freeze())
}
