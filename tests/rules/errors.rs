//! Rule 7: errors keep what they are over any number of processes, and are reported once.
use coulter::Error;
use coulter::prelude::*;

use crate::support::on_both;

const HERE: &str = module_path!();

#[derive(Debug)]
struct Broken {
    why: std::io::Error,
}
impl std::fmt::Display for Broken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the machine is broken")
    }
}
impl std::error::Error for Broken {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.why)
    }
}

#[coulter::endpoint]
async fn broken() -> Result<()> {
    Err(Broken { why: std::io::Error::other("a belt came off") })?;
    Ok(())
}

/// Calls itself in an actor below, `depth` times, then breaks.
#[coulter::endpoint]
async fn far_away(depth: u32) -> Result<()> {
    if depth == 0 {
        return broken().await;
    }
    coulter::open_nursery(async |an| {
        let below = an.start_actor(format!("hop_{depth}")).expose(HERE).await?;
        let done = below.run(far_away::with(depth - 1)).await;
        an.cancel();
        Ok(done?)
    })
    .await
}

on_both! {
    async fn rule_7_1_source_type_chain_and_place_survive_any_number_of_hops() {
        let error = far_away(3).await.unwrap_err();
        let Some(Error::Remote(remote)) = error.as_error() else { panic!("{error:?}") };
        assert_eq!(remote.message(), "the machine is broken");
        assert!(remote.type_name().ends_with("Broken"), "{}", remote.type_name());
        assert_eq!(remote.failure().causes, ["a belt came off"]);
        assert!(remote.failure().location.as_ref().unwrap().contains("errors.rs"));
        assert_eq!(remote.source_actor().unwrap().name, "hop_1");
        let way: Vec<_> = remote.relay_path().iter().map(|aid| aid.name.clone()).collect();
        assert_eq!(way, ["hop_2", "hop_3"]);
        Ok(())
    }

    async fn rule_7_2_the_report_of_a_childs_error_is_short_and_tells_it_once() {
        let error = far_away(3).await.unwrap_err();
        let text = format!("{error:?}");
        assert!(text.lines().count() <= 60, "{text}");
        assert_eq!(text.matches("the machine is broken").count(), 1, "{text}");
        for hop in ["hop_1", "hop_2", "hop_3"] {
            assert_eq!(text.matches(hop).count(), 1, "{text}");
        }
        Ok(())
    }

    async fn rule_7_3_each_error_says_what_to_do() {
        coulter::open_nursery(async |an| {
            let child = an.start_actor("child").await?;
            let text = child.run(broken::with()).await.unwrap_err().to_string();
            assert!(text.contains("does not expose") && text.contains("start it with"), "{text}");
            child.cancel_actor().await?;
            Ok(())
        })
        .await
    }
}

#[test]
fn rule_7_0_anything_that_is_an_error_becomes_a_report_by_question_mark_with_its_place() {
    fn io() -> Result<()> {
        Err(std::io::Error::other("disk"))?;
        Ok(())
    }
    fn text() -> Result<()> {
        Err("just words")?;
        Ok(())
    }
    let report = io().unwrap_err();
    assert!(report.downcast_ref::<std::io::Error>().is_some());
    assert!(report.location().file().ends_with("errors.rs"));
    assert_eq!(text().unwrap_err().to_string(), "just words");
    let boxed: Box<dyn std::error::Error> = text().unwrap_err().into();
    assert_eq!(boxed.to_string(), "just words");
}
