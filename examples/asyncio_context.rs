//! asyncio's tutorial on `async with`: a block with a way in and a way out, which is taken also when the
//! block is cancelled, and which may wait.
//!
//! `cargo run --example asyncio_context`

use filch::cancel::with_cleanup;
use filch::time::{Duration, sleep};
use filch::wait_for;

#[filch::main]
async fn main() {
    two_blocks(|line| println!("{line}")).await;
}

/// A connection that takes a second to open and a second to close. Python's `__aenter__` and `__aexit__`.
async fn connected<T>(print: fn(String), block: impl AsyncFnOnce() -> T) -> T {
    sleep(Duration::from_secs(1)).await;
    print("connected".into());
    let close = async {
        sleep(Duration::from_secs(1)).await;
        print("closed".into());
    };
    with_cleanup(block(), close).await
}

async fn talk(seconds: u64, print: fn(String)) {
    print("talking".into());
    sleep(Duration::from_secs(seconds)).await;
    print("said it all".into());
}

pub(crate) async fn two_blocks(print: fn(String)) {
    connected(print, async || talk(1, print).await).await;

    let endless = connected(print, async || talk(3600, print).await);
    if wait_for(endless, Duration::from_secs(5)).await.is_err() {
        print("timeout!".into());
    }
}
