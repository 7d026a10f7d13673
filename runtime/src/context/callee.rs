//! The child's side of a context: what a `#[coulter::context]` function is given.
use std::marker::PhantomData;
use std::rc::Rc;
use std::task::Poll;

use coulter_proto::dialog::{Callee, CalleeInput, StartRefused};
use coulter_proto::id::{Aid, ContextKey};
use coulter_proto::observe::Side;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::stream::MsgStream;
use crate::dialog::Dialog;
use crate::error::Error;
use crate::rpc::arguments::encode;
use crate::rpc::endpoint::ContextTypes;
use crate::rpc::invoke::Invocation;
use crate::scope;

/// The child's side of a context: hands over `Started`, receives `In`, sends `Out`.
///
/// Its task and the block in the parent share one fate: an error or a cancel on either side ends the other.
pub struct Context<Started, In, Out> {
    dialog: Rc<Dialog>,
    types: PhantomData<fn(In) -> (Started, Out)>,
}

impl<S, I, O> std::fmt::Debug for Context<S, I, O> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Context({} for {})", self.dialog.endpoint, self.dialog.channel.peer())
    }
}

impl<S, I, O> ContextTypes for Context<S, I, O>
where
    S: Serialize + DeserializeOwned + 'static,
    I: Serialize + DeserializeOwned + 'static,
    O: Serialize + DeserializeOwned + 'static,
{
    type Started = S;
    type In = I;
    type Out = O;

    fn from_invocation(invocation: &Invocation) -> Self {
        Self { dialog: invocation.dialog().clone(), types: PhantomData }
    }
}

impl<S: Serialize, I: DeserializeOwned, O: Serialize> Context<S, I, O> {
    /// Tells the parent that the work has begun: its block starts with this value.
    ///
    /// # Errors
    /// When called twice, when the parent is gone, and when the value cannot be encoded.
    ///
    /// # Cancel safety
    /// The value was sent if and only if this returned.
    pub async fn started(&self, value: S) -> Result<(), Error> {
        let mut value = Some(value);
        std::future::poll_fn(move |_| {
            if scope::cancelled_here() {
                return Poll::Pending;
            }
            Poll::Ready(match value.take() {
                Some(value) => self.say_started(&value),
                None => Ok(()),
            })
        })
        .await
    }

    fn say_started(&self, value: &S) -> Result<(), Error> {
        self.dialog.may_start().map_err(|refused| match refused {
            StartRefused::Twice => Error::runtime(format!("{} called `started` twice; it is said once", self.dialog.endpoint)),
            StartRefused::NotAContext => Error::runtime("only a context says `started`"),
            StartRefused::Lost => Error::from_failure(self.dialog.channel.closed_failure()),
        })?;
        let bytes = encode(value).map_err(|error| Error::runtime(format!("the `started` value of {}: {error}", self.dialog.endpoint)))?;
        *self.dialog.start_value.borrow_mut() = Some(bytes);
        self.dialog.callee_input(CalleeInput::TaskStarted);
        Ok(())
    }

    /// Opens this side of the stream, once, after `started`. What the parent sent before waits in the window.
    ///
    /// # Errors
    /// Before `started`, the second time, and when the context is over.
    #[allow(clippy::unused_async)] // a checkpoint later; awaited by users from the start
    pub async fn open_stream(&self) -> Result<MsgStream<O, I>, Error> {
        MsgStream::open(&self.dialog)
    }

    /// The actor that opened the context.
    #[must_use]
    pub fn peer(&self) -> &Aid {
        self.dialog.channel.peer()
    }

    /// The number of the context, the same on both sides.
    #[must_use]
    pub fn key(&self) -> ContextKey {
        self.dialog.key
    }

    /// Which side of the context this is: the callee's.
    #[must_use]
    pub fn side(&self) -> Side {
        Side::Callee
    }

    /// Whether the other side, or anyone else, has asked this task to cancel.
    #[must_use]
    pub fn cancel_called(&self) -> bool {
        self.dialog.callee(Callee::cancelled) == Some(true)
    }

    /// Who asked, once somebody has.
    #[must_use]
    pub fn canceller(&self) -> Option<Aid> {
        self.dialog.cause.borrow().as_ref().and_then(|cause| cause.by.clone())
    }
}
