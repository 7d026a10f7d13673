use coulter::prelude::*;

#[coulter::context]
fn ticker(_ctx: Context<(), (), ()>) {}

fn main() {}
