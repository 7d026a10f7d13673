use coulter::prelude::*;

async fn double(n: u32) -> u32 {
    2 * n
}

async fn ask(portal: &Portal) -> Result<u32> {
    Ok(portal.run(double::with(21)).await?)
}

async fn hand_over(portal: &Portal) -> Result<u32> {
    Ok(portal.run(double(21)).await?)
}

fn main() {
    let _ = (ask, hand_over);
}
