//! The cast: a supervisor with four actors under it, and a slow consumer beside it.
//!
//! Whoever dies is followed by a new one, so that one can kill, cancel and look around at leisure.
use std::time::Duration;

use coulter::prelude::*;
use tokio::time::sleep;

/// The time between an end and a new beginning.
const BREATH: Duration = Duration::from_secs(2);

/// The root: keeps the supervisor and the slow consumer going.
pub(super) async fn play() -> Result<()> {
    println!("demo: a supervisor, two workers, one who pauses, one who stumbles, and a slow consumer");
    coulter::spawn(keep_consumer());
    keep_supervisor().await
}

async fn keep_supervisor() -> Result<()> {
    loop {
        let ended: Result<()> = coulter::open_nursery(async |an| {
            let work = an.run_in_actor("supervisor", supervise::with()).await?;
            Ok(work.wait_for_result().await?)
        })
        .await;
        follow_up("supervisor", ended).await;
    }
}

/// Sends faster than the consumer takes: the window fills, and `send` waits.
async fn keep_consumer() -> Result<()> {
    loop {
        let ended: Result<()> = coulter::open_nursery(async |an| {
            let portal = an.start_actor("slow_consumer").expose(module_path!()).await?;
            portal
                .open_context(consume::with(150), async |ctx, ()| {
                    let mut stream = ctx.open_stream().await?;
                    for parcel in 0_u64.. {
                        stream.send(parcel).await?;
                        sleep(Duration::from_millis(5)).await;
                    }
                    Ok(())
                })
                .await
        })
        .await;
        follow_up("slow_consumer", ended).await;
    }
}

async fn follow_up(name: &str, ended: Result<()>) {
    match ended {
        Ok(()) => tracing::info!("{name} is done; a new one follows"),
        Err(error) => tracing::warn!("{name} is gone ({error}); a new one follows"),
    }
    sleep(BREATH).await;
}

/// Keeps four actors going, each in a nursery of its own, so that none takes the others along.
#[coulter::endpoint]
async fn supervise() -> Result<()> {
    println!("supervisor: to work");
    coulter::spawn(keep_worker("worker_1", 20));
    coulter::spawn(keep_worker("worker_2", 50));
    coulter::spawn(keep_thinker());
    keep_juggler().await
}

async fn keep_worker(name: &'static str, millis: u64) -> Result<()> {
    loop {
        let ended: Result<()> = coulter::open_nursery(async |an| {
            let portal = an.start_actor(name).expose(module_path!()).await?;
            let sum = portal
                .open_context(work::with(millis), async |ctx, first| {
                    let mut stream = ctx.open_stream().await?;
                    let mut sum = first;
                    while let Some(piece) = stream.receive().await? {
                        sum += piece;
                    }
                    Ok(sum)
                })
                .await?;
            tracing::info!("{name} made pieces worth {sum}");
            Ok(portal.cancel_actor().await?)
        })
        .await;
        follow_up(name, ended).await;
    }
}

async fn keep_thinker() -> Result<()> {
    loop {
        let ended: Result<()> = coulter::open_nursery(async |an| {
            let thought = an.run_in_actor("thinker", think::with(6)).await?;
            tracing::info!("the thinker came to {}", thought.wait_for_result().await?);
            Ok(())
        })
        .await;
        follow_up("thinker", ended).await;
    }
}

async fn keep_juggler() -> Result<()> {
    loop {
        let ended: Result<()> = coulter::open_nursery(async |an| {
            let act = an.run_in_actor("juggler", juggle::with(3)).await?;
            Ok(act.wait_for_result().await?)
        })
        .await;
        follow_up("juggler", ended).await;
    }
}

/// Streams one piece after another.
#[coulter::context]
async fn work(ctx: Context<u64, (), u64>, millis: u64) -> Result<()> {
    ctx.started(0).await?;
    let mut stream = ctx.open_stream().await?;
    println!("{}: a piece every {millis} ms", coulter::current_actor().name());
    for piece in 1..=3000 {
        stream.send(piece).await?;
        if piece % 500 == 0 {
            println!("{}: {piece} pieces", coulter::current_actor().name());
            tracing::info!(piece, "still going");
        }
        sleep(Duration::from_millis(millis)).await;
    }
    Ok(())
}

/// Takes its time for everything.
#[coulter::context]
async fn consume(ctx: Context<(), u64, ()>, millis: u64) -> Result<()> {
    ctx.started(()).await?;
    let mut stream = ctx.open_stream().await?;
    while let Some(parcel) = stream.receive().await? {
        sleep(Duration::from_millis(millis)).await;
        if parcel % 100 == 0 {
            println!("slow_consumer: parcel {parcel}");
        }
    }
    Ok(())
}

/// Thinks, and pauses over every other thought: look around in its prompt, and let it go on with `c`.
#[coulter::endpoint]
async fn think(seconds: u64) -> Result<u64> {
    let mut thought: u64 = 1;
    for round in 1..=8_u64 {
        sleep(Duration::from_secs(seconds)).await;
        thought = thought * 31 % 101;
        if round % 2 == 1 {
            coulter::pause!(round, &mut thought, doubled = thought * 2);
        }
        println!("thinker: {thought}");
    }
    Ok(thought)
}

/// Reaches for one ball too many: the crash stops in the debugger, where it happens.
#[coulter::endpoint]
async fn juggle(balls: usize) -> Result<()> {
    let colours: Vec<&str> = ["red", "green", "blue"].into_iter().take(balls).collect();
    let mut hand = 0;
    loop {
        sleep(Duration::from_secs(5)).await;
        println!("juggler: {}", colours[hand]);
        hand += 1;
    }
}
