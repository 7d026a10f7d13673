struct Handle(#[allow(dead_code)] u32);

#[coulter::endpoint]
async fn give(handle: Handle) {
    let _ = handle;
}

fn main() {}
