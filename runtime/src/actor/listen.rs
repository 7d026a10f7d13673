//! Where others connect to this actor: one listener a transport, a bounded number of handshakes at once.
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;

use coulter_proto::handshake::{Purpose, Role};
use coulter_proto::id::Aid;
use coulter_proto::spawn::{Address, Transport};
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::Semaphore;

use super::Actor;
use super::greet::greet;
use crate::error::Error;
use crate::ipc::socket::Socket;
use crate::log::{log_runtime, log_transport};
use crate::observe::watch::Watch;
use crate::realm::directory;

/// How many strangers may be in a handshake at once.
const MAX_HALF_OPEN: usize = 64;

enum Listener {
    Uds(UnixListener),
    Tcp(TcpListener),
}

/// The listeners of an actor.
pub(crate) struct Listening {
    listeners: Vec<(Listener, Address)>,
}

/// Binds one listener for each transport.
pub(crate) fn bind(transports: &[Transport], tree_dir: &Path, aid: &Aid, watch: &Watch) -> Result<Listening, Error> {
    let mut listeners = Vec::new();
    for transport in transports {
        let bound = match transport {
            Transport::Uds => bind_uds(tree_dir, aid, watch),
            Transport::Tcp => bind_tcp(),
        };
        listeners.push(bound.map_err(|error| Error::runtime(format!("{aid} cannot listen on {}: {error}", transport.name())))?);
    }
    Ok(Listening { listeners })
}

fn bind_uds(tree_dir: &Path, aid: &Aid, watch: &Watch) -> io::Result<(Listener, Address)> {
    let path = directory::socket_path(tree_dir, aid);
    watch.removes_at_exit(path.clone());
    let listener = UnixListener::bind(&path)?;
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600))?;
    Ok((Listener::Uds(listener), Address::Uds(path)))
}

fn bind_tcp() -> io::Result<(Listener, Address)> {
    let listener = std::net::TcpListener::bind((std::net::Ipv4Addr::LOCALHOST, 0))?;
    listener.set_nonblocking(true)?;
    let address = listener.local_addr()?;
    Ok((Listener::Tcp(TcpListener::from_std(listener)?), Address::Tcp(address)))
}

impl Listening {
    /// The addresses, best first.
    pub(crate) fn addresses(&self) -> Vec<Address> {
        self.listeners.iter().map(|(_, address)| address.clone()).collect()
    }

    /// Accepts until dropped; then the socket files are gone.
    pub(crate) fn serve(self, actor: &Rc<Actor>) -> Serving {
        let half_open = Arc::new(Semaphore::new(MAX_HALF_OPEN));
        let addresses = self.addresses();
        let tasks = self
            .listeners
            .into_iter()
            .map(|(listener, _)| tokio::task::spawn_local(accept_loop(listener, actor.clone(), half_open.clone())).abort_handle())
            .collect();
        Serving { tasks, addresses }
    }
}

/// Listeners at work.
pub(crate) struct Serving {
    tasks: Vec<tokio::task::AbortHandle>,
    addresses: Vec<Address>,
}

impl Drop for Serving {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
        for address in &self.addresses {
            if let Address::Uds(path) = address {
                let _ = std::fs::remove_file(path);
            }
        }
    }
}

async fn accept_loop(listener: Listener, actor: Rc<Actor>, half_open: Arc<Semaphore>) {
    loop {
        // Closed only with the process.
        let Ok(permit) = half_open.clone().acquire_owned().await else { return };
        let accepted = match &listener {
            Listener::Uds(listener) => listener.accept().await.and_then(|(stream, _)| Socket::new(stream.into_std()?.into(), Transport::Uds)),
            Listener::Tcp(listener) => listener.accept().await.and_then(|(stream, _)| Socket::new(stream.into_std()?.into(), Transport::Tcp)),
        };
        let socket = match accepted {
            Ok(socket) => socket,
            Err(error) => {
                tracing::warn!(target: "coulter::transport", "a connection could not be accepted: {error}");
                // Out of descriptors: give those that close a moment, instead of spinning on the listener.
                tokio::time::sleep(std::time::Duration::from_millis(10)).await;
                continue;
            }
        };
        let actor = actor.clone();
        tokio::task::spawn_local(async move {
            let from = socket.raddr().to_owned();
            match greet(&actor, socket, Role::Responder, Purpose::Realm, None).await {
                Ok(channel) => log_transport!("{} connected from {from}", channel.peer()),
                Err(error) => log_runtime!("a connection from {from} was refused: {error}"),
            }
            drop(permit);
        });
    }
}
