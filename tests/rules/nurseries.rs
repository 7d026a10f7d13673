//! Rules 3.1 to 3.4, and 1.1: nurseries, first failures, cancels.
use std::time::{Duration, Instant};

use coulter::prelude::*;
use coulter::{Error, FailureKind};

use crate::support::{is_alive, on_both, until};

const HERE: &str = module_path!();

#[coulter::endpoint]
async fn pid() -> u32 {
    std::process::id()
}

#[coulter::endpoint]
async fn forever() -> Result<()> {
    std::future::pending().await
}

#[coulter::endpoint]
async fn fail(text: String) -> Result<()> {
    Err(Report::msg(text))
}

#[coulter::endpoint]
async fn fail_after(text: String, millis: u64) -> Result<()> {
    tokio::time::sleep(Duration::from_millis(millis)).await;
    Err(Report::msg(text))
}

#[coulter::endpoint]
async fn nested_failure(depth: u32) -> Result<()> {
    if depth == 0 {
        return Err(Report::msg("the innermost failed"));
    }
    coulter::open_nursery(async |an| {
        an.run_in_actor(format!("level_{depth}"), nested_failure::with(depth - 1)).await?;
        Ok(())
    })
    .await
}

on_both! {
    async fn rule_3_1_the_block_ends_only_when_all_its_actors_have() {
        let mut pids = Vec::new();
        coulter::open_nursery(async |an| {
            for n in 0..3 {
                pids.push(an.run_in_actor(format!("one_{n}"), pid::with()).await?.wait_for_result().await?);
            }
            Ok(())
        })
        .await?;
        assert!(pids.iter().all(|pid| !is_alive(*pid)));
        Ok(())
    }

    async fn rule_3_1_a_body_that_returned_waits_for_daemons() {
        let done = coulter::move_on_after(Duration::from_millis(300), coulter::open_nursery(async |an| {
            an.start_actor("daemon").await?;
            Ok(())
        }))
        .await;
        assert!(done.is_none(), "it waits for the daemon until it is cancelled");
        Ok(())
    }

    async fn rule_3_2_first_failing_child_cancels_siblings() {
        let begun = Instant::now();
        let mut sibling = 0;
        let ended: Result<()> = coulter::open_nursery(async |an| {
            let other = an.start_actor("sibling").expose(HERE).await?;
            sibling = other.run(pid::with()).await?;
            an.run_in_actor("failing", fail::with("first")).await?;
            std::future::pending::<()>().await;
            Ok(())
        })
        .await;
        let error = ended.unwrap_err();
        let Some(Error::Remote(remote)) = error.as_error() else { panic!("{error:?}") };
        assert_eq!(remote.message(), "first");
        assert!(!is_alive(sibling), "the sibling was reaped before the block ended");
        assert!(begun.elapsed() < Duration::from_secs(10));
        Ok(())
    }

    async fn rule_3_2_the_bodys_own_error_cancels_all_and_comes_out() {
        let mut child = 0;
        let ended: Result<()> = coulter::open_nursery(async |an| {
            child = an.start_actor("daemon").expose(HERE).await?.run(pid::with()).await?;
            "x".parse::<u8>()?;
            Ok(())
        })
        .await;
        let report = ended.unwrap_err();
        assert!(report.downcast_ref::<std::num::ParseIntError>().is_some(), "the report keeps its type: {report:?}");
        assert!(report.location().file().ends_with("nurseries.rs"));
        assert!(!is_alive(child));
        Ok(())
    }

    async fn rule_3_3_several_errors_come_as_a_group_each_reported_once() {
        let ended: Result<()> = coulter::open_nursery(async |an| {
            let mut portals = Vec::new();
            for n in 0..3 {
                portals.push(an.start_actor(format!("failing_{n}")).expose(HERE).await?);
            }
            let calls = portals.iter().enumerate().map(|(n, portal)| portal.run(fail_after::with(format!("error {n}"), 50)));
            let results = futures_util::future::join_all(calls).await;
            let messages: std::collections::BTreeSet<_> = results.iter().map(|result| result.as_ref().unwrap_err().failure().message.clone()).collect();
            assert_eq!(messages.len(), 3);
            an.cancel();
            Ok(())
        })
        .await;
        ended
    }

    async fn rule_3_3_one_shots_that_fail_together_come_out_as_a_group_or_bare() {
        let ended: Result<()> = coulter::open_nursery(async |an| {
            for n in 0..3 {
                an.run_in_actor(format!("failing_{n}"), fail_after::with(format!("error {n}"), 300)).await?;
            }
            Ok(())
        })
        .await;
        let error = ended.unwrap_err();
        let members = error.as_error().unwrap().members();
        let texts: std::collections::BTreeSet<_> = members.iter().map(|member| member.failure().message.clone()).collect();
        assert_eq!(texts.len(), members.len(), "each once: {texts:?}");
        assert!(members.iter().all(|member| matches!(member, Error::Remote(_))), "the cancels of the teardown are no errors: {error:?}");
        Ok(())
    }

    async fn rule_3_3_an_error_three_processes_down_comes_out_with_its_way() {
        let ended: Result<()> = coulter::open_nursery(async |an| {
            an.run_in_actor("level_3", nested_failure::with(2)).await?;
            Ok(())
        })
        .await;
        let error = ended.unwrap_err();
        let Some(Error::Remote(remote)) = error.as_error() else { panic!("{error:?}") };
        assert_eq!(remote.message(), "the innermost failed");
        assert_eq!(remote.source_actor().unwrap().name, "level_1");
        let way: Vec<_> = remote.relay_path().iter().map(|aid| aid.name.as_str()).collect();
        assert_eq!(way, ["level_2", "level_3"]);
        Ok(())
    }

    async fn rule_3_4_cancel_ends_all_and_tells_so() {
        coulter::open_nursery(async |an| {
            let pid = an.start_actor("daemon").expose(HERE).await?.run(pid::with()).await?;
            assert!(!an.cancel_called());
            an.cancel();
            assert!(an.cancel_called());
            until("the daemon ends", || !is_alive(pid)).await;
            until("the nursery knows", || an.cancelled_caught()).await;
            Ok(())
        })
        .await
    }

    async fn rule_3_4_cancelling_works_while_a_call_is_open_and_from_around_in_a_loop() {
        for _ in 0..5 {
            let gave_up = coulter::move_on_after(Duration::from_millis(150), coulter::open_nursery(async |an| {
                let daemon = an.start_actor("daemon").expose(HERE).await?;
                daemon.run(forever::with()).await?;
                Ok(())
            }))
            .await;
            assert!(gave_up.is_none(), "the cancel was caught by its own scope");
        }
        Ok(())
    }

}

#[test]
fn rule_1_2_a_nursery_off_the_work_thread_names_the_ways() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let ended: Result<()> = runtime.block_on(coulter::open_nursery(async |_| Ok(())));
    let error = ended.unwrap_err();
    assert!(matches!(error.as_error(), Some(Error::NoRuntime(_))));
    assert_eq!(error.as_error().unwrap().failure().kind, FailureKind::Runtime);
    assert!(error.to_string().contains("coulter::main"), "{error}");
}
