//! Rules 4.1 to 4.4: calls, exposure, whose task it is.
use std::time::Duration;

use coulter::Error;
use coulter::prelude::*;

use crate::support::{on_both, until};

const HERE: &str = module_path!();

#[coulter::endpoint]
async fn add(a: u32, b: u32) -> u32 {
    a + b
}

#[coulter::endpoint]
fn slow_square(n: u64) -> u64 {
    n * n
}

#[coulter::endpoint]
async fn parse(text: String) -> Result<u32, std::num::ParseIntError> {
    text.parse()
}

#[coulter::endpoint]
async fn never() -> Result<()> {
    std::future::pending().await
}

/// A number its sender does not check and its receiver does.
#[derive(serde::Serialize, serde::Deserialize)]
#[serde(try_from = "u8")]
struct Small(u8);
impl TryFrom<u8> for Small {
    type Error = String;
    fn try_from(n: u8) -> Result<Self, String> {
        if n < 10 { Ok(Self(n)) } else { Err(format!("{n} is not small")) }
    }
}

#[coulter::endpoint]
async fn count_to(limit: Small) -> u8 {
    limit.0
}

/// Two endpoints of one name, each in a function of its own.
mod one_name {
    #[allow(dead_code)]
    fn first() {
        #[coulter::endpoint]
        async fn local() {}
    }
    #[allow(dead_code)]
    fn second() {
        #[coulter::endpoint]
        async fn local() {}
    }
}

mod elsewhere {
    #[coulter::endpoint]
    pub(crate) async fn hidden() -> u8 {
        1
    }
}

/// Writes a file when its task is dropped.
#[coulter::endpoint]
async fn mark_when_dropped(path: String) -> Result<()> {
    struct Mark(String);
    impl Drop for Mark {
        fn drop(&mut self) {
            std::fs::write(&self.0, "dropped").unwrap();
        }
    }
    let _mark = Mark(path);
    std::future::pending().await
}

/// Asked to cancel, it says so by a file, and holds its task until another file lets it go.
#[coulter::context]
async fn stubborn(ctx: Context<(), (), ()>, path: String) -> Result<()> {
    ctx.started(()).await?;
    coulter::shield(async {
        until("the cancel arrives", || ctx.cancel_called()).await;
        std::fs::write(format!("{path}.asked"), "").unwrap();
        until("it is let go", || std::path::Path::new(&format!("{path}.go")).exists()).await;
    })
    .await;
    std::future::pending().await
}

fn mark() -> String {
    std::env::temp_dir().join(format!("coulter-mark-{}", std::process::id())).display().to_string()
}

on_both! {
    async fn rule_4_1_calls_carry_arguments_and_results_and_functions_stay_functions() {
        assert_eq!(add(1, 2).await, 3);
        coulter::open_nursery(async |an| {
            let frank = an.start_actor("frank").expose(HERE).await?;
            assert_eq!(frank.run(add::with(20, 22)).await?, 42);
            assert_eq!(frank.run(slow_square::with(12)).await?, 144);
            assert_eq!(frank.run(parse::with("17")).await?, 17);
            an.cancel();
            Ok(())
        })
        .await
    }

    async fn rule_4_1_cancel_actor_tells_of_its_acknowledgement() {
        coulter::open_nursery(async |an| {
            let frank = an.start_actor("frank").expose(HERE).await?;
            frank.cancel_actor().timeout(Duration::from_secs(5)).await?;
            Ok(())
        })
        .await
    }

    async fn rule_4_2_a_module_not_exposed_is_named_with_how_to_expose_it() {
        coulter::open_nursery(async |an| {
            let frank = an.start_actor("frank").expose(HERE).await?;
            let error = frank.run(elsewhere::hidden::with()).await.unwrap_err();
            assert!(matches!(error, Error::ModuleNotExposed(_)), "{error:?}");
            let text = error.to_string();
            assert!(text.contains("elsewhere") && text.contains(".expose("), "{text}");
            an.cancel();
            Ok(())
        })
        .await
    }

    async fn rule_4_2_a_single_endpoint_can_be_exposed() {
        coulter::open_nursery(async |an| {
            let frank = an.start_actor("frank").expose(format!("{HERE}::elsewhere::hidden")).await?;
            assert_eq!(frank.run(elsewhere::hidden::with()).await?, 1);
            assert!(matches!(frank.run(add::with(1, 1)).await, Err(Error::ModuleNotExposed(_))));
            an.cancel();
            Ok(())
        })
        .await
    }

    async fn rule_4_3_a_dropped_call_cancels_the_remote_task_before_the_scope_ends() {
        let path = mark();
        coulter::open_nursery(async |an| {
            let frank = an.start_actor("frank").expose(HERE).await?;
            let gave_up = coulter::move_on_after(Duration::from_millis(100), frank.run(mark_when_dropped::with(path.clone()))).await;
            assert!(gave_up.is_none());
            assert!(std::path::Path::new(&path).exists(), "the remote task was dropped before the scope ended");
            an.cancel();
            Ok(())
        })
        .await?;
        std::fs::remove_file(mark())?;
        Ok(())
    }

    async fn rule_4_4_a_task_that_cancels_slowly_delays_no_other_dialog() {
        let path = mark();
        coulter::open_nursery(async |an| {
            let frank = an.start_actor("frank").expose(HERE).await?;
            let (asked, go) = (format!("{path}.asked"), format!("{path}.go"));
            let let_go = std::cell::Cell::new(false);
            let slow = async {
                let opened = frank.open_context(stubborn::with(path.clone()), async |_, ()| Err::<(), _>(Report::msg("the block gives up"))).await;
                assert!(let_go.get(), "the block waited for the stubborn task");
                opened
            };
            let quick = async {
                until("the cancel arrives", || std::path::Path::new(&asked).exists()).await;
                let sum = frank.run(add::with(1, 1)).await;
                let_go.set(true);
                std::fs::write(&go, "").unwrap();
                sum
            };
            let (opened, sum) = tokio::join!(slow, quick);
            assert_eq!(opened.unwrap_err().to_string(), "the block gives up");
            assert_eq!(sum?, 2, "answered while the other still held on");
            std::fs::remove_file(asked)?;
            std::fs::remove_file(go)?;
            an.cancel();
            Ok(())
        })
        .await
    }

    async fn rule_4_3_tasks_of_a_peer_that_is_gone_are_cancelled() {
        // The one who asks is killed; the one who serves drops the task.
        let path = mark();
        let _ = coulter::open_nursery(async |an| {
            let server = an.start_actor("server").expose(HERE).await?;
            let client = an.start_actor("client").expose(HERE).await?;
            let ask = client.run(ask_server::with(path.clone()));
            let kill = async {
                until("the task runs", || std::path::Path::new(&format!("{path}.asked")).exists()).await;
                crate::support::kill("KILL", client.actor().pid);
            };
            let (asked, ()) = tokio::join!(ask, kill);
            assert!(asked.is_err());
            drop(server);
            Ok(())
        })
        .await;
        until("the task is dropped", || std::path::Path::new(&path).exists()).await;
        std::fs::remove_file(&path)?;
        std::fs::remove_file(format!("{path}.asked"))?;
        Ok(())
    }

    async fn rule_4_1_an_endpoint_is_called_by_name_with_self_describing_arguments() {
        coulter::open_nursery(async |an| {
            let frank = an.start_actor("frank").expose(HERE).expose(format!("{HERE}::one_name")).await?;
            let sum: u32 = frank.run_from_ns(HERE, "add", (20, 22)).await?;
            assert_eq!(sum, 42);
            let ended: Result<u32, Error> = frank.run_from_ns(HERE, "add", (20, "twenty-two")).await;
            let error = ended.unwrap_err();
            assert!(matches!(error, Error::MsgType(_)) && error.to_string().contains("argument `b`"), "{error:?}");
            let ended: Result<u32, Error> = frank.run_from_ns(HERE, "add", (1,)).await;
            assert!(matches!(ended, Err(Error::MsgType(_))), "{ended:?}");
            let ended: Result<u32, Error> = frank.run_from_ns(HERE, "subtract", (1, 1)).await;
            assert!(matches!(ended, Err(Error::NoSuchEndpoint(_))), "{ended:?}");
            let ended: Result<(), Error> = frank.run_from_ns(&format!("{HERE}::one_name"), "local", ()).await;
            let error = ended.unwrap_err().to_string();
            assert!(error.contains("several") && error.matches("calls.rs:").count() == 2, "{error}");
            assert_eq!(frank.run(add::with(1, 1)).await?, 2, "the actor goes on");
            an.cancel();
            Ok(())
        })
        .await
    }

    async fn rule_4_2_wrong_arguments_are_a_type_error_that_names_the_argument() {
        coulter::open_nursery(async |an| {
            let frank = an.start_actor("frank").expose(HERE).await?;
            let error = frank.run(count_to::with(Small(200))).await.unwrap_err();
            assert!(matches!(error, Error::MsgType(_)), "{error:?}");
            assert!(error.to_string().contains("argument `limit`"), "{error}");
            assert_eq!(frank.run(count_to::with(Small(9))).await?, 9);
            an.cancel();
            Ok(())
        })
        .await
    }

    async fn rule_4_2_nothing_a_peer_asks_ends_an_actor() {
        coulter::open_nursery(async |an| {
            let frank = an.start_actor("frank").expose(HERE).await?;
            assert!(frank.run(elsewhere::hidden::with()).await.is_err());
            assert!(frank.run(parse::with("no number")).await.is_err());
            assert!(frank.run(panics::with()).await.is_err());
            assert_eq!(frank.run(add::with(2, 2)).await?, 4);
            an.cancel();
            Ok(())
        })
        .await
    }
}

#[coulter::endpoint]
async fn panics() -> Result<()> {
    panic!("on purpose")
}

#[coulter::endpoint]
async fn ask_server(path: String) -> Result<()> {
    let server = coulter::wait_for_actor("server").await?;
    std::fs::write(format!("{path}.asked"), "")?;
    server.run(mark_when_dropped::with(path)).await?;
    server.run(never::with()).await?;
    Ok(())
}
