//! Rule 2.4: the teardown ladder of one child.
use coulter_proto::ladder::{Effect, Input, Ladder, Signal, Timing};
use coulter_proto::machine::Machine;
use coulter_proto::time::Now;

use crate::{feed, tick};

fn begun() -> Ladder {
    let mut ladder = Ladder::new(Timing::default());
    assert!(!ladder.begun());
    assert_eq!(feed(&mut ladder, 0, Input::Cancel), [Effect::SendCancel]);
    ladder
}

#[test]
fn rule_2_4_ask_terminate_kill_each_after_its_time() {
    let mut ladder = begun();
    assert_eq!(tick(&mut ladder, 499_999), []);
    assert_eq!(tick(&mut ladder, 500_000), [Effect::AskRoot { ask: 1 }]);
    assert_eq!(feed(&mut ladder, 510_000, Input::Go { ask: 1 }), [Effect::Signal(Signal::Term)]);
    assert!(ladder.signalled());
    assert_eq!(ladder.next_deadline(), Some(Now(2_110_000)));
    assert_eq!(tick(&mut ladder, 2_110_000), [Effect::AskRoot { ask: 2 }]);
    assert_eq!(tick(&mut ladder, 2_210_000), [Effect::Signal(Signal::Kill)], "no root is go, after 100 ms");
    assert_eq!(ladder.next_deadline(), None);
    assert_eq!(feed(&mut ladder, 2_220_000, Input::Exited), [Effect::Done]);
    assert!(ladder.done());
    assert_eq!(feed(&mut ladder, 2_230_000, Input::Exited), []);
}

#[test]
fn rule_2_4_an_acknowledged_cancel_has_the_graceful_limit() {
    let mut ladder = begun();
    assert_eq!(feed(&mut ladder, 400_000, Input::Acked), []);
    assert_eq!(ladder.next_deadline(), Some(Now(12_400_000)));
    assert_eq!(tick(&mut ladder, 12_400_000), [Effect::AskRoot { ask: 1 }]);
    let mut ladder = begun();
    feed(&mut ladder, 1, Input::Acked);
    assert_eq!(feed(&mut ladder, 2, Input::Exited), [Effect::Done]);
    assert!(!ladder.signalled());
}

#[test]
fn rule_2_4_kill_starts_at_sigterm_and_a_gone_channel_too() {
    let mut ladder = Ladder::new(Timing::default());
    assert_eq!(feed(&mut ladder, 0, Input::Kill), [Effect::AskRoot { ask: 1 }]);
    assert_eq!(feed(&mut ladder, 0, Input::Go { ask: 1 }), [Effect::Signal(Signal::Term)]);
    assert_eq!(feed(&mut ladder, 1, Input::Kill), [Effect::AskRoot { ask: 2 }], "a second one hurries");
    let mut ladder = begun();
    assert_eq!(feed(&mut ladder, 0, Input::RequestUnsendable), [Effect::AskRoot { ask: 1 }]);
}

#[test]
fn rule_2_4_nobody_in_the_debugger_is_signalled() {
    let mut ladder = begun();
    feed(&mut ladder, 400_000, Input::Debugged(true));
    assert_eq!(ladder.next_deadline(), None, "the clock stands still");
    assert_eq!(tick(&mut ladder, 90_000_000), []);
    feed(&mut ladder, 90_000_000, Input::Debugged(false));
    assert_eq!(ladder.next_deadline(), Some(Now(90_100_000)), "and goes on with what was left");
    assert_eq!(tick(&mut ladder, 90_100_000), [Effect::AskRoot { ask: 1 }]);
    // The stop is told between the question and its answer.
    assert_eq!(feed(&mut ladder, 90_110_000, Input::Debugged(true)), []);
    assert_eq!(feed(&mut ladder, 90_110_000, Input::Go { ask: 1 }), [], "an answer that crossed the stop");
    assert_eq!(feed(&mut ladder, 91_000_000, Input::Debugged(false)), [Effect::AskRoot { ask: 2 }]);
    assert_eq!(feed(&mut ladder, 91_000_001, Input::Go { ask: 1 }), [], "an answer to another question");
    assert_eq!(feed(&mut ladder, 91_000_002, Input::Wait { ask: 2 }), []);
    assert_eq!(tick(&mut ladder, 91_100_001), [], "wait is no silence");
    assert_eq!(feed(&mut ladder, 91_200_000, Input::Debugged(true)), []);
    assert_eq!(tick(&mut ladder, 191_200_000), []);
    assert_eq!(feed(&mut ladder, 192_000_000, Input::Debugged(false)), [Effect::AskRoot { ask: 3 }]);
    assert_eq!(feed(&mut ladder, 192_000_001, Input::Go { ask: 3 }), [Effect::Signal(Signal::Term)]);
}

#[test]
fn rule_2_4_who_is_stopped_already_is_not_even_asked_about() {
    for input in [Input::Kill, Input::Cancel] {
        let mut ladder = Ladder::new(Timing::default());
        feed(&mut ladder, 0, Input::Debugged(true));
        assert!(!feed(&mut ladder, 0, input).iter().any(|effect| matches!(effect, Effect::AskRoot { .. })));
        feed(&mut ladder, 0, Input::RequestUnsendable);
        assert_eq!(tick(&mut ladder, 90_000_000), []);
        assert_eq!(feed(&mut ladder, 90_000_000, Input::Debugged(false)), [Effect::AskRoot { ask: 1 }]);
    }
}

#[test]
fn rule_2_4_a_wait_whose_stop_is_never_told_is_asked_again() {
    let mut ladder = begun();
    tick(&mut ladder, 500_000);
    feed(&mut ladder, 500_000, Input::Wait { ask: 1 });
    assert_eq!(tick(&mut ladder, 1_500_000), [Effect::AskRoot { ask: 2 }]);
}

#[test]
fn rule_2_4_an_exit_before_any_request_is_seen() {
    let mut ladder = Ladder::new(Timing::default());
    assert_eq!(feed(&mut ladder, 0, Input::Exited), [Effect::Done]);
    assert_eq!(feed(&mut ladder, 0, Input::Cancel), []);
}
