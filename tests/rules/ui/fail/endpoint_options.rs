#[coulter::endpoint(name = "svc::a")]
async fn a() {}

#[coulter::endpoint(path = svc)]
async fn b() {}

#[coulter::endpoint(path = "c")]
async fn c() {}

#[coulter::endpoint(path = "svc::")]
async fn d() {}

#[coulter::endpoint(path = "svc::e", path = "svc::f")]
async fn e() {}

fn main() {}
