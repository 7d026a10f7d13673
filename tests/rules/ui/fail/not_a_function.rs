#[coulter::endpoint]
struct Greeter;

#[coulter::context]
static LIMIT: u32 = 3;

fn main() {}
