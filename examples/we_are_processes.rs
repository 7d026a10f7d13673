//! A tree that destroys itself: seven processes on three levels, one of which simply exits. Its parent notices,
//! everything around it is cancelled, the error comes out at the root, and no process is left.
//!
//!     cargo run --example we_are_processes

use std::path::Path;
use std::time::{Duration, Instant};

use coulter::prelude::*;

/// Two floors above each, until the top; hands down the pids of everything above. A lit fuse goes up on the left, and ends there.
#[coulter::context]
async fn tower(ctx: Context<Vec<u32>, (), ()>, height: u32) -> Result<()> {
    let me = std::process::id();
    if height == 0 {
        ctx.started(vec![me]).await?;
        let mut fuse = ctx.open_stream().await?;
        fuse.receive().await?;
        println!("top: goodbye");
        std::process::exit(7);
    }
    coulter::open_nursery(async |an| {
        let left = an.start_actor(format!("left-{height}")).expose(module_path!()).await?;
        let right = an.start_actor(format!("right-{height}")).expose(module_path!()).await?;
        left.open_context(tower::with(height - 1), async |on_left, mut pids| {
            right
                .open_context(tower::with(height - 1), async |_, others| {
                    pids.push(me);
                    pids.extend(others);
                    ctx.started(pids).await?;
                    let mut fuse = ctx.open_stream().await?;
                    fuse.receive().await?;
                    on_left.open_stream().await?.send(()).await?;
                    std::future::pending().await
                })
                .await
        })
        .await
    })
    .await
}

fn alive(pids: &[u32]) -> usize {
    pids.iter().filter(|pid| Path::new(&format!("/proc/{pid}")).exists()).count()
}

#[coulter::main]
async fn main() -> Result<()> {
    let mut built = Vec::new();
    let mut lit = Instant::now();
    let fell: Result<()> = coulter::open_nursery(async |an| {
        let base = an.start_actor("base").expose(module_path!()).await?;
        base.open_context(tower::with(2), async |ctx, pids| {
            println!("{} processes, {} of them alive", pids.len(), alive(&pids));
            built = pids;
            lit = Instant::now();
            ctx.open_stream().await?.send(()).await?;
            std::future::pending().await
        })
        .await
    })
    .await;
    let took = lit.elapsed();

    let Err(report) = fell else {
        return Err("a tower without a top stands".into());
    };
    let Some(coulter::Error::ActorDied(died)) = report.as_error() else {
        return Err(report);
    };
    println!("died: {}, {}", died.actor().map_or("?", |aid| aid.name.as_str()), died.status());
    println!("fell within two seconds: {}", took < Duration::from_secs(2));
    println!("{} left", alive(&built));
    Ok(())
}
