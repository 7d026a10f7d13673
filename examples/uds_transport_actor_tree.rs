//! A tree over unix sockets: where the sockets are, and who is at the other end, as the kernel tells it.
//!
//!     cargo run --example uds_transport_actor_tree

use coulter::prelude::*;

/// What an actor sees of another one, through the socket between them.
#[derive(serde::Serialize, serde::Deserialize)]
struct Sight {
    socket: String,
    pid_by_its_word: u32,
    pid_by_the_kernel: Option<u32>,
}

/// Finds another actor by name, which connects to its socket, and looks at who is there.
#[coulter::endpoint]
async fn look(other: String) -> Result<Sight> {
    let portal = coulter::wait_for_actor(&other).await?;
    let channel = portal.channel();
    Ok(Sight { socket: channel.raddr, pid_by_its_word: portal.actor().pid, pid_by_the_kernel: channel.peer_pid })
}

/// Has a twig of its own, and a neighbour to look at.
#[coulter::endpoint]
async fn branch(neighbour: String) -> Result<Vec<Sight>> {
    let beside = look(neighbour.clone()).await?;
    let from_above = coulter::open_nursery(async |an| {
        let twig = an.run_in_actor("twig", look::with(neighbour)).await?;
        Ok(twig.wait_for_result().await?)
    })
    .await?;
    Ok(vec![beside, from_above])
}

#[coulter::main(name = "root", transport = "uds")]
async fn main() -> Result<()> {
    let (pid, seen) = coulter::open_nursery(async |an| {
        let right = an.start_actor("right").await?;
        let left = an.run_in_actor("left", branch::with("right")).await?;
        let seen = left.wait_for_result().await?;
        an.cancel();
        Ok((right.actor().pid, seen))
    })
    .await?;

    println!("right is process {pid}");
    for (who, sight) in ["left", "left's twig"].iter().zip(seen) {
        println!("{who} reached it at {}", sight.socket);
        println!("  its pid, by its own word: {}", sight.pid_by_its_word);
        println!("  its pid, by the kernel's: {:?}", sight.pid_by_the_kernel);
        assert_eq!(sight.pid_by_the_kernel, Some(pid));
    }
    Ok(())
}
