struct Mishap;

#[coulter::endpoint]
async fn fails() -> Result<u32, Mishap> {
    Err(Mishap)
}

fn main() {}
