mod plain {
    #[coulter::main]
    fn main() {}
}

mod arguments {
    #[coulter::main]
    async fn main(args: Vec<String>) {
        drop(args);
    }
}

mod setup_of_another_type {
    fn setup() -> u32 {
        7
    }

    #[coulter::main(each = setup)]
    async fn main() {}
}

#[coulter::main]
async fn main() -> u32 {
    7
}
