//! Rules 4.3, 5.1 to 5.7, 6.1, 6.4: calls and contexts, each side by itself.
use coulter_proto::dialog::{
    BlockEnd, Callee, CalleeEffect, CalleeInput, Caller, CallerEffect, CallerInput, DialogKind, DialogPhase, Final, FinalFailure, FinalKind, FromPeer,
    OpenRefused, Overrun, ReceiveState, Reserve, SendRefused, StartRefused, StartState, StreamEnd, TaskEnd, Terms, ToPeer, Verdict, Waiter,
};
use coulter_proto::id::{CauseToken, ErrorToken};
use coulter_proto::machine::Machine;
use coulter_proto::time::Now;
use coulter_proto::window::WindowSize;

use crate::{feed, tick};

const OURS: FinalFailure = FinalFailure::Cancelled { asked_by_us: true };
const FOREIGN: FinalFailure = FinalFailure::Cancelled { asked_by_us: false };
const E: ErrorToken = ErrorToken(7);

fn context() -> Terms {
    Terms::new(DialogKind::Context)
}
fn call() -> Terms {
    Terms::new(DialogKind::Call)
}
fn opened(terms: Terms) -> Caller {
    let mut caller = Caller::new(terms);
    if terms.kind == DialogKind::Context {
        peer(&mut caller, FromPeer::Accepted);
        assert_eq!(caller.started(), StartState::Pending);
        peer(&mut caller, FromPeer::Started);
        assert_eq!(caller.started(), StartState::Ready);
    }
    caller
}
fn peer(caller: &mut Caller, message: FromPeer) -> Vec<CallerEffect> {
    feed(caller, 0, CallerInput::Peer(message))
}
fn say(callee: &mut Callee, message: FromPeer) -> Vec<CalleeEffect> {
    feed(callee, 0, CalleeInput::Peer(message))
}
fn fails(failure: FinalFailure) -> FromPeer {
    FromPeer::Fail { failure }
}
fn is_violation(effects: &[CallerEffect]) -> bool {
    effects.iter().any(|effect| matches!(effect, CallerEffect::Violation(_)))
}
fn sends(effects: &[CallerEffect]) -> Vec<ToPeer> {
    effects.iter().filter_map(|effect| if let CallerEffect::Send(message) = effect { Some(*message) } else { None }).collect()
}
fn running(terms: Terms) -> Callee {
    let mut callee = Callee::new(terms);
    let accepted = feed(&mut callee, 0, CalleeInput::Accept);
    if terms.kind == DialogKind::Call {
        assert_eq!(accepted, [], "a call's first word is its last");
    } else {
        assert_eq!(accepted, [CalleeEffect::Send(ToPeer::Accepted)]);
        assert_eq!(feed(&mut callee, 0, CalleeInput::TaskStarted), [CalleeEffect::Send(ToPeer::Started)]);
    }
    callee
}
fn final_of(callee: &mut Callee, end: TaskEnd) -> ToPeer {
    let effects = feed(callee, 0, CalleeInput::TaskEnded(end));
    assert_eq!(effects.last(), Some(&CalleeEffect::Ended));
    let words: Vec<_> = effects
        .iter()
        .filter_map(|effect| if let CalleeEffect::Send(message @ (ToPeer::Return | ToPeer::Fail(_))) = effect { Some(*message) } else { None })
        .collect();
    assert_eq!(words.len(), 1, "one final word");
    words[0]
}

#[test]
fn rule_5_1_the_block_begins_with_started_and_an_error_before_it_fails_the_opening() {
    let mut caller = Caller::new(context());
    let effects = peer(&mut caller, fails(FinalFailure::Real));
    assert_eq!(caller.started(), StartState::Failed);
    assert!(effects.contains(&CallerEffect::Wake(Waiter::Started)));
    assert!(effects.contains(&CallerEffect::Ended));
    assert!(!effects.contains(&CallerEffect::DropBlock), "there is no block yet");
    for (input, verdict) in [
        (CallerInput::Peer(fails(FOREIGN)), Verdict::Remote),
        (CallerInput::Peer(fails(FinalFailure::Real)), Verdict::Remote),
        (CallerInput::ChannelLost, Verdict::Lost),
    ] {
        let mut caller = Caller::new(context());
        feed(&mut caller, 0, input);
        assert_eq!(caller.verdict(), Some(verdict));
    }
}

#[test]
fn rule_5_1_started_twice_or_on_a_call_is_refused_on_both_sides() {
    let mut caller = opened(context());
    assert!(is_violation(&peer(&mut caller, FromPeer::Started)));
    let mut caller = opened(call());
    assert!(is_violation(&peer(&mut caller, FromPeer::Started)));
    let mut callee = Callee::new(context());
    feed(&mut callee, 0, CalleeInput::Accept);
    assert_eq!(callee.may_start(), Ok(()));
    feed(&mut callee, 0, CalleeInput::TaskStarted);
    assert_eq!(callee.may_start(), Err(StartRefused::Twice));
    assert_eq!(feed(&mut callee, 0, CalleeInput::TaskStarted), []);
    assert_eq!(Callee::new(call()).may_start(), Err(StartRefused::NotAContext));
}

#[test]
fn rule_5_1_returning_without_started_is_not_started_and_never_a_value() {
    let mut callee = Callee::new(context());
    feed(&mut callee, 0, CalleeInput::Accept);
    assert_eq!(final_of(&mut callee, TaskEnd::Value), ToPeer::Fail(FinalKind::NotStarted));
    assert_eq!(callee.phase(), DialogPhase::Failed);
    let mut callee = Callee::new(context());
    assert_eq!(final_of(&mut callee, TaskEnd::Error(E)), ToPeer::Fail(FinalKind::Error(E)), "the real error is not hidden");
    let mut caller = Caller::new(context());
    peer(&mut caller, FromPeer::Accepted);
    assert!(is_violation(&peer(&mut caller, FromPeer::Return)));
}

#[test]
fn rule_5_2_a_remote_error_drops_the_block_and_comes_out_of_it() {
    for (failure, verdict) in [(FinalFailure::Real, Verdict::Remote), (FOREIGN, Verdict::Remote)] {
        let mut caller = opened(context());
        let effects = peer(&mut caller, fails(failure));
        assert!(effects.contains(&CallerEffect::DropBlock));
        assert_eq!(caller.verdict(), None, "the block has not ended");
        feed(&mut caller, 0, CallerInput::BlockDropped);
        assert_eq!(caller.verdict(), Some(verdict));
    }
}

#[test]
fn rule_5_2_the_blocks_error_or_drop_cancels_the_child_once_and_waits_for_its_final_word() {
    for end in [CallerInput::BlockEnded(BlockEnd::Error(E)), CallerInput::BlockDropped] {
        let mut caller = opened(context());
        let effects = feed(&mut caller, 0, end);
        assert_eq!(sends(&effects)[0], ToPeer::Cancel);
        assert_eq!(feed(&mut caller, 0, CallerInput::CancelAsked), [], "once");
        assert_eq!(feed(&mut caller, 0, end), []);
        assert_eq!(caller.verdict(), None);
        peer(&mut caller, FromPeer::CancelAck);
        assert_eq!(caller.verdict(), None);
        peer(&mut caller, fails(FOREIGN));
        let expected = if end == CallerInput::BlockDropped { Verdict::Cancelled } else { Verdict::BlockError(E) };
        assert_eq!(caller.verdict(), Some(expected));
    }
}

#[test]
fn rule_5_2_a_block_that_ends_with_a_value_waits_whatever_is_unread() {
    let mut caller = opened(context());
    feed(&mut caller, 0, CallerInput::StreamOpened);
    peer(&mut caller, FromPeer::Item { len: 10 });
    let effects = feed(&mut caller, 0, CallerInput::BlockEnded(BlockEnd::Value));
    assert_eq!(effects[0], CallerEffect::DiscardUnread);
    assert_eq!(sends(&effects), [ToPeer::Credit { messages: 1, bytes: 10 }, ToPeer::EndOfStream]);
    assert_eq!(caller.phase(), DialogPhase::Draining);
    let effects = peer(&mut caller, FromPeer::Item { len: 5 });
    assert_eq!(effects, [CallerEffect::Discard, CallerEffect::Send(ToPeer::Credit { messages: 1, bytes: 5 })]);
    assert_eq!(caller.verdict(), None);
    peer(&mut caller, FromPeer::Return);
    assert_eq!(caller.verdict(), Some(Verdict::BlockValue));
}

#[test]
fn rule_5_2_a_cancel_during_the_wait_for_the_final_word_reaches_the_child() {
    let mut caller = opened(context());
    assert_eq!(sends(&feed(&mut caller, 0, CallerInput::BlockEnded(BlockEnd::Value))), [ToPeer::EndOfStream]);
    assert_eq!(sends(&feed(&mut caller, 0, CallerInput::BlockDropped)), [ToPeer::Cancel]);
    peer(&mut caller, fails(FOREIGN));
    assert_eq!(caller.verdict(), Some(Verdict::Cancelled));
    feed(&mut caller, 0, CallerInput::BlockDropped);
    assert_eq!(caller.verdict(), Some(Verdict::Cancelled));
}

#[test]
fn rule_4_1_a_call_gives_the_remote_value_or_error() {
    for (word, verdict) in [(FromPeer::Return, Verdict::BlockValue), (fails(FinalFailure::Real), Verdict::Remote), (fails(FOREIGN), Verdict::Remote)] {
        let mut caller = opened(call());
        peer(&mut caller, word);
        assert_eq!(caller.verdict(), Some(verdict));
        assert_eq!(feed(&mut caller, 0, CallerInput::BlockDropped), [], "nothing to cancel");
    }
}

#[test]
fn rule_5_2_a_block_dropped_before_started_is_told_to_the_child_once_it_starts() {
    let mut caller = Caller::new(context());
    peer(&mut caller, FromPeer::Accepted);
    assert_eq!(sends(&feed(&mut caller, 0, CallerInput::BlockDropped)), [ToPeer::Cancel]);
    assert_eq!(sends(&peer(&mut caller, FromPeer::Started)), [ToPeer::EndOfStream]);
    let effects = peer(&mut caller, FromPeer::Item { len: 5 });
    assert!(effects.contains(&CallerEffect::Discard), "nobody reads it");
}

#[test]
fn rule_5_3_our_own_cancel_is_absorbed() {
    let mut caller = opened(context());
    feed(&mut caller, 0, CallerInput::StreamOpened);
    assert_eq!(sends(&feed(&mut caller, 0, CallerInput::CancelAsked)), [ToPeer::Cancel]);
    assert_eq!(caller.streams().may_send(1), Ok(Reserve::Ready), "it does not cancel the caller's own block");
    peer(&mut caller, FromPeer::CancelAck);
    assert!(caller.cancel_acked());
    let effects = peer(&mut caller, fails(OURS));
    assert!(!effects.contains(&CallerEffect::DropBlock));
    assert!(effects.contains(&CallerEffect::Wake(Waiter::Receive)));
    assert!(effects.contains(&CallerEffect::Wake(Waiter::Send)));
    assert_eq!(caller.streams().receive_state(), ReceiveState::Ended(StreamEnd::CancelledByUs));
    assert_eq!(caller.streams().may_send(1), Err(SendRefused::Ended(StreamEnd::CancelledByUs)));
    assert_eq!(feed(&mut caller, 0, CallerInput::BlockPolled { waiting_on_context: true }), []);
    feed(&mut caller, 0, CallerInput::BlockEnded(BlockEnd::Value));
    assert_eq!(caller.verdict(), Some(Verdict::BlockValue));
    assert_eq!(caller.final_word(), Some(Final::Failed(OURS)), "`outcome()` shows it");
}

#[test]
fn rule_5_3_after_our_own_cancel_a_block_that_waits_for_something_else_is_dropped() {
    for word in [fails(OURS), FromPeer::Return] {
        let mut caller = opened(context());
        feed(&mut caller, 0, CallerInput::CancelAsked);
        peer(&mut caller, word);
        assert_eq!(feed(&mut caller, 0, CallerInput::BlockPolled { waiting_on_context: true }), []);
        assert_eq!(feed(&mut caller, 0, CallerInput::BlockPolled { waiting_on_context: false }), [CallerEffect::DropBlock]);
        feed(&mut caller, 0, CallerInput::BlockDropped);
        assert_eq!(caller.verdict(), Some(Verdict::Cancelled));
    }
    let mut caller = opened(context());
    peer(&mut caller, FromPeer::Return);
    assert_eq!(feed(&mut caller, 0, CallerInput::BlockPolled { waiting_on_context: false }), [], "nobody cancelled");
}

#[test]
fn rule_5_3_a_cancel_by_anyone_else_is_raised_here_even_after_our_own() {
    let mut caller = opened(context());
    feed(&mut caller, 0, CallerInput::CancelAsked);
    assert!(peer(&mut caller, fails(FOREIGN)).contains(&CallerEffect::DropBlock));
    feed(&mut caller, 0, CallerInput::BlockEnded(BlockEnd::Value));
    assert_eq!(caller.verdict(), Some(Verdict::Remote));
}

#[test]
fn rule_5_3_no_acknowledgement_within_616_ms_is_said_and_the_final_word_still_awaited() {
    let mut caller = opened(context());
    feed(&mut caller, 1000, CallerInput::CancelAsked);
    assert_eq!(caller.next_deadline(), Some(Now(617_000)));
    assert_eq!(tick(&mut caller, 616_999), []);
    assert_eq!(tick(&mut caller, 617_000), [CallerEffect::CancelTooSlow, CallerEffect::Wake(Waiter::CancelAck)]);
    assert_eq!(tick(&mut caller, 900_000), [], "once");
    assert_eq!(caller.verdict(), None);
    assert!(peer(&mut caller, FromPeer::Return).contains(&CallerEffect::Ended));
}

#[test]
fn rule_9_clocks_stand_still_while_the_callee_is_stopped() {
    let mut caller = opened(context());
    feed(&mut caller, 0, CallerInput::CancelAsked);
    feed(&mut caller, 600_000, CallerInput::HoldClocks);
    assert_eq!(caller.next_deadline(), None);
    feed(&mut caller, 9_000_000, CallerInput::ReleaseClocks);
    assert_eq!(caller.next_deadline(), Some(Now(9_016_000)));
    let mut caller = opened(context());
    feed(&mut caller, 0, CallerInput::HoldClocks);
    feed(&mut caller, 0, CallerInput::CancelAsked);
    assert_eq!(caller.next_deadline(), None, "a clock that starts while held");
    feed(&mut caller, 5, CallerInput::ReleaseClocks);
    assert_eq!(caller.next_deadline(), Some(Now(616_005)));
}

#[test]
fn rule_5_5_precedence_of_errors() {
    use Verdict::{BlockError, BlockErrorAndRemote, BlockValue, Cancelled, Lost, Remote};
    let value = CallerInput::BlockEnded(BlockEnd::Value);
    let error = CallerInput::BlockEnded(BlockEnd::Error(E));
    let dropped = CallerInput::BlockDropped;
    let real = Some(fails(FinalFailure::Real));
    let table = [
        // The block's end, then the final word (none: the channel is lost).
        (value, Some(FromPeer::Return), BlockValue),
        (value, real, Remote),
        (value, Some(fails(FOREIGN)), Remote),
        (value, None, Lost),
        (error, Some(FromPeer::Return), BlockError(E)),
        (error, real, BlockErrorAndRemote(E)),
        (error, Some(fails(FOREIGN)), BlockError(E)),
        (error, Some(fails(OURS)), BlockError(E)),
        (error, None, BlockErrorAndRemote(E)),
        (dropped, Some(FromPeer::Return), Cancelled),
        (dropped, real, Remote),
        (dropped, Some(fails(FOREIGN)), Cancelled),
        (dropped, None, Cancelled),
    ];
    for (end, word, verdict) in table {
        let mut caller = opened(context());
        feed(&mut caller, 0, end);
        feed(&mut caller, 0, word.map_or(CallerInput::ChannelLost, CallerInput::Peer));
        assert_eq!(caller.verdict(), Some(verdict), "{end:?} then {word:?}");
    }
    // The final word first; a shield lets the block still end by itself.
    for (word, end, verdict) in [(real, error, BlockErrorAndRemote(E)), (real, value, Remote), (None, dropped, Lost), (None, value, Lost)] {
        let mut caller = opened(context());
        let effects = feed(&mut caller, 0, word.map_or(CallerInput::ChannelLost, CallerInput::Peer));
        assert!(effects.contains(&CallerEffect::DropBlock));
        feed(&mut caller, 0, end);
        assert_eq!(caller.verdict(), Some(verdict), "{word:?} then {end:?}");
    }
}

#[test]
fn rule_5_5_a_real_error_beats_the_cancel_and_a_value_after_a_cancel_is_a_value() {
    for (end, word) in [
        (TaskEnd::Error(E), ToPeer::Fail(FinalKind::Error(E))),
        (TaskEnd::Panicked(E), ToPeer::Fail(FinalKind::Panic(E))),
        (TaskEnd::Cancelled, ToPeer::Fail(FinalKind::Cancelled)),
        (TaskEnd::Value, ToPeer::Return),
    ] {
        let mut callee = running(context());
        let effects = say(&mut callee, FromPeer::Cancel { token: CauseToken(3) });
        assert_eq!(effects, [CalleeEffect::Send(ToPeer::CancelAck), CalleeEffect::CancelTask { token: Some(CauseToken(3)) }]);
        assert_eq!(final_of(&mut callee, end), word);
        assert_eq!(feed(&mut callee, 0, CalleeInput::TaskEnded(TaskEnd::Value)), [], "said once");
    }
}

#[test]
fn rule_4_3_a_lost_channel_cancels_its_tasks_and_nothing_is_sent() {
    let mut callee = running(call());
    let effects = feed(&mut callee, 0, CalleeInput::ChannelLost);
    assert_eq!(effects[0], CalleeEffect::CancelTask { token: None });
    let effects = feed(&mut callee, 0, CalleeInput::TaskEnded(TaskEnd::Cancelled));
    assert!(effects.contains(&CalleeEffect::Ended));
    assert!(!effects.iter().any(|effect| matches!(effect, CalleeEffect::Send(_))));
    assert_eq!(callee.phase(), DialogPhase::Lost);
}

#[test]
fn rule_4_3_a_dropped_call_cancels_the_remote_task_and_is_waited_for() {
    let mut caller = opened(call());
    assert_eq!(caller.phase(), DialogPhase::Started);
    let effects = feed(&mut caller, 0, CallerInput::BlockDropped);
    assert_eq!(sends(&effects), [ToPeer::Cancel]);
    assert_eq!(caller.verdict(), None);
    assert!(peer(&mut caller, fails(FOREIGN)).contains(&CallerEffect::Ended));
    assert_eq!(caller.verdict(), Some(Verdict::Cancelled));
}

#[test]
fn rule_4_3_the_first_cause_of_a_cancel_is_kept_and_the_task_told_once() {
    let mut callee = running(context());
    assert_eq!(feed(&mut callee, 0, CalleeInput::CancelLocal { token: CauseToken(1) }), [CalleeEffect::CancelTask { token: Some(CauseToken(1)) }]);
    assert_eq!(say(&mut callee, FromPeer::Cancel { token: CauseToken(2) }), [CalleeEffect::Send(ToPeer::CancelAck)]);
    assert_eq!(callee.cause(), Some(CauseToken(1)));
    assert!(matches!(say(&mut callee, FromPeer::Cancel { token: CauseToken(2) })[..], [CalleeEffect::Violation(_)]));
}

#[test]
fn rule_6_1_a_stream_is_one_shot_and_only_of_a_started_context() {
    let mut callee = Callee::new(context());
    assert_eq!(callee.streams().may_open(), Err(OpenRefused::NotStarted));
    feed(&mut callee, 0, CalleeInput::TaskStarted);
    assert_eq!(callee.streams().may_open(), Ok(()));
    feed(&mut callee, 0, CalleeInput::StreamOpened);
    assert_eq!(callee.phase(), DialogPhase::Streaming);
    assert_eq!(callee.streams().may_open(), Err(OpenRefused::Twice));
    assert_eq!(opened(call()).streams().may_open(), Err(OpenRefused::NotAContext));
    let mut caller = opened(context());
    peer(&mut caller, FromPeer::Return);
    assert_eq!(caller.streams().may_open(), Ok(()), "what it left behind is still to be had");
    let mut caller = opened(context());
    peer(&mut caller, fails(FinalFailure::Real));
    assert_eq!(caller.streams().may_open(), Err(OpenRefused::Over));
}

#[test]
fn rule_6_1_credit_starts_with_the_context() {
    let mut caller = opened(context());
    assert_eq!(peer(&mut caller, FromPeer::Item { len: 3 }), [CallerEffect::Wake(Waiter::Receive)], "before this side opened");
    feed(&mut caller, 0, CallerInput::StreamOpened);
    assert_eq!(caller.streams().unread(), 1);
}

#[test]
fn rule_6_1_receive_gives_none_only_for_a_clean_close_and_for_ever() {
    for (word, end) in [(FromPeer::Return, StreamEnd::Returned), (fails(FinalFailure::Real), StreamEnd::Failed), (fails(FOREIGN), StreamEnd::Cancelled)] {
        let mut caller = opened(context());
        assert_eq!(caller.streams().receive_state(), ReceiveState::Open);
        peer(&mut caller, word);
        assert_eq!(caller.streams().receive_state(), ReceiveState::Ended(end));
        let mut caller = opened(context());
        peer(&mut caller, FromPeer::EndOfStream);
        assert_eq!(caller.streams().receive_state(), ReceiveState::Ended(StreamEnd::Clean));
        peer(&mut caller, word);
        assert_eq!(caller.streams().receive_state(), ReceiveState::Ended(StreamEnd::Clean), "always again");
    }
}

#[test]
fn rule_6_2_credit_comes_back_and_wakes_the_sender() {
    let terms = Terms { window: WindowSize { messages: 2, bytes: 100 }, ..context() };
    let (mut caller, mut callee) = (opened(terms), running(terms));
    feed(&mut caller, 0, CallerInput::StreamOpened);
    for _ in 0..2 {
        assert_eq!(caller.streams().may_send(10), Ok(Reserve::Ready));
        feed(&mut caller, 0, CallerInput::SendItem { len: 10 });
        assert_eq!(say(&mut callee, FromPeer::Item { len: 10 }), [CalleeEffect::Wake(Waiter::Receive)]);
    }
    assert_eq!(caller.streams().may_send(10), Ok(Reserve::Wait));
    let effects = feed(&mut callee, 0, CalleeInput::Taken { len: 10 });
    assert_eq!(effects, [CalleeEffect::Send(ToPeer::Credit { messages: 1, bytes: 10 })]);
    assert_eq!(peer(&mut caller, FromPeer::Credit { messages: 1, bytes: 10 }), [CallerEffect::Wake(Waiter::Send)]);
    assert_eq!(caller.streams().may_send(10), Ok(Reserve::Ready));
    assert!(is_violation(&peer(&mut caller, FromPeer::Credit { messages: 2, bytes: 10 })));
}

#[test]
fn rule_6_2_overrun_drop_keeps_a_queue_and_tells_what_it_dropped_before_the_next_item() {
    let terms = Terms { window: WindowSize { messages: 2, bytes: 100 }, overrun: Overrun::Drop, ..context() };
    let mut caller = opened(terms);
    for expected in [Reserve::Ready, Reserve::Ready, Reserve::DropOldest { count: 0 }, Reserve::DropOldest { count: 0 }, Reserve::DropOldest { count: 1 }] {
        assert_eq!(caller.streams().may_send(10), Ok(expected));
        feed(&mut caller, 0, CallerInput::SendItem { len: 10 });
    }
    let effects = peer(&mut caller, FromPeer::Credit { messages: 1, bytes: 10 });
    assert_eq!(sends(&effects), [ToPeer::Dropped { count: 1 }, ToPeer::QueuedItem]);
    assert_eq!(caller.streams().dropped_here(), 1);
    // What still waits at the end is dropped, and told before the end.
    assert_eq!(sends(&feed(&mut caller, 0, CallerInput::StreamClosed)), [ToPeer::Dropped { count: 1 }, ToPeer::EndOfStream]);
    let mut callee = running(terms);
    for _ in 0..3 {
        feed(&mut callee, 0, CalleeInput::SendItem { len: 10 });
    }
    let effects = feed(&mut callee, 0, CalleeInput::TaskEnded(TaskEnd::Value));
    assert_eq!(effects[..2], [CalleeEffect::Send(ToPeer::Dropped { count: 1 }), CalleeEffect::Send(ToPeer::Return)]);
    assert!(effects.contains(&CalleeEffect::Wake(Waiter::Receive)) && effects.contains(&CalleeEffect::Wake(Waiter::Send)), "a task beside it may still wait");
    let mut callee = running(terms);
    for _ in 0..3 {
        feed(&mut callee, 0, CalleeInput::SendItem { len: 10 });
    }
    assert_eq!(say(&mut callee, FromPeer::Credit { messages: 2, bytes: 20 }), [CalleeEffect::Send(ToPeer::QueuedItem), CalleeEffect::Wake(Waiter::Send)]);
    assert_eq!(say(&mut callee, FromPeer::Dropped { count: 4 }), [CalleeEffect::Wake(Waiter::Receive)]);
    assert_eq!(callee.streams().lost_items(), 4);
}

#[test]
fn rule_6_4_send_after_the_end_says_why() {
    let mut caller = Caller::new(context());
    assert_eq!(caller.streams().may_send(1), Err(SendRefused::NotStarted));
    caller = opened(context());
    peer(&mut caller, FromPeer::EndOfStream);
    assert_eq!(caller.streams().may_send(1), Err(SendRefused::Ended(StreamEnd::Clean)));
    caller = opened(context());
    feed(&mut caller, 0, CallerInput::StreamOpened);
    assert_eq!(sends(&feed(&mut caller, 0, CallerInput::StreamClosed)), [ToPeer::EndOfStream]);
    assert_eq!(sends(&feed(&mut caller, 0, CallerInput::StreamClosed)), [], "once");
    assert_eq!(caller.streams().may_send(1), Err(SendRefused::Ended(StreamEnd::Closed)));
    caller = opened(context());
    feed(&mut caller, 0, CallerInput::ChannelLost);
    assert_eq!(caller.streams().may_send(1), Err(SendRefused::Ended(StreamEnd::Lost)));
    let mut callee = running(context());
    assert_eq!(say(&mut callee, FromPeer::EndOfStream), [CalleeEffect::Wake(Waiter::Receive), CalleeEffect::Wake(Waiter::Send)]);
    assert_eq!(callee.streams().may_send(1), Err(SendRefused::Ended(StreamEnd::Clean)));
}

#[test]
fn rule_4_2_what_breaks_the_protocol_is_a_violation_and_never_a_panic() {
    let cases: [(&[FromPeer], FromPeer); 9] = [
        (&[FromPeer::Accepted], FromPeer::Accepted),
        (&[], FromPeer::Started),
        (&[FromPeer::Accepted], FromPeer::Item { len: 1 }),
        (&[FromPeer::Accepted, FromPeer::Started, FromPeer::EndOfStream], FromPeer::Item { len: 1 }),
        (&[FromPeer::Accepted, FromPeer::Started, FromPeer::Return], FromPeer::Item { len: 1 }),
        (&[FromPeer::Accepted, FromPeer::Started, FromPeer::Return], FromPeer::Return),
        (&[FromPeer::Accepted, FromPeer::Started], FromPeer::CancelAck),
        (&[FromPeer::Accepted, FromPeer::Started], FromPeer::Cancel { token: CauseToken(0) }),
        (&[FromPeer::Accepted, FromPeer::Started], FromPeer::Credit { messages: 1, bytes: 0 }),
    ];
    for (before, message) in cases {
        let mut caller = Caller::new(context());
        for word in before {
            assert!(!is_violation(&peer(&mut caller, *word)), "{before:?}");
        }
        assert!(is_violation(&peer(&mut caller, message)), "{before:?} then {message:?}");
    }
    let mut caller = opened(context());
    peer(&mut caller, FromPeer::Return);
    assert_eq!(peer(&mut caller, FromPeer::Credit { messages: 1, bytes: 1 }), [], "crossing");
    assert_eq!(peer(&mut caller, FromPeer::CancelAck), [], "crossing");
    for message in [FromPeer::Accepted, FromPeer::Started, FromPeer::Return, FromPeer::CancelAck, fails(FOREIGN)] {
        assert!(matches!(say(&mut running(context()), message)[..], [CalleeEffect::Violation(_)]), "{message:?}");
    }
    for message in [FromPeer::Item { len: 1 }, FromPeer::EndOfStream, FromPeer::Dropped { count: 1 }] {
        assert!(matches!(say(&mut running(call()), message)[..], [CalleeEffect::Violation(_)]), "{message:?} on a call");
    }
    let mut callee = running(context());
    final_of(&mut callee, TaskEnd::Value);
    assert_eq!(say(&mut callee, FromPeer::Cancel { token: CauseToken(1) }), [], "crossing");
    assert_eq!(say(&mut callee, FromPeer::Item { len: 1 }), [CalleeEffect::Discard], "crossing");
}
