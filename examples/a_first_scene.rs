//! Two actors, each a process of its own, find each other by name and talk.
//!
//!     cargo run --example a_first_scene
//!
//! To watch it happen: `cargo run -- run -- cargo run --example a_first_scene`.

use coulter::prelude::*;

/// What a keeper answers when somebody hails it.
#[coulter::endpoint]
async fn answer(caller: String) -> Result<String> {
    let me = coulter::current_actor();
    Ok(format!("{} to {caller}: I see your light.", me.name()))
}

/// Waits until the other keeper is up, and hails it.
#[coulter::endpoint]
async fn hail(other: String) -> Result<String> {
    let portal = coulter::wait_for_actor(&other).await?;
    Ok(portal.run(answer::with(coulter::current_actor().name())).await?)
}

#[coulter::main(name = "harbour")]
async fn main() -> Result<()> {
    coulter::open_nursery(async |an| {
        println!("The lamps are lit.");
        // Neither knows where the other is, only what it is called.
        let iris = an.run_in_actor("iris", hail::with("otto")).await?;
        let otto = an.run_in_actor("otto", hail::with("iris")).await?;
        println!("{}", iris.wait_for_result().await?);
        println!("{}", otto.wait_for_result().await?);
        Ok(())
    })
    .await?;
    // Both processes have ended before this line is reached.
    println!("The lamps are out.");
    Ok(())
}
