//! One end of a call or context: the machine that decides, and the payloads, wakers and errors it speaks of.
//!
//! Nothing is decided here. Frames become the machine's inputs; its effects are carried out by
//! [`effects`]. No borrow of ours is held while a waker or a payload of a user is touched.
mod effects;

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll, Waker};

use bytes::Bytes;
use coulter_proto::dialog::{
    Callee, CalleeInput, Caller, CallerInput, DialogKind, DialogPhase, FinalFailure, FromPeer, Overrun, Reserve, SendRefused, StartRefused, StartState,
    Streams, Terms, Waiter, WindowSize,
};
use coulter_proto::error::{CancelCause, Failure, FailureKind};
use coulter_proto::id::{CauseToken, ContextKey, DialogId};
use coulter_proto::machine::Machine;
use coulter_proto::message::{self, Frame, Kind};
use coulter_proto::observe::{ContextRow, Phase, Side};
use coulter_proto::time::Now;
use coulter_proto::trace::Recorded;

use crate::clock::{self, Timed};
use crate::ipc::channel::{Channel, Conversation};
use crate::observe::probe::{self, ContextEntry};
use crate::trace::recorded;

/// What a cancel by `ctx.cancel()` says of itself; such a cancel is absorbed where it was asked for.
pub(crate) const OWN_CANCEL: &str = "ctx.cancel()";

/// On what terms a stream sends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StreamOptions {
    /// How much may be in flight, each way.
    pub window: WindowSize,
    /// What a sender does when that is reached.
    pub overrun: Overrun,
}

/// The machine of this end.
pub(crate) enum End {
    Caller(Recorded<Caller>),
    Callee(Recorded<Callee>),
}

/// The final word, with what came in it.
#[derive(Clone)]
pub(crate) enum FinalWord {
    Returned(Bytes),
    Failed(Arc<Failure>),
}

/// What hangs on a dialog in the room that opened it.
pub(crate) trait Owner {
    /// The task (callee) is to be cancelled.
    fn cancel_task(&self, cause: CancelCause);
    /// The block (caller) is to be dropped.
    fn drop_block(&self, cause: CancelCause);
    /// The dialog is over.
    fn ended(&self);
}

/// One end of one dialog.
pub(crate) struct Dialog {
    pub(crate) id: DialogId,
    pub(crate) key: ContextKey,
    pub(crate) endpoint: String,
    pub(crate) channel: Rc<Channel>,
    me: Weak<Dialog>,
    end: RefCell<End>,
    /// Received items nobody has taken.
    pub(crate) inbox: RefCell<VecDeque<Bytes>>,
    /// Items that wait here for credit (`Overrun::Drop`).
    pub(crate) outbox: RefCell<VecDeque<Bytes>>,
    /// The value of `started`, received or about to be sent.
    pub(crate) start_value: RefCell<Option<Bytes>>,
    pub(crate) final_word: RefCell<Option<FinalWord>>,
    /// The cause of the cancel that came in, or that goes out.
    pub(crate) cause: RefCell<Option<CancelCause>>,
    too_slow: Cell<bool>,
    owner: RefCell<Option<Rc<dyn Owner>>>,
    wakers: RefCell<[Vec<Waker>; 5]>,
    to_wake: RefCell<Vec<Waker>>,
    over: Cell<bool>,
    /// What waits for the machine's borrow to end.
    later: RefCell<Vec<effects::Deferred>>,
    phase: Cell<Option<DialogPhase>>,
    pub(crate) row: ContextEntry,
}

/// What a dialog is made of.
pub(crate) struct Opening {
    pub(crate) id: DialogId,
    pub(crate) key: ContextKey,
    pub(crate) terms: Terms,
    pub(crate) side: Side,
    pub(crate) endpoint: String,
    pub(crate) arguments: String,
}

impl Dialog {
    pub(crate) fn new(channel: &Rc<Channel>, here: &coulter_proto::id::Aid, opening: Opening) -> Rc<Self> {
        let Opening { id, key, terms, side, endpoint, arguments } = opening;
        let row = probe::get().context(ContextRow {
            key,
            side,
            kind: terms.kind,
            here: here.clone(),
            there: channel.peer().clone(),
            endpoint: endpoint.clone(),
            arguments,
            // A call is not acknowledged apart: once asked for it is under way.
            phase: if terms.kind == DialogKind::Call { Phase::Started } else { Phase::Starting },
            opened: clock::unix_micros(),
            sent: 0,
            received: 0,
            sent_bytes: 0,
            received_bytes: 0,
            unread: 0,
            credit: terms.window.messages,
            window: terms.window.messages,
            waiting: String::new(),
        });
        let end = match side {
            Side::Caller => End::Caller(recorded(Caller::new(terms))),
            Side::Callee => End::Callee(recorded(Callee::new(terms))),
        };
        Rc::new_cyclic(|me| Self {
            id,
            key,
            endpoint,
            channel: channel.clone(),
            me: me.clone(),
            end: RefCell::new(end),
            inbox: RefCell::default(),
            outbox: RefCell::default(),
            start_value: RefCell::default(),
            final_word: RefCell::default(),
            cause: RefCell::default(),
            too_slow: Cell::new(false),
            owner: RefCell::default(),
            wakers: RefCell::default(),
            to_wake: RefCell::default(),
            over: Cell::new(false),
            later: RefCell::default(),
            phase: Cell::new(None),
            row,
        })
    }

    pub(crate) fn set_owner(&self, owner: Rc<dyn Owner>) {
        *self.owner.borrow_mut() = Some(owner);
    }

    /// Whether the final word is in (caller) or out (callee).
    pub(crate) fn is_over(&self) -> bool {
        self.over.get()
    }

    // ---- what the sides ask

    pub(crate) fn caller<R>(&self, ask: impl FnOnce(&Caller) -> R) -> Option<R> {
        match &*self.end.borrow() {
            End::Caller(caller) => Some(ask(caller)),
            End::Callee(_) => None,
        }
    }
    pub(crate) fn callee<R>(&self, ask: impl FnOnce(&Callee) -> R) -> Option<R> {
        match &*self.end.borrow() {
            End::Callee(callee) => Some(ask(callee)),
            End::Caller(_) => None,
        }
    }
    pub(crate) fn side(&self) -> Side {
        match &*self.end.borrow() {
            End::Caller(_) => Side::Caller,
            End::Callee(_) => Side::Callee,
        }
    }
    /// Asks the machine about its streams.
    pub(crate) fn streams<R>(&self, ask: impl FnOnce(&Streams) -> R) -> R {
        match &*self.end.borrow() {
            End::Caller(caller) => ask(caller.streams()),
            End::Callee(callee) => ask(callee.streams()),
        }
    }
    pub(crate) fn may_send(&self, len: u64) -> Result<Reserve, SendRefused> {
        self.streams(|streams| streams.may_send(len))
    }
    pub(crate) fn may_start(&self) -> Result<(), StartRefused> {
        self.callee(Callee::may_start).unwrap_or(Err(StartRefused::NotAContext))
    }
    pub(crate) fn final_word(&self) -> Option<FinalWord> {
        self.final_word.borrow().clone()
    }

    // ---- inputs

    pub(crate) fn caller_input(&self, input: CallerInput) {
        {
            let mut end = self.end.borrow_mut();
            if let End::Caller(caller) = &mut *end {
                caller.on(clock::now(), input, &mut effects::CallerSink(self));
            }
        }
        self.settle();
    }
    pub(crate) fn callee_input(&self, input: CalleeInput) {
        {
            let mut end = self.end.borrow_mut();
            if let End::Callee(callee) = &mut *end {
                callee.on(clock::now(), input, &mut effects::CalleeSink(self));
            }
        }
        self.settle();
    }
    fn peer(&self, message: FromPeer) {
        match self.side() {
            Side::Caller => self.caller_input(CallerInput::Peer(message)),
            Side::Callee => self.callee_input(CalleeInput::Peer(message)),
        }
    }
    pub(crate) fn stream_opened(&self) {
        match self.side() {
            Side::Caller => self.caller_input(CallerInput::StreamOpened),
            Side::Callee => self.callee_input(CalleeInput::StreamOpened),
        }
    }
    pub(crate) fn stream_closed(&self) {
        match self.side() {
            Side::Caller => self.caller_input(CallerInput::StreamClosed),
            Side::Callee => self.callee_input(CalleeInput::StreamClosed),
        }
    }
    pub(crate) fn item_goes(&self, len: u64) {
        match self.side() {
            Side::Caller => self.caller_input(CallerInput::SendItem { len }),
            Side::Callee => self.callee_input(CalleeInput::SendItem { len }),
        }
    }
    pub(crate) fn item_taken(&self, len: u64) {
        match self.side() {
            Side::Caller => self.caller_input(CallerInput::Taken { len }),
            Side::Callee => self.callee_input(CalleeInput::Taken { len }),
        }
    }

    /// After every input: the row, the timer, the wakers; outside of the machine's borrow.
    fn settle(&self) {
        let (unread, credit) = self.streams(|streams| (streams.unread(), streams.available()));
        self.row.unread(unread);
        self.row.credit(credit);
        let due = self.caller(|caller| caller.next_deadline()).flatten();
        if let (Some(due), Some(me)) = (due, self.me.upgrade()) {
            clock::schedule(due, &me);
        }
        self.note_phase();
        let wake = std::mem::take(&mut *self.to_wake.borrow_mut());
        for waker in wake {
            waker.wake();
        }
        let later = std::mem::take(&mut *self.later.borrow_mut());
        for what in later {
            self.carry_out(what);
        }
    }

    fn carry_out(&self, what: effects::Deferred) {
        use effects::Deferred;
        let owner = self.owner.borrow().clone();
        match what {
            Deferred::Ended => {
                self.over.set(true);
                self.channel.detach(self.id);
                if let Some(owner) = owner {
                    owner.ended();
                }
            }
            Deferred::CancelTask => {
                let cause = self.cause.borrow().clone().unwrap_or_else(|| CancelCause {
                    by: Some(self.channel.peer().clone()),
                    why: format!("the channel to {} was lost", self.channel.peer()),
                    behind: Vec::new(),
                });
                if let Some(owner) = owner {
                    owner.cancel_task(cause);
                }
            }
            Deferred::DropBlock(cause) => {
                if let Some(owner) = owner {
                    owner.drop_block(cause);
                }
            }
            Deferred::Violation(what) => {
                let why = Arc::new(crate::error::new_failure(
                    FailureKind::TransportClosed,
                    format!("{} broke the protocol ({what}); the channel to it was closed", self.channel.peer()),
                ));
                self.channel.lost(why);
            }
        }
    }

    /// Tells the tables where the dialog stands, when that has changed.
    fn note_phase(&self) {
        let phase = match &*self.end.borrow() {
            End::Caller(caller) => caller.phase(),
            End::Callee(callee) => callee.phase(),
        };
        if self.phase.replace(Some(phase)) == Some(phase) {
            return;
        }
        let canceller = || self.cause.borrow().as_ref().and_then(|cause| cause.by.clone());
        self.row.phase(match phase {
            DialogPhase::Starting => Phase::Starting,
            DialogPhase::Started => Phase::Started,
            DialogPhase::Streaming => Phase::Streaming,
            DialogPhase::Draining => Phase::Draining,
            DialogPhase::Cancelling => Phase::Cancelling(canceller()),
            DialogPhase::Done => Phase::Done,
            DialogPhase::Cancelled => Phase::Cancelled(canceller()),
            DialogPhase::Failed => Phase::Failed(match &*self.final_word.borrow() {
                Some(FinalWord::Failed(failure)) => failure.message.clone(),
                _ => "failed".into(),
            }),
            DialogPhase::Lost => Phase::Failed("the channel was lost".into()),
        });
    }

    // ---- waiting

    /// Registers for `waiter`; what became of it is asked again when woken.
    pub(crate) fn register(&self, waiter: Waiter, cx: &TaskContext<'_>) {
        let mut wakers = self.wakers.borrow_mut();
        let list = &mut wakers[slot(waiter)];
        if !list.iter().any(|known| known.will_wake(cx.waker())) {
            list.push(cx.waker().clone());
        }
    }

    /// Whether any future of this context waits for something.
    pub(crate) fn is_waited_on(&self) -> bool {
        self.wakers.borrow().iter().any(|list| !list.is_empty())
    }

    pub(crate) fn poll_started(&self, cx: &TaskContext<'_>) -> Poll<StartState> {
        match self.caller(Caller::started) {
            Some(StartState::Pending) | None => {
                self.register(Waiter::Started, cx);
                Poll::Pending
            }
            Some(done) => Poll::Ready(done),
        }
    }

    /// Waits for the final word.
    pub(crate) fn poll_final(&self, cx: &TaskContext<'_>) -> Poll<FinalWord> {
        match self.final_word() {
            Some(word) => Poll::Ready(word),
            None => {
                self.register(Waiter::Final, cx);
                Poll::Pending
            }
        }
    }

    /// Waits for the acknowledgement of a cancel: true once it is in, false when it is too late for it.
    pub(crate) fn poll_acked(&self, cx: &TaskContext<'_>) -> Poll<bool> {
        if self.caller(Caller::cancel_acked) == Some(true) {
            return Poll::Ready(true);
        }
        if self.too_slow.get() {
            return Poll::Ready(false);
        }
        self.register(Waiter::CancelAck, cx);
        Poll::Pending
    }

    fn classify(&self, failure: &Failure) -> FinalFailure {
        match &failure.kind {
            FailureKind::Cancelled(cause) => {
                let ours = cause.why == OWN_CANCEL && cause.by.as_ref().is_some_and(|by| by.uuid == self.key.opener);
                FinalFailure::Cancelled { asked_by_us: ours && self.caller(Caller::cancel_called) == Some(true) }
            }
            _ => FinalFailure::Real,
        }
    }

    fn arrived(&self, frame: Frame) -> Result<(), message::FrameError> {
        let Frame { kind, body, .. } = frame;
        let message = match kind {
            Kind::Accepted => FromPeer::Accepted,
            Kind::Started => {
                *self.start_value.borrow_mut() = Some(body);
                FromPeer::Started
            }
            Kind::Item => {
                let len = body.len();
                self.row.received(len);
                self.inbox.borrow_mut().push_back(body);
                FromPeer::Item { len: len as u64 }
            }
            Kind::EndOfStream => FromPeer::EndOfStream,
            Kind::Credit => {
                let credit: message::Credit = message::read(&body)?;
                FromPeer::Credit { messages: credit.messages, bytes: credit.bytes }
            }
            Kind::Dropped => FromPeer::Dropped { count: message::read::<message::Dropped>(&body)?.count },
            Kind::Return => {
                self.final_word.borrow_mut().get_or_insert(FinalWord::Returned(body));
                FromPeer::Return
            }
            Kind::Fail => {
                let failure: Failure = message::read(&body)?;
                let class = self.classify(&failure);
                if let FailureKind::Cancelled(cause) = &failure.kind {
                    self.cause.borrow_mut().get_or_insert_with(|| cause.clone());
                }
                self.final_word.borrow_mut().get_or_insert_with(|| FinalWord::Failed(Arc::new(failure)));
                FromPeer::Fail { failure: class }
            }
            Kind::Cancel => {
                let cause: CancelCause = message::read(&body)?;
                *self.cause.borrow_mut() = Some(cause);
                FromPeer::Cancel { token: CauseToken(0) }
            }
            Kind::CancelAck => FromPeer::CancelAck,
            other => return Err(message::FrameError::Body(format!("{other:?} is no message of a dialog"))),
        };
        self.peer(message);
        Ok(())
    }
}

pub(crate) fn slot(waiter: Waiter) -> usize {
    match waiter {
        Waiter::Started => 0,
        Waiter::Receive => 1,
        Waiter::Send => 2,
        Waiter::CancelAck => 3,
        Waiter::Final => 4,
    }
}

impl Conversation for Dialog {
    fn on_frame(&self, frame: Frame) -> Result<(), String> {
        self.arrived(frame).map_err(|error| error.to_string())
    }

    fn on_lost(&self, why: &Arc<Failure>) {
        // A final word that is in already stands.
        self.final_word.borrow_mut().get_or_insert_with(|| FinalWord::Failed(why.clone()));
        match self.side() {
            Side::Caller => self.caller_input(CallerInput::ChannelLost),
            Side::Callee => self.callee_input(CalleeInput::ChannelLost),
        }
    }

    fn on_debugged(&self, debugged: bool) {
        if self.side() == Side::Caller {
            self.caller_input(if debugged { CallerInput::HoldClocks } else { CallerInput::ReleaseClocks });
        }
    }
}

impl Timed for Dialog {
    fn on_time(&self, now: Now) -> Option<Now> {
        let next = {
            let mut end = self.end.borrow_mut();
            match &mut *end {
                End::Caller(caller) => {
                    caller.on_time(now, &mut effects::CallerSink(self));
                    caller.next_deadline()
                }
                End::Callee(_) => None,
            }
        };
        self.settle();
        next
    }
}

/// The terms of a dialog of this kind under given options.
pub(crate) fn terms(kind: DialogKind, options: &StreamOptions) -> Terms {
    Terms { window: options.window, overrun: options.overrun, ..Terms::new(kind) }
}
