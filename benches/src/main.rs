//! The figures coulter claims, each beside the physical limit measured in the same run.
//!
//! `cargo run --release -p coulter-bench` prints the table for this machine. Rounds of limit and
//! coulter are interleaved; a row shows medians and the spread between the quartiles. Absolute
//! figures move from machine to machine: the ratio is what counts.
#![allow(clippy::unwrap_used, clippy::expect_used)] // a benchmark that cannot measure has nothing to go on with

mod ours;
mod raw;
mod stats;

use stats::{Row, Unit};

const ROUNDS: usize = 7;

fn main() {
    if std::env::args().nth(1).as_deref() == Some(raw::PEER) {
        return raw::peer();
    }
    coulter::init();
    if cfg!(debug_assertions) {
        eprintln!("a debug build measures nothing worth knowing: cargo run --release -p coulter-bench");
    }
    let rows = coulter::Root::builder().name("bench").transports([coulter::Transport::Uds]).run(measure);
    println!("{}", machine());
    println!("{:34} {:>20} {:>20} {:>9}", "", "limit here", "coulter", "ratio");
    for row in rows.expect("the benchmark tree") {
        println!("{row}");
    }
}

async fn measure() -> coulter::Result<Vec<Row>> {
    coulter::open_nursery(async |an| {
        let peer = an.start_actor("peer").expose(ours::MODULE).await?;
        let mut raw = raw::Peer::start();
        let mut call = Row::new("call, round trip, UDS", Unit::Micros);
        let mut pipelined = Row::new("calls, 64 in flight", Unit::PerSecond);
        let mut stream = Row::new("stream of 64 B items", Unit::PerSecond);
        let mut spawn = Row::new("spawn to first call", Unit::Micros);
        for _ in 0..ROUNDS {
            call.limit(raw.round_trip());
            call.ours(ours::round_trip(&peer).await?);
            pipelined.limit(raw.pipelined());
            pipelined.ours(ours::pipelined(&peer).await?);
            stream.limit(raw.stream());
            stream.ours(ours::stream(&peer).await?);
            spawn.limit(raw::exec());
            spawn.ours(ours::spawn(an).await?);
        }
        an.cancel();
        Ok(vec![call, pipelined, stream, spawn])
    })
    .await
}

fn machine() -> String {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load.split(' ').next().unwrap_or("?");
    format!("{cores} cores, load {load} (above {cores} the figures are of a busy machine), unpinned, {ROUNDS} interleaved rounds\n")
}
