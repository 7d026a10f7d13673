//! Stops on both sides of a context: first the child's, then the parent's. While one side is looked at nothing
//! times out on the other.
//!
//!     cargo run --example pause_in_context
//!
//! At the prompts: `contexts`, `p note`, `stops`, `c`.

use coulter::prelude::*;

/// Plays back each note, an octave higher.
#[coulter::context]
async fn echo(ctx: Context<String, u32, u32>) -> Result<u32> {
    ctx.started("tuned".into()).await?;
    let mut stream = ctx.open_stream().await?;
    let mut played = 0;
    while let Some(note) = stream.receive().await? {
        played += 1;
        coulter::pause!(note, played);
        stream.send(2 * note).await?;
    }
    Ok(played)
}

#[coulter::main(name = "player", debug)]
async fn main() -> Result<()> {
    coulter::open_nursery(async |an| {
        let portal = an.start_actor("echo").expose(module_path!()).await?;
        let played = portal
            .open_context(echo::with(), async |ctx, state| {
                println!("player: {state}");
                let mut stream = ctx.open_stream().await?;
                stream.send(220).await?;
                let answer = stream.receive().await?;
                coulter::pause!(answer);
                println!("player: 220 came back as {answer:?}");
                drop(stream);
                Ok(ctx.wait_for_result().await?)
            })
            .await?;
        println!("player: {played} note");
        portal.cancel_actor().await?;
        Ok(())
    })
    .await
}
