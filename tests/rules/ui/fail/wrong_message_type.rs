use coulter::prelude::*;

#[coulter::context]
async fn echo(ctx: Context<(), u32, u32>) -> Result<()> {
    ctx.started("ready").await?;
    let mut stream = ctx.open_stream().await?;
    stream.send(String::new()).await?;
    Ok(())
}

fn main() {}
