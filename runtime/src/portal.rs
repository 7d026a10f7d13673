//! Calling into another actor.
use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::rc::Rc;
use std::time::Duration;

use coulter_proto::error::{CancelCause, FailureKind};
use coulter_proto::id::Aid;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::context::caller::{self, CallFuture, ParentContext};
use crate::dialog::StreamOptions;
use crate::error::{Error, Result};
use crate::ipc::channel::Channel;
use crate::rpc::endpoint::{Call, ContextEndpoint, ContextTypes, Endpoint};
use crate::rpc::router;

type Started<E> = <<E as ContextEndpoint>::Types as ContextTypes>::Started;

/// How long an actor may take to acknowledge that it was asked to cancel.
const CANCEL_ACK: Duration = Duration::from_millis(500);

/// A handle to call into another actor: one incarnation of it. Cheap to clone.
#[derive(Clone)]
pub struct Portal {
    channel: Rc<Channel>,
}

impl std::fmt::Debug for Portal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Portal({})", self.channel.peer())
    }
}

impl Portal {
    pub(crate) fn new(channel: Rc<Channel>) -> Self {
        Self { channel }
    }

    /// The actor at the other end.
    #[must_use]
    pub fn actor(&self) -> &Aid {
        self.channel.peer()
    }

    /// The channel to it: addresses, transport, whether it is open.
    #[must_use]
    pub fn channel(&self) -> ChannelInfo {
        let socket = self.channel.socket();
        ChannelInfo {
            aid: self.channel.peer().clone(),
            transport: socket.transport(),
            laddr: socket.laddr().to_owned(),
            raddr: socket.raddr().to_owned(),
            peer_pid: socket.peer_pid(),
            closed: self.channel.is_closed(),
        }
    }

    /// Calls an endpoint and waits for its result.
    ///
    /// # Errors
    /// What the endpoint failed with, as [`Error::Remote`]; [`Error::ModuleNotExposed`],
    /// [`Error::NoSuchEndpoint`], [`Error::MsgType`] before any task started; [`Error::ActorDied`] and
    /// [`Error::TransportClosed`] when the actor is gone.
    ///
    /// # Cancel safety
    /// Dropping the future cancels the remote task; the scope around waits for that.
    pub async fn run<E: Endpoint>(&self, call: Call<E>) -> Result<E::Ok, Error> {
        CallFuture::start(&self.channel, &call)?.await
    }

    /// Calls an endpoint by its module and name, with the arguments as a tuple: for callers that do not share its source.
    ///
    /// # Errors
    /// Those of [`Portal::run`]; [`Error::NoSuchEndpoint`] also when two endpoints have that name (both are named);
    /// [`Error::MsgType`] when an argument, or the result as a `T`, is of another type.
    ///
    /// # Cancel safety
    /// As [`Portal::run`].
    ///
    /// ```no_run
    /// # async fn example(portal: coulter::Portal) -> coulter::Result<()> {
    /// let sum: u32 = portal.run_from_ns("calculator", "add", (2, 3)).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn run_from_ns<T: DeserializeOwned>(&self, module: &str, function: &str, args: impl Serialize) -> Result<T, Error> {
        CallFuture::start_by_name(&self.channel, &format!("{module}::{function}"), &args)?.await
    }

    /// Opens a context: the block begins with the child's `started` value, and ends when both sides have.
    ///
    /// # Errors
    /// The block's own; the child's, which drops the block; [`Error::NotStarted`] when the child returned
    /// without `started`; and those of [`Portal::run`].
    ///
    /// # Cancel safety
    /// Dropping the future cancels the child's task; the scope around waits for its final word.
    pub async fn open_context<E, T, F>(&self, call: Call<E>, block: F) -> Result<T>
    where
        E: ContextEndpoint,
        F: AsyncFnOnce(&ParentContext<E>, Started<E>) -> Result<T>,
    {
        caller::open(self.channel.clone(), call, StreamOptions::default(), block).await
    }

    /// As [`Portal::open_context`], with a window and an overrun policy of your own for both directions.
    ///
    /// # Errors
    /// As there.
    pub async fn open_context_with<E, T, F>(&self, call: Call<E>, options: StreamOptions, block: F) -> Result<T>
    where
        E: ContextEndpoint,
        F: AsyncFnOnce(&ParentContext<E>, Started<E>) -> Result<T>,
    {
        caller::open(self.channel.clone(), call, options, block).await
    }

    /// Asks the whole actor to cancel; resolves with its acknowledgement, not with its end.
    pub fn cancel_actor(&self) -> CancelActor<'_> {
        CancelActor { channel: &self.channel, limit: CANCEL_ACK }
    }
}

/// What is known of the channel to a peer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChannelInfo {
    /// The peer.
    pub aid: Aid,
    /// The transport.
    pub transport: coulter_proto::spawn::Transport,
    /// Our address, as a multiaddr.
    pub laddr: String,
    /// The peer's address, as a multiaddr.
    pub raddr: String,
    /// The peer's process id as the kernel tells it; on UDS only.
    pub peer_pid: Option<u32>,
    /// Whether it is closed.
    pub closed: bool,
}

/// A request to cancel an actor; await it.
#[must_use = "nothing is asked until this is awaited"]
#[derive(Clone, Copy)]
pub struct CancelActor<'p> {
    channel: &'p Rc<Channel>,
    limit: Duration,
}

impl std::fmt::Debug for CancelActor<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "CancelActor({}, within {:?})", self.channel.peer(), self.limit)
    }
}

impl CancelActor<'_> {
    /// How long to wait for the acknowledgement; 0.5 s by default.
    pub fn timeout(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }
}

impl<'p> IntoFuture for CancelActor<'p> {
    type Output = Result<(), Error>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + 'p>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let peer = self.channel.peer();
            if self.channel.is_closed() {
                return Err(Error::from_failure(self.channel.closed_failure()));
            }
            let cause = CancelCause { by: crate::identity::current(), why: "portal.cancel_actor()".into(), behind: Vec::new() };
            let acked = router::ask_actor_to_cancel(self.channel, &cause);
            match tokio::time::timeout(self.limit, acked).await {
                Ok(Ok(())) => Ok(()),
                // Its channel closed on the way: it ends all the same.
                Ok(Err(_)) if self.channel.said_goodbye() => Ok(()),
                Ok(Err(_)) => Err(Error::from_failure(self.channel.closed_failure())),
                Err(_) => Err(Error::new(
                    FailureKind::ActorTooSlow,
                    format!("{peer} did not acknowledge its cancel within {:?}; its work thread is busy or blocked, kill it or wait", self.limit),
                )),
            }
        })
    }
}
