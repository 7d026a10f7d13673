//! The seat by tables, and over seeded schedules with delayed messages.
use super::*;

fn actor(n: u128) -> Uuid {
    Uuid::from_u128(n)
}
const FRONT: AttendantId = AttendantId(1);
const CONSOLE: AttendantId = AttendantId(2);

/// A root (0) with children 1 and 2, and 3 below 1.
struct Bench(Seat);

impl Bench {
    fn new(terminal: bool) -> Self {
        let mut bench = Self(Seat::new(terminal));
        for (child, parent) in [(0, None), (1, Some(0)), (2, Some(0)), (3, Some(1))] {
            bench.on(Input::Actor { actor: actor(child), parent: parent.map(actor) });
        }
        bench
    }
    fn attended() -> Self {
        let mut bench = Self::new(true);
        bench.on(Input::Attend { who: FRONT, place: Place::OwnTerminal });
        bench
    }
    fn on(&mut self, input: Input) -> Vec<Effect> {
        let mut out = Vec::new();
        self.0.on(Now(0), input, &mut out);
        out
    }
    fn ask(&mut self, n: u128) -> Vec<Effect> {
        self.on(Input::Ask { actor: actor(n), local: 7 })
    }
    fn may_signal(&mut self, child: u128) -> bool {
        let out = self.on(Input::MaySignal { asker: actor(0), ask: 9, child: actor(child) });
        out == [Effect::Signal { asker: actor(0), ask: 9, go: true }]
    }
    fn order(&self) -> Vec<u64> {
        self.0.stops().map(|stop| stop.id.0).collect()
    }
    fn seated(&self) -> Option<(u64, AttendantId)> {
        self.0.lease().map(|lease| (lease.stop.id.0, lease.who))
    }
}

#[test]
fn a_stop_is_debugged_before_it_is_queued_before_it_is_seated() {
    let mut bench = Bench::attended();
    assert_eq!(
        bench.ask(3),
        [
            Effect::Debugged { actors: vec![actor(0), actor(1), actor(3)] },
            Effect::Queued { actor: actor(3), local: 7, stop: StopId(1) },
            Effect::Seated { stop: StopId(1), who: FRONT, epoch: 1 },
            Effect::Changed,
        ]
    );
}

#[test]
fn first_come_first_served_and_the_next_gets_it() {
    let mut bench = Bench::attended();
    for n in [3, 1, 2] {
        bench.ask(n);
    }
    assert_eq!(bench.order(), [1, 2, 3]);
    let out = bench.on(Input::Over { actor: actor(3), stop: StopId(1) });
    assert_eq!(out[0], Effect::Unseated { stop: StopId(1), who: FRONT });
    assert!(out.contains(&Effect::Seated { stop: StopId(2), who: FRONT, epoch: 2 }));
    assert_eq!(bench.order(), [2, 3]);
}

#[test]
fn an_old_or_foreign_release_is_ignored() {
    let mut bench = Bench::attended();
    bench.ask(1);
    assert_eq!(bench.on(Input::Over { actor: actor(2), stop: StopId(1) }), []);
    assert_eq!(bench.on(Input::Over { actor: actor(1), stop: StopId(9) }), []);
    assert_eq!(bench.seated(), Some((1, FRONT)));
}

#[test]
fn the_same_task_asking_twice_is_one_stop() {
    let mut bench = Bench::attended();
    bench.ask(1);
    assert_eq!(bench.ask(1), [Effect::Queued { actor: actor(1), local: 7, stop: StopId(1) }]);
    assert_eq!(bench.order(), [1]);
}

#[test]
fn the_owners_death_gives_the_seat_to_the_next() {
    let mut bench = Bench::attended();
    bench.ask(1);
    bench.ask(2);
    let out = bench.on(Input::Gone { actor: actor(1) });
    assert!(out.contains(&Effect::Seated { stop: StopId(2), who: FRONT, epoch: 2 }));
    assert!(out.contains(&Effect::Debugged { actors: vec![actor(0), actor(2)] }));
}

#[test]
fn a_waiter_that_dies_leaves_the_queue() {
    let mut bench = Bench::attended();
    bench.ask(1);
    bench.ask(2);
    bench.on(Input::Gone { actor: actor(2) });
    assert_eq!(bench.order(), [1]);
    assert_eq!(bench.seated(), Some((1, FRONT)));
}

#[test]
fn with_nobody_to_attend_a_stop_is_refused_at_once() {
    let mut bench = Bench::new(false);
    assert_eq!(bench.ask(1), [Effect::Refused { actor: actor(1), local: 7, why: Refusal::Unattended }]);
    assert!(bench.may_signal(1));
}

#[test]
fn with_a_terminal_stops_wait_for_its_front() {
    let mut bench = Bench::new(true);
    bench.ask(1);
    assert_eq!(bench.seated(), None);
    bench.on(Input::Attend { who: FRONT, place: Place::OwnTerminal });
    assert_eq!(bench.seated(), Some((1, FRONT)));
}

#[test]
fn somebody_expected_counts_until_the_time_is_over() {
    let mut bench = Bench::new(false);
    bench.on(Input::Expect { micros: 100 });
    bench.ask(1);
    assert_eq!(bench.0.next_deadline(), Some(Now(100)));
    let mut out = Vec::new();
    bench.0.on_time(Now(99), &mut out);
    assert_eq!(out, []);
    bench.0.on_time(Now(100), &mut out);
    assert_eq!(out, [Effect::End { actor: actor(1), stop: StopId(1) }]);
    assert!(!bench.may_signal(1), "debugged until it says that it went on");
    bench.on(Input::Over { actor: actor(1), stop: StopId(1) });
    assert!(bench.may_signal(1));
}

#[test]
fn when_the_last_attendant_leaves_the_stops_wait_a_while_and_go_on() {
    let mut bench = Bench::new(false);
    bench.on(Input::Attend { who: CONSOLE, place: Place::Console });
    bench.ask(1);
    bench.on(Input::Leave { who: CONSOLE });
    assert_eq!((bench.seated(), bench.0.next_deadline()), (None, Some(Now(PATIENCE))));
    bench.on(Input::Attend { who: FRONT, place: Place::Console });
    assert_eq!((bench.seated(), bench.0.next_deadline()), (Some((1, FRONT)), None));
}

#[test]
fn a_console_that_attends_keeps_the_own_front_away() {
    let mut bench = Bench::attended();
    bench.on(Input::Attend { who: CONSOLE, place: Place::Console });
    bench.ask(1);
    assert_eq!(bench.seated(), Some((1, CONSOLE)));
    assert!(!bench.0.is_in_own_terminal());
    bench.ask(2);
    bench.on(Input::Leave { who: CONSOLE });
    assert_eq!(bench.seated(), Some((1, FRONT)), "and whoever was at the prompt is still first");
    assert_eq!(bench.order(), [1, 2]);
    assert!(bench.0.is_in_own_terminal());
}

#[test]
fn a_person_may_enter_any_and_skip() {
    let mut bench = Bench::attended();
    for n in [1, 2, 3] {
        bench.ask(n);
    }
    let out = bench.on(Input::Seat { stop: StopId(3), who: None });
    assert_eq!(out[0], Effect::Unseated { stop: StopId(1), who: FRONT });
    assert_eq!(bench.order(), [3, 1, 2]);
    bench.on(Input::Skip { stop: StopId(3) });
    assert_eq!(bench.order(), [1, 2, 3]);
    bench.on(Input::Skip { stop: StopId(2) });
    assert_eq!(bench.order(), [1, 3, 2]);
    assert_eq!(bench.on(Input::Seat { stop: StopId(99), who: None }), []);
    assert_eq!(bench.on(Input::Seat { stop: StopId(1), who: None }), [], "it has the seat already");
}

#[test]
fn a_console_takes_the_seated_stop_over() {
    let mut bench = Bench::attended();
    bench.ask(1);
    bench.on(Input::Attend { who: CONSOLE, place: Place::Console });
    assert_eq!(bench.seated(), Some((1, FRONT)), "nobody is interrupted by an arrival");
    let out = bench.on(Input::Seat { stop: StopId(1), who: Some(CONSOLE) });
    assert_eq!(out[..2], [Effect::Unseated { stop: StopId(1), who: FRONT }, Effect::Seated { stop: StopId(1), who: CONSOLE, epoch: 2 }]);
}

#[test]
fn skipping_the_only_stop_keeps_it_seated() {
    let mut bench = Bench::attended();
    bench.ask(1);
    assert_eq!(bench.on(Input::Skip { stop: StopId(1) }), []);
}

#[test]
fn rule_2_4_nobody_queued_nor_above_one_is_signalled() {
    let mut bench = Bench::attended();
    bench.ask(2);
    bench.ask(3);
    for debugged in [0, 1, 2, 3] {
        assert!(!bench.may_signal(debugged), "{debugged}");
    }
    bench.on(Input::Over { actor: actor(3), stop: StopId(2) });
    assert!(bench.may_signal(1), "its stop below is over");
    assert!(!bench.may_signal(2));
}

#[test]
fn rule_2_4_who_was_cleared_for_a_signal_is_refused_and_so_is_all_below() {
    let mut bench = Bench::attended();
    assert!(bench.may_signal(1));
    for n in [1, 3] {
        assert_eq!(bench.ask(n), [Effect::Refused { actor: actor(n), local: 7, why: Refusal::Ending }]);
    }
    assert!(bench.may_signal(1), "asked again for the harder signal");
    assert!(matches!(bench.ask(2)[..], [Effect::Debugged { .. }, Effect::Queued { .. }, ..]));
}

#[test]
fn orphans_are_refused() {
    let mut bench = Bench::attended();
    bench.on(Input::Gone { actor: actor(1) });
    assert_eq!(bench.ask(3), [Effect::Refused { actor: actor(3), local: 7, why: Refusal::Ending }]);
}

#[test]
fn a_circle_of_parents_ends() {
    let mut bench = Bench::attended();
    bench.on(Input::Actor { actor: actor(0), parent: Some(actor(3)) });
    bench.ask(2);
    assert_eq!(bench.0.debugged().len(), 4);
}

/// Parents that tear children down and children that stop, each message with a delay of its own,
/// in order on each link; people come, go and shuffle.
mod schedules {
    use super::*;

    struct Random(u64);
    impl Random {
        fn below(&mut self, n: u64) -> u64 {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            self.0 % n.max(1)
        }
    }

    #[derive(Default)]
    struct Seen {
        queued: BTreeSet<u128>,
        cleared: BTreeSet<u128>,
        answers: BTreeMap<(u128, u64), u32>,
        signals: BTreeMap<u64, bool>,
    }

    fn parent_of(n: u128) -> Option<u128> {
        n.checked_sub(1).map(|n| n / 2)
    }
    fn line(n: u128) -> Vec<u128> {
        std::iter::successors(Some(n), |n| parent_of(*n)).collect()
    }

    fn check(seat: &Seat, out: &[Effect], seen: &mut Seen, seed: u64) {
        for effect in out {
            match effect {
                Effect::Queued { actor, local, .. } => {
                    *seen.answers.entry((actor.as_u128(), *local)).or_default() += 1;
                    assert!(line(actor.as_u128()).iter().all(|above| !seen.cleared.contains(above)), "seed {seed}: queued below one that was cleared");
                    seen.queued.insert(actor.as_u128());
                }
                Effect::Refused { actor, local, .. } => *seen.answers.entry((actor.as_u128(), *local)).or_default() += 1,
                Effect::Signal { ask, go, .. } => drop(seen.signals.insert(*ask, *go)),
                _ => {}
            }
        }
        let stopped: BTreeSet<u128> = seat.stops().map(|stop| stop.actor.as_u128()).collect();
        let debugged: BTreeSet<u128> = stopped.iter().flat_map(|n| line(*n)).collect();
        assert_eq!(seat.debugged().iter().map(Uuid::as_u128).collect::<BTreeSet<_>>(), debugged, "seed {seed}: the set is not stops and all above");
        if let Some(lease) = seat.lease() {
            assert!(seat.attendants.iter().any(|(who, _)| *who == lease.who), "seed {seed}: seated with nobody");
        } else {
            assert!(seat.queue.is_empty() || seat.attendants.is_empty(), "seed {seed}: a free seat, and somebody waits");
        }
    }

    fn run(seed: u64) -> (usize, usize) {
        let mut random = Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
        let (mut seat, mut seen) = (Seat::new(true), Seen::default());
        let actors = 4 + u128::from(random.below(8));
        let mut pending: BTreeMap<(u64, u64), Input> = BTreeMap::new();
        let mut last_on_link: BTreeMap<u128, u64> = BTreeMap::new();
        let mut order = 0;
        for n in 0..actors {
            seat.on(Now(0), Input::Actor { actor: actor(n), parent: parent_of(n).map(actor) }, &mut Vec::new());
        }
        let mut send = |pending: &mut BTreeMap<(u64, u64), Input>, from: u128, at: u64, input: Input| {
            let at = at.max(last_on_link.get(&from).copied().unwrap_or(0));
            last_on_link.insert(from, at);
            order += 1;
            pending.insert((at, order), input);
        };
        let mut asked = 0;
        for local in 0..12 {
            let (at, who) = (random.below(1000), u128::from(random.below(actors as u64)));
            send(&mut pending, who, at, Input::Ask { actor: actor(who), local });
            asked += 1;
        }
        for ask in 0..12 {
            let child = 1 + u128::from(random.below(actors as u64 - 1));
            let asker = parent_of(child).unwrap_or(0);
            let at = random.below(1000);
            send(&mut pending, asker, at, Input::MaySignal { asker: actor(asker), ask, child: actor(child) });
        }
        for n in 0..6 {
            let who = AttendantId(random.below(3));
            let place = if who.0 == 0 { Place::OwnTerminal } else { Place::Console };
            let input = if random.below(3) == 0 { Input::Leave { who } } else { Input::Attend { who, place } };
            send(&mut pending, 1000 + n, random.below(1000), input);
            let stop = StopId(random.below(12));
            let input = if random.below(2) == 0 { Input::Skip { stop } } else { Input::Seat { stop, who: Some(who) } };
            send(&mut pending, 2000 + n, random.below(1000), input);
        }
        while let Some(((at, _), input)) = pending.pop_first() {
            let mut out = Vec::new();
            seat.on(Now(at), input, &mut out);
            if let (Input::MaySignal { child, .. }, [Effect::Signal { go: true, .. }]) = (input, &out[..]) {
                assert!(seat.stops().all(|stop| !line(stop.actor.as_u128()).contains(&child.as_u128())), "seed {seed}: cleared although stopped below");
                seen.cleared.insert(child.as_u128());
            }
            check(&seat, &out, &mut seen, seed);
            for effect in out {
                if let Effect::Queued { actor: owner, stop, .. } = effect {
                    // The stop lasts a while; one in five outlasts the schedule.
                    if random.below(5) > 0 {
                        let at = at + random.below(400);
                        send(&mut pending, owner.as_u128(), at, Input::Over { actor: owner, stop });
                    }
                }
            }
        }
        assert_eq!(seen.answers.values().sum::<u32>(), asked, "seed {seed}: every asker gets one answer");
        assert!(seen.answers.values().all(|n| *n == 1), "seed {seed}: and only one");
        assert_eq!(seen.signals.len(), 12, "seed {seed}: and every parent too");
        (seen.queued.len(), seen.cleared.len())
    }

    #[test]
    fn rule_2_4_holds_over_thousands_of_schedules() {
        let (mut queued, mut cleared) = (0, 0);
        for seed in 1..=5_000 {
            let (q, c) = run(seed);
            queued += q;
            cleared += c;
        }
        assert!(queued > 5_000 && cleared > 5_000, "both sides must have happened for this to say anything: {queued} {cleared}");
    }
}
