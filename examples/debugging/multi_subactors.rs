//! Three actors at once want the terminal: one pauses again and again, one fails, one panics. One prompt at a
//! time; the others queue and are seen with `stops`.
//!
//!     cargo run --example multi_subactors
//!
//! At the prompt: `stops`, `seat 2`, `skip 3`, `tree`, `c`.

use coulter::prelude::*;

/// Pauses at each of three steps.
#[coulter::endpoint]
async fn walk() -> Result<()> {
    for step in 1..=3 {
        coulter::pause!(step);
        println!("walker: step {step}");
    }
    Ok(())
}

/// Fails.
#[coulter::endpoint]
async fn stumble(over: String) -> Result<()> {
    Err(format!("fell over {over}").into())
}

/// Panics.
#[coulter::endpoint]
async fn jump(stones: Vec<u32>) -> u32 {
    stones[stones.len()]
}

#[coulter::main(name = "path", debug)]
async fn main() -> Result<()> {
    let walked: Result<()> = coulter::open_nursery(async |an| {
        an.run_in_actor("walker", walk::with()).await?;
        an.run_in_actor("stumbler", stumble::with("a root")).await?;
        an.run_in_actor("jumper", jump::with(vec![1, 2])).await?;
        println!("path: all three are on their way");
        Ok(())
    })
    .await;
    // The first to fail ends the others; those that failed beside it come along in a group.
    match walked {
        Ok(()) => println!("path: everybody arrived"),
        Err(error) => println!("path: {error}"),
    }
    Ok(())
}
