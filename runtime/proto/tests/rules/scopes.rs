//! "Cancelling without exceptions", and rules 3.3 and 5.7: the tree of cancel scopes.
use std::collections::{BTreeMap, BTreeSet};

use coulter_proto::id::{CauseToken, ErrorToken};
use coulter_proto::machine::Machine;
use coulter_proto::scope::{Cause, DutyId, Effect, Input, ROOT, ScopeId, ScopeKind, Scopes, Timing};
use coulter_proto::time::Now;
use proptest::prelude::*;

use crate::{feed, tick};

const WHY: CauseToken = CauseToken(4);
const E: ErrorToken = ErrorToken(40);

fn scopes() -> Scopes {
    Scopes::new(Timing::default())
}
fn open(scopes: &mut Scopes, parent: ScopeId, kind: ScopeKind) -> ScopeId {
    scopes.open(Now(0), Some(parent), kind, None)
}
fn finished(effects: &[Effect]) -> Vec<(ScopeId, Vec<ErrorToken>)> {
    effects.iter().filter_map(|effect| if let Effect::Finished { scope, errors, .. } = effect { Some((*scope, errors.clone())) } else { None }).collect()
}
fn drops(scopes: &mut Scopes, scope: ScopeId) -> bool {
    feed(scopes, 0, Input::BodyPending { scope }).contains(&Effect::DropBody { scope })
}

#[test]
fn rule_5_7_a_cancel_drops_a_body_when_it_is_next_pending_and_reaches_all_below() {
    let mut scopes = scopes();
    let outer = open(&mut scopes, ROOT, ScopeKind::Inline);
    let inner = open(&mut scopes, outer, ScopeKind::Inline);
    let task = open(&mut scopes, inner, ScopeKind::Task);
    let beside = open(&mut scopes, ROOT, ScopeKind::Inline);
    assert!(!drops(&mut scopes, outer));
    let effects = feed(&mut scopes, 0, Input::Cancel { scope: outer, cause: WHY });
    assert_eq!(effects, [Effect::Wake { scope: outer }, Effect::Wake { scope: inner }, Effect::Wake { scope: task }]);
    for scope in [outer, inner, task] {
        assert!(scopes.cancelled_here(scope));
        assert_eq!(scopes.cause(scope), Some(Cause::Asked(WHY)));
        assert!(drops(&mut scopes, scope));
    }
    assert!(!scopes.cancelled_here(beside) && !drops(&mut scopes, beside));
    assert!(scopes.cancel_called(outer) && !scopes.cancel_called(inner), "true to their names");
    assert!(scopes.cancelled_caught(outer) && !scopes.cancelled_caught(inner));
}

#[test]
fn no_scope_is_finished_before_its_duties_and_scopes_are() {
    let mut scopes = scopes();
    let outer = open(&mut scopes, ROOT, ScopeKind::Inline);
    let task = open(&mut scopes, outer, ScopeKind::Spawned);
    let duty = scopes.add_duty(outer, &mut Vec::new());
    let effects = feed(&mut scopes, 0, Input::BodyEnded { scope: outer });
    assert!(effects.contains(&Effect::BeginDuty { duty }));
    assert!(scopes.cancelled_here(task), "its body is over");
    assert_eq!(scopes.waits_for(outer), 2);
    assert_eq!(finished(&feed(&mut scopes, 0, Input::DutyDone { duty, errors: vec![E] })), []);
    feed(&mut scopes, 0, Input::Fail { scope: task, error: ErrorToken(41) });
    let effects = feed(&mut scopes, 0, Input::BodyEnded { scope: task });
    assert_eq!(finished(&effects), [(task, vec![]), (outer, vec![E, ErrorToken(41)])]);
    assert!(effects.contains(&Effect::ErrorsMoved { from: task, to: outer, count: 1 }));
    assert!(scopes.ended(outer) && scopes.must_drop(outer));
    assert_eq!(scopes.live(), 1);
}

#[test]
fn a_dropped_or_forgotten_scope_is_waited_for_by_the_one_around_it() {
    for forgotten in [false, true] {
        let mut scopes = scopes();
        let outer = open(&mut scopes, ROOT, ScopeKind::Inline);
        let inner = open(&mut scopes, outer, ScopeKind::Inline);
        let duty = scopes.add_duty(inner, &mut Vec::new());
        if !forgotten {
            let effects = feed(&mut scopes, 0, Input::BodyDropped { scope: inner });
            assert!(effects.contains(&Effect::BeginDuty { duty }), "the cancel starts at once");
            assert!(!scopes.cancelled_here(outer), "the code behind a select! goes on");
        }
        let effects = feed(&mut scopes, 0, Input::BodyEnded { scope: outer });
        assert_eq!(effects.contains(&Effect::BeginDuty { duty }), forgotten);
        assert_eq!(finished(&effects), []);
        let effects = feed(&mut scopes, 0, Input::DutyDone { duty, errors: vec![E] });
        assert_eq!(finished(&effects), [(inner, vec![]), (outer, vec![E])], "no error is lost");
    }
}

#[test]
fn what_is_opened_in_a_scope_that_is_over_begins_cancelled() {
    let mut scopes = scopes();
    let outer = open(&mut scopes, ROOT, ScopeKind::Task);
    let holds = scopes.add_duty(outer, &mut Vec::new());
    feed(&mut scopes, 0, Input::BodyEnded { scope: outer });
    let late = open(&mut scopes, outer, ScopeKind::Task);
    assert!(scopes.cancelled_here(late));
    let mut out = Vec::new();
    let duty = scopes.add_duty(outer, &mut out);
    assert_eq!(out, [Effect::BeginDuty { duty }]);
    feed(&mut scopes, 0, Input::DutyDone { duty, errors: vec![] });
    feed(&mut scopes, 0, Input::DutyDone { duty: holds, errors: vec![] });
    assert!(!scopes.ended(outer));
    feed(&mut scopes, 0, Input::BodyEnded { scope: late });
    assert!(scopes.ended(outer));
    let stale = open(&mut scopes, outer, ScopeKind::Inline);
    assert!(scopes.cancelled_here(stale));
    assert_eq!(scopes.parent(stale), Some(ROOT));
    let mut out = Vec::new();
    let duty = scopes.add_duty(outer, &mut out);
    assert_eq!(out, [Effect::BeginDuty { duty }]);
    assert_eq!(scopes.waits_for(ROOT), 2);
}

#[test]
fn rule_5_7_a_shield_holds_the_whole_scope_and_hides_the_cancel_inside() {
    let mut scopes = scopes();
    let outer = open(&mut scopes, ROOT, ScopeKind::Task);
    let middle = open(&mut scopes, outer, ScopeKind::Inline);
    let shield = open(&mut scopes, middle, ScopeKind::Shield);
    let inside = open(&mut scopes, shield, ScopeKind::Inline);
    feed(&mut scopes, 0, Input::Cancel { scope: outer, cause: WHY });
    assert!(!drops(&mut scopes, outer) && !drops(&mut scopes, middle));
    assert!(scopes.cancelled_here(middle) && !scopes.cancelled_here(shield) && !scopes.cancelled_here(inside));
    feed(&mut scopes, 0, Input::Cancel { scope: inside, cause: WHY });
    assert!(drops(&mut scopes, inside), "a scope inside can be cancelled by itself");
    feed(&mut scopes, 0, Input::BodyEnded { scope: inside });
    let effects = feed(&mut scopes, 0, Input::BodyEnded { scope: shield });
    assert!(effects.contains(&Effect::Wake { scope: middle }) && effects.contains(&Effect::Wake { scope: outer }));
    assert!(drops(&mut scopes, middle) && drops(&mut scopes, outer));
}

#[test]
fn rule_5_7_a_shield_in_a_task_does_not_hold_the_body_that_spawned_it() {
    let mut scopes = scopes();
    let outer = open(&mut scopes, ROOT, ScopeKind::Inline);
    let task = open(&mut scopes, outer, ScopeKind::Task);
    let _shield = open(&mut scopes, task, ScopeKind::Shield);
    feed(&mut scopes, 0, Input::Cancel { scope: outer, cause: WHY });
    assert!(drops(&mut scopes, outer) && !drops(&mut scopes, task));
}

#[test]
fn rule_5_7_a_shield_is_broken_by_its_limit_or_by_hurry() {
    for hurry in [false, true] {
        let mut scopes = scopes();
        let outer = open(&mut scopes, ROOT, ScopeKind::Inline);
        let shield = open(&mut scopes, outer, ScopeKind::Shield);
        let inside = open(&mut scopes, shield, ScopeKind::Inline);
        assert_eq!(scopes.next_deadline(), None, "no cancel to hold off");
        feed(&mut scopes, 5, Input::Cancel { scope: outer, cause: WHY });
        assert_eq!(scopes.next_deadline(), Some(Now(10_000_005)));
        let effects = if hurry { feed(&mut scopes, 6, Input::Hurry { scope: ROOT }) } else { tick(&mut scopes, 10_000_005) };
        assert!(effects.contains(&Effect::Wake { scope: inside }));
        assert!(scopes.cancelled_here(inside) && drops(&mut scopes, outer));
        let ended: Vec<_> = finished(&feed(&mut scopes, 6, Input::BodyDropped { scope: shield })).into_iter().map(|(scope, _)| scope).collect();
        assert_eq!(ended, [inside, shield], "not before what is inside");
    }
    let mut scopes = scopes();
    let outer = open(&mut scopes, ROOT, ScopeKind::Inline);
    feed(&mut scopes, 0, Input::Cancel { scope: outer, cause: WHY });
    open(&mut scopes, outer, ScopeKind::Shield);
    assert_eq!(scopes.next_deadline(), Some(Now(10_000_000)), "also when the cancel was there first");
}

#[test]
fn rule_5_7_a_deadline_cancels_and_can_stand_still() {
    let mut scopes = scopes();
    let timed = scopes.open(Now(0), Some(ROOT), ScopeKind::Inline, Some(100));
    feed(&mut scopes, 40, Input::Hold(true));
    assert_eq!(scopes.next_deadline(), None);
    feed(&mut scopes, 1000, Input::Hold(false));
    assert_eq!(scopes.next_deadline(), Some(Now(1060)));
    assert_eq!(tick(&mut scopes, 1059), []);
    assert_eq!(tick(&mut scopes, 1060), [Effect::Wake { scope: timed }]);
    assert!(drops(&mut scopes, timed));
    let effects = feed(&mut scopes, 1060, Input::BodyEnded { scope: timed });
    assert!(effects.contains(&Effect::Finished { scope: timed, errors: vec![], cause: Some(Cause::Deadline), caught: true }));
    let early = scopes.open(Now(2000), Some(ROOT), ScopeKind::Inline, Some(100));
    feed(&mut scopes, 2001, Input::BodyEnded { scope: early });
    assert_eq!(scopes.next_deadline(), None, "its time ends with it");
}

#[test]
fn rule_3_2_a_failure_cancels_the_scope_and_is_kept() {
    let mut scopes = scopes();
    let scope = open(&mut scopes, ROOT, ScopeKind::Inline);
    feed(&mut scopes, 0, Input::Fail { scope, error: E });
    assert_eq!(scopes.cause(scope), Some(Cause::Failed));
    assert!(drops(&mut scopes, scope));
    assert_eq!(finished(&feed(&mut scopes, 0, Input::BodyEnded { scope })), [(scope, vec![E])]);
    feed(&mut scopes, 0, Input::Fail { scope, error: ErrorToken(41) });
    assert_eq!(finished(&feed(&mut scopes, 0, Input::BodyEnded { scope: ROOT })), [(ROOT, vec![ErrorToken(41)])], "a late one goes to the actor");
}

#[derive(Clone, Debug)]
struct Step {
    what: u8,
    which: prop::sample::Index,
    kind: u8,
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    /// Any order of everything: no scope is finished before what was opened in it; every duty is
    /// begun before the end, once; every error comes out exactly once; and once all bodies and
    /// duties are over nothing is left.
    #[test]
    fn no_order_of_events_loses_a_scope_a_duty_or_an_error(
        steps in proptest::collection::vec((0u8..10, any::<prop::sample::Index>(), 0u8..4).prop_map(|(what, which, kind)| Step { what, which, kind }), 1..80)
    ) {
        let mut world = World::new();
        for (n, step) in steps.into_iter().enumerate() {
            world.step(n as u64, &step);
        }
        world.wind_up();
    }
}

struct World {
    scopes: Scopes,
    now: u64,
    open: BTreeSet<ScopeId>,
    parent: BTreeMap<ScopeId, ScopeId>,
    duties: BTreeMap<DutyId, ScopeId>,
    begun: BTreeSet<DutyId>,
    errors_in: usize,
    errors_out: Vec<ErrorToken>,
    next_error: u64,
}

impl World {
    fn new() -> Self {
        Self {
            scopes: scopes(),
            now: 0,
            open: BTreeSet::from([ROOT]),
            parent: BTreeMap::new(),
            duties: BTreeMap::new(),
            begun: BTreeSet::new(),
            errors_in: 0,
            errors_out: Vec::new(),
            next_error: 0,
        }
    }
    fn error(&mut self) -> ErrorToken {
        self.next_error += 1;
        self.errors_in += 1;
        ErrorToken(self.next_error)
    }
    fn check(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Finished { scope, errors, .. } => {
                    assert!(self.open.remove(&scope), "finished twice: {scope:?}");
                    assert!(
                        !self.parent.iter().any(|(kid, around)| *around == scope && self.open.contains(kid)),
                        "{scope:?} finished before what was opened in it"
                    );
                    assert!(!self.duties.values().any(|at| *at == scope), "{scope:?} finished before its duties");
                    self.errors_out.extend(errors);
                }
                Effect::BeginDuty { duty } => assert!(self.begun.insert(duty), "begun twice"),
                Effect::Wake { .. } | Effect::DropBody { .. } | Effect::ErrorsMoved { .. } | Effect::Opened { .. } | Effect::DutyAdded { .. } => {}
            }
        }
    }
    fn feed(&mut self, input: Input) {
        let effects = feed(&mut self.scopes, self.now, input);
        self.check(effects);
    }
    fn step(&mut self, n: u64, step: &Step) {
        if !self.open.contains(&ROOT) {
            return;
        }
        self.now = n * 300_000;
        let known: Vec<ScopeId> = self.open.iter().chain(self.parent.keys()).copied().collect();
        let scope = *step.which.get(&known);
        match step.what {
            0..=2 => {
                let kind = [ScopeKind::Inline, ScopeKind::Task, ScopeKind::Spawned, ScopeKind::Shield][usize::from(step.kind)];
                let new = self.scopes.open(Now(self.now), Some(scope), kind, n.is_multiple_of(3).then_some(900_000));
                self.parent.insert(new, self.scopes.parent(new).unwrap());
                self.open.insert(new);
            }
            3 => {
                let mut out = Vec::new();
                let duty = self.scopes.add_duty(scope, &mut out);
                self.duties.insert(duty, if self.open.contains(&scope) { scope } else { ROOT });
                self.check(out);
            }
            4 => self.feed(Input::Cancel { scope, cause: WHY }),
            5 => {
                let error = self.error();
                self.feed(Input::Fail { scope, error });
            }
            6 if scope != ROOT => self.feed(Input::BodyEnded { scope }),
            7 if scope != ROOT => self.feed(Input::BodyDropped { scope }),
            8 => {
                let effects = feed(&mut self.scopes, self.now, Input::BodyPending { scope });
                let dropped = effects.contains(&Effect::DropBody { scope });
                assert!(!dropped || self.scopes.must_drop(scope));
                self.check(effects);
                if dropped {
                    self.feed(Input::BodyEnded { scope });
                }
            }
            9 if !self.duties.is_empty() => {
                let duty = *step.which.get(&self.duties.keys().copied().collect::<Vec<_>>());
                self.end_duty(duty, step.kind == 0);
            }
            _ => {
                let effects = tick(&mut self.scopes, self.now);
                self.check(effects);
            }
        }
    }
    fn end_duty(&mut self, duty: DutyId, fails: bool) {
        self.duties.remove(&duty);
        let errors = if fails { vec![self.error()] } else { vec![] };
        self.feed(Input::DutyDone { duty, errors });
    }
    fn wind_up(mut self) {
        if self.open.contains(&ROOT) {
            self.feed(Input::BodyEnded { scope: ROOT });
        }
        // Only tasks still have a body of their own.
        for scope in self.open.clone().into_iter().rev() {
            self.feed(Input::BodyEnded { scope });
        }
        for duty in self.duties.keys().copied().collect::<Vec<_>>() {
            assert!(self.begun.contains(&duty), "never begun");
            self.end_duty(duty, true);
        }
        assert!(self.open.is_empty(), "left: {:?}", self.open);
        assert_eq!(self.scopes.live(), 0);
        assert_eq!(self.scopes.next_deadline(), None);
        assert_eq!(self.errors_out.len(), self.errors_in);
        self.errors_out.sort();
        self.errors_out.dedup();
        assert_eq!(self.errors_out.len(), self.errors_in, "an error came out twice");
    }
}
