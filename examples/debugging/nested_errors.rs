//! An error three levels down: one stop, at its source; going on, it passes every nursery on its way to the
//! root, which prints it once, with the way it came.
//!
//!     cargo run --example nested_errors
//!
//! At the prompt: `where`, `tree`, `contexts`, `c`.

use coulter::prelude::*;

/// The error everything comes from.
fn parse(reading: &str) -> Result<f64, std::num::ParseFloatError> {
    reading.parse()
}

/// Reads an instrument.
#[coulter::endpoint]
async fn instrument(reading: String) -> Result<f64> {
    println!("instrument: reading {reading:?}");
    let value = parse(&reading)?;
    Ok(value)
}

/// Has two instruments, one of them broken.
#[coulter::endpoint]
async fn station() -> Result<f64> {
    coulter::open_nursery(async |an| {
        let good = an.run_in_actor("barometer", instrument::with("1013.2")).await?;
        let broken = an.run_in_actor("thermometer", instrument::with("-4,5")).await?;
        Ok(good.wait_for_result().await? + broken.wait_for_result().await?)
    })
    .await
}

/// Has a station.
#[coulter::endpoint]
async fn region() -> Result<f64> {
    coulter::open_nursery(async |an| {
        let station = an.run_in_actor("station", station::with()).await?;
        Ok(station.wait_for_result().await?)
    })
    .await
}

#[coulter::main(name = "observatory", debug)]
async fn main() -> Result<()> {
    let read: Result<f64> = coulter::open_nursery(async |an| {
        let region = an.run_in_actor("region", region::with()).await?;
        Ok(region.wait_for_result().await?)
    })
    .await;
    match read {
        Ok(value) => println!("observatory: {value}"),
        Err(report) => println!("observatory: {report:?}"),
    }
    Ok(())
}
