//! Rules 2.1 to 2.7: spawning, ending, and leaving nothing.
use std::time::{Duration, Instant};

use coulter::prelude::*;
use coulter::{Error, ExitStatus};

use crate::support::{is_alive, kill, on_both, until};

const HERE: &str = module_path!();

#[coulter::endpoint]
async fn who() -> (String, u32) {
    let actor = coulter::current_actor();
    (actor.name().to_owned(), actor.pid())
}

/// Two variables, and the working directory.
#[coulter::endpoint]
async fn surroundings() -> Result<Vec<String>> {
    Ok(vec![std::env::var("COULTER_TEST_WORD")?, std::env::var("COULTER_TEST_LAST")?, std::env::current_dir()?.display().to_string()])
}

#[coulter::endpoint]
async fn spin_forever() {
    loop {
        std::hint::black_box(());
    }
}

#[coulter::endpoint]
async fn sleep_forever() -> Result<()> {
    std::future::pending().await
}

#[coulter::endpoint]
async fn exit_with(code: i32) {
    std::process::exit(code)
}

fn waits_mark(pid: u32) -> std::path::PathBuf {
    std::env::temp_dir().join(format!("coulter-waits-{pid}"))
}

/// Owns an actor until that dies, and tells how.
#[coulter::endpoint]
async fn keep_a_victim() -> Result<String> {
    let ended: Result<()> = coulter::open_nursery(async |an| {
        an.start_actor("victim").expose(HERE).await?;
        Ok(())
    })
    .await;
    Ok(ended.unwrap_err().to_string())
}

/// Waits on another actor's call, and tells how that ended.
#[coulter::endpoint]
async fn wait_on(name: String) -> Result<String> {
    let other = coulter::wait_for_actor(&name).await?;
    let mark = waits_mark(other.actor().pid);
    let call = other.run(sleep_forever::with());
    let marked = async {
        tokio::task::yield_now().await;
        std::fs::write(&mark, "")?;
        std::future::pending::<std::io::Result<()>>().await
    };
    let ended = tokio::select! {
        ended = call => ended.unwrap_err().to_string(),
        failed = marked => format!("{failed:?}"),
    };
    std::fs::remove_file(&mark)?;
    Ok(ended)
}

/// Starts a child and a grandchild, and tells their pids.
#[coulter::context]
async fn family(ctx: Context<Vec<u32>, (), ()>) -> Result<()> {
    coulter::open_nursery(async |an| {
        let child = an.start_actor("grandchild").expose(HERE).await?;
        ctx.started(vec![std::process::id(), child.run(who::with()).await?.1]).await?;
        std::future::pending::<()>().await;
        Ok(())
    })
    .await
}

on_both! {
    async fn rule_2_1_start_actor_gives_a_portal_to_a_daemon_that_lives_until_cancelled() {
        coulter::open_nursery(async |an| {
            let frank = an.start_actor("frank").expose(HERE).await?;
            let (name, pid) = frank.run(who::with()).await?;
            assert_eq!(name, "frank");
            assert_eq!(pid, frank.actor().pid);
            assert_ne!(pid, std::process::id());
            assert_eq!(frank.run(who::with()).await?.1, pid, "the same process answers again");
            an.cancel();
            Ok(())
        })
        .await
    }

    async fn rule_2_1_run_in_actor_gives_the_result_again_and_again_also_after_the_end() {
        let portal = coulter::open_nursery(async |an| {
            let portal = an.run_in_actor("once", who::with()).await?;
            assert_eq!(portal.wait_for_result().await?.0, "once");
            assert_eq!(portal.wait_for_result().await?.0, "once");
            Ok(portal)
        })
        .await?;
        assert_eq!(portal.wait_for_result().await?.0, "once");
        Ok(())
    }

    async fn rule_2_1_a_one_shot_answers_until_the_body_has_ended() {
        coulter::open_nursery(async |an| {
            let portal = an.run_in_actor("once", who::with()).await?;
            portal.wait_for_result().await?;
            assert_eq!(portal.run(who::with()).await?.0, "once");
            Ok(())
        })
        .await
    }

    async fn rule_2_1_release_lets_a_one_shot_go_at_once() {
        coulter::open_nursery(async |an| {
            let portal = an.run_in_actor("once", who::with()).await?;
            let (_, pid) = portal.wait_for_result().await?;
            portal.release();
            until("the released actor ends", || !is_alive(pid)).await;
            Ok(())
        })
        .await
    }

    async fn rule_2_1_spawn_options_reach_the_child() {
        coulter::open_nursery(async |an| {
            let child = an
                .start_actor("frank")
                .expose(HERE)
                .env("COULTER_TEST_WORD", "heron")
                .current_dir("/")
                .process(|command| {
                    command.env("COULTER_TEST_LAST", "word");
                })
                .await?;
            let told = child.run(surroundings::with()).await?;
            assert_eq!(told, ["heron", "word", "/"]);
            an.cancel();
            Ok(())
        })
        .await
    }

    async fn rule_2_3_an_unasked_death_is_the_error_of_the_call_and_of_the_nursery() {
        let ended = coulter::open_nursery(async |an| {
            let frank = an.start_actor("frank").expose(HERE).await?;
            let error = frank.run(exit_with::with(3)).await.unwrap_err();
            let Error::ActorDied(died) = &error else { panic!("{error:?}") };
            assert_eq!(died.status(), ExitStatus::Code(3));
            Ok(())
        })
        .await;
        let error = ended.unwrap_err();
        assert!(matches!(error.as_error(), Some(Error::ActorDied(_))), "{error:?}");
        Ok(())
    }

    async fn rule_2_3_a_killed_daemon_fails_its_nursery_with_the_signal() {
        let ended = coulter::open_nursery(async |an| {
            let frank = an.start_actor("frank").await?;
            kill("KILL", frank.actor().pid);
            std::future::pending::<()>().await;
            Ok(())
        })
        .await;
        let error = ended.unwrap_err();
        let Some(Error::ActorDied(died)) = error.as_error() else { panic!("{error:?}") };
        assert_eq!(died.status(), ExitStatus::Signal(9));
        Ok(())
    }

    async fn rule_2_3_who_is_not_the_parent_learns_the_status_within_a_second() {
        coulter::open_nursery(async |an| {
            let keeper = an.start_actor("keeper").expose(HERE).await?;
            let friend = an.start_actor("friend").expose(HERE).await?;
            let killing = async {
                let pid = coulter::wait_for_actor("victim").await?.actor().pid;
                until("the friend waits on the victim", || std::fs::exists(waits_mark(pid)).unwrap()).await;
                kill("KILL", pid);
                Ok::<_, Error>(Instant::now())
            };
            let asking = async { Ok::<_, Error>((friend.run(wait_on::with("victim")).await?, Instant::now())) };
            let (kept, asked, killed) = tokio::join!(keeper.run(keep_a_victim::with()), asking, killing);
            let (told, when) = asked?;
            assert!(told.contains("SIGKILL"), "the friend: {told}");
            assert!(kept?.contains("SIGKILL"));
            assert!(when - killed? < Duration::from_secs(1));
            an.cancel();
            Ok(())
        })
        .await
    }

    async fn rule_2_4_the_ladder_kills_a_child_whose_work_thread_spins() {
        let begun = Instant::now();
        coulter::open_nursery(async |an| {
            let stuck = an.start_actor("stuck").expose(HERE).await?;
            let call = coulter::move_on_after(Duration::from_millis(100), stuck.run(spin_forever::with()));
            an.cancel();
            drop(call);
            Ok(())
        })
        .await?;
        assert!(begun.elapsed() < Duration::from_secs(10));
        Ok(())
    }

    async fn rule_2_4_kill_starts_at_sigterm_and_siblings_end_in_parallel() {
        let begun = Instant::now();
        coulter::open_nursery(async |an| {
            for n in 0..4 {
                an.start_actor(format!("victim_{n}")).await?;
            }
            an.kill();
            Ok(())
        })
        .await?;
        assert!(begun.elapsed() < Duration::from_secs(10));
        Ok(())
    }

    async fn rule_2_5_no_orphans_when_a_middle_actor_is_killed() {
        let mut pids = Vec::new();
        let ended = coulter::open_nursery(async |an| {
            let middle = an.start_actor("middle").expose(HERE).await?;
            middle
                .open_context(family::with(), async |_, family| {
                    pids = family;
                    kill("KILL", pids[0]);
                    std::future::pending::<()>().await;
                    Ok(())
                })
                .await
        })
        .await;
        assert!(matches!(ended.unwrap_err().as_error(), Some(Error::ActorDied(_))));
        let grandchild = pids[1];
        until("the grandchild ends", || !is_alive(grandchild)).await;
        Ok(())
    }

    async fn rule_2_7_a_tree_of_many_leaves_nothing() {
        // The support of every test looks for processes and files left behind.
        coulter::open_nursery(async |an| {
            for n in 0..8 {
                an.run_in_actor(format!("one_{n}"), who::with()).await?;
            }
            let stuck = an.start_actor("sleeper").expose(HERE).await?;
            let _ = coulter::move_on_after(Duration::from_millis(20), stuck.run(sleep_forever::with())).await;
            an.cancel();
            Ok(())
        })
        .await
    }
}

#[coulter::test]
#[should_panic(expected = "the root's main task panics")]
async fn rule_2_7_a_panic_in_the_roots_main_task_leaves_nothing() {
    let ended: Result<()> = coulter::open_nursery(async |an| {
        an.start_actor("bystander").await?;
        panic!("the root's main task panics")
    })
    .await;
    unreachable!("{ended:?}");
}

#[coulter::test]
async fn rule_2_2_a_child_that_does_not_know_what_it_is_refuses_to_spawn() -> Result<()> {
    // SAFETY: this test is a process of its own, and nothing else reads the environment now.
    unsafe { std::env::set_var("COULTER_ACTOR", "1") };
    let ended = coulter::open_nursery(async |an| {
        an.start_actor("bomb").await?;
        Ok(())
    })
    .await;
    let text = ended.unwrap_err().to_string();
    assert!(text.contains("coulter::init()"), "{text}");
    Ok(())
}

/// Runs in every actor before its first task.
fn die_if_told() {
    if std::env::var_os("COULTER_TEST_DIE").is_some() {
        eprintln!("this actor was told to die");
        std::process::exit(7);
    }
}

async fn stillborn() -> Result<()> {
    let begun = Instant::now();
    let ended = coulter::open_nursery(async |an| {
        an.start_actor("stillborn").env("COULTER_TEST_DIE", "1").await?;
        Ok(())
    })
    .await;
    let error = ended.unwrap_err();
    let Some(Error::ActorDied(died)) = error.as_error() else { panic!("{error:?}") };
    assert_eq!(died.status(), ExitStatus::Code(7));
    assert!(died.last_output().iter().any(|line| line.contains("told to die")), "{:?}", died.last_output());
    assert!(begun.elapsed() < Duration::from_secs(8), "at once, not after the connect timeout");
    Ok(())
}

mod rule_2_2_a_child_that_dies_first_is_an_error_at_once_with_status_and_output {
    use super::*;

    #[coulter::test(transport = "uds", each = die_if_told)]
    async fn uds() -> Result<()> {
        stillborn().await
    }
    #[coulter::test(transport = "tcp", each = die_if_told)]
    async fn tcp() -> Result<()> {
        stillborn().await
    }
}
