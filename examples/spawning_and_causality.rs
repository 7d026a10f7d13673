//! Who spawned whom, and what happens before what: an actor has a parent, a name and a process; a nursery's block
//! ends after the last of its actors; a result outlives both.
//!
//!     cargo run --example spawning_and_causality

use coulter::prelude::*;

/// What an actor knows of itself, told to its parent.
#[derive(Debug, serde::Serialize, serde::Deserialize)]
struct Papers {
    name: String,
    pid: u32,
    parent: String,
    is_root: bool,
}

/// Carries a parcel over, weighs it there, and comes back with its papers.
#[coulter::endpoint]
async fn carry(parcel: Vec<u32>) -> Result<(Papers, u32)> {
    let me = coulter::current_actor();
    println!("{}: I carry {parcel:?}", me.name());
    let papers = Papers {
        name: me.name().to_string(),
        pid: std::process::id(),
        parent: coulter::get_parent()?.map_or("nobody".into(), |parent| parent.actor().name.clone()),
        is_root: coulter::is_root_process(),
    };
    Ok((papers, parcel.iter().sum()))
}

#[coulter::main(name = "depot")]
async fn main() -> Result<()> {
    println!("depot: my pid is {}", std::process::id());

    let courier = coulter::open_nursery(async |an| {
        let courier = an.run_in_actor("courier", carry::with(vec![3, 5, 8])).await?;
        println!("depot: the courier is on its way");
        Ok(courier)
    })
    .await?;

    // The block has ended, so the courier's process has; what it brought is still here, again and again.
    let (papers, weight) = courier.wait_for_result().await?;
    let (again, _) = courier.wait_for_result().await?;
    assert_eq!(papers.pid, again.pid);
    assert_ne!(papers.pid, std::process::id());
    assert!(!std::path::Path::new(&format!("/proc/{}", papers.pid)).exists());

    println!("depot: {} (pid {}) weighed {weight}", papers.name, papers.pid);
    println!("depot: its parent was {}, is it a root? {}", papers.parent, papers.is_root);
    println!("depot: its process is gone, its result is not");
    Ok(())
}
