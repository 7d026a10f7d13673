//! A stop in a child: the REPL is in your terminal, the line it stands at is in another process.
//!
//!     cargo run --example subactor_pause
//!
//! At the prompt: `where`, `tree`, `p queue`, `c`. The root goes on meanwhile; its output waits until the prompt is gone.

use coulter::prelude::*;

/// Serves who waits, and looks around after each.
#[coulter::endpoint]
async fn serve(mut queue: Vec<String>) -> Result<usize> {
    let mut served = 0;
    while let Some(next) = queue.pop() {
        served += 1;
        coulter::pause!(next, served, waiting = queue.len());
        println!("counter: served {next}");
    }
    Ok(served)
}

#[coulter::main(name = "hall", debug)]
async fn main() -> Result<()> {
    coulter::open_nursery(async |an| {
        let queue = ["Noor", "Pim", "Ravi"].map(String::from).to_vec();
        let counter = an.run_in_actor("counter", serve::with(queue)).await?;
        println!("hall: {} were served", counter.wait_for_result().await?);
        Ok(())
    })
    .await
}
