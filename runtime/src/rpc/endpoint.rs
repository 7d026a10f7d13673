//! What `#[coulter::endpoint]` and `#[coulter::context]` make of a function: an entry in a table
//! filled at link time, and a type of the same name that makes typed calls.
use std::collections::HashMap;
use std::future::Future;
use std::hash::{Hash, Hasher};
use std::pin::Pin;
use std::sync::OnceLock;

use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::arguments::Arguments;
use super::invoke::Invocation;
use crate::error::Report;

/// How an endpoint is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntryKind {
    /// By `portal.run`.
    Call,
    /// By `portal.open_context`.
    Context,
}

/// What a task of ours ends with: the encoded value, or the error.
pub type TaskFuture = Pin<Box<dyn Future<Output = Result<Bytes, Report>>>>;

/// One endpoint of this executable.
pub struct Entry {
    /// `module::name@file:line:col`, or the path it was given.
    pub id: &'static str,
    /// The module it is in.
    pub module: &'static str,
    /// Its name.
    pub name: &'static str,
    /// Where it is.
    pub file: &'static str,
    /// Where it is.
    pub line: u32,
    /// How it is called.
    pub kind: EntryKind,
    /// A number that changes with its payload types.
    pub fingerprint: fn() -> u64,
    /// Runs it.
    pub run: fn(Invocation) -> TaskFuture,
}

/// All endpoints linked into this executable.
#[linkme::distributed_slice]
pub static ENDPOINTS: [Entry];

/// The entry with this id.
pub(crate) fn find(id: &str) -> Option<&'static Entry> {
    static BY_ID: OnceLock<HashMap<&'static str, &'static Entry>> = OnceLock::new();
    BY_ID.get_or_init(|| ENDPOINTS.iter().map(|entry| (entry.id, entry)).collect()).get(id).copied()
}

/// The entries at this path: two functions of one name in one module are possible (inside functions).
pub(crate) fn at_path(path: &str) -> Vec<&'static Entry> {
    ENDPOINTS.iter().filter(|entry| entry.path() == path).collect()
}

impl Entry {
    /// `module::name`, as people write it.
    pub(crate) fn path(&self) -> String {
        format!("{}::{}", self.module, self.name)
    }

    /// Whether `exposed` (modules, or single endpoints) covers it.
    pub(crate) fn is_exposed_by(&self, exposed: &[String]) -> bool {
        exposed.iter().any(|one| one == self.module || one == self.id || *one == self.path())
    }
}

/// A function that can be called in another actor.
#[diagnostic::on_unimplemented(message = "`{Self}` is no endpoint", label = "make it one with `#[coulter::endpoint]` or `#[coulter::context]`")]
pub trait Endpoint: 'static {
    /// Its arguments.
    type Args: Arguments;
    /// What it gives.
    type Ok: Serialize + DeserializeOwned + 'static;
    /// Its entry in the table.
    const ENTRY: &'static Entry;
}

/// A function that can be opened as a context in another actor.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no context",
    label = "`open_context` needs a `#[coulter::context]`; a plain endpoint is called with `portal.run(..)`"
)]
pub trait ContextEndpoint: Endpoint {
    /// The `Context<Started, In, Out>` of its first parameter.
    type Types: ContextTypes;
}

/// The three payload types of a context.
#[diagnostic::on_unimplemented(message = "`{Self}` is no `coulter::Context`", label = "the first parameter of a context is `ctx: Context<Started, In, Out>`")]
pub trait ContextTypes: Sized + 'static {
    /// Handed over by `started`.
    type Started: Serialize + DeserializeOwned + 'static;
    /// What the child receives.
    type In: Serialize + DeserializeOwned + 'static;
    /// What the child sends.
    type Out: Serialize + DeserializeOwned + 'static;
    #[doc(hidden)]
    fn from_invocation(invocation: &Invocation) -> Self;
}

/// What an endpoint may return besides a plain value.
#[diagnostic::on_unimplemented(
    message = "an endpoint returns a value that can be sent, or a `Result` of one, not `{Self}`",
    label = "the error type must convert into `coulter::Report`: any `std::error::Error + Send + Sync`, `anyhow::Error`, `String` .."
)]
pub trait Fallible {
    /// The value.
    type Ok;
    /// The value, or the error as a report.
    ///
    /// # Errors
    /// When it is one.
    fn into_outcome(self) -> Result<Self::Ok, Report>;
}

impl<T, E: Into<Report>> Fallible for Result<T, E> {
    type Ok = T;
    #[track_caller]
    fn into_outcome(self) -> Result<T, Report> {
        match self {
            Ok(value) => Ok(value),
            Err(error) => Err(error.into()),
        }
    }
}

/// A call that has its arguments, and waits for an actor to be run in. Made by `name::with(..)`.
#[must_use = "a call does nothing until it is run in an actor, e.g. by `portal.run(..)`"]
pub struct Call<E: Endpoint> {
    pub(crate) args: E::Args,
}

impl<E: Endpoint> Call<E> {
    #[doc(hidden)]
    pub fn new(args: E::Args) -> Self {
        Self { args }
    }
}

impl<E: Endpoint> std::fmt::Debug for Call<E> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut args = super::arguments::Describe::default();
        self.args.describe(&mut args);
        write!(f, "{}({})", E::ENTRY.path(), args.into_text())
    }
}

/// Names of types as a stable number. FNV-1a: the standard hasher is keyed anew in every process.
struct Fnv(u64);
impl Hasher for Fnv {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
}

fn hash_names(names: &[&str]) -> u64 {
    let mut hasher = Fnv(0xcbf2_9ce4_8422_2325);
    names.hash(&mut hasher);
    hasher.finish()
}

/// The types of the arguments, without the path of the struct that holds them: two programs that agree on an endpoint's
/// path need not agree on where their functions are.
fn argument_types<E: Endpoint>() -> &'static str {
    let name = std::any::type_name::<E::Args>();
    name.find('<').map_or("", |at| &name[at..])
}

/// The fingerprint of a call's payload types.
#[must_use]
pub fn fingerprint<E: Endpoint>() -> u64 {
    hash_names(&[argument_types::<E>(), std::any::type_name::<E::Ok>()])
}

/// The fingerprint of a context's payload types.
#[must_use]
pub fn fingerprint_context<E: ContextEndpoint>() -> u64 {
    hash_names(&[
        argument_types::<E>(),
        std::any::type_name::<E::Ok>(),
        std::any::type_name::<<E::Types as ContextTypes>::Started>(),
        std::any::type_name::<<E::Types as ContextTypes>::In>(),
        std::any::type_name::<<E::Types as ContextTypes>::Out>(),
    ])
}
