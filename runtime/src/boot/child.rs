//! The child side of a start-up: from the marker in the environment to the end of the process.
use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::rc::Rc;
use std::sync::OnceLock;
use std::time::Duration;

use bytes::BytesMut;
use coulter_proto::codec;
use coulter_proto::handshake::{Purpose, Role as HandshakeRole};
use coulter_proto::spawn::SpawnSpec;

use super::root::{install_debugger, work_runtime};
use super::{life, take_child_marker};
use crate::actor::greet::greet;
use crate::actor::{Actor, Parts};
use crate::error::Error;
use crate::identity;
use crate::ipc::channel::{Channel, End};
use crate::ipc::socket::Socket;
use crate::observe::{probe, watch};

/// How long the parent may take to tell us who we are.
const SPEC_TIMEOUT: Duration = Duration::from_secs(10);

static EACH: OnceLock<fn()> = OnceLock::new();

/// A function that runs in every actor before its first task.
pub(crate) fn remember_each(each: fn()) {
    let _ = EACH.set(each);
}

/// If this process was spawned as an actor: runs as one, and ends with it.
pub(crate) fn run_if_child(each: Option<fn()>) {
    if !take_child_marker() {
        return;
    }
    if let Some(each) = each {
        remember_each(each);
    }
    let code = match run() {
        Ok(()) => 0,
        Err(error) => {
            eprintln!("coulter: this process was spawned as an actor and cannot be one: {error}");
            1
        }
    };
    std::process::exit(code)
}

fn run() -> Result<(), Error> {
    let fail = |what: &str, error: &dyn std::fmt::Display| Error::runtime(format!("{what}: {error}"));
    if std::env::var_os(crate::spawn::method::JOIN_OUTPUT).is_some() {
        super::marker::remove(crate::spawn::method::JOIN_OUTPUT);
        rustix::stdio::dup2_stdout(rustix::stdio::stderr()).map_err(|error| fail("its output cannot be joined", &error))?;
    }
    crate::sys::process::die_with_parent().map_err(|error| fail("the kernel cannot be asked to end it with its parent", &error))?;
    let socket = take_socket().map_err(|error| fail("its fd 0 is not the socket to its parent", &error))?;
    let spec = read_spec(&socket).map_err(|error| fail("its parent did not tell it who it is", &error))?;
    if rustix::process::getppid().is_none_or(|parent| u32::try_from(parent.as_raw_nonzero().get()) != Ok(spec.parent.pid)) {
        return Err(Error::runtime("its parent is gone already"));
    }
    live(spec, socket)
}

/// Takes the socket off fd 0, so that nobody who reads stdin reads our frames.
fn take_socket() -> io::Result<UnixStream> {
    let socket: OwnedFd = rustix::io::fcntl_dupfd_cloexec(rustix::stdio::stdin(), 3)?;
    rustix::net::getpeername(&socket)?;
    let null = std::fs::File::open("/dev/null")?;
    rustix::stdio::dup2_stdin(&null)?;
    Ok(socket.into())
}

/// Reads the spec and not one byte more: what follows belongs to the channel.
fn read_spec(socket: &UnixStream) -> io::Result<SpawnSpec> {
    let mut socket = socket;
    socket.set_read_timeout(Some(SPEC_TIMEOUT))?;
    let mut head = [0; 4];
    socket.read_exact(&mut head)?;
    let len = u32::from_le_bytes(head) as usize;
    if len > codec::MAX_FRAME {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "it is too large"));
    }
    let mut bytes = head.to_vec();
    socket.take(len as u64).read_to_end(&mut bytes)?;
    socket.set_read_timeout(None)?;
    codec::decode(&mut bytes).map_err(io::Error::other)?.ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
}

fn live(spec: SpawnSpec, socket: UnixStream) -> Result<(), Error> {
    let fail = |what: &str, error: &dyn std::fmt::Display| Error::runtime(format!("{what}: {error}"));
    let SpawnSpec { aid, parent, exposed, vars, tree_secret, realm_key, connect } = spec;
    identity::set_current(&aid);
    let _ = crate::sys::process::set_title(&aid.to_string());
    let lifeline = socket.try_clone().map_err(|error| fail("its socket cannot be shared", &error))?;
    let role = watch::Role::Child { bus: vars.tree_dir.join("bus.sock"), secret: tree_secret.clone(), parent: parent.clone(), lifeline: lifeline.into() };
    let (watch, from_watch) = watch::start(watch::Config { aid: aid.clone(), role }).map_err(|error| fail("its watch thread cannot be started", &error))?;
    crate::log::install(&vars.log, &aid, vars.color);
    install_debugger(&vars, &aid, &watch);
    if let Some(each) = EACH.get() {
        each();
    }
    let parts = Parts { aid, parent: Some(parent.clone()), vars, tree_secret, realm_key, watch: watch.clone(), exposed };
    let runtime = work_runtime();
    let errors = runtime.block_on(async {
        let listening = crate::actor::listen::bind(&parts.vars.transports, &parts.vars.tree_dir, &parts.aid, &watch)?;
        let actor = Actor::install(parts);
        probe::get().set_actor(crate::actor::shown::row(&actor));
        let to_parent = async |actor: &Rc<Actor>| {
            let inherited = Socket::inherited(socket.into(), parent.pid).map_err(|error| fail("its socket cannot be used", &error))?;
            match connect {
                None => {
                    let channel = Channel::start(parent.clone(), End::Connector, inherited, BytesMut::new(), actor.max_frame, &actor.aid, actor.router()?);
                    actor.add_channel(&channel);
                }
                Some(address) => {
                    let socket = Socket::connect(&address).await.map_err(|error| fail("its parent cannot be reached", &error))?;
                    greet(actor, socket, HandshakeRole::Initiator, Purpose::Tree, Some(parent.uuid))
                        .await
                        .map_err(|error| fail("its parent refused it", &error))?;
                }
            }
            Ok(())
        };
        life::serve_peers(actor, from_watch, to_parent, listening).await
    })?;
    drop(runtime);
    crate::devx::uninstall();
    watch.finish();
    match crate::error::group(errors) {
        None => Ok(()),
        Some(failure) => Err(Error::from_failure(failure)),
    }
}
