#[coulter::main(colour = "red")]
async fn a() {}

#[coulter::main(debug = 1)]
async fn b() {}

#[coulter::main(transport = "carrier pigeon")]
async fn c() {}

#[coulter::main(transport = ["uds", "uds"])]
async fn d() {}

#[coulter::main(name)]
async fn e() {}

#[coulter::main(each = || ())]
async fn f() {}

#[coulter::main(log = "info", log = "debug")]
async fn g() {}

#[coulter::main(name = "")]
async fn main() {}
