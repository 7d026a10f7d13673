//! Every option of `main`, all at once; the body may use `?`, `return`, and borrow nothing from outside.
#![deny(warnings)]

use std::num::ParseIntError;

fn setup() {}

#[coulter::main(name = "director", log = "info", debug = false, transport = "uds", transport = ["tcp"], each = setup)]
async fn main() -> Result<(), ParseIntError> {
    if "7".parse::<u8>()? == 7 {
        return Ok(());
    }
    Ok(())
}
