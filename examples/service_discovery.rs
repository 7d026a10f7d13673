//! Actors are found by name, by anyone in the program, for as long as they live.
//!
//!     cargo run --example service_discovery

use coulter::prelude::*;

/// The sum of what was measured at a station.
#[coulter::endpoint]
async fn rainfall(station: String) -> Result<u32> {
    Ok(station.bytes().map(u32::from).sum::<u32>() % 100)
}

/// Knows the service by name only, and was spawned by somebody else.
#[coulter::endpoint]
async fn forecast(service: String) -> Result<String> {
    let gauge = coulter::wait_for_actor(&service).await?;
    let rain = gauge.run(rainfall::with("ridge")).await?;
    Ok(format!("{rain} mm, says {}", gauge.actor().name))
}

#[coulter::main]
async fn main() -> Result<()> {
    coulter::open_nursery(async |an| {
        // The forecaster is up first, and waits until there is a gauge.
        let forecaster = an.run_in_actor("forecaster", forecast::with("gauge")).await?;
        println!("before: {}", there("gauge").await?);

        coulter::open_nursery(async |inner| {
            inner.start_actor("gauge").expose(module_path!()).await?;
            println!("forecast: {}", forecaster.wait_for_result().await?);
            println!("meanwhile: {}", there("gauge").await?);
            inner.cancel();
            Ok(())
        })
        .await?;

        // The inner block has ended, so the gauge has, and left the registry.
        println!("after: {}", there("gauge").await?);
        Ok(())
    })
    .await
}

async fn there(name: &str) -> Result<&'static str> {
    let found = coulter::find_actor(name).await?;
    Ok(if found.is_some() { "there is a gauge" } else { "there is no gauge" })
}
