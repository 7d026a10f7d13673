#[coulter::endpoint]
async unsafe fn risky() {}

#[coulter::endpoint]
extern "C" fn foreign() {}

#[coulter::endpoint]
async fn sometimes(#[cfg(unix)] fd: i32) {
    let _ = fd;
}

fn main() {}
