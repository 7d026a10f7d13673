//! A stop in the root itself: a REPL at the line of `pause!`, with what was captured there.
//!
//!     cargo run --example root_pause
//!
//! At the prompt: `locals`, `p ships`, `p total / 2`, `where`, `c`.

use coulter::prelude::*;

fn tonnage(ships: &[(&str, u32)]) -> u32 {
    ships.iter().map(|(_, tons)| tons).sum()
}

#[coulter::main(name = "harbour", debug)]
async fn main() -> Result<()> {
    let ships = [("Heron", 1200), ("Gannet", 850), ("Petrel", 400)];
    let mut total = tonnage(&ships);
    println!("before the pause: {total} t");

    // Stops the thread here. `&mut total` may be set from the prompt: `set total = 3000`.
    coulter::pause!(ships, &mut total);

    println!("after the pause: {total} t");
    Ok(())
}
