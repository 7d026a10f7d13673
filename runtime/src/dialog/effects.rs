//! Carries out what a dialog's machine decides.
use std::sync::Arc;

use coulter_proto::dialog::{CalleeEffect, CallerEffect, FinalKind, ToPeer, Waiter};
use coulter_proto::error::{CancelCause, Failure, FailureKind};
use coulter_proto::machine::Sink;
use coulter_proto::message::{Credit, Dropped, Kind};

use super::{Dialog, FinalWord, OWN_CANCEL, slot};
use crate::error::new_failure;

/// Of the side that opened the dialog.
pub(super) struct CallerSink<'a>(pub(super) &'a Dialog);
/// Of the side that runs the task.
pub(super) struct CalleeSink<'a>(pub(super) &'a Dialog);

impl Sink<CallerEffect> for CallerSink<'_> {
    fn emit(&mut self, effect: CallerEffect) {
        let dialog = self.0;
        match effect {
            CallerEffect::Send(message) => dialog.write(message),
            CallerEffect::Wake(waiter) => dialog.wake(waiter),
            CallerEffect::Discard => drop(dialog.inbox.borrow_mut().pop_back()),
            CallerEffect::DiscardUnread => dialog.inbox.borrow_mut().clear(),
            CallerEffect::DropBlock => {
                let cause =
                    CancelCause { by: Some(dialog.channel.peer().clone()), why: format!("the other side of {} ended", dialog.endpoint), behind: Vec::new() };
                dialog.defer(Deferred::DropBlock(cause));
            }
            CallerEffect::CancelTooSlow => dialog.too_slow.set(true),
            CallerEffect::Ended => dialog.defer(Deferred::Ended),
            CallerEffect::Violation(violation) => dialog.defer(Deferred::Violation(violation.to_string())),
        }
    }
}

impl Sink<CalleeEffect> for CalleeSink<'_> {
    fn emit(&mut self, effect: CalleeEffect) {
        let dialog = self.0;
        match effect {
            CalleeEffect::Send(message) => dialog.write(message),
            CalleeEffect::Wake(waiter) => dialog.wake(waiter),
            CalleeEffect::Discard => drop(dialog.inbox.borrow_mut().pop_back()),
            CalleeEffect::DiscardUnread => dialog.inbox.borrow_mut().clear(),
            CalleeEffect::CancelTask { .. } => dialog.defer(Deferred::CancelTask),
            CalleeEffect::Ended => dialog.defer(Deferred::Ended),
            CalleeEffect::Violation(violation) => dialog.defer(Deferred::Violation(violation.to_string())),
        }
    }
}

/// What must not happen while the machine is borrowed: it calls upwards.
pub(super) enum Deferred {
    DropBlock(CancelCause),
    CancelTask,
    Ended,
    Violation(String),
}

impl Dialog {
    fn defer(&self, what: Deferred) {
        self.later.borrow_mut().push(what);
    }

    fn wake(&self, waiter: Waiter) {
        let woken = std::mem::take(&mut self.wakers.borrow_mut()[slot(waiter)]);
        self.to_wake.borrow_mut().extend(woken);
    }

    /// Writes what the machine says; a channel that cannot take it is lost, which is told by its reader.
    fn write(&self, message: ToPeer) {
        let (channel, id) = (&self.channel, self.id);
        let sent = match message {
            ToPeer::Accepted => channel.send_with(Kind::Accepted, id, |_| Ok(())),
            ToPeer::Started => {
                let value = self.start_value.borrow_mut().take().unwrap_or_default();
                channel.send_with(Kind::Started, id, |out| {
                    out.extend_from_slice(&value);
                    Ok(())
                })
            }
            ToPeer::QueuedItem => {
                let item = self.outbox.borrow_mut().pop_front().unwrap_or_default();
                self.row.sent(item.len());
                channel.send_with(Kind::Item, id, |out| {
                    out.extend_from_slice(&item);
                    Ok(())
                })
            }
            ToPeer::EndOfStream => channel.send_with(Kind::EndOfStream, id, |_| Ok(())),
            ToPeer::Credit { messages, bytes } => channel.send(Kind::Credit, id, &Credit { messages, bytes }),
            ToPeer::Dropped { count } => channel.send(Kind::Dropped, id, &Dropped { count }),
            ToPeer::Return => match &*self.final_word.borrow() {
                Some(FinalWord::Returned(value)) => channel.send_with(Kind::Return, id, |out| {
                    out.extend_from_slice(value);
                    Ok(())
                }),
                _ => channel.send(Kind::Fail, id, &new_failure(FailureKind::Runtime, "the task ended without a word")),
            },
            ToPeer::Fail(kind) => {
                let failure = self.failure_of(kind);
                let sent = channel.send(Kind::Fail, id, &*failure);
                *self.final_word.borrow_mut() = Some(FinalWord::Failed(failure));
                sent
            }
            ToPeer::Cancel => channel.send(Kind::Cancel, id, &self.outgoing_cause()),
            ToPeer::CancelAck => channel.send_with(Kind::CancelAck, id, |_| Ok(())),
        };
        if let Err(error) = sent {
            // Only a final word can be too large here; the peer must not wait for it for ever.
            let failure = new_failure(FailureKind::Runtime, format!("the result of {} cannot be sent: {error}; send it in parts over a stream", self.endpoint));
            let told = channel.send(Kind::Fail, id, &failure);
            debug_assert!(told.is_ok(), "a short failure is within every limit");
        }
    }

    fn failure_of(&self, kind: FinalKind) -> Arc<Failure> {
        match (kind, &*self.final_word.borrow()) {
            (FinalKind::Error(_) | FinalKind::Panic(_), Some(FinalWord::Failed(failure))) => failure.clone(),
            (FinalKind::NotStarted, _) => Arc::new(self.here(new_failure(
                FailureKind::NotStarted,
                format!("the context {} returned without calling `started`; call `ctx.started(value)` before anything else", self.endpoint),
            ))),
            (FinalKind::Cancelled, _) => {
                let cause = self.cause.borrow().clone().unwrap_or_else(|| CancelCause { by: None, why: "its channel was lost".into(), behind: Vec::new() });
                let by = cause.by.as_ref().map_or_else(|| "the runtime".to_owned(), ToString::to_string);
                let text = format!("{} was cancelled by {by}: {}", self.endpoint, cause.why);
                Arc::new(self.here(new_failure(FailureKind::Cancelled(cause), text)))
            }
            _ => Arc::new(self.here(new_failure(FailureKind::Runtime, format!("{} ended without a word", self.endpoint)))),
        }
    }

    /// Marks this actor and endpoint as the source.
    fn here(&self, mut failure: Failure) -> Failure {
        failure.source = crate::identity::current();
        failure.origin = Some(self.endpoint.clone());
        failure
    }

    fn outgoing_cause(&self) -> CancelCause {
        let mut kept = self.cause.borrow_mut();
        kept.get_or_insert_with(|| CancelCause { by: crate::identity::current(), why: OWN_CANCEL.into(), behind: Vec::new() }).clone()
    }
}
