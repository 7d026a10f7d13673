//! Values that `pause!(..)` hands to the debugger, by what their types can do.
//!
//! A macro cannot ask whether a type is `Serialize`; method lookup can. [`Probe`] is wrapped in as
//! many references as there are answers, and the compiler takes the first that fits:
//! `Serialize + Debug`, `Serialize`, `Debug`, or only the name of the type. The same for [`Slot`],
//! which writes a value back where the type is `DeserializeOwned`. Works in generic code too,
//! where it sees the bounds that are written there.
use std::fmt::{self, Debug, Write};

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// No more than this is kept of one printed value.
const MAX_TEXT: usize = 64 << 10;

/// Tells whether a value fits the type, without applying it.
pub(crate) type Check = fn(&Value) -> Result<(), String>;

/// A value as it was when the thread halted.
#[derive(Clone, Debug)]
pub struct Capture {
    /// As written in the macro.
    pub name: &'static str,
    /// The full name of its type.
    pub type_name: &'static str,
    /// Its `Debug`, on one line and on several.
    pub debug: Option<(String, String)>,
    /// Its `Serialize`, or why that failed.
    pub value: Option<Result<Value, String>>,
    /// For what was captured by `&mut`.
    pub settable: Settable,
}

/// Whether a capture can be set.
#[derive(Clone, Copy, Debug)]
pub enum Settable {
    /// It was not captured by `&mut`.
    No,
    /// It was, but its type is not `Deserialize`.
    NotDeserialize,
    /// Set when the thread goes on; checked before.
    Yes(Check),
}

impl Capture {
    fn of<T: ?Sized>(_: &T) -> Self {
        Self { name: "", type_name: std::any::type_name::<T>(), debug: None, value: None, settable: Settable::No }
    }
    fn with_debug<T: Debug + ?Sized>(mut self, value: &T) -> Self {
        let short = bounded(|out| write!(out, "{value:?}"));
        let long = bounded(|out| write!(out, "{value:#?}"));
        self.debug = Some((short, long));
        self
    }
    fn with_value<T: Serialize + ?Sized>(mut self, value: &T) -> Self {
        self.value = Some(serde_json::to_value(value).map_err(|error| error.to_string()));
        self
    }
    /// Gives it its name.
    #[must_use]
    pub fn named(mut self, name: &'static str) -> Self {
        self.name = name;
        self
    }
    /// Tells whether it can be set.
    #[must_use]
    pub fn settable(mut self, settable: Settable) -> Self {
        self.settable = settable;
        self
    }
}

/// Collects text up to [`MAX_TEXT`], then refuses more, so that a `Debug` of gigabytes stops early.
struct Bounded(String);

impl Write for Bounded {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let room = MAX_TEXT - self.0.len();
        if text.len() <= room {
            self.0.push_str(text);
            return Ok(());
        }
        let cut = (0..=room).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        self.0.push_str(&text[..cut]);
        Err(fmt::Error)
    }
}

fn bounded(print: impl FnOnce(&mut Bounded) -> fmt::Result) -> String {
    let mut out = Bounded(String::new());
    if print(&mut out).is_err() {
        out.0.push_str(" …");
    }
    out.0
}

/// A borrowed value whose abilities are asked for.
pub struct Probe<'a, T: ?Sized>(pub &'a T);

/// The first answer: both.
pub trait BySerializeAndDebug {
    /// Captures the value.
    fn capture(&self) -> Capture;
}
impl<T: Serialize + Debug + ?Sized> BySerializeAndDebug for &&&Probe<'_, T> {
    fn capture(&self) -> Capture {
        Capture::of(self.0).with_debug(self.0).with_value(self.0)
    }
}

/// The second answer: `Serialize` alone.
pub trait BySerialize {
    /// Captures the value.
    fn capture(&self) -> Capture;
}
impl<T: Serialize + ?Sized> BySerialize for &&Probe<'_, T> {
    fn capture(&self) -> Capture {
        Capture::of(self.0).with_value(self.0)
    }
}

/// The third answer: `Debug` alone.
pub trait ByDebug {
    /// Captures the value.
    fn capture(&self) -> Capture;
}
impl<T: Debug + ?Sized> ByDebug for &Probe<'_, T> {
    fn capture(&self) -> Capture {
        Capture::of(self.0).with_debug(self.0)
    }
}

/// The last answer: the name of the type.
pub trait ByName {
    /// Captures the name.
    fn capture(&self) -> Capture;
}
impl<T: ?Sized> ByName for Probe<'_, T> {
    fn capture(&self) -> Capture {
        Capture::of(self.0)
    }
}

/// A place that may be written to when the thread goes on.
pub struct Slot<'a, T>(pub &'a mut T);

/// For types that can be read from a value.
pub trait Write1 {
    /// How to tell whether a value fits.
    fn settable(&self) -> Settable;
    /// Writes it.
    ///
    /// # Errors
    /// When the value does not fit.
    fn write(&mut self, value: Value) -> Result<(), String>;
}

fn check<T: DeserializeOwned>(value: &Value) -> Result<(), String> {
    T::deserialize(value).map(drop).map_err(|error| error.to_string())
}

impl<T: DeserializeOwned> Write1 for &mut Slot<'_, T> {
    fn settable(&self) -> Settable {
        Settable::Yes(check::<T>)
    }
    fn write(&mut self, value: Value) -> Result<(), String> {
        *self.0 = serde_json::from_value(value).map_err(|error| error.to_string())?;
        Ok(())
    }
}

/// For all other types.
pub trait Write2 {
    /// They cannot.
    fn settable(&self) -> Settable;
    /// They cannot.
    ///
    /// # Errors
    /// Always.
    fn write(&mut self, value: Value) -> Result<(), String>;
}

impl<T> Write2 for Slot<'_, T> {
    fn settable(&self) -> Settable {
        Settable::NotDeserialize
    }
    fn write(&mut self, _: Value) -> Result<(), String> {
        Err(format!("{} is not Deserialize", std::any::type_name::<T>()))
    }
}
