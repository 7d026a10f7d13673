//! Rules 6.1, 6.2, 6.4 and 6.5: streams.
use coulter::prelude::*;
use coulter::{Error, Overrun, StreamOptions, WindowSize};
use futures_util::{SinkExt, StreamExt};

use crate::support::{on_both, with_child};

const HERE: &str = module_path!();

#[coulter::context]
async fn counts(ctx: Context<(), (), u64>, n: u64) -> Result<u64> {
    ctx.started(()).await?;
    let mut stream = ctx.open_stream().await?;
    for k in 0..n {
        stream.send(k).await?;
    }
    Ok(n)
}

/// Takes nothing until it is told by the end of the stream what it got.
#[coulter::context]
async fn collects(ctx: Context<(), u64, ()>) -> Result<Vec<u64>> {
    ctx.started(()).await?;
    let mut stream = ctx.open_stream().await?;
    let mut got = Vec::new();
    while let Some(k) = stream.receive().await? {
        got.push(k);
    }
    Ok(got)
}

/// Never opens its stream.
#[coulter::context]
async fn ignores(ctx: Context<(), u64, u64>) -> Result<()> {
    ctx.started(()).await?;
    std::future::pending().await
}

#[coulter::context]
async fn returns_at_once(ctx: Context<(), u64, u64>) -> Result<u64> {
    ctx.started(()).await?;
    let _stream = ctx.open_stream().await?;
    Ok(99)
}

#[coulter::context]
async fn drops_oldest(ctx: Context<(), (), u64>, n: u64) -> Result<(u64, u64)> {
    ctx.started(()).await?;
    let mut stream = ctx.open_stream().await?;
    for k in 0..n {
        stream.send(k).await?;
    }
    Ok((n, stream.dropped().1))
}

fn window(messages: u32, overrun: Overrun) -> StreamOptions {
    StreamOptions { window: WindowSize { messages, bytes: 1 << 20 }, overrun }
}

on_both! {
    async fn rule_6_1_none_only_for_a_clean_close_and_always_again() {
        with_child(HERE, async |child| {
            child
                .open_context(counts::with(200), async |ctx, ()| {
                    let mut stream = ctx.open_stream().await?;
                    let mut expected = 0;
                    while let Some(k) = stream.receive().await? {
                        assert_eq!(k, expected);
                        expected += 1;
                    }
                    assert_eq!(expected, 200);
                    assert_eq!(stream.receive().await?, None);
                    assert_eq!(stream.receive().await?, None);
                    Ok(())
                })
                .await
        })
        .await
    }

    async fn rule_6_1_what_is_sent_before_the_other_side_opens_waits_in_its_window() {
        let got = with_child(HERE, async |child| {
            child
                .open_context(collects::with(), async |ctx, ()| {
                    let mut stream = ctx.open_stream().await?;
                    for k in 0..50 {
                        stream.send(k).await?;
                    }
                    drop(stream);
                    Ok(ctx.wait_for_result().await?)
                })
                .await
        })
        .await?;
        assert_eq!(got, (0..50).collect::<Vec<_>>());
        Ok(())
    }

    async fn rule_6_1_a_child_that_returns_ends_the_stream_and_its_result_is_no_item() {
        with_child(HERE, async |child| {
            child
                .open_context(returns_at_once::with(), async |ctx, ()| {
                    let mut stream = ctx.open_stream().await?;
                    assert_eq!(stream.receive().await?, None);
                    assert_eq!(ctx.wait_for_result().await?, 99);
                    Ok(())
                })
                .await
        })
        .await
    }

    async fn rule_6_1_a_stream_is_opened_once() {
        with_child(HERE, async |child| {
            child
                .open_context(collects::with(), async |ctx, ()| {
                    drop(ctx.open_stream().await?);
                    let error = ctx.open_stream().await.unwrap_err();
                    assert!(error.to_string().contains("opened before"), "{error}");
                    Ok(())
                })
                .await
        })
        .await
    }

    async fn rule_6_2_a_full_window_makes_send_wait_and_nothing_is_lost() {
        with_child(HERE, async |child| {
            child
                .open_context_with(ignores::with(), window(8, Overrun::Wait), async |ctx, ()| {
                    let mut stream = ctx.open_stream().await?;
                    for k in 0..8 {
                        stream.send(k).await?;
                    }
                    let ninth = coulter::move_on_after(std::time::Duration::from_millis(200), stream.send(8)).await;
                    assert!(ninth.is_none(), "the ninth waits");
                    ctx.cancel().await?;
                    Ok(())
                })
                .await
        })
        .await
    }

    async fn rule_6_2_overrun_error_fails_the_senders_side() {
        with_child(HERE, async |child| {
            let ended: Result<()> = child
                .open_context_with(ignores::with(), window(4, Overrun::Error), async |ctx, ()| {
                    let mut stream = ctx.open_stream().await?;
                    for k in 0..5 {
                        stream.send(k).await?;
                    }
                    Ok(())
                })
                .await;
            let error = ended.unwrap_err();
            assert!(matches!(error.as_error(), Some(Error::StreamOverrun(_))), "{error:?}");
            Ok(())
        })
        .await
    }

    async fn rule_6_2_overrun_drop_drops_the_oldest_and_counts_exactly() {
        with_child(HERE, async |child| {
            child
                .open_context_with(drops_oldest::with(100), window(8, Overrun::Drop), async |ctx, ()| {
                    let (sent, dropped_there) = {
                        let result = ctx.wait_for_result().await?;
                        (result.0, result.1)
                    };
                    let mut stream = ctx.open_stream().await?;
                    let mut got = Vec::new();
                    while let Some(k) = stream.receive().await? {
                        got.push(k);
                    }
                    assert!(got.windows(2).all(|pair| pair[0] < pair[1]), "in order: {got:?}");
                    let told = stream.dropped().0;
                    assert_eq!(got.len() as u64 + told, sent, "every item arrived or was counted: {} + {told}", got.len());
                    assert!(dropped_there <= told);
                    assert!(told > 0);
                    Ok(())
                })
                .await
        })
        .await
    }

    async fn rule_6_2_items_larger_than_the_window_pass_alone() {
        with_child(HERE, async |child| {
            let options = StreamOptions { window: WindowSize { messages: 4, bytes: 16 }, overrun: Overrun::Wait };
            child
                .open_context_with(echo_large::with(), options, async |ctx, ()| {
                    let mut stream = ctx.open_stream().await?;
                    for n in [1usize, 100_000, 3_000_000] {
                        stream.send(vec![7; n]).await?;
                        assert_eq!(stream.receive().await?, Some(n));
                    }
                    drop(stream);
                    Ok(())
                })
                .await
        })
        .await
    }

    async fn rule_6_4_send_after_the_end_says_why() {
        with_child(HERE, async |child| {
            child
                .open_context(returns_at_once::with(), async |ctx, ()| {
                    let mut stream = ctx.open_stream().await?;
                    assert_eq!(stream.receive().await?, None);
                    let error = stream.send(1).await.unwrap_err();
                    assert!(matches!(error, Error::StreamClosed(_)), "{error:?}");
                    Ok(())
                })
                .await
        })
        .await
    }

    async fn rule_6_5_a_stream_is_a_stream_and_a_sink() {
        with_child(HERE, async |child| {
            let got = child
                .open_context(counts::with(10), async |ctx, ()| {
                    let stream = ctx.open_stream().await?;
                    let doubled: Vec<u64> = stream.map(|item| item.map(|k| k * 2)).filter_map(async |item| item.ok()).collect().await;
                    Ok(doubled)
                })
                .await?;
            assert_eq!(got, (0..10).map(|k| k * 2).collect::<Vec<_>>());
            let sent = child
                .open_context(collects::with(), async |ctx, ()| {
                    let mut stream = ctx.open_stream().await?;
                    stream.send_all(&mut futures_util::stream::iter((0..30).map(Ok))).await?;
                    SinkExt::<u64>::close(&mut stream).await?;
                    Ok(ctx.wait_for_result().await?)
                })
                .await?;
            assert_eq!(sent.len(), 30);
            Ok(())
        })
        .await
    }
}

#[coulter::context]
async fn echo_large(ctx: Context<(), Vec<u8>, usize>) -> Result<()> {
    ctx.started(()).await?;
    let mut stream = ctx.open_stream().await?;
    while let Some(bytes) = stream.receive().await? {
        stream.send(bytes.len()).await?;
    }
    Ok(())
}
