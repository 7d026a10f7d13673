//! An error in a child, which nobody in the child handles: it stops where it was raised, before anything is torn
//! down. When you go on, the error comes out of the root's nursery.
//!
//!     cargo run --example subactor_error
//!
//! At the prompt: `where`, `up`, `tree`, `c`.

use coulter::prelude::*;

#[derive(Debug)]
struct Leak {
    litres: u32,
}

impl std::fmt::Display for Leak {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} l ran out", self.litres)
    }
}
impl std::error::Error for Leak {}

fn fill(bucket: u32, pours: &[u32]) -> Result<u32, Leak> {
    let poured: u32 = pours.iter().sum();
    if poured > bucket {
        return Err(Leak { litres: poured - bucket });
    }
    Ok(poured)
}

/// Fills a bucket, more than it holds.
#[coulter::endpoint]
async fn pour(pours: Vec<u32>) -> Result<u32> {
    Ok(fill(10, &pours)?)
}

#[coulter::main(name = "well", debug)]
async fn main() -> Result<()> {
    let poured: Result<u32> = coulter::open_nursery(async |an| {
        let bucket = an.run_in_actor("bucket", pour::with(vec![4, 5, 6])).await?;
        Ok(bucket.wait_for_result().await?)
    })
    .await;
    match poured {
        Ok(litres) => println!("{litres} l in the bucket"),
        Err(error) => println!("well: {error}"),
    }
    Ok(())
}
