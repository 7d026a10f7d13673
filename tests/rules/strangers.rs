//! Rules 11.1 and 11.3: strangers on an actor's sockets are shut out, by a sentence where they can read it, and the
//! actor goes on.
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use coulter::Address;
use coulter::prelude::*;

use crate::support::on_both;

const HERE: &str = module_path!();

#[coulter::endpoint]
async fn well() -> bool {
    true
}

trait Stream: Read + Write {}
impl<T: Read + Write> Stream for T {}

fn connect(address: &Address) -> Box<dyn Stream> {
    let limit = Some(Duration::from_secs(20));
    match address {
        Address::Uds(path) => {
            let stream = UnixStream::connect(path).unwrap();
            stream.set_read_timeout(limit).unwrap();
            Box::new(stream)
        }
        Address::Tcp(addr) => {
            let stream = TcpStream::connect(addr).unwrap();
            stream.set_read_timeout(limit).unwrap();
            Box::new(stream)
        }
    }
}

/// Says something, and reads until the actor hangs up; what it said.
fn say(address: &Address, bytes: &[u8]) -> Vec<u8> {
    let mut stream = connect(address);
    // It may hang up before all is said.
    let _ = stream.write_all(bytes);
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    answer
}

async fn with_target(body: impl AsyncFn(&Portal, Address) -> Result<()>) -> Result<()> {
    coulter::open_nursery(async |an| {
        let target = an.start_actor("target").expose(HERE).await?;
        let (_, addresses) = coulter::query_actor("target").await?.expect("it is registered");
        for address in addresses {
            body(&target, address).await?;
            assert!(target.run(well::with()).await?, "the actor goes on");
        }
        an.cancel();
        Ok(())
    })
    .await
}

async fn off_thread<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(work).await.unwrap()
}

on_both! {
    async fn rule_11_3_a_four_gigabyte_length_is_refused_before_anything_is_kept() {
        with_target(async |_, address| {
            let begun = Instant::now();
            let answer = off_thread(move || say(&address, &[0xff, 0xff, 0xff, 0xff, 1, 0])).await;
            assert!(begun.elapsed() < Duration::from_secs(5), "at once, not after the handshake's limit");
            let text = String::from_utf8_lossy(&answer).into_owned();
            assert!(text.contains("above the limit"), "it is told why: {text:?}");
            Ok(())
        })
        .await
    }

    async fn rule_11_1_a_stranger_who_speaks_something_else_gets_nothing() {
        with_target(async |_, address| {
            off_thread(move || say(&address, b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n")).await;
            Ok(())
        })
        .await
    }

    async fn rule_11_1_frames_before_the_handshake_reach_nobody() {
        with_target(async |_, address| {
            // A `Start` without a handshake: kind 2.
            let answer = off_thread(move || say(&address, &[6, 0, 0, 0, 2, 3, 0, 0, 0, 0])).await;
            let text = String::from_utf8_lossy(&answer).into_owned();
            assert!(text.contains("before the handshake"), "{text:?}");
            Ok(())
        })
        .await
    }

    async fn rule_11_3_many_half_open_handshakes_do_not_shut_out_the_tree() {
        with_target(async |target, address| {
            let idle: Vec<_> = (0..40).map(|_| connect(&address)).collect();
            assert!(target.run(well::with()).await?);
            drop(idle);
            Ok(())
        })
        .await
    }
}
