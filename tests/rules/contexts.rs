//! Rules 5.1 to 5.7: contexts.
use std::time::{Duration, Instant};

use coulter::prelude::*;
use coulter::{ContextOutcome, Error};

use crate::support::{on_both, with_child};

const HERE: &str = module_path!();

#[coulter::context]
async fn sums(ctx: Context<u32, u32, u32>, from: u32) -> Result<u32> {
    ctx.started(from).await?;
    let mut stream = ctx.open_stream().await?;
    let mut sum = from;
    while let Some(n) = stream.receive().await? {
        sum += n;
        stream.send(sum).await?;
    }
    Ok(sum)
}

#[coulter::context]
async fn tells_its_key(ctx: Context<coulter::ContextKey, (), ()>) -> Result<()> {
    assert_eq!(coulter::current_context(), Some(ctx.key()));
    assert_eq!(ctx.side(), coulter::Side::Callee);
    ctx.started(ctx.key()).await?;
    Ok(())
}

/// Sends until nobody wants any more.
#[coulter::context]
async fn floods(ctx: Context<(), (), u64>) -> Result<u64> {
    ctx.started(()).await?;
    let mut stream = ctx.open_stream().await?;
    let mut sent = 0;
    while stream.send(sent).await.is_ok() {
        sent += 1;
    }
    Ok(sent)
}

#[coulter::context]
async fn fails_before_started(_ctx: Context<u32, (), ()>) -> Result<()> {
    Err(Report::msg("no start today"))
}

#[coulter::context]
async fn never_starts(_ctx: Context<u32, (), ()>) -> Result<()> {
    Ok(())
}

#[coulter::context]
async fn starts_twice(ctx: Context<u32, (), ()>) -> Result<()> {
    ctx.started(1).await?;
    ctx.started(2).await?;
    Ok(())
}

#[coulter::context]
async fn fails_after(ctx: Context<(), (), ()>, millis: u64) -> Result<()> {
    ctx.started(()).await?;
    tokio::time::sleep(Duration::from_millis(millis)).await;
    Err(Report::msg("the child failed"))
}

#[coulter::context]
async fn waits(ctx: Context<(), (), ()>) -> Result<()> {
    ctx.started(()).await?;
    std::future::pending().await
}

#[coulter::context]
async fn panics(ctx: Context<(), (), ()>) -> Result<()> {
    ctx.started(()).await?;
    tokio::task::yield_now().await;
    panic!("a panic is an error")
}

/// Fails while it is being cancelled: its own error is the news.
#[coulter::context]
async fn fails_when_cancelled(ctx: Context<(), (), ()>) -> Result<()> {
    ctx.started(()).await?;
    coulter::shield(async {
        while !ctx.cancel_called() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    })
    .await;
    Err(Report::msg("the real error"))
}

/// Writes when its task is dropped.
#[coulter::context]
async fn marks(ctx: Context<(), (), ()>, path: String) -> Result<()> {
    struct Mark(String);
    impl Drop for Mark {
        fn drop(&mut self) {
            std::fs::write(&self.0, "dropped").unwrap();
        }
    }
    let _mark = Mark(path);
    ctx.started(()).await?;
    std::future::pending().await
}

#[coulter::endpoint]
async fn cancel_me(name: String) -> Result<()> {
    coulter::wait_for_actor(&name).await?.cancel_actor().timeout(Duration::from_secs(5)).await?;
    Ok(())
}

fn mark(name: &str) -> String {
    std::env::temp_dir().join(format!("coulter-{name}-{}", std::process::id())).display().to_string()
}

on_both! {
    async fn rule_5_1_the_block_begins_with_started_and_ends_with_the_result() {
        let sum = with_child(HERE, async |child| {
            child
                .open_context(sums::with(10), async |ctx, first| {
                    assert_eq!(first, 10);
                    let mut stream = ctx.open_stream().await?;
                    for n in 1..=4 {
                        stream.send(n).await?;
                        stream.receive().await?.unwrap();
                    }
                    drop(stream);
                    Ok(ctx.wait_for_result().await? + ctx.wait_for_result().await?)
                })
                .await
        })
        .await?;
        assert_eq!(sum, 40);
        Ok(())
    }

    async fn rule_5_1_an_error_before_started_comes_out_of_the_opening() {
        let error = with_child(HERE, async |child| {
            let opened: Result<()> = child.open_context(fails_before_started::with(), async |_, _| panic!("the block never begins")).await;
            Ok(opened.unwrap_err())
        })
        .await?;
        assert!(error.to_string().contains("no start today"), "{error:?}");
        Ok(())
    }

    async fn rule_5_1_returning_without_started_is_an_error_never_a_hang() {
        let error = with_child(HERE, async |child| {
            let opened: Result<()> = child.open_context(never_starts::with(), async |_, _| Ok(())).await;
            Ok(opened.unwrap_err())
        })
        .await?;
        assert!(matches!(error.as_error(), Some(Error::NotStarted(_))), "{error:?}");
        Ok(())
    }

    async fn rule_5_1_started_twice_is_an_error() {
        let error = with_child(HERE, async |child| {
            let opened: Result<()> = child.open_context(starts_twice::with(), async |ctx, _| Ok(ctx.wait_for_result().await?)).await;
            Ok(opened.unwrap_err())
        })
        .await?;
        assert!(error.to_string().contains("twice"), "{error:?}");
        Ok(())
    }

    async fn rule_5_2_the_childs_error_drops_the_block_and_comes_out_of_it() {
        let begun = Instant::now();
        let error = with_child(HERE, async |child| {
            let opened: Result<()> = child
                .open_context(fails_after::with(50), async |_, ()| {
                    std::future::pending::<()>().await;
                    Ok(())
                })
                .await;
            Ok(opened.unwrap_err())
        })
        .await?;
        let Some(Error::Remote(remote)) = error.as_error() else { panic!("{error:?}") };
        assert_eq!(remote.message(), "the child failed");
        assert!(begun.elapsed() < Duration::from_secs(10));
        Ok(())
    }

    async fn rule_5_2_the_blocks_error_cancels_the_childs_task_before_it_comes_out() {
        let path = mark("block-error");
        let error = with_child(HERE, async |child| {
            let opened: Result<()> = child.open_context(marks::with(path.clone()), async |_, ()| Err(Report::msg("the block failed"))).await;
            assert!(std::path::Path::new(&path).exists(), "the child's task was dropped first");
            Ok(opened.unwrap_err())
        })
        .await?;
        assert_eq!(error.to_string(), "the block failed");
        std::fs::remove_file(path)?;
        Ok(())
    }

    async fn rule_5_2_the_block_ends_only_with_the_childs_final_word_whatever_is_unread() {
        let done = with_child(HERE, async |child| {
            child
                .open_context(floods::with(), async |ctx, ()| {
                    let mut stream = ctx.open_stream().await?;
                    stream.receive().await?;
                    Ok(7)
                })
                .await
        })
        .await?;
        assert_eq!(done, 7);
        Ok(())
    }

    async fn rule_5_3_a_cancel_asked_for_here_is_absorbed_and_the_block_goes_on() {
        with_child(HERE, async |child| {
            let value = child
                .open_context(waits::with(), async |ctx, ()| {
                    ctx.cancel().await?;
                    assert!(ctx.cancel_called() && ctx.cancel_acked());
                    let error = ctx.wait_for_result().await.unwrap_err();
                    let Error::Cancelled(cancelled) = &error else { panic!("{error:?}") };
                    assert_eq!(cancelled.canceller(), Some(coulter::current_actor().aid()));
                    assert!(matches!(ctx.outcome(), ContextOutcome::Cancelled(_)));
                    assert!(ctx.cancelled_caught());
                    Ok(5)
                })
                .await?;
            assert_eq!(value, 5);
            Ok(())
        })
        .await
    }

    async fn rule_5_3_after_an_own_cancel_the_stream_ends_cleanly() {
        with_child(HERE, async |child| {
            child
                .open_context(sums::with(0), async |ctx, _| {
                    let mut stream = ctx.open_stream().await?;
                    ctx.cancel().await?;
                    assert_eq!(stream.receive().await?, None);
                    assert!(stream.send(1).await.is_err());
                    Ok(())
                })
                .await
        })
        .await
    }

    async fn rule_5_3_a_block_that_waits_for_something_else_is_dropped_after_an_own_cancel() {
        with_child(HERE, async |child| {
            let ended: Result<()> = child
                .open_context(waits::with(), async |ctx, ()| {
                    ctx.cancel().await?;
                    std::future::pending::<()>().await;
                    Ok(())
                })
                .await;
            assert!(ended.unwrap_err().is_cancelled());
            Ok(())
        })
        .await
    }

    async fn rule_5_3_a_cancel_by_a_third_actor_is_raised_with_its_name() {
        let error = coulter::open_nursery(async |an| {
            let child = an.start_actor("victim").expose(HERE).await?;
            let third = an.start_actor("third").expose(HERE).await?;
            let opened: Result<()> = child
                .open_context(waits::with(), async |_, ()| {
                    third.run(cancel_me::with("victim")).await?;
                    std::future::pending::<()>().await;
                    Ok(())
                })
                .await;
            an.cancel();
            Ok(opened.unwrap_err())
        })
        .await?;
        let Some(Error::Cancelled(cancelled)) = error.as_error() else { panic!("{error:?}") };
        assert_eq!(cancelled.canceller().unwrap().name, "third", "{error:?}");
        Ok(())
    }

    async fn rule_5_4_both_sides_know_the_context_they_are_in_by_one_key() {
        with_child(HERE, async |child| {
            child
                .open_context(tells_its_key::with(), async |ctx, told| {
                    assert_eq!(told, ctx.key());
                    assert_eq!(ctx.side(), coulter::Side::Caller);
                    assert!(matches!(ctx.outcome(), ContextOutcome::Pending) || ctx.has_outcome());
                    ctx.wait_for_result().await?;
                    assert!(matches!(ctx.outcome(), ContextOutcome::Done(())) && ctx.error().is_none());
                    Ok(())
                })
                .await
        })
        .await?;
        assert_eq!(coulter::current_context(), None, "a root's main task serves none");
        Ok(())
    }

    async fn rule_5_5_a_real_error_is_never_hidden_by_a_cancel() {
        let error = with_child(HERE, async |child| {
            let opened: Result<()> = child
                .open_context(fails_when_cancelled::with(), async |ctx, ()| {
                    ctx.cancel().await?;
                    Ok(ctx.wait_for_result().await?)
                })
                .await;
            Ok(opened.unwrap_err())
        })
        .await?;
        assert!(error.to_string().contains("the real error"), "{error:?}");
        assert!(!error.is_cancelled());
        Ok(())
    }

    async fn rule_5_6_a_panic_is_the_tasks_error_and_the_actor_lives() {
        with_child(HERE, async |child| {
            let opened: Result<()> = child
                .open_context(panics::with(), async |_, ()| {
                    std::future::pending::<()>().await;
                    Ok(())
                })
                .await;
            let error = opened.unwrap_err();
            let Some(Error::Remote(remote)) = error.as_error() else { panic!("{error:?}") };
            assert!(remote.is_panic());
            assert_eq!(remote.message(), "a panic is an error");
            assert!(remote.failure().location.as_ref().unwrap().contains("contexts.rs"), "{error:?}");
            let sum = child.open_context(sums::with(1), async |ctx, _| { drop(ctx.open_stream().await?); Ok(ctx.wait_for_result().await?) }).await?;
            assert_eq!(sum, 1);
            Ok(())
        })
        .await
    }

    async fn rule_5_7_fail_after_returns_after_the_limit_plus_the_teardown_in_a_loop() {
        for round in 0..5 {
            let path = mark(&format!("deadline-{round}"));
            let child_path = path.clone();
            with_child(HERE, async |child| {
                let ended = coulter::fail_after(Duration::from_millis(60), child.open_context(marks::with(child_path), async |_, ()| {
                    std::future::pending::<()>().await;
                    Ok(())
                }))
                .await;
                assert!(ended.is_err());
                assert!(std::path::Path::new(&path).exists(), "the child's task was dropped before `fail_after` returned");
                Ok(())
            })
            .await?;
            std::fs::remove_file(&path)?;
        }
        Ok(())
    }

    async fn rule_5_7_a_shield_holds_the_scope_until_it_is_done() {
        let mut saved = false;
        let gave_up = coulter::move_on_after(Duration::from_millis(30), async {
            coulter::shield(async {
                tokio::time::sleep(Duration::from_millis(150)).await;
                saved = true;
            })
            .await;
            std::future::pending::<()>().await;
        })
        .await;
        assert!(gave_up.is_none());
        assert!(saved);
        Ok(())
    }

    async fn rule_5_1_a_context_with_oneself_is_refused() {
        let name = coulter::current_actor().name().to_owned();
        let error = coulter::find_actor(&name).await.unwrap_err();
        assert!(error.to_string().contains("this very actor"), "{error}");
        Ok(())
    }
}
