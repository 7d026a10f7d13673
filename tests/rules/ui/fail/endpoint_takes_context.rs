use coulter::prelude::*;

#[coulter::endpoint]
async fn ticker(_ctx: Context<(), (), ()>) {}

fn main() {}
