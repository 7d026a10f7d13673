use std::borrow::Cow;

#[coulter::endpoint]
async fn greet(name: &str, tags: Vec<&str>, bytes: &[u8], more: Cow<'static, str>) -> String {
    format!("{name} {tags:?} {bytes:?} {more}")
}

#[coulter::endpoint]
async fn name() -> &'static str {
    "Ida"
}

fn main() {}
