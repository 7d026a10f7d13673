//! The same through coulter.
use std::time::Instant;

use coulter::prelude::*;
use coulter::{StreamOptions, WindowSize};
use serde::{Deserialize, Serialize};

use crate::stats::{ROUND, median_micros, per_second};

/// Where the endpoints are.
pub(crate) const MODULE: &str = module_path!();

/// A typed message of about 64 bytes.
#[derive(Serialize, Deserialize)]
pub(crate) struct Quote {
    id: u64,
    name: String,
    values: [f64; 4],
}

impl Quote {
    fn sample() -> Self {
        Self { id: 7, name: "EURUSD.ecn".into(), values: [1.0, 2.0, 3.0, 4.0] }
    }
}

#[coulter::endpoint]
async fn echo(quote: Quote) -> Quote {
    quote
}

#[coulter::context]
async fn quotes(ctx: Context<(), (), Quote>, count: u64) -> Result<()> {
    ctx.started(()).await?;
    let mut stream = ctx.open_stream().await?;
    for _ in 0..count {
        stream.send(Quote::sample()).await?;
    }
    Ok(())
}

pub(crate) async fn round_trip(peer: &Portal) -> Result<f64> {
    let mut samples = Vec::new();
    let end = Instant::now() + ROUND;
    while Instant::now() < end {
        let begun = Instant::now();
        peer.run(echo::with(Quote::sample())).await?;
        samples.push(u64::try_from(begun.elapsed().as_nanos())?);
    }
    Ok(median_micros(&samples))
}

pub(crate) async fn pipelined(peer: &Portal) -> Result<f64> {
    let begun = Instant::now();
    let (done, mut finished) = tokio::sync::mpsc::unbounded_channel();
    for _ in 0..64 {
        let (peer, done) = (peer.clone(), done.clone());
        coulter::spawn(async move {
            let mut count = 0u64;
            while begun.elapsed() < ROUND {
                peer.run(echo::with(Quote::sample())).await?;
                count += 1;
            }
            let _ = done.send(count);
            Ok::<(), Report>(())
        });
    }
    drop(done);
    let mut count = 0;
    while let Some(more) = finished.recv().await {
        count += more;
    }
    Ok(per_second(count, begun.elapsed()))
}

pub(crate) async fn stream(peer: &Portal) -> Result<f64> {
    let count = 200_000;
    let options = StreamOptions { window: WindowSize { messages: 1024, bytes: 1 << 20 }, ..StreamOptions::default() };
    peer.open_context_with(quotes::with(count), options, async |ctx, ()| {
        let begun = Instant::now();
        let mut stream = ctx.open_stream().await?;
        while stream.receive().await?.is_some() {}
        Ok(per_second(count, begun.elapsed()))
    })
    .await
}

pub(crate) async fn spawn(an: &Nursery) -> Result<f64> {
    let mut samples = Vec::new();
    for _ in 0..10 {
        let begun = Instant::now();
        let child = an.start_actor("spawned").expose(MODULE).await?;
        child.run(echo::with(Quote::sample())).await?;
        samples.push(u64::try_from(begun.elapsed().as_nanos())?);
        child.cancel_actor().await?;
    }
    Ok(median_micros(&samples))
}
