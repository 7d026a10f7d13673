struct Counter(u32);

impl Counter {
    #[coulter::endpoint]
    async fn count(&self) -> u32 {
        self.0
    }
}

fn main() {}
