struct Handle(#[allow(dead_code)] u32);

#[coulter::endpoint]
async fn take() -> Handle {
    Handle(1)
}

fn main() {}
