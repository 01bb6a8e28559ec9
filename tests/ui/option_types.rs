mod flavor {
    #[filch::test(flavor = current_thread)]
    async fn test() {}
}

mod worker_threads {
    #[filch::test(flavor = "multi_thread", worker_threads = "two")]
    async fn test() {}
}

mod start_paused {
    #[filch::test(start_paused = 1)]
    async fn test() {}
}

mod name {
    #[filch::test(name = 'n')]
    async fn test() {}
}

mod path {
    #[filch::test(crate = "not a path")]
    async fn test() {}
}

fn main() {}
