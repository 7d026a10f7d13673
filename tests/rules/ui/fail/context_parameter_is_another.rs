#[coulter::context]
async fn ticker(symbol: String) {
    let _ = symbol;
}

fn main() {}
