//! The parent's side: opening a context or a call, the block, and what comes out of it.
use std::cell::{Cell, RefCell};
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll};

use bytes::BytesMut;
use coulter_proto::dialog::{BlockEnd, Caller, CallerInput, DialogKind, StartState, Verdict, Waiter};
use coulter_proto::error::{CancelCause, Failure, FailureKind};
use coulter_proto::id::{Aid, ContextKey, ErrorToken};
use coulter_proto::message::{FrameError, Kind, StartHead};
use coulter_proto::observe::Side;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::stream::{MsgStream, decode};
use crate::actor::Actor;
use crate::dialog::StreamOptions;
use crate::dialog::{Dialog, FinalWord, Opening, Owner, terms};
use crate::error::{Error, Report, Result, group};
use crate::ipc::channel::Channel;
use crate::observe::probe;
use crate::rpc::arguments::{ArgWriter, Arguments, Describe, encode_into, encode_tuple};
use crate::rpc::endpoint::{Call, ContextEndpoint, ContextTypes, Endpoint};
use crate::scope::{self, Duty, DutyHandle, ScopeId};

type Started<E> = <<E as ContextEndpoint>::Types as ContextTypes>::Started;
type In<E> = <<E as ContextEndpoint>::Types as ContextTypes>::In;
type Out<E> = <<E as ContextEndpoint>::Types as ContextTypes>::Out;

/// What a `Start` asks for.
struct Target<'a> {
    /// `module::name`.
    path: String,
    /// The endpoint's id, or its path where only that is known.
    id: &'a str,
    /// 0: unknown here, so not compared there.
    fingerprint: u64,
    arguments: String,
}

/// Sends a typed `Start`; the dialog it opened.
pub(crate) fn begin<E: Endpoint>(channel: &Rc<Channel>, call: &Call<E>, kind: DialogKind, options: &StreamOptions) -> Result<Rc<Dialog>, Error> {
    let entry = E::ENTRY;
    let mut arguments = Describe::default();
    // A call is over before anybody has read its arguments, unless somebody is looking already.
    if kind == DialogKind::Context || probe::get().is_followed() {
        call.args.describe(&mut arguments);
    }
    let target = Target { path: entry.path(), id: entry.id, fingerprint: (entry.fingerprint)(), arguments: arguments.into_text() };
    open_dialog(channel, target, kind, options, |out| call.args.encode(&mut ArgWriter::new(out)).map_err(|error| error.to_string()))
}

fn open_dialog(
    channel: &Rc<Channel>,
    target: Target<'_>,
    kind: DialogKind,
    options: &StreamOptions,
    write_arguments: impl FnOnce(&mut BytesMut) -> Result<(), String>,
) -> Result<Rc<Dialog>, Error> {
    let actor = Actor::current("a call")?;
    if channel.is_closed() {
        return Err(Error::from_failure(channel.closed_failure()));
    }
    let (id, key, terms) = (channel.new_dialog(), actor.new_key(), terms(kind, options));
    let Target { path, id: endpoint, fingerprint, arguments } = target;
    let dialog = Dialog::new(channel, &actor.aid, Opening { id, key, terms, side: Side::Caller, endpoint: path.clone(), arguments });
    channel.attach(id, dialog.clone());
    let head = StartHead { kind, key, endpoint: endpoint.to_owned(), fingerprint, window: terms.window, overrun: terms.overrun };
    let sent = channel.send_with(Kind::Start, id, |out: &mut BytesMut| {
        encode_into(out, &head).map_err(FrameError::Body)?;
        write_arguments(out).map_err(FrameError::Body)
    });
    if let Err(error) = sent {
        channel.detach(id);
        return Err(Error::new(
            FailureKind::MsgType { expected: path.clone(), what: "the arguments".into() },
            format!("the call of {path} cannot be sent: {error}"),
        ));
    }
    Ok(dialog)
}

/// Makes a scope wait for a dialog, and ends the dialog when the scope's body is over.
struct DialogDuty {
    dialog: Weak<Dialog>,
    handle: Cell<Option<DutyHandle>>,
    /// The scope of the block; a call has none.
    block: Cell<Option<ScopeId>>,
    /// The future that would return the outcome is gone: its errors are those of the scope around.
    orphaned: Cell<bool>,
    /// The error the block returned.
    block_error: RefCell<Option<Failure>>,
}

impl DialogDuty {
    fn attach(dialog: &Rc<Dialog>, scope: ScopeId) -> Rc<Self> {
        let duty = Rc::new(Self {
            dialog: Rc::downgrade(dialog),
            handle: Cell::new(None),
            block: Cell::new(None),
            orphaned: Cell::new(false),
            block_error: RefCell::default(),
        });
        duty.handle.set(Some(scope::add_duty(scope, duty.clone())));
        dialog.set_owner(duty.clone());
        duty
    }
}

impl Duty for DialogDuty {
    fn begin(&self) {
        let Some(dialog) = self.dialog.upgrade() else { return };
        if dialog.cause.borrow().is_none() {
            let mut cause =
                CancelCause { by: crate::identity::current(), why: format!("the block of {} in its caller ended", dialog.endpoint), behind: Vec::new() };
            if let Some(around) = scope::end_cause() {
                cause.behind = std::iter::once(around.why).chain(around.behind).collect();
            }
            *dialog.cause.borrow_mut() = Some(cause);
        }
        dialog.caller_input(CallerInput::BlockDropped);
    }
}

impl Owner for DialogDuty {
    fn cancel_task(&self, _cause: CancelCause) {}

    fn drop_block(&self, cause: CancelCause) {
        if let Some(scope) = self.block.get() {
            scope::cancel(scope, cause);
        }
    }

    fn ended(&self) {
        let errors = if self.orphaned.get() { self.errors() } else { Vec::new() };
        if let Some(handle) = self.handle.take() {
            handle.done(errors);
        }
    }
}

impl DialogDuty {
    /// The real errors of block and task, which nobody else will tell of.
    fn errors(&self) -> Vec<Failure> {
        let remote = match self.dialog.upgrade().and_then(|dialog| dialog.final_word()) {
            Some(FinalWord::Failed(failure)) => Some(Failure::clone(&failure)),
            _ => None,
        };
        self.block_error.borrow_mut().take().into_iter().chain(remote).filter(|failure| !failure.is_cancelled()).collect()
    }

    /// The future that would return the outcome is dropped.
    fn orphan(&self) {
        self.orphaned.set(true);
        if self.handle.get().is_none() {
            self.errors().into_iter().for_each(|failure| scope::fail(scope::current(), failure));
        }
    }
}

/// Lives in the future of an open context.
struct BlockOwner(Rc<RefCell<Option<Rc<DialogDuty>>>>);

impl Drop for BlockOwner {
    fn drop(&mut self) {
        if let Some(duty) = self.0.borrow_mut().take() {
            duty.orphan();
        }
    }
}

/// A call under way. Dropping it cancels the remote task; the scope around waits for that.
pub(crate) struct CallFuture<T> {
    dialog: Rc<Dialog>,
    duty: Rc<DialogDuty>,
    done: bool,
    result: PhantomData<fn() -> T>,
}

impl<T: DeserializeOwned> CallFuture<T> {
    /// Sends a typed call now.
    pub(crate) fn start<E: Endpoint<Ok = T>>(channel: &Rc<Channel>, call: &Call<E>) -> Result<Self, Error> {
        Ok(Self::of(begin(channel, call, DialogKind::Call, &StreamOptions::default())?))
    }

    /// Sends a call by name now; what the arguments are is found out on the other side.
    pub(crate) fn start_by_name(channel: &Rc<Channel>, path: &str, args: &impl Serialize) -> Result<Self, Error> {
        let target = Target { path: path.to_owned(), id: path, fingerprint: 0, arguments: String::new() };
        Ok(Self::of(open_dialog(channel, target, DialogKind::Call, &StreamOptions::default(), |out| encode_tuple(out, args))?))
    }

    fn of(dialog: Rc<Dialog>) -> Self {
        let duty = DialogDuty::attach(&dialog, scope::current());
        Self { dialog, duty, done: false, result: PhantomData }
    }
}

impl<T> Unpin for CallFuture<T> {}

impl<T: DeserializeOwned> Future for CallFuture<T> {
    type Output = Result<T, Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<Self::Output> {
        if scope::cancelled_here() {
            return Poll::Pending;
        }
        let Poll::Ready(word) = self.dialog.poll_final(cx) else { return Poll::Pending };
        self.done = true;
        Poll::Ready(match word {
            FinalWord::Returned(bytes) => decode(&bytes, &self.dialog, "the result"),
            FinalWord::Failed(failure) => Err(Error::from_failure(failure)),
        })
    }
}

impl<T> Drop for CallFuture<T> {
    fn drop(&mut self) {
        if !self.done && !self.dialog.is_over() {
            self.duty.orphaned.set(true);
            self.duty.begin();
        }
    }
}

/// How a context ended, as far as this side knows.
#[derive(Debug)]
#[non_exhaustive]
pub enum ContextOutcome<T> {
    /// Not yet.
    Pending,
    /// With this result.
    Done(T),
    /// Cancelled, asked for from here or elsewhere.
    Cancelled(Error),
    /// With this error.
    Failed(Error),
}

/// The parent's side of a context, lent to its block.
pub struct ParentContext<E: ContextEndpoint> {
    dialog: Rc<Dialog>,
    endpoint: PhantomData<fn() -> E>,
}

impl<E: ContextEndpoint> std::fmt::Debug for ParentContext<E> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ParentContext({} in {})", self.dialog.endpoint, self.dialog.channel.peer())
    }
}

impl<E: ContextEndpoint> ParentContext<E> {
    /// Opens this side of the stream, once. What the child sent before waits in the window.
    ///
    /// # Errors
    /// The second time, and when the context is over.
    #[allow(clippy::unused_async)] // a checkpoint later; awaited by users from the start
    pub async fn open_stream(&self) -> Result<MsgStream<In<E>, Out<E>>, Error> {
        MsgStream::open(&self.dialog)
    }

    /// Waits for the child's result; callable again.
    ///
    /// # Errors
    /// The child's error, or its cancellation.
    ///
    /// # Cancel safety
    /// Nothing is lost.
    pub async fn wait_for_result(&self) -> Result<E::Ok, Error> {
        std::future::poll_fn(|cx| if scope::cancelled_here() { Poll::Pending } else { self.dialog.poll_final(cx) }).await;
        match self.outcome() {
            ContextOutcome::Done(value) => Ok(value),
            ContextOutcome::Cancelled(error) | ContextOutcome::Failed(error) => Err(error),
            ContextOutcome::Pending => Err(Error::runtime("the context is not over")),
        }
    }

    /// Asks the child's task to cancel, and waits for the acknowledgement (0.616 s); the block goes on.
    ///
    /// # Errors
    /// [`Error::ActorTooSlow`] without an acknowledgement in time; the cancel then still stands.
    pub async fn cancel(&self) -> Result<(), Error> {
        self.dialog.caller_input(CallerInput::CancelAsked);
        let acked = std::future::poll_fn(|cx| if scope::cancelled_here() { Poll::Pending } else { self.dialog.poll_acked(cx) }).await;
        if acked {
            return Ok(());
        }
        Err(Error::new(
            FailureKind::ActorTooSlow,
            format!("{} did not acknowledge the cancel of {} in time; its work thread is busy or blocked", self.dialog.channel.peer(), self.dialog.endpoint),
        ))
    }

    /// How the context ended, as far as is known; never waits.
    #[must_use]
    pub fn outcome(&self) -> ContextOutcome<E::Ok> {
        match self.dialog.final_word() {
            None => ContextOutcome::Pending,
            Some(FinalWord::Returned(bytes)) => match decode(&bytes, &self.dialog, "the result") {
                Ok(value) => ContextOutcome::Done(value),
                Err(error) => ContextOutcome::Failed(error),
            },
            Some(FinalWord::Failed(failure)) if failure.is_cancelled() => ContextOutcome::Cancelled(Error::from_failure(failure)),
            Some(FinalWord::Failed(failure)) => ContextOutcome::Failed(Error::from_failure(failure)),
        }
    }

    /// Whether the final word is in.
    #[must_use]
    pub fn has_outcome(&self) -> bool {
        self.dialog.is_over()
    }
    /// The child's error, once there is one.
    #[must_use]
    pub fn error(&self) -> Option<Error> {
        match self.dialog.final_word() {
            Some(FinalWord::Failed(failure)) => Some(Error::from_failure(failure)),
            _ => None,
        }
    }
    /// Whether `cancel()` was called here.
    #[must_use]
    pub fn cancel_called(&self) -> bool {
        self.dialog.caller(Caller::cancel_called) == Some(true)
    }
    /// Whether a cancel was acknowledged.
    #[must_use]
    pub fn cancel_acked(&self) -> bool {
        self.dialog.caller(Caller::cancel_acked) == Some(true)
    }
    /// Whether the child's task ended by the cancel that was asked for here.
    #[must_use]
    pub fn cancelled_caught(&self) -> bool {
        self.cancel_called() && self.error().is_some_and(|error| error.is_cancelled())
    }
    /// Who asked for the cancel the child ended with.
    #[must_use]
    pub fn canceller(&self) -> Option<Aid> {
        match self.error() {
            Some(Error::Cancelled(cancelled)) => cancelled.canceller().cloned(),
            _ => None,
        }
    }
    /// Which side of the context this is: the caller's.
    #[must_use]
    pub fn side(&self) -> Side {
        Side::Caller
    }
    /// The actor the child's task runs in.
    #[must_use]
    pub fn peer(&self) -> &Aid {
        self.dialog.channel.peer()
    }
    /// The number of the context, the same on both sides.
    #[must_use]
    pub fn key(&self) -> ContextKey {
        self.dialog.key
    }
}

/// Opens a context and runs the block; ends when both sides have.
pub(crate) async fn open<E, T, F>(channel: Rc<Channel>, call: Call<E>, options: StreamOptions, block: F) -> Result<T>
where
    E: ContextEndpoint,
    F: AsyncFnOnce(&ParentContext<E>, Started<E>) -> Result<T>,
{
    let kept: Rc<RefCell<Option<Rc<Dialog>>>> = Rc::default();
    let opened = kept.clone();
    let held: Rc<RefCell<Option<Rc<DialogDuty>>>> = Rc::default();
    let (owner, owned) = (BlockOwner(held.clone()), held.clone());
    let outcome = scope::run(async move {
        let dialog = begin(&channel, &call, DialogKind::Context, &options)?;
        *opened.borrow_mut() = Some(dialog.clone());
        let duty = DialogDuty::attach(&dialog, scope::current());
        duty.block.set(Some(scope::current()));
        *owned.borrow_mut() = Some(duty.clone());
        let ctx = ParentContext::<E> { dialog: dialog.clone(), endpoint: PhantomData };
        let started = std::future::poll_fn(|cx| if scope::cancelled_here() { Poll::Pending } else { dialog.poll_started(cx) }).await;
        if started != StartState::Ready {
            dialog.caller_input(CallerInput::BlockDropped);
            return Err(super::stream::why_over(&dialog).into());
        }
        let first = dialog.start_value.borrow_mut().take().unwrap_or_default();
        let ended = match decode::<Started<E>>(&first, &dialog, "the `started` value") {
            Ok(first) => Block { dialog: &dialog, body: Box::pin(block(&ctx, first)) }.await,
            Err(error) => Err(error.into()),
        };
        dialog.caller_input(CallerInput::BlockEnded(match &ended {
            Ok(_) => BlockEnd::Value,
            Err(report) => {
                *duty.block_error.borrow_mut() = Some(report.to_failure());
                BlockEnd::Error(ErrorToken(0))
            }
        }));
        std::future::poll_fn(|cx| dialog.poll_final(cx)).await;
        ended
    })
    .await;
    held.borrow_mut().take();
    drop(owner);
    let dialog = kept.borrow_mut().take();
    if let (Some(dialog), None) = (&dialog, &outcome.value) {
        // Its duty may have been done before: then the machine has not heard that the block is gone.
        dialog.caller_input(CallerInput::BlockDropped);
    }
    settle(dialog.as_deref(), outcome)
}

/// What the block returns, by the machine's verdict.
fn settle<T>(dialog: Option<&Dialog>, outcome: scope::Outcome<Result<T>>) -> Result<T> {
    let Some(dialog) = dialog else {
        return match outcome.value {
            Some(value) => value,
            None => Err(Report::from(cancelled(outcome.cause))),
        };
    };
    let remote = || match dialog.final_word() {
        Some(FinalWord::Failed(failure)) => Failure::clone(&failure),
        _ => Failure::clone(&dialog.channel.closed_failure()),
    };
    let mut failures = outcome.errors;
    let verdict = dialog.caller(Caller::verdict).flatten().unwrap_or(Verdict::Cancelled);
    match (verdict, outcome.value) {
        (Verdict::BlockValue, Some(value)) if failures.is_empty() => return value,
        (Verdict::BlockError(_), Some(Err(report))) if failures.is_empty() => return Err(report),
        (Verdict::BlockError(_) | Verdict::BlockErrorAndRemote(_), Some(Err(report))) => {
            failures.insert(0, report.to_failure());
            if matches!(verdict, Verdict::BlockErrorAndRemote(_)) {
                failures.push(remote());
            }
        }
        (Verdict::Remote | Verdict::Lost, _) => failures.insert(0, remote()),
        (Verdict::Cancelled, _) => failures.push(Failure::clone(cancelled(outcome.cause).failure())),
        (Verdict::BlockValue | Verdict::BlockError(_) | Verdict::BlockErrorAndRemote(_), _) => {}
    }
    let failure = group(failures).unwrap_or_else(|| Failure::clone(cancelled(None).failure()));
    Err(Error::from_failure(Arc::new(failure)).into())
}

fn cancelled(cause: Option<CancelCause>) -> Error {
    let cause = cause.unwrap_or_else(|| CancelCause { by: crate::identity::current(), why: "the code around it was cancelled".into(), behind: Vec::new() });
    let text = format!("the block was cancelled: {}", cause.why);
    Error::new(FailureKind::Cancelled(cause), text)
}

/// The user's block: after each poll past the final word of our own cancel, the machine is asked whether it may go on.
struct Block<'a, F> {
    dialog: &'a Rc<Dialog>,
    body: Pin<Box<F>>,
}

impl<F: Future> Future for Block<'_, F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<F::Output> {
        let polled = self.body.as_mut().poll(cx);
        if polled.is_pending() {
            if self.dialog.is_over() {
                let waiting_on_context = self.dialog.is_waited_on();
                self.dialog.caller_input(CallerInput::BlockPolled { waiting_on_context });
            } else {
                // Polled once more when the final word comes, whatever the block itself waits for.
                self.dialog.register(Waiter::Final, cx);
            }
        }
        polled
    }
}
