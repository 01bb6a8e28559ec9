//! asyncio's tutorial on timeouts: who waits an hour for what gets a second is told that it timed out.
//!
//! `cargo run --example asyncio_wait_for`

use filch::time::{Duration, sleep};
use filch::wait_for;

#[filch::main]
async fn main() {
    give_up(|line| println!("{line}")).await;
}

async fn eternity(print: fn(String)) {
    sleep(Duration::from_secs(3600)).await;
    print("yay!".into());
}

pub(crate) async fn give_up(print: fn(String)) {
    match wait_for(eternity(print), Duration::from_secs(1)).await {
        Ok(()) => print("in time".into()),
        Err(_) => print("timeout!".into()),
    }
}
