//! Rule 6.2: credit windows.
use coulter_proto::window::{Overrun, ReceiveWindow, Reserve, SendWindow, WindowSize};
use proptest::prelude::*;

fn size(messages: u32, bytes: u64) -> WindowSize {
    WindowSize { messages, bytes }
}

#[test]
fn rule_6_2_a_full_window_waits_and_half_a_window_comes_back() {
    let mut send = SendWindow::new(size(4, 1000), Overrun::Wait);
    let mut receive = ReceiveWindow::new(size(4, 1000));
    for _ in 0..4 {
        assert_eq!(send.reserve(10), Reserve::Ready);
        receive.arrived(10).unwrap();
    }
    assert_eq!(send.reserve(10), Reserve::Wait);
    assert_eq!(send.available(), 0);
    assert_eq!(receive.taken(10), None);
    let credit = receive.taken(10).unwrap();
    assert_eq!((credit.messages, credit.bytes), (2, 20));
    send.credit(credit.messages, credit.bytes).unwrap();
    assert_eq!(send.available(), 2);
    assert_eq!(send.reserve(10), Reserve::Ready);
}

#[test]
fn rule_6_2_the_byte_limit_counts_and_a_message_above_the_window_goes_alone() {
    let mut send = SendWindow::new(size(64, 100), Overrun::Wait);
    assert_eq!(send.reserve(5000), Reserve::Ready);
    assert_eq!(send.reserve(1), Reserve::Wait);
    let mut receive = ReceiveWindow::new(size(64, 100));
    receive.arrived(5000).unwrap();
    assert!(receive.arrived(1).is_err());
    let credit = receive.taken(5000).unwrap();
    send.credit(credit.messages, credit.bytes).unwrap();
    assert_eq!(send.reserve(60), Reserve::Ready);
    assert_eq!(send.reserve(41), Reserve::Wait);
    assert_eq!(send.reserve(40), Reserve::Ready);
}

#[test]
fn rule_6_2_overrun_error_says_so() {
    let mut send = SendWindow::new(size(1, 100), Overrun::Error);
    assert_eq!(send.reserve(1), Reserve::Ready);
    assert_eq!(send.reserve(1), Reserve::Overrun);
}

#[test]
fn rule_6_2_overrun_drop_drops_the_oldest_and_tells_the_exact_count() {
    let mut send = SendWindow::new(size(2, 100), Overrun::Drop);
    assert_eq!(send.reserve(1), Reserve::Ready);
    assert_eq!(send.reserve(1), Reserve::Ready);
    assert_eq!(send.reserve(1), Reserve::DropOldest { count: 0 });
    assert_eq!(send.reserve(1), Reserve::DropOldest { count: 0 });
    assert_eq!(send.reserve(1), Reserve::DropOldest { count: 1 });
    assert_eq!(send.reserve(99), Reserve::DropOldest { count: 1 });
    assert_eq!(send.dropped(), 2);
    assert_eq!(send.next_queued(), None);
    send.credit(2, 2).unwrap();
    assert_eq!(send.next_queued(), Some(2), "told before the next one leaves");
    assert_eq!(send.next_queued(), Some(0));
    assert_eq!(send.next_queued(), None);
}

#[test]
fn rule_6_2_more_than_the_credit_is_a_violation_on_either_side() {
    let mut receive = ReceiveWindow::new(size(2, 100));
    receive.arrived(1).unwrap();
    receive.arrived(1).unwrap();
    assert!(receive.arrived(1).is_err());
    let mut send = SendWindow::new(size(2, 100), Overrun::Wait);
    assert_eq!(send.reserve(1), Reserve::Ready);
    assert!(send.credit(2, 1).is_err());
    assert!(send.credit(1, 2).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever is sent in whatever order: the receiver accepts what the sender may send, a sender
    /// whose receiver has taken everything never waits, and nothing is lost but what was told.
    #[test]
    fn rule_6_2_both_sides_always_agree(
        messages in 1u32..9,
        bytes in 1u64..200,
        overrun in prop_oneof![Just(Overrun::Wait), Just(Overrun::Error), Just(Overrun::Drop)],
        steps in proptest::collection::vec((any::<bool>(), 0u64..260), 1..200),
    ) {
        let size = size(messages, bytes);
        let (mut send, mut receive) = (SendWindow::new(size, overrun), ReceiveWindow::new(size));
        let (mut queue, mut unread): (Vec<u64>, Vec<u64>) = (Vec::new(), Vec::new());
        let (mut sent, mut told, mut taken) = (0u64, 0u64, 0u64);
        let mut largest = 0;
        for (is_send, len) in steps {
            if is_send {
                match send.reserve(len) {
                    Reserve::Ready => {
                        sent += 1;
                        largest = largest.max(len);
                        receive.arrived(len).unwrap();
                        unread.push(len);
                    }
                    Reserve::Wait | Reserve::Overrun => prop_assert!(!unread.is_empty(), "waits though all was taken"),
                    Reserve::DropOldest { count } => {
                        sent += 1;
                        largest = largest.max(len);
                        queue.drain(..count as usize);
                        queue.push(len);
                        prop_assert!(queue.len() <= messages as usize);
                    }
                }
            } else if !unread.is_empty() {
                let len = unread.remove(0);
                taken += 1;
                if let Some(credit) = receive.taken(len) {
                    send.credit(credit.messages, credit.bytes).unwrap();
                    while let Some(count) = send.next_queued() {
                        told += count;
                        let len = queue.remove(0);
                        receive.arrived(len).unwrap();
                        unread.push(len);
                    }
                }
            }
            prop_assert_eq!(receive.unread() as usize, unread.len());
            prop_assert!(unread.len() <= messages as usize);
            prop_assert!(unread.iter().sum::<u64>() <= bytes.max(bytes.div_ceil(2) + largest));
        }
        told += send.abandon_queue();
        prop_assert_eq!(sent, taken + unread.len() as u64 + told);
        prop_assert_eq!(send.dropped(), told);
    }
}
