//! The two-way sequence of messages inside a context.
use std::marker::PhantomData;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll};

use bytes::{Bytes, BytesMut};
use coulter_proto::dialog::{OpenRefused, ReceiveState, Reserve, SendRefused, StreamEnd, Streams, Waiter};
use coulter_proto::error::FailureKind;
use coulter_proto::message::{FrameError, Kind};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::dialog::{Dialog, FinalWord};
use crate::error::{Error, new_failure};
use crate::rpc::arguments::encode_into;
use crate::scope;

/// One end of a stream: sends `Tx`, receives `Rx`.
///
/// Opened once by each side; dropping it ends the stream for the other side. It is also a
/// [`futures_core::Stream`] of received items and a [`futures_sink::Sink`] of sent ones.
pub struct MsgStream<Tx, Rx> {
    dialog: Rc<Dialog>,
    /// Encoded, not sent: it waits for room (only through `Sink`).
    pending: Option<Bytes>,
    types: PhantomData<fn(Tx) -> Rx>,
}

impl<Tx, Rx> std::fmt::Debug for MsgStream<Tx, Rx> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "MsgStream({})", self.dialog.endpoint)
    }
}

impl<Tx, Rx> Unpin for MsgStream<Tx, Rx> {}

impl<Tx, Rx> Drop for MsgStream<Tx, Rx> {
    fn drop(&mut self) {
        self.dialog.stream_closed();
    }
}

impl<Tx, Rx> MsgStream<Tx, Rx> {
    pub(super) fn open(dialog: &Rc<Dialog>) -> Result<Self, Error> {
        dialog.streams(Streams::may_open).map_err(|refused| {
            let endpoint = &dialog.endpoint;
            match refused {
                OpenRefused::NotAContext => Error::runtime(format!("{endpoint} is a call; only contexts have streams")),
                OpenRefused::NotStarted => Error::runtime(format!("the stream of {endpoint} opens only after `ctx.started(..)`")),
                OpenRefused::Twice => Error::runtime(format!("the stream of {endpoint} was opened before; open another context for another stream")),
                OpenRefused::Over => why_over(dialog),
            }
        })?;
        dialog.stream_opened();
        Ok(Self { dialog: dialog.clone(), pending: None, types: PhantomData })
    }

    /// How many items were lost to `Overrun::Drop`: (those the peer dropped before sending, those dropped here).
    #[must_use]
    pub fn dropped(&self) -> (u64, u64) {
        self.dialog.streams(|streams| (streams.lost_items(), streams.dropped_here()))
    }
}

impl<Tx: Serialize, Rx: DeserializeOwned> MsgStream<Tx, Rx> {
    /// Sends one item; waits while the receiver's window is full.
    ///
    /// # Errors
    /// When the stream has ended (the error says how: closed by the peer, cancelled by whom, the channel lost),
    /// with [`Error::StreamOverrun`] when the window is full and the context was opened with `Overrun::Error`,
    /// and when the item cannot be encoded.
    ///
    /// # Cancel safety
    /// An item whose future is dropped before it is ready was not sent.
    pub async fn send(&mut self, item: Tx) -> Result<(), Error> {
        let mut waits_with = None;
        std::future::poll_fn(|cx| {
            if scope::cancelled_here() {
                return Poll::Pending;
            }
            self.poll_send(cx, &mut waits_with, |out| encode_into(out, &item))
        })
        .await
    }

    /// Receives the next item; `None` once the stream has ended cleanly, and ever after.
    ///
    /// # Errors
    /// When it ended otherwise: the error says how. With [`Error::MsgType`] when an item is no `Rx`.
    ///
    /// # Cancel safety
    /// No item is lost when the future is dropped.
    pub async fn receive(&mut self) -> Result<Option<Rx>, Error> {
        std::future::poll_fn(|cx| {
            if scope::cancelled_here() {
                return Poll::Pending;
            }
            self.poll_receive(cx)
        })
        .await
    }

    /// Offers one item, written by `write`, to the window. `waits_with` keeps its length while it waits.
    fn poll_send(
        &mut self,
        cx: &TaskContext<'_>,
        waits_with: &mut Option<u64>,
        write: impl FnOnce(&mut BytesMut) -> Result<(), String>,
    ) -> Poll<Result<(), Error>> {
        let dialog = &self.dialog;
        // A sender that waits knows its length: it encodes again only once there is room.
        if let Some(len) = *waits_with
            && dialog.may_send(len) == Ok(Reserve::Wait)
        {
            dialog.row.waiting("room in the peer's window");
            dialog.register(Waiter::Send, cx);
            return Poll::Pending;
        }
        let mut answer = None;
        let sent = dialog.channel.send_with(Kind::Item, dialog.id, |out| {
            let at = out.len();
            write(out).map_err(FrameError::Body)?;
            let len = (out.len() - at) as u64;
            let reserve = dialog.may_send(len);
            let ready = reserve == Ok(Reserve::Ready);
            if let Ok(Reserve::DropOldest { count }) = reserve {
                keep(dialog, count, out.split_off(at));
            }
            answer = Some((reserve, len));
            if ready { Ok(()) } else { Err(FrameError::Body(String::new())) }
        });
        let Some((reserve, len)) = answer else {
            return Poll::Ready(sent.map_err(|error| item_error::<Tx>(dialog, &error)));
        };
        match reserve {
            Ok(Reserve::Ready) => {
                if let Err(error) = sent {
                    return Poll::Ready(Err(item_error::<Tx>(dialog, &error)));
                }
                dialog.row.sent(usize::try_from(len).unwrap_or(usize::MAX));
                dialog.item_goes(len);
                Poll::Ready(Ok(()))
            }
            Ok(Reserve::DropOldest { .. }) => {
                dialog.item_goes(len);
                Poll::Ready(Ok(()))
            }
            Ok(Reserve::Wait) => {
                *waits_with = Some(len);
                dialog.row.waiting("room in the peer's window");
                dialog.register(Waiter::Send, cx);
                Poll::Pending
            }
            Ok(Reserve::Overrun) => Poll::Ready(Err(overrun(dialog))),
            Err(refused) => Poll::Ready(Err(send_refused(dialog, refused))),
        }
    }

    fn poll_receive(&mut self, cx: &TaskContext<'_>) -> Poll<Result<Option<Rx>, Error>> {
        let next = self.dialog.inbox.borrow_mut().pop_front();
        if let Some(bytes) = next {
            self.dialog.item_taken(bytes.len() as u64);
            return Poll::Ready(decode(&bytes, &self.dialog, "a stream item").map(Some));
        }
        match self.dialog.streams(Streams::receive_state) {
            ReceiveState::Open => {
                self.dialog.row.waiting("an item");
                self.dialog.register(Waiter::Receive, cx);
                Poll::Pending
            }
            ReceiveState::Ended(end) => Poll::Ready(match end {
                StreamEnd::Clean | StreamEnd::Returned | StreamEnd::CancelledByUs | StreamEnd::Closed => Ok(None),
                StreamEnd::Cancelled | StreamEnd::Failed | StreamEnd::Lost => Err(why_over(&self.dialog)),
            }),
        }
    }
}

/// `Overrun::Drop`: the item waits here, after the oldest have gone.
fn keep(dialog: &Dialog, count: u32, item: BytesMut) {
    let mut outbox = dialog.outbox.borrow_mut();
    for _ in 0..count {
        outbox.pop_front();
    }
    outbox.push_back(item.freeze());
}

fn overrun(dialog: &Dialog) -> Error {
    Error::new(
        FailureKind::StreamOverrun,
        format!(
            "the window of {} to {} is full and the context was opened with `Overrun::Error`; receive faster, widen the window, or let the sender wait",
            dialog.endpoint,
            dialog.channel.peer()
        ),
    )
}

fn item_error<T>(dialog: &Dialog, error: &FrameError) -> Error {
    Error::new(
        FailureKind::MsgType { expected: std::any::type_name::<T>().into(), what: "a stream item".into() },
        format!("an item for {} cannot be sent: {error}", dialog.endpoint),
    )
}

fn send_refused(dialog: &Dialog, refused: SendRefused) -> Error {
    let endpoint = &dialog.endpoint;
    match refused {
        SendRefused::NotAContext => Error::runtime(format!("{endpoint} is a call; only contexts have streams")),
        SendRefused::NotStarted => Error::runtime(format!("nothing can be sent to {endpoint} before `started`")),
        SendRefused::Ended(StreamEnd::Clean) => {
            Error::stream_closed(format!("{} closed the stream of {endpoint}; nothing more can be sent", dialog.channel.peer()))
        }
        SendRefused::Ended(StreamEnd::Returned) => {
            Error::stream_closed(format!("{endpoint} has returned in {}; nothing more can be sent", dialog.channel.peer()))
        }
        SendRefused::Ended(StreamEnd::CancelledByUs) => {
            Error::stream_closed(format!("{endpoint} was cancelled from here by `ctx.cancel()`; nothing more can be sent"))
        }
        SendRefused::Ended(StreamEnd::Closed) => Error::stream_closed(format!("the stream of {endpoint} was closed on this side")),
        SendRefused::Ended(StreamEnd::Cancelled | StreamEnd::Failed | StreamEnd::Lost) => why_over(dialog),
    }
}

/// The error a dialog that is over leaves behind.
pub(super) fn why_over(dialog: &Dialog) -> Error {
    match dialog.final_word() {
        Some(FinalWord::Failed(failure)) => Error::from_failure(failure),
        Some(FinalWord::Returned(_)) => Error::stream_closed(format!("{} has returned", dialog.endpoint)),
        None => match dialog.cause.borrow().clone() {
            Some(cause) => Error::new(FailureKind::Cancelled(cause.clone()), format!("{} is being cancelled: {}", dialog.endpoint, cause.why)),
            None => Error::from_failure(dialog.channel.closed_failure()),
        },
    }
}

/// Reads a payload, or says whose it was and what it should have been.
pub(crate) fn decode<T: DeserializeOwned>(bytes: &[u8], dialog: &Dialog, what: &str) -> Result<T, Error> {
    rmp_serde::from_slice(bytes).map_err(|error| {
        let expected = std::any::type_name::<T>();
        let mut failure = new_failure(
            FailureKind::MsgType { expected: expected.into(), what: what.into() },
            format!("{what} of {} from {} is not a `{expected}`: {error}; build both sides from the same types", dialog.endpoint, dialog.channel.peer()),
        );
        failure.source = crate::identity::current();
        Error::MsgType(Arc::new(failure))
    })
}

impl<Tx: Serialize, Rx: DeserializeOwned> futures_core::Stream for MsgStream<Tx, Rx> {
    type Item = Result<Rx, Error>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<Option<Self::Item>> {
        if scope::cancelled_here() {
            return Poll::Pending;
        }
        self.get_mut().poll_receive(cx).map(Result::transpose)
    }
}

impl<Tx: Serialize, Rx: DeserializeOwned> futures_sink::Sink<Tx> for MsgStream<Tx, Rx> {
    type Error = Error;

    fn poll_ready(self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<Result<(), Error>> {
        if scope::cancelled_here() {
            return Poll::Pending;
        }
        let this = self.get_mut();
        let Some(bytes) = this.pending.take() else { return Poll::Ready(Ok(())) };
        let sent = this.poll_send(cx, &mut None, |out| {
            out.extend_from_slice(&bytes);
            Ok(())
        });
        if sent.is_pending() {
            this.pending = Some(bytes);
        }
        sent
    }

    fn start_send(self: Pin<&mut Self>, item: Tx) -> Result<(), Error> {
        let mut out = BytesMut::new();
        encode_into(&mut out, &item).map_err(|why| item_error::<Tx>(&self.dialog, &FrameError::Body(why)))?;
        self.get_mut().pending = Some(out.freeze());
        Ok(())
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<Result<(), Error>> {
        self.poll_ready(cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<Result<(), Error>> {
        let flushed = self.as_mut().poll_ready(cx);
        if flushed.is_ready() {
            self.dialog.stream_closed();
        }
        flushed
    }
}
