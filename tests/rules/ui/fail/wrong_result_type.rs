use coulter::prelude::*;

#[coulter::endpoint]
async fn double(n: u32) -> u32 {
    2 * n
}

async fn ask(portal: &Portal) -> Result<String> {
    let doubled: String = portal.run(double::with(21)).await?;
    Ok(doubled)
}

fn main() {
    let _ = ask;
}
