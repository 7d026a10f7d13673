//! A farm of processes for work that needs the processor: one actor uses one core, more actors use more. The same
//! numbers are tested by one worker, then by one for each core, and the speed-up is printed.
//!
//!     cargo run --release --example concurrent_primes

use std::cell::RefCell;
use std::time::{Duration, Instant};

use coulter::prelude::*;
use futures_util::future::try_join_all;

/// Odd numbers of fifteen digits, some of them prime.
const FIRST: u64 = 100_000_000_000_001;
const COUNT: u64 = 200;

/// By trial division: slow on purpose.
#[coulter::endpoint]
async fn is_prime(n: u64) -> bool {
    if n < 4 {
        return n > 1;
    }
    !n.is_multiple_of(2) && (3..).step_by(2).take_while(|d| d * d <= n).all(|d| !n.is_multiple_of(d))
}

/// Has one worker test numbers for as long as there is a next.
async fn work(worker: &Portal, next: impl Fn() -> Option<u64>) -> Result<Vec<u64>> {
    let mut primes = Vec::new();
    while let Some(n) = next() {
        if worker.run(is_prime::with(n)).await? {
            primes.push(n);
        }
    }
    Ok(primes)
}

/// Tests all numbers with so many workers: each takes the next as soon as it is done with one.
async fn farm(workers: usize) -> Result<(Vec<u64>, Duration)> {
    coulter::open_nursery(async |an| {
        let mut portals = Vec::new();
        for n in 1..=workers {
            portals.push(an.start_actor(format!("worker-{n}")).expose(module_path!()).await?);
        }

        let begun = Instant::now();
        let numbers = RefCell::new((0..COUNT).map(|n| FIRST + 2 * n));
        let next = || numbers.borrow_mut().next();
        let found = try_join_all(portals.iter().map(|portal| work(portal, &next))).await?;
        let took = begun.elapsed();

        an.cancel();
        let mut primes = found.concat();
        primes.sort_unstable();
        Ok((primes, took))
    })
    .await
}

#[coulter::main]
async fn main() -> Result<()> {
    let cores = std::thread::available_parallelism()?.get().min(8);
    let (primes, alone) = farm(1).await?;
    let (again, together) = farm(cores).await?;
    assert_eq!(primes, again);

    println!("{} primes among {COUNT} numbers, the last {:?}", primes.len(), primes.last());
    println!("1 worker: {:.0} ms", alone.as_secs_f64() * 1e3);
    println!("{cores} workers: {:.0} ms", together.as_secs_f64() * 1e3);
    println!("speed-up: {:.2}", alone.as_secs_f64() / together.as_secs_f64());
    Ok(())
}
