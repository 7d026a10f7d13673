//! The handshake of every connection (rules 11.1, 11.3, 1.3): versions first, then mutual proofs.
//!
//! ```text
//! initiator                    responder
//!   Hello(nonce)      ------->
//!                     <-------  Hello(nonce), Proof
//!   Proof             ------->
//!                     <-------  Welcome
//! ```
//! A proof covers both hellos whole and who proves, so it fits one connection and one direction
//! only: nothing can be replayed or reflected. The secret and its arithmetic stay with the
//! [`Prover`]; this machine is never traced.
use std::fmt;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::id::Aid;
use crate::machine::{Machine, Sink};
use crate::time::{Deadline, Now};

/// How long a handshake may take, microseconds.
pub const TIMEOUT: u64 = 10_000_000;

/// What a connection is for; each purpose has its own secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Purpose {
    /// Between actors of one tree.
    Tree,
    /// Between trees, and with a registrar.
    Realm,
    /// To see who answers at an address; never shows up as a peer.
    Probe,
}

/// Who somebody says to be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// The protocol's version: [`crate::PROTOCOL_VERSION`].
    pub protocol: u32,
    /// Which executable; told, not compared.
    pub build_id: String,
    /// Who.
    pub aid: Aid,
    /// Random, fresh for this connection.
    pub nonce: [u8; 32],
    /// What for; the responder repeats the initiator's.
    pub purpose: Purpose,
}

/// What is said, in frames of [`crate::message::Kind::Handshake`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Message {
    /// First, from both.
    Hello(Hello),
    /// That one has the secret.
    Proof {
        /// HMAC over both hellos and the side.
        mac: [u8; 32],
    },
    /// No, and why; the connection closes.
    Refuse {
        /// A sentence.
        why: String,
    },
    /// The responder believes the initiator.
    Welcome,
}

/// Has the secrets.
pub trait Prover {
    /// HMAC-SHA-256 of `data` under the secret of this purpose.
    fn mac(&self, purpose: Purpose, data: &[u8]) -> [u8; 32];
}

/// Which end one is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Role {
    /// Opened the connection.
    Initiator,
    /// Accepted it.
    Responder,
}

/// Why there is no connection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum HandshakeError {
    /// The peer speaks another version.
    Version {
        /// Ours.
        ours: u32,
        /// Theirs.
        theirs: u32,
        /// The peer's executable.
        build_id: String,
    },
    /// The peer said no.
    Refused(String),
    /// The peer does not have the secret.
    WrongProof {
        /// What for.
        purpose: Purpose,
    },
    /// The peer claims to be us, or is not whom we expected.
    WrongIdentity {
        /// Who it says to be.
        claimed: Aid,
    },
    /// The purpose is not served here, or was not repeated.
    WrongPurpose(Purpose),
    /// A message out of order.
    Unexpected(String),
    /// It took too long.
    TimedOut,
    /// The connection closed.
    Closed,
}

impl fmt::Display for HandshakeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Version { ours, theirs, build_id } => {
                write!(f, "the peer ({build_id}) speaks protocol version {theirs}, this actor version {ours}; build both against the same coulter")
            }
            Self::Refused(why) => write!(f, "the peer refused: {why}"),
            Self::WrongProof { purpose: Purpose::Tree } => f.write_str("the peer does not have this tree's secret; only actors of one tree may connect here"),
            Self::WrongProof { .. } => f.write_str("the peer does not have the realm key; both sides need the same COULTER_REALM_KEY_FILE"),
            Self::WrongIdentity { claimed } => write!(f, "the peer says it is {claimed} ({}), which it cannot be; the connection was closed", claimed.short()),
            Self::WrongPurpose(purpose) => write!(f, "connections for {purpose:?} are not served here"),
            Self::Unexpected(what) => write!(f, "the peer broke the handshake: {what}; it may be no coulter actor"),
            Self::TimedOut => f.write_str("the handshake took longer than 10 s; the peer may be stuck, or no coulter actor"),
            Self::Closed => f.write_str("the connection closed during the handshake; the peer may have ended"),
        }
    }
}
impl std::error::Error for HandshakeError {}

/// What one end brings.
#[derive(Clone, Debug)]
pub struct Config {
    /// Our hello; the responder's purpose is filled in from the initiator's.
    pub hello: Hello,
    /// The only identity accepted, if it is known.
    pub expect: Option<Uuid>,
    /// Purposes served; empty: all.
    pub serves: Vec<Purpose>,
    /// How long it may take, microseconds.
    pub timeout: u64,
}

impl Config {
    /// A config without expectations and the default timeout.
    #[must_use]
    pub fn new(aid: Aid, build_id: impl Into<String>, nonce: [u8; 32], purpose: Purpose) -> Self {
        let hello = Hello { protocol: crate::PROTOCOL_VERSION, build_id: build_id.into(), aid, nonce, purpose };
        Self { hello, expect: None, serves: Vec::new(), timeout: TIMEOUT }
    }
}

/// What can happen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Input {
    /// The connection is there: both ends, first.
    Begin,
    /// A message came.
    Message(Message),
    /// The bytes are no message.
    Malformed(String),
    /// The connection closed.
    Closed,
}

/// What is decided.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Effect {
    /// Write this.
    Send(Message),
    /// Both believe each other; this is the peer.
    Established(Hello),
    /// It is over: close, after what was sent is written.
    Failed(HandshakeError),
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum State {
    New,
    WaitHello,
    WaitProof(Hello),
    WaitWelcome(Hello),
    Over,
}

/// One end of a handshake.
#[derive(Debug)]
pub struct Handshake<P> {
    role: Role,
    config: Config,
    prover: P,
    state: State,
    clock: Deadline,
}

impl<P: Prover> Handshake<P> {
    /// One end, before [`Input::Begin`].
    #[must_use]
    pub fn new(role: Role, config: Config, prover: P) -> Self {
        Self { role, config, prover, state: State::New, clock: Deadline::Off }
    }
    /// Whether nothing more will come of it.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.state == State::Over
    }

    fn proof(&self, prover: Role, peer: &Hello) -> [u8; 32] {
        let (initiator, responder) = match self.role {
            Role::Initiator => (&self.config.hello, peer),
            Role::Responder => (peer, &self.config.hello),
        };
        let mut data = Vec::with_capacity(256);
        data.extend_from_slice(match prover {
            Role::Initiator => b"coulter handshake, initiator\0",
            Role::Responder => b"coulter handshake, responder\0",
        });
        for hello in [initiator, responder] {
            put_hello(&mut data, hello);
        }
        self.prover.mac(self.config.hello.purpose, &data)
    }
    fn fail(&mut self, error: HandshakeError, out: &mut impl Sink<Effect>) {
        let tell = !matches!(error, HandshakeError::Refused(_) | HandshakeError::Closed | HandshakeError::TimedOut);
        if tell {
            out.emit(Effect::Send(Message::Refuse { why: error.to_string() }));
        }
        self.state = State::Over;
        self.clock = Deadline::Off;
        out.emit(Effect::Failed(error));
    }
    fn establish(&mut self, peer: Hello, out: &mut impl Sink<Effect>) {
        self.state = State::Over;
        self.clock = Deadline::Off;
        out.emit(Effect::Established(peer));
    }
    fn check(&self, hello: &Hello) -> Result<(), HandshakeError> {
        let ours = &self.config.hello;
        if hello.protocol != ours.protocol {
            return Err(HandshakeError::Version { ours: ours.protocol, theirs: hello.protocol, build_id: hello.build_id.chars().take(64).collect() });
        }
        let spoofed = hello.aid.uuid == ours.aid.uuid || self.config.expect.is_some_and(|expected| expected != hello.aid.uuid);
        if spoofed || hello.nonce == ours.nonce {
            return Err(HandshakeError::WrongIdentity { claimed: hello.aid.clone() });
        }
        let served = match self.role {
            Role::Initiator => hello.purpose == ours.purpose,
            Role::Responder => self.config.serves.is_empty() || self.config.serves.contains(&hello.purpose),
        };
        if served { Ok(()) } else { Err(HandshakeError::WrongPurpose(hello.purpose)) }
    }
    fn on_hello(&mut self, hello: Hello, out: &mut impl Sink<Effect>) {
        if let Err(error) = self.check(&hello) {
            return self.fail(error, out);
        }
        if self.role == Role::Responder {
            self.config.hello.purpose = hello.purpose;
            out.emit(Effect::Send(Message::Hello(self.config.hello.clone())));
            let mac = self.proof(Role::Responder, &hello);
            out.emit(Effect::Send(Message::Proof { mac }));
        }
        self.state = State::WaitProof(hello);
    }
    fn on_proof(&mut self, peer: Hello, mac: &[u8; 32], out: &mut impl Sink<Effect>) {
        let prover = match self.role {
            Role::Initiator => Role::Responder,
            Role::Responder => Role::Initiator,
        };
        if !same(mac, &self.proof(prover, &peer)) {
            return self.fail(HandshakeError::WrongProof { purpose: peer.purpose }, out);
        }
        match self.role {
            Role::Initiator => {
                let mac = self.proof(Role::Initiator, &peer);
                out.emit(Effect::Send(Message::Proof { mac }));
                self.state = State::WaitWelcome(peer);
            }
            Role::Responder => {
                out.emit(Effect::Send(Message::Welcome));
                self.establish(peer, out);
            }
        }
    }
}

impl<P: Prover> Machine for Handshake<P> {
    type Input = Input;
    type Effect = Effect;

    fn on(&mut self, now: Now, input: Input, out: &mut impl Sink<Effect>) {
        match (input, std::mem::replace(&mut self.state, State::Over)) {
            (_, State::Over) => {}
            (Input::Begin, State::New) => {
                self.clock = Deadline::after(now, self.config.timeout);
                self.state = State::WaitHello;
                if self.role == Role::Initiator {
                    out.emit(Effect::Send(Message::Hello(self.config.hello.clone())));
                }
            }
            (Input::Closed, _) => self.fail(HandshakeError::Closed, out),
            (Input::Malformed(why), _) => self.fail(HandshakeError::Unexpected(why), out),
            (Input::Message(Message::Refuse { why }), _) => self.fail(HandshakeError::Refused(why.chars().take(400).collect()), out),
            (Input::Message(Message::Hello(hello)), State::WaitHello) => self.on_hello(hello, out),
            (Input::Message(Message::Proof { mac }), State::WaitProof(peer)) => self.on_proof(peer, &mac, out),
            (Input::Message(Message::Welcome), State::WaitWelcome(peer)) => self.establish(peer, out),
            (Input::Message(_), _) => self.fail(HandshakeError::Unexpected("a message out of order".into()), out),
            (Input::Begin, state) => self.state = state,
        }
    }

    fn next_deadline(&self) -> Option<Now> {
        self.clock.due()
    }

    fn on_time(&mut self, now: Now, out: &mut impl Sink<Effect>) {
        if self.clock.take_due(now) {
            self.fail(HandshakeError::TimedOut, out);
        }
    }
}

/// Lengths before everything variable, so that no two hellos give the same bytes.
fn put_hello(data: &mut Vec<u8>, hello: &Hello) {
    data.extend_from_slice(&hello.protocol.to_le_bytes());
    for text in [&hello.build_id, &hello.aid.name] {
        data.extend_from_slice(&(text.len() as u64).to_le_bytes());
        data.extend_from_slice(text.as_bytes());
    }
    data.extend_from_slice(hello.aid.uuid.as_bytes());
    data.extend_from_slice(&hello.aid.pid.to_le_bytes());
    data.extend_from_slice(&hello.nonce);
    data.push(match hello.purpose {
        Purpose::Tree => 1,
        Purpose::Realm => 2,
        Purpose::Probe => 3,
    });
}

/// Compares without telling by its duration where the difference is.
fn same(left: &[u8; 32], right: &[u8; 32]) -> bool {
    let difference = left.iter().zip(right).fold(0u8, |so_far, (a, b)| so_far | (a ^ b));
    std::hint::black_box(difference) == 0
}
