use coulter::prelude::*;

#[coulter::endpoint]
async fn double(n: u32) -> u32 {
    2 * n
}

async fn ask(portal: &Portal) -> Result<u32> {
    Ok(portal.run(double::with("21")).await?)
}

fn main() {
    let _ = ask;
}
