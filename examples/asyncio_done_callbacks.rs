//! asyncio's tutorial on `add_done_callback`: functions that are called as the tasks end, in that order,
//! while nobody awaits them.
//!
//! `cargo run --example asyncio_done_callbacks`

use filch::task::Builder;
use filch::time::{Duration, sleep};

#[filch::main]
async fn main() {
    race(|line| println!("{line}")).await;
}

pub(crate) async fn race(print: fn(String)) {
    for (name, seconds) in [("the tortoise", 3), ("the hare", 1), ("the hedgehog", 2)] {
        let runner = sleep(Duration::from_secs(seconds));
        let task = Builder::new().name(name).spawn(runner).expect("there is a runtime");
        task.on_done(move |task| print(format!("{} is there", task.name().unwrap())));
    }
    sleep(Duration::from_secs(4)).await;
    print("all have come".into());
}
