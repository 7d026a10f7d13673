//! One actor fails; its siblings are cancelled at once; the error comes out of the nursery's block with
//! where it was raised, in which actor, and as which type.
//!
//!     cargo run --example remote_error_propagation

use std::time::{Duration, Instant};

use coulter::prelude::*;

#[derive(Debug)]
struct OutOfRope {
    needed: u32,
    had: u32,
}

impl std::fmt::Display for OutOfRope {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "the rope is {} m short", self.needed - self.had)
    }
}
impl std::error::Error for OutOfRope {}

/// Goes down as far as the rope reaches.
#[coulter::endpoint]
async fn descend(depth: u32, rope: u32) -> Result<u32, OutOfRope> {
    if rope < depth {
        return Err(OutOfRope { needed: depth, had: rope });
    }
    Ok(depth)
}

/// Would hold the rope for an hour.
#[coulter::endpoint]
async fn hold() {
    tokio::time::sleep(Duration::from_secs(3600)).await;
}

#[coulter::main(name = "camp")]
async fn main() -> Result<()> {
    let begun = Instant::now();
    let descended: Result<()> = coulter::open_nursery(async |an| {
        for n in 1..=3 {
            an.run_in_actor(format!("anchor-{n}"), hold::with()).await?;
        }
        let climber = an.run_in_actor("climber", descend::with(60, 45)).await?;
        println!("down it goes");
        climber.wait_for_result().await?;
        println!("never printed");
        Ok(())
    })
    .await;

    let Err(report) = descended else {
        return Err("the rope was long enough after all".into());
    };
    let Some(coulter::Error::Remote(error)) = report.as_error() else {
        return Err(report);
    };
    println!("message: {}", error.message());
    println!("type: {}", error.type_name());
    println!("raised in: {}", error.source_actor().map_or("?", |aid| aid.name.as_str()));
    println!("nobody held the rope for an hour: {}", begun.elapsed() < Duration::from_secs(60));
    Ok(())
}
