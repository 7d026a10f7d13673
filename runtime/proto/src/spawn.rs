//! What a parent hands its child over the inherited socket: the child's whole environment as an actor.
use serde::{Deserialize, Serialize};

use crate::id::Aid;

/// The name of the variable that marks a process as spawned by us; the child removes it at once.
pub const CHILD_MARKER: &str = "COULTER_ACTOR";

/// Which transports carry messages between actors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Transport {
    /// Unix domain sockets.
    Uds,
    /// TCP, on loopback unless told otherwise.
    Tcp,
}

impl Transport {
    /// `uds` or `tcp`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Uds => "uds",
            Self::Tcp => "tcp",
        }
    }
}

/// An address an actor listens on.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Address {
    /// A socket file.
    Uds(std::path::PathBuf),
    /// A TCP address.
    Tcp(std::net::SocketAddr),
}

impl Address {
    /// The transport it belongs to.
    #[must_use]
    pub fn transport(&self) -> Transport {
        match self {
            Self::Uds(_) => Transport::Uds,
            Self::Tcp(_) => Transport::Tcp,
        }
    }
}

impl std::fmt::Display for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Uds(path) => write!(f, "/unix{}", path.display()),
            Self::Tcp(addr) if addr.is_ipv4() => write!(f, "/ip4/{}/tcp/{}", addr.ip(), addr.port()),
            Self::Tcp(addr) => write!(f, "/ip6/{}/tcp/{}", addr.ip(), addr.port()),
        }
    }
}

/// Variables of the runtime that every actor of a tree shares, each child with a copy of its own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RuntimeVars {
    /// The root.
    pub root: Aid,
    /// Where the root listens, best first.
    pub root_addresses: Vec<Address>,
    /// The registrars' addresses.
    pub registrars: Vec<Address>,
    /// Transports this actor listens on, best first.
    pub transports: Vec<Transport>,
    /// The tree's directory.
    pub tree_dir: std::path::PathBuf,
    /// Whether crash stops are on.
    pub debug: bool,
    /// Whether pauses stop.
    pub pause: bool,
    /// The log filter.
    pub log: String,
    /// Whether log lines may be coloured.
    pub color: bool,
}

/// All a child is told.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SpawnSpec {
    /// Who you are.
    pub aid: Aid,
    /// Who I am.
    pub parent: Aid,
    /// Modules (or single endpoints) you answer for.
    pub exposed: Vec<String>,
    /// The runtime variables.
    pub vars: RuntimeVars,
    /// The secret of the tree.
    pub tree_secret: Vec<u8>,
    /// The key of the realm.
    pub realm_key: Vec<u8>,
    /// Where to open the application's channel to me; `None`: this very socket is it.
    pub connect: Option<Address>,
}
