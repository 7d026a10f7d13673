//! Rule 11.3 and 4.2: nothing a peer sends can do more than close its channel.
use bytes::{BufMut, BytesMut};
use coulter_proto::codec;
use coulter_proto::handshake::Message;
use coulter_proto::id::DialogId;
use coulter_proto::message::{self, Credit, FrameError, Kind, StartHead};
use proptest::prelude::*;

const MAX: usize = 1 << 16;

#[test]
fn rule_11_3_a_length_above_the_limit_is_refused_before_anything_is_kept() {
    let mut buffer = BytesMut::from(&u32::MAX.to_le_bytes()[..]);
    assert_eq!(message::take_frame(&mut buffer, MAX), Err(FrameError::TooLarge { len: u32::MAX as usize, max: MAX }));
    assert!(buffer.capacity() < 1024);
    let mut buffer = u32::MAX.to_le_bytes().to_vec();
    assert!(codec::decode::<Credit>(&mut buffer).is_err());
    assert!(buffer.capacity() < 1024);
}

#[test]
fn rule_11_3_an_unknown_kind_is_refused_before_its_body_is_waited_for() {
    let mut buffer = BytesMut::new();
    buffer.put_u32_le(60_000);
    buffer.put_u8(99);
    assert_eq!(message::take_frame(&mut buffer, MAX), Err(FrameError::UnknownKind(99)));
}

#[test]
fn rule_11_3_a_frame_above_the_limit_is_not_written_and_leaves_no_trace() {
    let mut out = BytesMut::new();
    message::put_empty(&mut out, Kind::Ping, DialogId(0));
    let before = out.clone();
    let open = message::open(&mut out, Kind::Item, DialogId(9));
    out.put_slice(&vec![0; MAX]);
    assert!(open.close(&mut out, MAX).is_err());
    assert_eq!(out, before);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn rule_11_3_frames_come_back_whole_whatever_way_they_are_cut(
        frames in proptest::collection::vec((1u8..19, any::<u64>(), proptest::collection::vec(any::<u8>(), 0..300)), 1..12),
        cuts in proptest::collection::vec(1usize..50, 1..40),
    ) {
        let mut wire = BytesMut::new();
        for (kind, dialog, body) in &frames {
            let open = message::open(&mut wire, Kind::from_u8(*kind).unwrap(), DialogId(*dialog));
            wire.put_slice(body);
            open.close(&mut wire, MAX).unwrap();
        }
        let mut buffer = BytesMut::new();
        let mut read = Vec::new();
        let mut cuts = cuts.into_iter().cycle();
        while !wire.is_empty() {
            let next = cuts.next().unwrap().min(wire.len());
            buffer.put_slice(&wire.split_to(next));
            while let Some(frame) = message::take_frame(&mut buffer, MAX).unwrap() {
                read.push((frame.kind as u8, frame.dialog.0, frame.body.to_vec()));
            }
        }
        prop_assert_eq!(read, frames);
    }

    #[test]
    fn rule_4_2_hostile_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400), limit in 0usize..500) {
        let mut buffer = BytesMut::from(&bytes[..]);
        while let Ok(Some(frame)) = message::take_frame(&mut buffer, limit) {
            let mut body = frame.body.clone();
            let _ = message::read_front::<StartHead>(&mut body);
            let _ = message::read::<Message>(&frame.body);
            let _ = message::read::<coulter_proto::error::Failure>(&frame.body);
        }
        let _ = message::read::<Message>(&bytes);
        let _ = message::read::<coulter_proto::error::CancelCause>(&bytes);
        let mut whole = bytes.clone();
        while let Ok(Some(_)) = codec::decode::<coulter_proto::bus::Up>(&mut whole) {}
        let mut framed = u32::try_from(bytes.len()).unwrap().to_le_bytes().to_vec();
        framed.extend_from_slice(&bytes);
        let _ = codec::decode::<coulter_proto::hub::ToHub>(&mut framed);
    }

    #[test]
    fn rule_4_2_a_damaged_handshake_message_is_an_error_or_another_message(at in any::<prop::sample::Index>(), bit in 0u8..8, cut in any::<prop::sample::Index>()) {
        let mut out = BytesMut::new();
        let whole = Message::Refuse { why: "the realm key differs".into() };
        message::put(&mut out, Kind::Handshake, DialogId(0), &whole, MAX).unwrap();
        let mut body = out[6..].to_vec();
        prop_assert_eq!(message::read::<Message>(&body), Ok(whole));
        let at = at.index(body.len());
        body[at] ^= 1 << bit;
        let _ = message::read::<Message>(&body);
        let cut = cut.index(body.len());
        let _ = message::read::<Message>(&body[..cut]);
    }
}
