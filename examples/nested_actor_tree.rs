//! Actors that have actors: each level opens a nursery of its own, and the whole tree reports upwards.
//!
//!     cargo run --example nested_actor_tree

use coulter::prelude::*;

/// One actor's place in the tree.
#[derive(serde::Serialize, serde::Deserialize)]
struct Branch {
    name: String,
    pid: u32,
    twigs: Vec<Branch>,
}

/// Grows `forks` actors below this one, which grow theirs, `height` levels high.
#[coulter::endpoint]
async fn grow(height: u32, forks: u32) -> Result<Branch> {
    let name = coulter::current_actor().name().to_string();
    let twigs = if height == 0 {
        Vec::new()
    } else {
        coulter::open_nursery(async |an| {
            // All are spawned before the first result is waited for: they grow side by side.
            let mut growing = Vec::new();
            for n in 1..=forks {
                growing.push(an.run_in_actor(format!("{name}.{n}"), grow::with(height - 1, forks)).await?);
            }
            let mut twigs = Vec::new();
            for twig in growing {
                twigs.push(twig.wait_for_result().await?);
            }
            Ok(twigs)
        })
        .await?
    };
    Ok(Branch { name, pid: std::process::id(), twigs })
}

fn print(branch: &Branch, depth: usize) -> usize {
    println!("{:indent$}{} (pid {})", "", branch.name, branch.pid, indent = 2 * depth);
    1 + branch.twigs.iter().map(|twig| print(twig, depth + 1)).sum::<usize>()
}

#[coulter::main(name = "oak")]
async fn main() -> Result<()> {
    let tree = coulter::open_nursery(async |_| grow(2, 2).await).await?;
    let count = print(&tree, 0);
    println!("{count} processes, three levels");
    Ok(())
}
