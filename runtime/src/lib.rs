//! The actor runtime of coulter: processes, nurseries, contexts, streams, and the debugger inside them.
//!
//! Programs depend on `coulter`, which re-exports what is public here.
//!
//! Rooms, from the ground up; a room uses those below it, never those above (a test keeps that):
//!
//! - `sys`, `clock`, `identity`, `realm`, `log`, `observe`: the machine, time, who we are, and the leaves any room may record into;
//! - `error`, `spawn`, `ipc`, `scope`: what users see, processes, channels, cancel scopes;
//! - `actor`, `dialog`: the one actor of the process, and one end of a call or context as bytes;
//! - `rpc`, `context`, `portal`: endpoints, contexts and streams as typed handles, calling;
//! - `discovery`, `nursery`: finding actors, owning them;
//! - `devx`, `boot`: the debugger, and how a process becomes an actor.
//!
//! `hooks` is how the debugger is called from below.
#[cfg(not(target_os = "linux"))]
compile_error!("coulter runs on Linux only for now: it needs pidfds and /proc; see the platform table in README.md");

mod actor;
mod boot;
mod clock;
mod context;
mod devx;
mod dialog;
mod discovery;
mod error;
mod hooks;
mod identity;
mod ipc;
pub mod log;
mod nursery;
mod observe;
mod portal;
mod realm;
#[cfg(test)]
mod rooms;
mod rpc;
mod scope;
mod spawn;
mod sys;
mod trace;

pub use boot::current::{ActorRef, current_actor, current_context, is_root_process, runtime_vars, try_current_actor};
pub use boot::main::init;
pub use boot::root::Root;
pub use context::callee::Context;
pub use context::caller::{ContextOutcome, ParentContext};
pub use context::stream::MsgStream;
pub use coulter_proto::dialog::{Overrun, WindowSize};
pub use coulter_proto::error::{CancelCause, Failure, FailureKind};
pub use coulter_proto::exit::ExitStatus;
pub use coulter_proto::id::{Aid, ContextKey};
pub use coulter_proto::observe::Side;
pub use coulter_proto::spawn::{Address, Transport};
pub use dialog::StreamOptions;
pub use discovery::{find_actor, find_actors, get_parent, get_registry, get_root, query_actor, wait_for_actor};
pub use error::{ActorDied, ContextCancelled, Error, RemoteActorError, Report, Result};
pub use nursery::{Nursery, ResultPortal, RunInActor, StartActor, open_nursery};
pub use portal::{CancelActor, ChannelInfo, Portal};
pub use rpc::endpoint::Call;
pub use scope::{checkpoint, fail_after, move_on_after, shield, spawn};

/// What `pause!` expands to; no public interface.
#[doc(hidden)]
pub mod __pause {
    pub use crate::devx::capture::*;
    pub use crate::devx::pause::*;
}

/// What the attributes expand to; no public interface.
#[doc(hidden)]
pub mod __private {
    pub use linkme;

    pub use crate::boot::main::{MainOptions, run_main};
    pub use crate::boot::test::{TestOutcome, run_test};
    pub use crate::error::Report;
    pub use crate::rpc::arguments::{ArgError, ArgReader, ArgWriter, Arguments, Describe, EncodeError};
    pub use crate::rpc::endpoint::{
        Call, ContextEndpoint, ContextTypes, ENDPOINTS, Endpoint, Entry, EntryKind, Fallible, TaskFuture, fingerprint, fingerprint_context,
    };
    pub use crate::rpc::invoke::{Invocation, run_blocking, run_call, run_context};
    pub use coulter_proto::spawn::Transport;
}

#[cfg(feature = "macros")]
pub use coulter_macros::{context, endpoint, main, test};
