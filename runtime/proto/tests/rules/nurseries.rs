//! Rules 3.1 to 3.4: what a nursery waits for, what cancels whom, which errors are errors.
use coulter_proto::id::ErrorToken;
use coulter_proto::nursery::{BodyEnd, ChildId, ChildKind, ChildResult, Effect, Input, Nursery, Verdict};

use crate::feed;

const DAEMON: ChildId = ChildId(1);
const SHOT: ChildId = ChildId(2);
const OTHER: ChildId = ChildId(3);
const E: ErrorToken = ErrorToken(70);
const E2: ErrorToken = ErrorToken(71);
const EXIT: ErrorToken = ErrorToken(90);

fn nursery() -> Nursery {
    let mut nursery = Nursery::new();
    feed(&mut nursery, 0, Input::ChildAdded { child: DAEMON, kind: ChildKind::Daemon });
    feed(&mut nursery, 0, Input::ChildAdded { child: SHOT, kind: ChildKind::OneShot });
    feed(&mut nursery, 0, Input::ChildAdded { child: OTHER, kind: ChildKind::OneShot });
    nursery
}
fn cancel(child: ChildId) -> Effect {
    Effect::CancelChild { child }
}
fn all() -> [Effect; 3] {
    [cancel(DAEMON), cancel(SHOT), cancel(OTHER)]
}
fn result(child: ChildId, result: ChildResult) -> Input {
    Input::ChildResult { child, result }
}
fn exit(child: ChildId) -> Input {
    Input::ChildExited { child, asked: false, clean: true, error: EXIT }
}
fn crash(child: ChildId) -> Input {
    Input::ChildExited { child, asked: false, clean: false, error: EXIT }
}
fn finished(errors: &[ErrorToken]) -> Effect {
    Effect::Finished { errors: errors.to_vec() }
}

#[test]
fn rule_3_1_a_body_that_returns_waits_for_one_shots_then_daemons() {
    let mut nursery = nursery();
    assert_eq!(feed(&mut nursery, 0, result(SHOT, ChildResult::Value)), [], "it answers until the body has ended");
    assert_eq!(feed(&mut nursery, 0, Input::BodyEnded(BodyEnd::Value)), [cancel(SHOT)]);
    assert_eq!(feed(&mut nursery, 0, exit(SHOT)), []);
    assert_eq!(feed(&mut nursery, 0, result(OTHER, ChildResult::Value)), [cancel(OTHER)]);
    assert_eq!(feed(&mut nursery, 0, exit(OTHER)), []);
    assert_eq!(nursery.verdict(), None, "forever, unless cancelled");
    assert_eq!(feed(&mut nursery, 0, Input::CancelCalled), [cancel(DAEMON)]);
    assert_eq!(feed(&mut nursery, 0, exit(DAEMON)), [finished(&[])]);
    assert_eq!(nursery.verdict(), Some(Verdict::BodyValue));
    assert!(nursery.cancel_called() && nursery.cancelled_caught());
}

#[test]
fn rule_2_1_release_lets_a_one_shot_go_as_soon_as_its_result_is_in() {
    let mut nursery = nursery();
    assert_eq!(feed(&mut nursery, 0, Input::ChildReleased { child: SHOT }), []);
    assert_eq!(feed(&mut nursery, 0, result(SHOT, ChildResult::Value)), [cancel(SHOT)]);
    assert_eq!(feed(&mut nursery, 0, result(OTHER, ChildResult::Value)), []);
    assert_eq!(feed(&mut nursery, 0, Input::ChildReleased { child: OTHER }), [cancel(OTHER)]);
}

#[test]
fn rule_3_2_first_failing_child_cancels_siblings_and_body() {
    let failures = [result(SHOT, ChildResult::Error(E)), Input::Failed(E), Input::ChildExited { child: ChildId(9), asked: false, clean: true, error: E }];
    for failure in failures {
        let mut nursery = nursery();
        feed(&mut nursery, 0, Input::ChildAdded { child: ChildId(9), kind: ChildKind::Daemon });
        let effects = feed(&mut nursery, 0, failure);
        for child in [DAEMON, SHOT, OTHER] {
            assert!(effects.contains(&cancel(child)), "{failure:?}");
        }
        assert!(effects.contains(&Effect::DropBody));
        feed(&mut nursery, 0, Input::BodyDropped);
        for child in [DAEMON, SHOT, OTHER] {
            assert_eq!(nursery.verdict(), None);
            feed(&mut nursery, 0, exit(child));
        }
        feed(&mut nursery, 0, exit(ChildId(9)));
        assert_eq!(nursery.verdict(), Some(Verdict::Errors));
        assert_eq!(nursery.errors(), [E]);
        assert!(nursery.cancel_called() && !nursery.cancelled_caught());
    }
}

#[test]
fn rule_3_2_a_one_shot_that_dies_before_its_result_or_a_daemon_unasked_is_a_failure() {
    for child in [DAEMON, SHOT] {
        for input in [exit(child), crash(child)] {
            let mut nursery = nursery();
            assert!(feed(&mut nursery, 0, input).contains(&Effect::DropBody), "{input:?}");
            assert_eq!(nursery.errors(), [EXIT]);
        }
    }
    let mut nursery = nursery();
    feed(&mut nursery, 0, result(SHOT, ChildResult::Value));
    assert_eq!(feed(&mut nursery, 0, exit(SHOT)), [], "after its result it may go");
}

#[test]
fn rule_3_2_the_bodys_own_error_cancels_all_and_is_what_the_block_returns() {
    let mut nursery = nursery();
    assert_eq!(feed(&mut nursery, 0, Input::BodyEnded(BodyEnd::Error(E))), all());
    for child in [DAEMON, SHOT] {
        assert_eq!(feed(&mut nursery, 0, exit(child)), []);
    }
    assert_eq!(feed(&mut nursery, 0, exit(OTHER)), [finished(&[E])]);
}

#[test]
fn rule_3_3_cancellations_of_the_teardown_are_no_errors_and_real_ones_join_the_group() {
    let mut nursery = nursery();
    feed(&mut nursery, 0, Input::Failed(E));
    feed(&mut nursery, 0, Input::BodyEnded(BodyEnd::Cancelled(ErrorToken(1))));
    feed(&mut nursery, 0, result(SHOT, ChildResult::Cancelled(ErrorToken(2))));
    feed(&mut nursery, 0, result(OTHER, ChildResult::Error(E2)));
    feed(&mut nursery, 0, result(OTHER, ChildResult::Error(E2)));
    feed(&mut nursery, 0, exit(DAEMON));
    feed(&mut nursery, 0, exit(SHOT));
    assert_eq!(feed(&mut nursery, 0, crash(OTHER)), [finished(&[E, E2, EXIT])]);
}

#[test]
fn rule_3_3_a_cancel_by_somebody_else_is_raised() {
    let mut nursery = nursery();
    assert!(feed(&mut nursery, 0, result(SHOT, ChildResult::Cancelled(E))).contains(&Effect::DropBody));
    let mut nursery = self::nursery();
    feed(&mut nursery, 0, Input::BodyEnded(BodyEnd::Cancelled(E)));
    assert_eq!(nursery.errors(), [E]);
}

#[test]
fn rule_3_4_cancel_cancels_all_children_and_late_ones_and_keeps_the_bodys_value() {
    let mut nursery = nursery();
    assert!(!nursery.cancel_called());
    assert_eq!(feed(&mut nursery, 0, Input::CancelCalled), all());
    assert_eq!(feed(&mut nursery, 0, Input::CancelCalled), [], "once");
    assert_eq!(feed(&mut nursery, 0, Input::ChildAdded { child: ChildId(4), kind: ChildKind::Daemon }), [cancel(ChildId(4))]);
    for child in [DAEMON, SHOT, OTHER, ChildId(4)] {
        feed(&mut nursery, 0, exit(child));
    }
    assert_eq!(feed(&mut nursery, 0, Input::BodyEnded(BodyEnd::Value)), [finished(&[])]);
    assert_eq!(nursery.verdict(), Some(Verdict::BodyValue));
}

#[test]
fn rule_3_4_a_dropped_body_only_starts_the_cancel() {
    let mut nursery = nursery();
    assert_eq!(feed(&mut nursery, 0, Input::BodyDropped), all());
    assert_eq!(nursery.verdict(), None);
    for child in [DAEMON, SHOT, OTHER] {
        feed(&mut nursery, 0, Input::ChildExited { child, asked: true, clean: true, error: EXIT });
    }
    assert_eq!(nursery.verdict(), Some(Verdict::Cancelled));
    assert!(nursery.cancelled_caught());
}

#[test]
fn rule_3_4_a_cancel_during_the_wait_for_the_children_reaches_them() {
    let mut nursery = nursery();
    feed(&mut nursery, 0, Input::BodyEnded(BodyEnd::Value));
    assert_eq!(feed(&mut nursery, 0, Input::BodyDropped), all());
    for child in [DAEMON, SHOT, OTHER] {
        feed(&mut nursery, 0, exit(child));
    }
    assert_eq!(nursery.verdict(), Some(Verdict::Cancelled));
}

#[test]
fn rule_3_4_an_actor_somebody_cancelled_is_no_failure_if_it_ends_clean() {
    let mut nursery = nursery();
    assert_eq!(feed(&mut nursery, 0, Input::ChildExited { child: DAEMON, asked: true, clean: true, error: EXIT }), []);
    assert!(feed(&mut nursery, 0, Input::ChildExited { child: SHOT, asked: true, clean: false, error: EXIT }).contains(&Effect::DropBody));
}
