//! The handshake on a fresh socket: carries the machine's messages and gives a channel, or says why not.
use std::rc::Rc;
use std::time::Duration;

use bytes::BytesMut;
use coulter_proto::handshake::{self, Config, Effect, Handshake, HandshakeError, Input, Message, Prover, Purpose, Role};
use coulter_proto::id::{DialogId, Uuid};
use coulter_proto::machine::Machine;
use coulter_proto::message::{self, Kind};

use super::Actor;
use crate::clock;
use crate::ipc::channel::{Channel, End};
use crate::ipc::socket::Socket;
use crate::realm::keys;

/// A handshake message is a few hundred bytes; a stranger gets no more room than that.
const MAX_MESSAGE: usize = 16 * 1024;

struct Keys {
    tree: Vec<u8>,
    realm: Vec<u8>,
}

impl Prover for Keys {
    fn mac(&self, purpose: Purpose, data: &[u8]) -> [u8; 32] {
        match purpose {
            Purpose::Tree => keys::mac(&self.tree, data),
            Purpose::Realm | Purpose::Probe => keys::mac(&self.realm, data),
        }
    }
}

/// Shakes hands; the channel when both sides believe each other.
pub(crate) async fn greet(actor: &Rc<Actor>, socket: Socket, role: Role, purpose: Purpose, expect: Option<Uuid>) -> Result<Rc<Channel>, HandshakeError> {
    let mut nonce = [0; 32];
    crate::sys::random::fill(&mut nonce);
    let mut config = Config::new(actor.aid.clone(), env!("CARGO_PKG_VERSION"), nonce, purpose);
    config.expect = expect;
    let keys = Keys { tree: actor.tree_secret.clone(), realm: actor.realm_key.clone() };
    let mut machine = Handshake::new(role, config, keys);
    let (mut buffer, mut effects) = (BytesMut::new(), Vec::new());
    machine.on(clock::now(), Input::Begin, &mut effects);
    loop {
        for effect in std::mem::take(&mut effects) {
            match effect {
                Effect::Send(message) => send(&socket, &message).await,
                Effect::Failed(error) => return Err(error),
                Effect::Established(hello) => {
                    let end = if role == Role::Initiator { End::Connector } else { End::Acceptor };
                    let router = actor.router().map_err(|_| HandshakeError::Closed)?;
                    let channel = Channel::start(hello.aid, end, socket, buffer, actor.max_frame, &actor.aid, router);
                    actor.add_channel(&channel);
                    return Ok(channel);
                }
            }
        }
        let input = next(&socket, &mut buffer, machine.next_deadline()).await;
        match input {
            Some(input) => machine.on(clock::now(), input, &mut effects),
            None => machine.on_time(clock::now(), &mut effects),
        }
    }
}

async fn send(socket: &Socket, message: &Message) {
    let mut out = BytesMut::new();
    // A peer that does not take it is seen to be gone by the next read.
    if message::put(&mut out, Kind::Handshake, DialogId(0), message, MAX_MESSAGE).is_err() {
        return;
    }
    while !out.is_empty() {
        match socket.try_write(&out) {
            Ok(n) => bytes::Buf::advance(&mut out, n),
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {
                if socket.writable().await.is_err() {
                    return;
                }
            }
            Err(_) => return,
        }
    }
}

async fn next(socket: &Socket, buffer: &mut BytesMut, deadline: Option<coulter_proto::time::Now>) -> Option<Input> {
    let read = async {
        loop {
            match message::take_frame(buffer, MAX_MESSAGE) {
                Ok(Some(frame)) if frame.kind == Kind::Handshake => {
                    return match message::read::<handshake::Message>(&frame.body) {
                        Ok(message) => Input::Message(message),
                        Err(error) => Input::Malformed(error.to_string()),
                    };
                }
                Ok(Some(frame)) => return Input::Malformed(format!("{:?} before the handshake", frame.kind)),
                Err(error) => return Input::Malformed(error.to_string()),
                Ok(None) => {}
            }
            if !matches!(socket.read(buffer).await, Ok(n) if n > 0) {
                return Input::Closed;
            }
        }
    };
    let wait = deadline.map_or(Duration::from_micros(handshake::TIMEOUT), |due| Duration::from_micros(due.0.saturating_sub(clock::now().0)));
    tokio::time::timeout(wait, read).await.ok()
}
