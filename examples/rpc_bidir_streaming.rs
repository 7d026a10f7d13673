//! A context: two tasks in two actors with one fate, and a stream between them that goes both ways.
//!
//!     cargo run --example rpc_bidir_streaming

use coulter::prelude::*;

/// Answers each number with its square, and in the end says how many there were.
#[coulter::context]
async fn squares(ctx: Context<String, u64, u64>, limit: u64) -> Result<usize> {
    // The parent's block begins with this value.
    ctx.started(format!("squares up to {limit}")).await?;
    let mut stream = ctx.open_stream().await?;
    let mut count = 0;
    while let Some(n) = stream.receive().await? {
        if n > limit {
            return Err(format!("{n} is beyond {limit}").into());
        }
        stream.send(n * n).await?;
        count += 1;
    }
    // `None`: the parent closed its side. What is returned here is the context's result.
    Ok(count)
}

#[coulter::main]
async fn main() -> Result<()> {
    coulter::open_nursery(async |an| {
        let portal = an.start_actor("calculator").expose(module_path!()).await?;

        let count = portal
            .open_context(squares::with(100), async |ctx, greeting| {
                println!("started: {greeting}");
                let mut stream = ctx.open_stream().await?;
                for n in [3, 4, 5] {
                    stream.send(n).await?;
                    if let Some(square) = stream.receive().await? {
                        println!("{n} -> {square}");
                    }
                }
                drop(stream); // end of stream for the other side
                Ok(ctx.wait_for_result().await?)
            })
            .await?;
        println!("result: {count}");

        // An error of the child ends the parent's block, whatever it waits for.
        let refused: Result<()> = portal
            .open_context(squares::with(10), async |ctx, _| {
                let mut stream = ctx.open_stream().await?;
                stream.send(11).await?;
                stream.receive().await?;
                std::future::pending().await
            })
            .await;
        match refused {
            Ok(()) => println!("never printed"),
            Err(error) => println!("refused: {error}"),
        }

        portal.cancel_actor().await?;
        Ok(())
    })
    .await
}
