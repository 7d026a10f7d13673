//! Spawning a child: its process, the spec over its socket, and the wait until it is ready.
use std::os::unix::net::UnixStream;
use std::rc::Rc;
use std::time::Duration;

use coulter_proto::error::FailureKind;
use coulter_proto::exit::ExitStatus;
use coulter_proto::id::Aid;
use coulter_proto::nursery::{ChildId, ChildKind};
use coulter_proto::observe::ActorRow;
use coulter_proto::spawn::{CHILD_MARKER, RuntimeVars, SpawnSpec, Transport};

use super::options::Options;
use super::{Child, Inner};
use crate::actor::Actor;
use crate::error::Error;
use crate::ipc::channel::{Channel, End};
use crate::ipc::socket::Socket;
use crate::log::log_runtime;
use crate::rpc::router;
use crate::spawn::method::{Exec, SpawnMethod, Start};
use crate::spawn::process::Process;

/// How long a child may take to be ready.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Spawns a child and waits until it is ready.
pub(super) async fn start(inner: &Rc<Inner>, name: String, options: Options, kind: ChildKind) -> Result<(Rc<Child>, Rc<Channel>), Error> {
    if inner.is_cancelling() {
        let cause = inner.cause();
        let text = format!("actor `{name}` was not started: its nursery is being cancelled ({})", cause.why);
        return Err(Error::new(FailureKind::Cancelled(cause), text));
    }
    if std::env::var_os(CHILD_MARKER).is_some() {
        return Err(Error::runtime(format!(
            "actor `{name}` was not started: this process was itself spawned as an actor, but its `main` did not call `coulter::init()` first; make that its first line, or use `#[coulter::main]`"
        )));
    }
    let actor = inner.actor.clone();
    let cannot = |error: &dyn std::fmt::Display| Error::runtime(format!("actor `{name}` cannot be started: {error}"));
    let (ours, theirs) = UnixStream::pair().map_err(|error| cannot(&error))?;
    let uuid = crate::identity::fresh_uuid();
    let started = Exec
        .start(Start {
            socket: theirs.into(),
            title: &format!("{name} (coulter actor)"),
            env: &options.env,
            current_dir: options.current_dir.as_deref(),
            adjust: options.adjust,
        })
        .map_err(|error| cannot(&error))?;
    let aid = Aid { name: name.clone(), uuid, pid: started.child.id() };
    let vars = RuntimeVars {
        transports: options.transports.clone().unwrap_or_else(|| actor.vars.transports.clone()),
        debug: options.debug.unwrap_or(actor.vars.debug),
        log: options.log.clone().unwrap_or_else(|| actor.vars.log.clone()),
        ..actor.vars.clone()
    };
    let process = Process::new(started.child).map_err(|error| cannot(&error))?;
    let output = actor.watch.adopt_output(aid.clone(), started.stdout, started.stderr);
    let child = Child::new(ChildId(inner.new_number()), row(&actor, &aid, &options.exposed, &vars), inner, process, output);
    inner.add(&child, kind);
    log_runtime!("spawned {aid}");

    let socket = Socket::inherited(ours.into(), aid.pid).map_err(|error| cannot(&error))?;
    // Another transport than UDS first: the child opens its channel to us over that one.
    let connect = match vars.transports.first() {
        Some(Transport::Tcp) => actor.addresses().into_iter().find(|address| address.transport() == Transport::Tcp),
        _ => None,
    };
    let spec = SpawnSpec {
        aid: aid.clone(),
        parent: actor.aid.clone(),
        exposed: options.exposed,
        vars,
        tree_secret: actor.tree_secret.clone(),
        realm_key: actor.realm_key.clone(),
        connect: connect.clone(),
    };
    let ready = router::await_ready(uuid);
    let connected = async {
        send_spec(&socket, &spec).await.map_err(|error| cannot(&error))?;
        let mut lifeline = None;
        if connect.is_some() {
            lifeline = Some(socket);
        } else {
            let channel = Channel::start(aid.clone(), End::Acceptor, socket, bytes::BytesMut::new(), actor.max_frame, &actor.aid, actor.router()?);
            actor.add_channel(&channel);
            child.connected(&channel);
        }
        let (channel, ready) = ready.await.map_err(|_| cannot(&"its channel closed before it was ready"))?;
        child.ready(&channel, ready.addresses.iter().map(ToString::to_string).collect());
        child.hold(lifeline);
        Ok::<_, Error>(channel)
    };
    let done = tokio::select! {
        biased;
        done = connected => done,
        status = child.process().wait() => Err(died_first(&actor, &child, status)),
        () = too_long(&actor, uuid) => {
            child.kill_now();
            Err(Error::new(FailureKind::ActorTooSlow, format!("actor {aid} was killed: it did not connect within {} s; look at what it does before `coulter::init()`", CONNECT_TIMEOUT.as_secs())))
        }
    };
    router::forget_awaited(uuid);
    // The channel of a child that died in between may have said so first; its status says more.
    let done = match (done, child.process().status()) {
        (Err(_), Some(status)) => Err(died_first(&actor, &child, status)),
        (done, _) => done,
    };
    done.map(|channel| (child, channel))
}

/// The limit for connecting, its clock standing still while the child is in the debugger.
async fn too_long(actor: &Actor, child: uuid::Uuid) {
    const TICK: Duration = Duration::from_millis(100);
    let mut left = CONNECT_TIMEOUT;
    while !left.is_zero() {
        tokio::time::sleep(TICK).await;
        if !actor.watch.debugged().contains(&child) {
            left = left.saturating_sub(TICK);
        }
    }
}

fn died_first(actor: &Actor, child: &Child, status: ExitStatus) -> Error {
    let known = actor.note_death(&child.aid, status, child.last_output());
    let mut failure = coulter_proto::error::Failure::clone(&known);
    failure.message = format!("actor {} died before it was ready: {status}; its last output is below", child.aid);
    Error::from_failure(failure)
}

async fn send_spec(socket: &Socket, spec: &SpawnSpec) -> std::io::Result<()> {
    let mut bytes = Vec::new();
    coulter_proto::codec::encode(spec, &mut bytes).map_err(std::io::Error::other)?;
    let mut rest = &bytes[..];
    while !rest.is_empty() {
        match socket.try_write(rest) {
            Ok(n) => rest = &rest[n..],
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => socket.writable().await?,
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

fn row(actor: &Actor, aid: &Aid, exposed: &[String], vars: &RuntimeVars) -> ActorRow {
    ActorRow {
        exposed: exposed.to_vec(),
        vars: crate::actor::shown::vars(vars),
        debug: vars.debug,
        ..ActorRow::new(aid.clone(), Some(actor.aid.clone()), crate::clock::unix_micros())
    }
}
