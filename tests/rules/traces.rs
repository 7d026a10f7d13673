//! The shell is thin: a trace of a real run, fed through the machines again, gives the same effects.
use coulter::prelude::*;
use coulter_proto::trace::{Summary, replay};

const HERE: &str = module_path!();

#[coulter::context]
async fn squares(ctx: Context<u32, u64, u64>) -> Result<u64> {
    ctx.started(1).await?;
    let mut stream = ctx.open_stream().await?;
    let mut n = 0;
    while let Some(k) = stream.receive().await? {
        stream.send(k * k).await?;
        n += 1;
    }
    Ok(n)
}

#[coulter::endpoint]
async fn fails() -> Result<()> {
    Err(Report::msg("for the trace"))
}

#[coulter::endpoint]
async fn forever() -> Result<()> {
    std::future::pending().await
}

/// A run with a bit of everything: calls, a context with a stream, cancels, deadlines, a failure, nested nurseries.
async fn a_bit_of_everything() -> Result<()> {
    coulter::open_nursery(async |an| {
        let child = an.start_actor("child").expose(HERE).await?;
        let done = child
            .open_context(squares::with(), async |ctx, _| {
                let mut stream = ctx.open_stream().await?;
                for n in 0..200 {
                    stream.send(n).await?;
                    assert_eq!(stream.receive().await?, Some(n * n));
                }
                drop(stream);
                Ok(ctx.wait_for_result().await?)
            })
            .await?;
        assert_eq!(done, 200);
        assert!(child.run(fails::with()).await.is_err());
        let gave_up = coulter::move_on_after(std::time::Duration::from_millis(50), child.run(forever::with())).await;
        assert!(gave_up.is_none());
        coulter::shield(async {}).await;
        let inner: Result<()> = coulter::open_nursery(async |inner| {
            inner.run_in_actor("failing", fails::with()).await?;
            Ok(())
        })
        .await;
        assert!(inner.is_err());
        an.cancel();
        Ok(())
    })
    .await
}

/// The test's own process runs the tree with a trace, then goes through the files of all its actors.
fn traced(transport: &str) -> Summary {
    let dir = std::env::temp_dir().join(format!("coulter-trace-{}-{transport}", std::process::id()));
    std::fs::create_dir_all(&dir).unwrap();
    let ended = std::process::Command::new(std::env::current_exe().unwrap())
        .args([&format!("traces::run_for_the_trace::{transport}"), "--exact", "--include-ignored", "-q"])
        .env("COULTER_TRACE", &dir)
        .output()
        .unwrap();
    assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stdout));
    let mut sum = Summary::default();
    let mut files = 0;
    for file in std::fs::read_dir(&dir).unwrap() {
        let path = file.unwrap().path();
        let trace = std::io::BufReader::new(std::fs::File::open(&path).unwrap());
        let summary = replay(trace).unwrap_or_else(|mismatch| panic!("{}: {mismatch}", path.display()));
        sum = Summary { machines: sum.machines + summary.machines, inputs: sum.inputs + summary.inputs, effects: sum.effects + summary.effects };
        files += 1;
    }
    std::fs::remove_dir_all(&dir).unwrap();
    assert!(files >= 3, "the root and its actors wrote one each: {files}");
    sum
}

#[test]
fn a_recorded_trace_of_a_real_run_replays_to_identical_effects() {
    for transport in ["uds", "tcp"] {
        let summary = traced(transport);
        assert!(summary.machines > 10 && summary.inputs > 1000 && summary.effects > 500, "{summary:?}");
    }
}

mod run_for_the_trace {
    use super::*;

    #[coulter::test(transport = "uds")]
    async fn uds() -> Result<()> {
        a_bit_of_everything().await
    }
    #[coulter::test(transport = "tcp")]
    async fn tcp() -> Result<()> {
        a_bit_of_everything().await
    }
}
