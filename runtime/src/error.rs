//! The errors users see: [`Error`] from operations of the runtime, [`Report`] from bodies.
//!
//! An [`Error`] is matchable and a `std::error::Error`. A [`Report`] is what endpoint, block and
//! `main` bodies return: everything that is `Into<Box<dyn Error + Send + Sync>>` converts to it by
//! `?`, and it remembers where. Both carry a [`Failure`], the form that travels between processes.
use std::any::TypeId;
use std::error::Error as StdError;
use std::fmt;
use std::panic::Location;
use std::sync::Arc;

use coulter_proto::error::{CancelCause, Failure, FailureKind};
use coulter_proto::exit::ExitStatus;
use coulter_proto::id::{Aid, Uuid};

type BoxError = Box<dyn StdError + Send + Sync>;

/// The result of a body: an endpoint, a block, `main`.
pub type Result<T, E = Report> = std::result::Result<T, E>;

/// What an operation of the runtime failed with.
///
/// Small to match on; everything that is known is in its [`Failure`].
#[derive(Clone)]
#[non_exhaustive]
pub enum Error {
    /// An error that came out of a task in another actor.
    Remote(RemoteActorError),
    /// The other side's task, or the code around this call, was cancelled.
    Cancelled(ContextCancelled),
    /// A process ended unasked.
    ActorDied(ActorDied),
    /// The endpoint's module is not exposed by that actor.
    ModuleNotExposed(Arc<Failure>),
    /// The actor exposes the module, but has no such endpoint.
    NoSuchEndpoint(Arc<Failure>),
    /// A payload was not of the type that was expected.
    MsgType(Arc<Failure>),
    /// The context's task returned without calling `started`.
    NotStarted(Arc<Failure>),
    /// A stream opened with `Overrun::Error` was full.
    StreamOverrun(Arc<Failure>),
    /// The stream has ended; the failure says why.
    StreamClosed(Arc<Failure>),
    /// The channel to the peer was lost.
    TransportClosed(Arc<Failure>),
    /// The peer did not acknowledge in time.
    ActorTooSlow(Arc<Failure>),
    /// The person at the debugger quit the task.
    DebugQuit(Arc<Failure>),
    /// There is no actor runtime on this thread.
    NoRuntime(Arc<Failure>),
    /// The runtime refused or could not do what was asked.
    Runtime(Arc<Failure>),
    /// Several errors at once.
    Group(Arc<Failure>),
}

/// An error raised in another actor: where, what, and the way it came.
#[derive(Clone)]
pub struct RemoteActorError(Arc<Failure>);

/// A cancellation: who asked, and what was behind it.
#[derive(Clone)]
pub struct ContextCancelled(Arc<Failure>);

/// The unasked end of a process.
#[derive(Clone)]
pub struct ActorDied(Arc<Failure>);

impl RemoteActorError {
    /// The actor it was raised in; hops in between do not change it.
    #[must_use]
    pub fn source_actor(&self) -> Option<&Aid> {
        self.0.source.as_ref()
    }
    /// The name of the Rust type it had there.
    #[must_use]
    pub fn type_name(&self) -> &str {
        &self.0.type_name
    }
    /// Its message.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.0.message
    }
    /// Each actor it passed after its source, in order.
    #[must_use]
    pub fn relay_path(&self) -> &[Aid] {
        &self.0.relay
    }
    /// Whether it was a panic.
    #[must_use]
    pub fn is_panic(&self) -> bool {
        self.0.kind == FailureKind::Panic
    }
    /// Everything known about it.
    #[must_use]
    pub fn failure(&self) -> &Failure {
        &self.0
    }
}

impl ContextCancelled {
    /// The actor that asked for the cancel, when it is known.
    #[must_use]
    pub fn canceller(&self) -> Option<&Aid> {
        self.cause().and_then(|cause| cause.by.as_ref())
    }
    /// The cause, and the causes behind it.
    #[must_use]
    pub fn cause(&self) -> Option<&CancelCause> {
        match &self.0.kind {
            FailureKind::Cancelled(cause) => Some(cause),
            _ => None,
        }
    }
    /// Everything known about it.
    #[must_use]
    pub fn failure(&self) -> &Failure {
        &self.0
    }
}

impl ActorDied {
    /// Who died.
    #[must_use]
    pub fn actor(&self) -> Option<&Aid> {
        match &self.0.kind {
            FailureKind::ActorDied { actor, .. } => Some(actor),
            _ => None,
        }
    }
    /// How.
    #[must_use]
    pub fn status(&self) -> ExitStatus {
        match &self.0.kind {
            FailureKind::ActorDied { status, .. } => *status,
            _ => ExitStatus::Unknown,
        }
    }
    /// The last lines it printed.
    #[must_use]
    pub fn last_output(&self) -> &[String] {
        match &self.0.kind {
            FailureKind::ActorDied { last_output, .. } => last_output,
            _ => &[],
        }
    }
    /// Everything known about it.
    #[must_use]
    pub fn failure(&self) -> &Failure {
        &self.0
    }
}

impl Error {
    /// The error that stands for a failure.
    #[must_use]
    pub fn from_failure(failure: impl Into<Arc<Failure>>) -> Self {
        let failure = failure.into();
        match failure.kind {
            FailureKind::Application | FailureKind::Panic => Self::Remote(RemoteActorError(failure)),
            FailureKind::Cancelled(_) => Self::Cancelled(ContextCancelled(failure)),
            FailureKind::ActorDied { .. } => Self::ActorDied(ActorDied(failure)),
            FailureKind::ModuleNotExposed { .. } => Self::ModuleNotExposed(failure),
            FailureKind::NoSuchEndpoint { .. } => Self::NoSuchEndpoint(failure),
            FailureKind::MsgType { .. } => Self::MsgType(failure),
            FailureKind::NotStarted => Self::NotStarted(failure),
            FailureKind::StreamOverrun => Self::StreamOverrun(failure),
            FailureKind::TransportClosed => Self::TransportClosed(failure),
            FailureKind::ActorTooSlow => Self::ActorTooSlow(failure),
            FailureKind::DebugQuit => Self::DebugQuit(failure),
            FailureKind::Runtime => Self::Runtime(failure),
            FailureKind::Group => Self::Group(failure),
        }
    }

    pub(crate) fn new(kind: FailureKind, message: impl Into<String>) -> Self {
        Self::from_failure(new_failure(kind, message))
    }

    pub(crate) fn runtime(message: impl Into<String>) -> Self {
        Self::new(FailureKind::Runtime, message)
    }

    pub(crate) fn no_runtime(asked: &str) -> Self {
        Self::NoRuntime(Arc::new(new_failure(
            FailureKind::Runtime,
            format!(
                "`{asked}` was called on a thread that runs no actor; call it from `#[coulter::main]`, `#[coulter::test]`, an endpoint, or inside `coulter::Root::run`"
            ),
        )))
    }

    pub(crate) fn stream_closed(message: impl Into<String>) -> Self {
        Self::StreamClosed(Arc::new(new_failure(FailureKind::Runtime, message)))
    }

    /// Everything known about it.
    #[must_use]
    pub fn failure(&self) -> &Arc<Failure> {
        match self {
            Self::Remote(e) => &e.0,
            Self::Cancelled(e) => &e.0,
            Self::ActorDied(e) => &e.0,
            Self::ModuleNotExposed(f)
            | Self::NoSuchEndpoint(f)
            | Self::MsgType(f)
            | Self::NotStarted(f)
            | Self::StreamOverrun(f)
            | Self::StreamClosed(f)
            | Self::TransportClosed(f)
            | Self::ActorTooSlow(f)
            | Self::DebugQuit(f)
            | Self::NoRuntime(f)
            | Self::Runtime(f)
            | Self::Group(f) => f,
        }
    }

    /// Whether it is a cancellation and nothing else.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.failure().is_cancelled()
    }

    /// The members of a group; the error itself if it is none.
    #[must_use]
    pub fn members(&self) -> Vec<Self> {
        match self {
            Self::Group(failure) => failure.members.iter().cloned().map(Self::from_failure).collect(),
            one => vec![one.clone()],
        }
    }
}

/// A failure with a fresh id.
pub(crate) fn new_failure(kind: FailureKind, message: impl Into<String>) -> Failure {
    Failure::new(crate::identity::fresh_uuid(), kind, message)
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.failure())
    }
}
impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_failure(f, self.failure(), 0)
    }
}
impl StdError for Error {}

/// What a body failed with: any error, and the place where it became one.
///
/// Not a `std::error::Error` itself (else `?` could not fill it from all of them); it converts
/// into `Box<dyn Error>`.
pub struct Report(Box<ReportInner>);

struct ReportInner {
    error: BoxError,
    at: &'static Location<'static>,
    type_name: &'static str,
    id: Uuid,
    /// The user's frames, in debug mode: the stack of the failing `?`, before it is gone.
    stack: Option<String>,
}

impl<E: Into<BoxError> + 'static> From<E> for Report {
    #[track_caller]
    fn from(error: E) -> Self {
        let (type_name, wrapped) = (std::any::type_name::<E>(), TypeId::of::<E>() == TypeId::of::<BoxError>());
        let error = error.into();
        let id = error.downcast_ref::<Error>().map_or_else(crate::identity::fresh_uuid, |e| e.failure().id);
        let type_name = if wrapped { "dyn Error" } else { type_name };
        // What came from another actor has its stack there.
        let stack = if error.is::<Error>() { None } else { crate::hooks::stack_text() };
        Self(Box::new(ReportInner { error, at: Location::caller(), type_name, id, stack }))
    }
}

/// A report inside a `Box<dyn Error>`.
struct Travelling(Report);
impl fmt::Debug for Travelling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}
impl fmt::Display for Travelling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}
impl StdError for Travelling {}

impl From<Report> for Box<dyn StdError> {
    fn from(report: Report) -> Self {
        Box::new(Travelling(report))
    }
}

impl Report {
    /// A report made of a message.
    #[track_caller]
    pub fn msg(message: impl fmt::Display) -> Self {
        let text: BoxError = message.to_string().into();
        Self(Box::new(ReportInner {
            error: text,
            at: Location::caller(),
            type_name: "String",
            id: crate::identity::fresh_uuid(),
            stack: crate::hooks::stack_text(),
        }))
    }

    #[track_caller]
    pub(crate) fn from_failure(failure: Failure) -> Self {
        Self::from(Error::from_failure(failure))
    }

    /// The error inside, as type `E`.
    #[must_use]
    pub fn downcast_ref<E: StdError + 'static>(&self) -> Option<&E> {
        if let Some(found) = self.0.error.downcast_ref::<E>() {
            return Some(found);
        }
        let mut next = self.0.error.source();
        while let Some(error) = next {
            if let Some(found) = error.downcast_ref::<E>() {
                return Some(found);
            }
            next = error.source();
        }
        None
    }

    /// The runtime's error inside, if it is one.
    #[must_use]
    pub fn as_error(&self) -> Option<&Error> {
        self.downcast_ref::<Error>()
    }

    /// Whether it is a cancellation and nothing else.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.as_error().is_some_and(Error::is_cancelled)
    }

    /// The same error has the same id wherever it is seen.
    pub(crate) fn id(&self) -> Uuid {
        self.0.id
    }

    /// Where it became an error of ours.
    #[must_use]
    pub fn location(&self) -> &'static Location<'static> {
        self.0.at
    }

    /// The form that travels: what the runtime already knows, or this error described.
    #[must_use]
    pub fn to_failure(&self) -> Failure {
        if let Some(error) = self.as_error() {
            return Failure::clone(error.failure());
        }
        let mut failure = Failure::new(self.0.id, FailureKind::Application, self.0.error.to_string());
        failure.type_name = self.0.type_name.to_owned();
        failure.location = Some(format!("{}:{}:{}", self.0.at.file(), self.0.at.line(), self.0.at.column()));
        failure.source = crate::identity::current();
        failure.backtrace.clone_from(&self.0.stack);
        let mut next = self.0.error.source();
        while let Some(error) = next {
            failure.causes.push(error.to_string());
            next = error.source();
        }
        failure
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0.error, f)
    }
}

impl fmt::Debug for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_failure(f, &self.to_failure(), 0)
    }
}

/// The report of one failure for people: the source's trace once, each hop one line.
fn write_failure(f: &mut fmt::Formatter<'_>, failure: &Failure, depth: usize) -> fmt::Result {
    const MAX_FRAMES: usize = 24;
    let pad = "  ".repeat(depth);
    writeln!(f, "{}", failure.message)?;
    if let Some(source) = &failure.source {
        let what = if failure.kind == FailureKind::Panic { "panicked" } else { "failed" };
        match &failure.origin {
            Some(origin) => writeln!(f, "{pad}  in {source}: {origin} {what}")?,
            None => writeln!(f, "{pad}  in {source}")?,
        }
    }
    if let Some(location) = &failure.location {
        writeln!(f, "{pad}  at {location}")?;
    }
    if !failure.type_name.is_empty() {
        writeln!(f, "{pad}  type {}", failure.type_name)?;
    }
    for cause in &failure.causes {
        writeln!(f, "{pad}  because {cause}")?;
    }
    if let FailureKind::Cancelled(cause) = &failure.kind {
        for why in &cause.behind {
            writeln!(f, "{pad}  because {why}")?;
        }
    }
    if let FailureKind::ActorDied { last_output, .. } = &failure.kind {
        for line in last_output.iter().rev().take(12).rev() {
            writeln!(f, "{pad}  | {line}")?;
        }
    }
    if let Some(backtrace) = &failure.backtrace {
        for line in backtrace.lines().take(MAX_FRAMES) {
            writeln!(f, "{pad}  {line}")?;
        }
    }
    for hop in &failure.relay {
        writeln!(f, "{pad}  through {hop}")?;
    }
    for (n, member) in failure.members.iter().enumerate() {
        write!(f, "{pad}  {}. ", n + 1)?;
        write_failure(f, member, depth + 1)?;
    }
    Ok(())
}

/// One failure of several: bare when it is one, a group else. Cancellations step back behind real errors.
pub(crate) fn group(mut failures: Vec<Failure>) -> Option<Failure> {
    let mut seen = std::collections::HashSet::new();
    failures.retain(|failure| seen.insert(failure.id));
    if failures.iter().any(|failure| !failure.is_cancelled()) {
        failures.retain(|failure| !failure.is_cancelled());
    } else {
        failures.truncate(1);
    }
    if failures.len() < 2 {
        return failures.pop();
    }
    let messages: Vec<_> = failures.iter().take(3).map(|failure| failure.message.as_str()).collect();
    let more = if failures.len() > messages.len() { "; .." } else { "" };
    let mut group = new_failure(FailureKind::Group, format!("{} errors: {}{more}", failures.len(), messages.join("; ")));
    group.members = failures;
    Some(group)
}
