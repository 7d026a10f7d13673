use coulter::prelude::*;

#[coulter::endpoint]
async fn greet(name: String, times: u32) -> String {
    name.repeat(times as usize)
}

async fn ask(portal: &Portal) -> Result<String> {
    Ok(portal.run(greet::with("Ida")).await?)
}

fn main() {
    let _ = ask;
}
