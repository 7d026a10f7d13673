#[coulter::context]
async fn ticker() {}

fn main() {}
