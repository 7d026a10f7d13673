#[coulter::endpoint]
async fn greet(name: impl ToString) -> impl ToString {
    name.to_string()
}

#[coulter::endpoint]
async fn shape(shape: Box<dyn std::fmt::Debug>) {
    let _ = shape;
}

fn main() {}
