//! Both transports for every rule, and waiting for events with a generous limit.
use std::time::{Duration, Instant};

/// The same test as two: once over UDS, once over TCP.
macro_rules! on_both {
    ($($(#[$meta:meta])* async fn $name:ident() $body:block)+) => {
        $(
            mod $name {
                #[allow(unused_imports)]
                use super::*;

                $(#[$meta])*
                #[coulter::test(transport = "uds")]
                async fn uds() -> coulter::Result<()> $body

                $(#[$meta])*
                #[coulter::test(transport = "tcp")]
                async fn tcp() -> coulter::Result<()> $body
            }
        )+
    };
}
pub(crate) use on_both;

/// Far above what anything here takes on a loaded machine.
pub(crate) const LIMIT: Duration = Duration::from_secs(20);

/// Waits until `done` holds.
pub(crate) async fn until(what: &str, mut done: impl FnMut() -> bool) {
    let deadline = Instant::now() + LIMIT;
    while !done() {
        assert!(Instant::now() < deadline, "it never happened: {what}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

/// Whether a process is there and no zombie.
pub(crate) fn is_alive(pid: u32) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.rsplit(')').next().unwrap_or("").trim_start().starts_with('Z'))
}

/// Sends a signal by name, as a person would.
pub(crate) fn kill(signal: &str, pid: u32) {
    let status = std::process::Command::new("kill").args([&format!("-{signal}"), &pid.to_string()]).status().unwrap();
    assert!(status.success(), "kill -{signal} {pid}");
}

/// A tree of one actor that exposes `module`, cancelled when `body` has returned.
pub(crate) async fn with_child<T>(module: &str, body: impl AsyncFnOnce(&coulter::Portal) -> coulter::Result<T>) -> coulter::Result<T> {
    coulter::open_nursery(async |an| {
        let child = an.start_actor("child").expose(module).await?;
        let done = body(&child).await?;
        an.cancel();
        Ok(done)
    })
    .await
}
