//! A service of four processes: two sources stream readings to an aggregator, which passes on each
//! value once; the root collects 1,000 unique values and prints what each part took.
//!
//!     cargo run --release --example full_fledged_streaming_service

use std::collections::HashSet;
use std::time::{Duration, Instant};

use coulter::prelude::*;
use futures_util::{StreamExt as _, stream};

const VALUES: u64 = 1_000;

/// Every value below `VALUES`, each source in an order of its own.
#[coulter::context]
async fn source(ctx: Context<(), (), u64>, step: u64) -> Result<()> {
    ctx.started(()).await?;
    let mut out = ctx.open_stream().await?;
    for n in 0..VALUES {
        // A step that shares no factor with `VALUES` visits each value once.
        out.send(n * step % VALUES).await?;
    }
    Ok(())
}

/// Runs the two sources as actors of its own and passes on what it has not seen before.
#[coulter::context]
async fn aggregator(ctx: Context<(), (), u64>) -> Result<(u64, Duration)> {
    let begun = Instant::now();
    coulter::open_nursery(async |an| {
        let north = an.start_actor("north").expose(module_path!()).await?;
        let south = an.start_actor("south").expose(module_path!()).await?;
        let ready = begun.elapsed();

        let received = north
            .open_context(source::with(7), async |from_north, ()| {
                south
                    .open_context(source::with(13), async |from_south, ()| {
                        ctx.started(()).await?;
                        let mut out = ctx.open_stream().await?;
                        let mut both = stream::select(from_north.open_stream().await?, from_south.open_stream().await?);
                        let (mut seen, mut received) = (HashSet::new(), 0);
                        while let Some(value) = both.next().await {
                            let value = value?;
                            received += 1;
                            if seen.insert(value) {
                                out.send(value).await?;
                            }
                        }
                        Ok(received)
                    })
                    .await
            })
            .await?;

        an.cancel();
        Ok((received, ready))
    })
    .await
}

#[coulter::main(name = "collector")]
async fn main() -> Result<()> {
    let begun = Instant::now();
    let (unique, received, ready, streamed) = coulter::open_nursery(async |an| {
        let portal = an.start_actor("aggregator").expose(module_path!()).await?;
        let result = portal
            .open_context(aggregator::with(), async |ctx, ()| {
                let streaming = Instant::now();
                let mut stream = ctx.open_stream().await?;
                let mut unique = HashSet::new();
                while let Some(value) = stream.receive().await? {
                    if !unique.insert(value) {
                        return Err(format!("{value} came twice").into());
                    }
                }
                let (received, ready) = ctx.wait_for_result().await?;
                Ok((unique.len(), received, ready, streaming.elapsed()))
            })
            .await?;
        portal.cancel_actor().await?;
        Ok(result)
    })
    .await?;
    let whole = begun.elapsed();

    println!("{unique} unique values of {received} received");
    println!("two sources up after {:.1} ms", ready.as_secs_f64() * 1e3);
    println!("streamed in {:.1} ms", streamed.as_secs_f64() * 1e3);
    println!("from nothing to nothing in {:.1} ms", whole.as_secs_f64() * 1e3);
    Ok(())
}
