//! A whole tree in one thread and no time: actors, links with delays, debugger, signals and
//! deaths around the real machines, driven by a seed.
//!
//! The world is the shell the machines need, and nothing more: it decides nothing they decide.
//! Tasks are polled only when something woke them, so a wake that is missing is seen; every error
//! raised is followed until somebody handles it.
//!
//! `COULTER_SIM_SEED=n cargo test -p coulter-proto sim` replays one seed, `COULTER_SIM_SEEDS=n` runs as many.
mod script;
mod tasks;
mod world;

use script::{Rng, Wildness};
use world::{Dangers, World};

fn run(seed: u64) -> world::Report {
    let mut rng = Rng::new(seed);
    // A third of the seeds each: nothing goes wrong but by script; stops besides; deaths and cuts besides.
    let wild = Wildness { failures: !seed.is_multiple_of(4), stops: !seed.is_multiple_of(3), finite: seed % 5 < 3 };
    let dangers = Dangers { kills: seed % 3 == 2, cuts: seed % 3 == 2 && rng.one_in(2) };
    let body = script::main_body(&mut rng, wild);
    World::new(rng, dangers, wild, body).run()
}

fn replayed() -> Option<u64> {
    std::env::var("COULTER_SIM_SEED").ok()?.parse().ok()
}

#[test]
fn rules_2_to_6_hold_in_every_seeded_tree() {
    if let Some(seed) = replayed() {
        println!("{:?}", run(seed));
        return;
    }
    let seeds = std::env::var("COULTER_SIM_SEEDS").ok().and_then(|count| count.parse().ok()).unwrap_or(8000);
    let mut total = world::Report::default();
    for seed in 1..=seeds {
        let report = std::panic::catch_unwind(|| run(seed)).unwrap_or_else(|_| panic!("seed {seed}: replay with COULTER_SIM_SEED={seed}"));
        total.add(&report);
    }
    println!("{total:?}");
    // The runs must reach what they are there for.
    let reached = [total.contexts, total.calls, total.errors, total.stops, total.signals, total.deaths, total.cuts, total.items, total.asks];
    assert!(reached.iter().all(|count| *count > 50), "{total:?}");
}
