//! Rules 1.3, 4.3, 11.1, 11.3: the handshake, both ends, and what a stranger gets.
use coulter_proto::handshake::{Config, Effect, Handshake, HandshakeError, Input, Message, Prover, Purpose, Role};
use coulter_proto::id::{Aid, Uuid};
use coulter_proto::machine::Machine;
use coulter_proto::time::Now;
use proptest::prelude::*;

use crate::{feed, tick};

/// Not cryptography: only something that depends on every byte, the purpose and the key.
struct Key(u64);
impl Prover for Key {
    fn mac(&self, purpose: Purpose, data: &[u8]) -> [u8; 32] {
        let mut state = self.0 ^ (purpose as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let mut mac = [0; 32];
        for (n, byte) in data.iter().chain(&[0; 32]).enumerate() {
            state = (state ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01B3).rotate_left(23);
            mac[n % 32] ^= state.to_le_bytes()[3];
        }
        mac
    }
}

fn aid(number: u128) -> Aid {
    Aid { name: format!("actor_{number}"), uuid: Uuid::from_u128(number), pid: 1 }
}
fn config(number: u128, purpose: Purpose) -> Config {
    Config::new(aid(number), "build", [u8::try_from(number).unwrap(); 32], purpose)
}
type End = Handshake<Key>;

/// Runs both ends to the end; whatever each is told passes through `tamper`.
fn run(mut initiator: End, mut responder: End, mut tamper: impl FnMut(Role, Message) -> Message) -> (Vec<Effect>, Vec<Effect>) {
    let (mut done_i, mut done_r) = (Vec::new(), Vec::new());
    let mut to_i = Vec::new();
    let mut to_r: Vec<Message> = Vec::new();
    let sort = |effects: Vec<Effect>, out: &mut Vec<Message>, done: &mut Vec<Effect>| {
        for effect in effects {
            match effect {
                Effect::Send(message) => out.push(message),
                other => done.push(other),
            }
        }
    };
    sort(feed(&mut initiator, 0, Input::Begin), &mut to_r, &mut done_i);
    sort(feed(&mut responder, 0, Input::Begin), &mut to_i, &mut done_r);
    while !to_i.is_empty() || !to_r.is_empty() {
        for message in std::mem::take(&mut to_r) {
            sort(feed(&mut responder, 1, Input::Message(tamper(Role::Responder, message))), &mut to_i, &mut done_r);
        }
        for message in std::mem::take(&mut to_i) {
            sort(feed(&mut initiator, 1, Input::Message(tamper(Role::Initiator, message))), &mut to_r, &mut done_i);
        }
    }
    (done_i, done_r)
}
fn ends(key_i: u64, key_r: u64) -> (End, End) {
    (Handshake::new(Role::Initiator, config(1, Purpose::Realm), Key(key_i)), Handshake::new(Role::Responder, config(2, Purpose::Tree), Key(key_r)))
}

#[test]
fn rule_11_1_both_prove_and_both_believe() {
    let (initiator, responder) = ends(5, 5);
    let (i, r) = run(initiator, responder, |_, message| message);
    assert!(matches!(&i[..], [Effect::Established(hello)] if hello.aid == aid(2)));
    assert!(matches!(&r[..], [Effect::Established(hello)] if hello.aid == aid(1) && hello.purpose == Purpose::Realm));
}

#[test]
fn rule_11_1_without_the_secret_neither_side_believes() {
    let (initiator, responder) = ends(5, 6);
    let (i, r) = run(initiator, responder, |_, message| message);
    assert_eq!(i, [Effect::Failed(HandshakeError::WrongProof { purpose: Purpose::Realm })]);
    assert!(matches!(&r[..], [Effect::Failed(HandshakeError::Refused(why))] if why.contains("realm key")));
    // A stranger that skips the check of our proof still has to prove itself.
    let (_, mut responder) = ends(5, 5);
    feed(&mut responder, 0, Input::Begin);
    feed(&mut responder, 0, Input::Message(Message::Hello(config(1, Purpose::Realm).hello)));
    let effects = feed(&mut responder, 0, Input::Message(Message::Proof { mac: [0; 32] }));
    assert_eq!(effects.last(), Some(&Effect::Failed(HandshakeError::WrongProof { purpose: Purpose::Realm })));
}

#[test]
fn rule_11_1_a_proof_cannot_be_reflected() {
    // The stranger answers with the responder's own proof.
    let (_, mut responder) = ends(5, 5);
    feed(&mut responder, 0, Input::Begin);
    let said = feed(&mut responder, 0, Input::Message(Message::Hello(config(1, Purpose::Realm).hello)));
    let mac = said.iter().find_map(|effect| if let Effect::Send(Message::Proof { mac }) = effect { Some(*mac) } else { None }).unwrap();
    let effects = feed(&mut responder, 0, Input::Message(Message::Proof { mac }));
    assert!(matches!(effects.last(), Some(Effect::Failed(HandshakeError::WrongProof { .. }))));
}

#[test]
fn rule_11_1_a_changed_hello_breaks_the_proof() {
    for changed in [Role::Initiator, Role::Responder] {
        let (initiator, responder) = ends(5, 5);
        let (i, _) = run(initiator, responder, |to, message| match message {
            Message::Hello(mut hello) if to == changed => {
                hello.aid.name = "mallory".into();
                Message::Hello(hello)
            }
            other => other,
        });
        assert!(matches!(&i[..], [Effect::Failed(HandshakeError::WrongProof { .. })]), "{changed:?}: {i:?}");
    }
}

#[test]
fn rule_1_3_another_version_is_refused_by_a_message_that_names_both() {
    let (_, responder) = ends(5, 5);
    let mut old = config(1, Purpose::Realm);
    old.hello.protocol = 77;
    let initiator = Handshake::new(Role::Initiator, old, Key(5));
    let (i, r) = run(initiator, responder, |_, message| message);
    assert!(matches!(&r[..], [Effect::Failed(HandshakeError::Version { ours: 1, theirs: 77, .. })]));
    assert!(matches!(&i[..], [Effect::Failed(HandshakeError::Refused(why))] if why.contains("77") && why.contains("version 1")), "{i:?}");
}

#[test]
fn rule_4_3_a_spoofed_identity_is_refused() {
    let cases: [(u128, Option<u128>); 2] = [(2, None), (1, Some(3))];
    for (claimed, expected) in cases {
        let mut hello = config(1, Purpose::Tree);
        hello.hello.aid = aid(claimed);
        let mut serving = config(2, Purpose::Tree);
        serving.expect = expected.map(Uuid::from_u128);
        let (_, r) = run(Handshake::new(Role::Initiator, hello, Key(5)), Handshake::new(Role::Responder, serving, Key(5)), |_, message| message);
        assert!(matches!(&r[..], [Effect::Failed(HandshakeError::WrongIdentity { .. })]), "{claimed} {expected:?}");
    }
}

#[test]
fn rule_11_1_a_purpose_not_served_is_refused() {
    let mut serving = config(2, Purpose::Tree);
    serving.serves = vec![Purpose::Tree];
    let (_, r) =
        run(Handshake::new(Role::Initiator, config(1, Purpose::Probe), Key(5)), Handshake::new(Role::Responder, serving, Key(5)), |_, message| message);
    assert_eq!(r, [Effect::Failed(HandshakeError::WrongPurpose(Purpose::Probe))]);
}

#[test]
fn rule_11_3_a_handshake_has_10_s_and_out_of_order_ends_it() {
    let (_, mut responder) = ends(5, 5);
    feed(&mut responder, 7, Input::Begin);
    assert_eq!(responder.next_deadline(), Some(Now(10_000_007)));
    assert_eq!(tick(&mut responder, 10_000_007), [Effect::Failed(HandshakeError::TimedOut)]);
    assert!(responder.is_over());
    for message in [Message::Proof { mac: [1; 32] }, Message::Welcome] {
        let (_, mut responder) = ends(5, 5);
        feed(&mut responder, 0, Input::Begin);
        let effects = feed(&mut responder, 0, Input::Message(message));
        assert!(matches!(effects[..], [Effect::Send(Message::Refuse { .. }), Effect::Failed(HandshakeError::Unexpected(_))]));
        assert_eq!(feed(&mut responder, 0, Input::Message(Message::Welcome)), [], "over is over");
    }
    let (_, mut responder) = ends(5, 5);
    feed(&mut responder, 0, Input::Begin);
    assert_eq!(feed(&mut responder, 0, Input::Closed), [Effect::Failed(HandshakeError::Closed)]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    /// Any messages in any order: never a panic, never an Established without the right proof, one end.
    #[test]
    fn rule_11_1_nothing_a_stranger_says_establishes(
        initiator in any::<bool>(),
        messages in proptest::collection::vec((0u8..4, any::<[u8; 32]>(), 0u32..3, any::<u128>()), 0..12),
    ) {
        let role = if initiator { Role::Initiator } else { Role::Responder };
        let mut end = Handshake::new(role, config(1, Purpose::Tree), Key(5));
        let mut effects = feed(&mut end, 0, Input::Begin);
        for (kind, bytes, protocol, number) in messages {
            let message = match kind {
                0 => {
                    let mut hello = config(2, Purpose::Tree).hello;
                    hello.aid.uuid = Uuid::from_u128(number);
                    hello.protocol = protocol;
                    hello.nonce = bytes;
                    Message::Hello(hello)
                }
                1 => Message::Proof { mac: bytes },
                2 => Message::Welcome,
                _ => Message::Refuse { why: "x".repeat(9000) },
            };
            effects.extend(feed(&mut end, 1, Input::Message(message)));
        }
        let established = effects.iter().any(|effect| matches!(effect, Effect::Established(_)));
        prop_assert!(!established);
        let ends = effects.iter().filter(|effect| matches!(effect, Effect::Failed(_))).count();
        prop_assert_eq!(ends, usize::from(end.is_over()));
    }
}
