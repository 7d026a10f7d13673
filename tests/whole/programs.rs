//! Programs of actors that the tests here run in a terminal. As tests they are not for the harness: ignored.
use std::time::Duration;

use coulter::prelude::*;
use tokio::time::sleep;

/// Waits for the test's sign: a file beside the runtime directory.
async fn sign() {
    let file = std::path::PathBuf::from(format!("{}.go", std::env::var("COULTER_RUNTIME_DIR").unwrap()));
    while !file.exists() {
        sleep(Duration::from_millis(5)).await;
    }
}

#[coulter::endpoint]
async fn doze(dreams: u32) -> u32 {
    coulter::pause!(dreams);
    dreams * 2
}

/// Has one below that pauses.
#[coulter::endpoint]
async fn watch_over() -> Result<u32> {
    coulter::open_nursery(async |an| {
        let sleeper = an.run_in_actor("sleeper", doze::with(21)).await?;
        Ok(sleeper.wait_for_result().await?)
    })
    .await
}

#[coulter::endpoint]
async fn spin_forever() {
    loop {
        std::hint::black_box(());
    }
}

#[coulter::endpoint]
async fn idle() -> Result<()> {
    std::future::pending().await
}

/// A child of its own below, then for ever.
#[coulter::endpoint]
async fn keep_one() -> Result<()> {
    coulter::open_nursery(async |an| {
        let below = an.run_in_actor("below", idle::with()).await?;
        below.wait_for_result().await?;
        Ok(())
    })
    .await
}

#[coulter::endpoint]
async fn chatter(lines: u32) -> Result<()> {
    for line in 1..=lines {
        println!("chatter prints {line}.");
        tracing::warn!("chatter logs {line}.");
        sleep(Duration::from_millis(5)).await;
    }
    Ok(())
}

#[coulter::endpoint]
async fn crash(number: usize) -> Result<()> {
    Err(format!("number {number} fell").into())
}

/// The root fails, once told to, while a grandchild is stopped.
#[coulter::test(name = "hasty", debug)]
#[ignore = "a program for the tests here"]
async fn hasty() {
    let ended: Result<()> = coulter::open_nursery(async |an| {
        an.run_in_actor("guard", watch_over::with()).await?;
        sign().await;
        Err("the root could not wait".into())
    })
    .await;
    println!("hasty: {}", ended.unwrap_err());
}

/// The root gives all of it one second, while a grandchild is stopped.
#[coulter::test(name = "strict", debug)]
#[ignore = "a program for the tests here"]
async fn strict() {
    let ended = coulter::fail_after(
        Duration::from_secs(1),
        coulter::open_nursery(async |an| {
            let guard = an.run_in_actor("guard", watch_over::with()).await?;
            Ok(guard.wait_for_result().await?)
        }),
    )
    .await;
    match ended {
        Ok(Ok(value)) => println!("strict: {value}"),
        Ok(Err(error)) => println!("strict: {error}"),
        Err(error) => println!("strict: {error}"),
    }
}

/// The root waits for a grandchild that is stopped.
#[coulter::test(name = "patient", debug)]
#[ignore = "a program for the tests here"]
async fn patient() -> Result<()> {
    coulter::open_nursery(async |an| {
        let guard = an.run_in_actor("guard", watch_over::with()).await?;
        println!("patient: {}", guard.wait_for_result().await?);
        Ok(())
    })
    .await
}

/// Three levels, one who spins, one who may be killed.
#[coulter::test(name = "busy", debug)]
#[ignore = "a program for the tests here"]
async fn busy() -> Result<()> {
    coulter::open_nursery(async |an| {
        an.run_in_actor("keeper", keep_one::with()).await?;
        an.run_in_actor("spinner", spin_forever::with()).await?;
        let one: Result<()> = coulter::open_nursery(async |an| {
            let victim = an.run_in_actor("victim", idle::with()).await?;
            println!("busy: all are there");
            victim.wait_for_result().await?;
            Ok(())
        })
        .await;
        println!("busy: {}", one.unwrap_err());
        std::future::pending().await
    })
    .await
}

/// Everybody prints and logs, 200 lines a second each, while one is paused.
#[coulter::test(name = "noisy", debug)]
#[ignore = "a program for the tests here"]
async fn noisy() -> Result<()> {
    coulter::open_nursery(async |an| {
        let sleeper = an.run_in_actor("sleeper", doze::with(21)).await?;
        let chatter = an.run_in_actor("chatter", chatter::with(300)).await?;
        for line in 1..=300 {
            println!("noisy prints {line}.");
            sleep(Duration::from_millis(5)).await;
        }
        chatter.wait_for_result().await?;
        println!("noisy: silence");
        println!("noisy: {}", sleeper.wait_for_result().await?);
        Ok(())
    })
    .await
}

/// Twenty fail at once.
#[coulter::test(name = "twenty", debug)]
#[ignore = "a program for the tests here"]
async fn twenty() -> Result<()> {
    let ended: Result<()> = coulter::open_nursery(async |an| {
        for number in 1..=20 {
            an.run_in_actor(format!("n{number}"), crash::with(number)).await?;
        }
        Ok(())
    })
    .await;
    println!("twenty: {}", ended.unwrap_err());
    Ok(())
}
