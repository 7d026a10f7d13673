//! Rules 8.1 and 8.5: finding actors by name.
use std::time::Duration;

use coulter::prelude::*;

use crate::support::on_both;

const HERE: &str = module_path!();

#[coulter::endpoint]
async fn pid() -> u32 {
    std::process::id()
}

#[coulter::endpoint]
async fn ask_by_name(name: String) -> Result<u32> {
    Ok(coulter::wait_for_actor(&name).await?.run(pid::with()).await?)
}

#[coulter::endpoint]
async fn parent_and_root() -> Result<(String, String)> {
    let parent = coulter::get_parent()?.map(|portal| portal.actor().name.clone());
    let root = coulter::get_root().await?.actor().name.clone();
    Ok((parent.unwrap_or_default(), root))
}

#[coulter::endpoint]
async fn below(name: String) -> Result<(String, String)> {
    coulter::open_nursery(async |an| {
        let child = an.start_actor(name).expose(HERE).await?;
        let told = child.run(parent_and_root::with()).await?;
        an.cancel();
        Ok(told)
    })
    .await
}

on_both! {
    async fn rule_8_1_an_actor_is_found_while_it_lives_and_not_after() {
        assert!(coulter::find_actor("frank").await?.is_none());
        coulter::open_nursery(async |an| {
            let started = an.start_actor("frank").expose(HERE).await?;
            let found = coulter::find_actor("frank").await?.expect("it is registered once it is ready");
            assert_eq!(found.actor(), started.actor());
            assert_eq!(found.run(pid::with()).await?, started.actor().pid);
            let (aid, addresses) = coulter::query_actor("frank").await?.expect("known");
            assert_eq!(&aid, started.actor());
            assert!(!addresses.is_empty());
            an.cancel();
            Ok(())
        })
        .await?;
        assert!(coulter::find_actor("frank").await?.is_none());
        Ok(())
    }

    async fn rule_8_1_siblings_find_each_other_and_wait_for_each_other() {
        coulter::open_nursery(async |an| {
            let asks = an.start_actor("asks").expose(HERE).await?;
            let waiting = asks.run(ask_by_name::with("late"));
            let starting = async {
                tokio::time::sleep(Duration::from_millis(100)).await;
                an.start_actor("late").expose(HERE).await
            };
            let (answer, late) = tokio::join!(waiting, starting);
            assert_eq!(answer?, late?.actor().pid);
            an.cancel();
            Ok(())
        })
        .await
    }

    async fn rule_8_1_of_several_of_one_name_the_newest_is_found_and_all_on_request() {
        coulter::open_nursery(async |an| {
            let first = an.start_actor("twin").expose(HERE).await?;
            let second = an.start_actor("twin").expose(HERE).await?;
            let newest = coulter::find_actor("twin").await?.expect("one of them");
            assert_eq!(newest.actor(), second.actor());
            let all: Vec<_> = coulter::find_actors("twin").await?.iter().map(|portal| portal.actor().pid).collect();
            assert_eq!(all, [second.actor().pid, first.actor().pid]);
            an.cancel();
            Ok(())
        })
        .await
    }

    async fn rule_8_1_parent_and_root_are_known_at_any_depth() {
        let root = coulter::current_actor().name().to_owned();
        let (parent, told_root) = coulter::open_nursery(async |an| {
            let middle = an.start_actor("middle").expose(HERE).await?;
            let told = middle.run(below::with("leaf")).await?;
            an.cancel();
            Ok(told)
        })
        .await?;
        assert_eq!((parent.as_str(), told_root), ("middle", root));
        Ok(())
    }

    async fn rule_8_5_a_channel_shows_who_where_and_over_what() {
        coulter::open_nursery(async |an| {
            let child = an.start_actor("child").expose(HERE).await?;
            let channel = child.channel();
            assert_eq!(&channel.aid, child.actor());
            assert!(!channel.closed);
            match channel.transport {
                coulter::Transport::Uds => assert_eq!(channel.peer_pid, Some(child.actor().pid)),
                coulter::Transport::Tcp => assert!(channel.raddr.starts_with("/ip4/127.0.0.1/tcp/"), "{}", channel.raddr),
            }
            an.cancel();
            Ok(())
        })
        .await
    }
}
