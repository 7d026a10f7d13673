//! An endpoint is called like any function, and like any endpoint; every shape it may have.
#![forbid(unsafe_code)]
#![deny(warnings)]

use coulter::prelude::*;

mod acts {
    use std::path::PathBuf;

    use coulter::prelude::*;

    #[derive(Debug, PartialEq, serde::Serialize, serde::Deserialize)]
    pub(crate) struct Arguments {
        pub(crate) x: i32,
    }

    /// Nothing given, nothing taken.
    #[coulter::endpoint]
    pub(crate) async fn nothing() {}

    #[coulter::endpoint]
    pub(crate) async fn converts(name: String, file: PathBuf, count: u64) -> Result<String> {
        Ok(format!("{name} {} {count}", file.display()))
    }

    #[coulter::endpoint]
    pub(crate) async fn own_error(text: String) -> std::result::Result<u8, std::num::ParseIntError> {
        text.parse()
    }

    #[coulter::endpoint(path = "maths::sum")]
    pub(crate) fn blocking(mut a: u32, (b, c): (u32, u32), r#type: Arguments, _: Option<u8>) -> u32 {
        a += b + c;
        a + r#type.x.unsigned_abs()
    }

    // Names the expansion might have used itself.
    #[coulter::endpoint]
    pub(crate) async fn hygienic(input: u8, out: u8, arguments: u8, ctx: u8, invocation: u8) -> u8 {
        input + out + arguments + ctx + invocation
    }

    #[cfg(any())]
    #[coulter::endpoint]
    pub(crate) async fn gone_before(what: Nothing) {}

    #[coulter::endpoint]
    #[cfg(any())]
    pub(crate) async fn gone_after(what: Nothing) {}

    type Side = Context<u32, String, Option<f64>>;

    #[coulter::context]
    pub(crate) async fn ticker(ctx: Side, symbol: String) -> Result<u16> {
        ctx.started(symbol.len() as u32).await?;
        let mut stream = ctx.open_stream().await?;
        while let Some(command) = stream.receive().await? {
            stream.send(command.parse().ok()).await?;
        }
        Ok(3)
    }
}

async fn two_of_one_name(portal: &Portal) -> Result<()> {
    {
        #[coulter::endpoint]
        async fn local() {}
        portal.run(local::with()).await?;
    }
    #[coulter::endpoint]
    async fn local(n: u8) -> u8 {
        n
    }
    let _: u8 = portal.run(local::with(1)).await?;
    Ok(())
}

async fn from_afar(portal: &Portal) -> Result<()> {
    use acts::hygienic as renamed;
    let () = portal.run(acts::nothing::with()).await?;
    let _: String = portal.run(acts::converts::with("a", "b", 3)).await?;
    let _: u8 = portal.run(acts::own_error::with("7")).await?;
    let _: u32 = portal
        .run(acts::blocking::with(1, (2, 3), acts::Arguments { x: 4 }, None))
        .await?;
    let _: u8 = portal.run(renamed::with(1, 2, 3, 4, 5)).await?;
    let summary: u16 = portal
        .open_context(acts::ticker::with("BTC"), async |ctx, first: u32| {
            let mut stream = ctx.open_stream().await?;
            stream.send(first.to_string()).await?;
            let _: Option<Option<f64>> = stream.receive().await?;
            drop(stream);
            Ok(ctx.wait_for_result().await?)
        })
        .await?;
    assert_eq!(summary, 3);
    Ok(())
}

#[coulter::main]
async fn main() -> Result<()> {
    let () = acts::nothing().await;
    assert_eq!(acts::converts("a".into(), "b".into(), 3).await?, "a b 3");
    assert!(acts::own_error("x".into()).await.is_err());
    assert_eq!(acts::blocking(1, (2, 3), acts::Arguments { x: 4 }, None), 10);
    assert_eq!(acts::hygienic(1, 2, 3, 4, 5).await, 15);
    let _ = (from_afar, two_of_one_name);
    Ok(())
}
