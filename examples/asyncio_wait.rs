//! asyncio's tutorial on `gather` and `wait`: the first gives results in the order of the calls, the second
//! the set of tasks that are done, and leaves the others running.
//!
//! `cargo run --example asyncio_wait`

use filch::task::JoinHandle;
use filch::time::{Duration, sleep};
use filch::{ReturnWhen, gather_handles, wait};

#[filch::main]
async fn main() {
    let print = |line| println!("{line}");
    in_order(print).await;
    as_they_come(print).await;
}

fn phases() -> Vec<JoinHandle<String>> {
    let phase = |number: u64| {
        filch::spawn(async move {
            sleep(Duration::from_secs(4 - number)).await;
            format!("phase {number}")
        })
    };
    (1..=3).map(phase).collect()
}

pub(crate) async fn in_order(print: fn(String)) {
    let results = gather_handles(phases()).await.unwrap();
    print(format!("gathered: {}", results.join(", ")));
}

pub(crate) async fn as_they_come(print: fn(String)) {
    let mut pending = phases();
    while !pending.is_empty() {
        let result = wait(&mut pending, ReturnWhen::FirstCompleted, None).await;
        let done;
        (done, pending) = result.partition(pending);
        for task in done {
            print(format!("done: {}, pending: {}", task.await.unwrap(), pending.len()));
        }
    }
}
