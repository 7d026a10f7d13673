//! Rules 2.5 and 2.6: signals to a root, and a root that is killed: nothing is left, and the exit status tells.
use std::io::{BufRead, BufReader};
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use coulter::prelude::*;

use crate::support::{LIMIT, is_alive, kill};

const HERE: &str = module_path!();

#[coulter::endpoint]
async fn pid() -> u32 {
    std::process::id()
}

#[coulter::endpoint]
async fn spin_forever(mark: PathBuf) {
    std::fs::write(mark, "").unwrap();
    loop {
        std::hint::black_box(());
    }
}

/// A child of its own below, then for ever.
#[coulter::context]
async fn keeps_one(ctx: Context<u32, (), ()>) -> Result<()> {
    coulter::open_nursery(async |an| {
        let below = an.start_actor("below").expose(HERE).await?;
        ctx.started(below.run(pid::with()).await?).await?;
        std::future::pending().await
    })
    .await
}

/// Three levels; prints the pids, then waits to be ended from outside.
async fn sleeping_tree(stuck: bool) -> Result<()> {
    coulter::open_nursery(async |an| {
        let middle = an.start_actor("middle").expose(HERE).await?;
        let middle_pid = middle.run(pid::with()).await?;
        let side = an.start_actor("side").expose(HERE).await?;
        let side_pid = side.run(pid::with()).await?;
        middle
            .open_context(keeps_one::with(), async |_, below| {
                let call = async {
                    if stuck {
                        side.run(spin_forever::with(mark())).await?;
                    }
                    std::future::pending::<Result<()>>().await
                };
                println!("pids {middle_pid} {side_pid} {below}");
                call.await
            })
            .await
    })
    .await
}

mod tree {
    use super::*;

    #[coulter::test(transport = "uds")]
    #[ignore = "a tree for the tests here, which end it from outside"]
    async fn uds() -> Result<()> {
        sleeping_tree(false).await
    }
    #[coulter::test(transport = "tcp")]
    #[ignore = "a tree for the tests here, which end it from outside"]
    async fn tcp() -> Result<()> {
        sleeping_tree(false).await
    }
    #[coulter::test(transport = "uds")]
    #[ignore = "a tree for the tests here, which end it from outside"]
    async fn stuck() -> Result<()> {
        sleeping_tree(true).await
    }
}

/// Written by the actor that spins, beside the runtime directory of its tree.
fn mark() -> PathBuf {
    PathBuf::from(format!("{}.spins", std::env::var("COULTER_RUNTIME_DIR").unwrap()))
}

struct Tree {
    root: Child,
    pids: Vec<u32>,
    dir: PathBuf,
}

impl Tree {
    /// Starts the tree in a process group of its own and waits until it stands.
    fn start(which: &str, name: &str) -> Self {
        use std::os::unix::process::CommandExt;
        let dir = std::env::temp_dir().join(format!("cts-{}-{name}", std::process::id()));
        let mut root = Command::new(std::env::current_exe().unwrap())
            .args([&format!("signals::tree::{which}"), "--exact", "--include-ignored", "--nocapture", "--test-threads=1", "-q"])
            .env("COULTER_TEST_ROOT", "1")
            .env("COULTER_RUNTIME_DIR", &dir)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .unwrap();
        let out = BufReader::new(root.stdout.take().unwrap());
        let mut pids = Vec::new();
        let mut lines = out.lines();
        for line in lines.by_ref() {
            let line = line.unwrap();
            if let Some(list) = line.strip_prefix("pids ") {
                pids = list.split(' ').map(|pid| pid.parse().unwrap()).collect();
            }
            if !pids.is_empty() {
                break;
            }
        }
        assert_eq!(pids.len(), 3, "the tree stands");
        // Read on, so that nobody below blocks on a full pipe.
        std::thread::spawn(move || lines.for_each(drop));
        let tree = Self { root, pids, dir };
        if which == "stuck" {
            let (mark, begun) = (tree.mark(), Instant::now());
            while !mark.exists() {
                assert!(begun.elapsed() < LIMIT, "nobody spins");
                std::thread::sleep(Duration::from_millis(2));
            }
        }
        tree
    }

    fn mark(&self) -> PathBuf {
        PathBuf::from(format!("{}.spins", self.dir.display()))
    }

    fn root(&self) -> u32 {
        self.root.id()
    }

    fn end(&mut self) -> ExitStatus {
        let deadline = Instant::now() + LIMIT;
        loop {
            if let Some(status) = self.root.try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < deadline, "the root did not end");
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    fn all_gone_within(&self, limit: Duration) {
        let begun = Instant::now();
        while self.pids.iter().any(|pid| is_alive(*pid)) {
            assert!(begun.elapsed() < limit, "left: {:?}", self.pids.iter().filter(|pid| is_alive(**pid)).collect::<Vec<_>>());
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}

impl Drop for Tree {
    fn drop(&mut self) {
        let _ = self.root.kill();
        let _ = self.root.wait();
        let _ = std::fs::remove_dir_all(&self.dir);
        let _ = std::fs::remove_file(self.mark());
    }
}

fn sockets(tree: &Tree) -> Vec<String> {
    let mut found = Vec::new();
    for tree_dir in std::fs::read_dir(&tree.dir).into_iter().flatten().flatten() {
        for entry in std::fs::read_dir(tree_dir.path()).into_iter().flatten().flatten() {
            found.push(entry.file_name().to_string_lossy().into_owned());
        }
    }
    found
}

#[test]
fn rule_2_6_a_signal_at_the_root_cancels_the_tree_and_the_exit_status_tells_it() {
    for (transport, signal, number) in [("uds", "TERM", 15), ("tcp", "TERM", 15), ("uds", "INT", 2), ("tcp", "HUP", 1)] {
        let mut tree = Tree::start(transport, &format!("sig-{signal}-{transport}"));
        kill(signal, tree.root());
        let status = tree.end();
        assert_eq!(status.signal(), Some(number), "SIG{signal} over {transport}: {status}");
        tree.all_gone_within(Duration::ZERO);
        assert!(sockets(&tree).is_empty(), "{:?}", sockets(&tree));
    }
}

#[test]
fn rule_2_6_a_second_signal_hurries_past_a_child_that_never_yields() {
    let mut tree = Tree::start("stuck", "twice");
    let begun = Instant::now();
    kill("TERM", tree.root());
    // The first has begun to cancel once another child is gone.
    while is_alive(tree.pids[0]) {
        assert!(begun.elapsed() < LIMIT);
        std::thread::sleep(Duration::from_millis(2));
    }
    kill("TERM", tree.root());
    let status = tree.end();
    assert_eq!(status.signal(), Some(15));
    tree.all_gone_within(Duration::ZERO);
}

#[test]
fn rule_2_5_a_killed_root_leaves_no_process_and_no_socket_of_an_actor() {
    for round in 0..3 {
        for which in ["uds", "tcp", "stuck"] {
            let mut tree = Tree::start(which, &format!("killed-{which}-{round}"));
            kill("KILL", tree.root());
            tree.end();
            tree.all_gone_within(Duration::from_secs(5));
            let left: Vec<_> =
                sockets(&tree).into_iter().filter(|name| name.starts_with("middle") || name.starts_with("side") || name.starts_with("below")).collect();
            assert!(left.is_empty(), "{which}: {left:?}");
        }
    }
}
