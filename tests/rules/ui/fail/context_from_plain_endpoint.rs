use coulter::prelude::*;

#[coulter::endpoint]
async fn double(n: u32) -> u32 {
    2 * n
}

async fn ask(portal: &Portal) -> Result<()> {
    portal
        .open_context(double::with(21), async |_ctx, _first| Ok(()))
        .await
}

fn main() {
    let _ = ask;
}
