//! asyncio's tutorial on `async for`: an iterator that has to wait for its values, and others who work in
//! the meantime.
//!
//! `cargo run --example asyncio_iterator`

use filch::stream::{FromTask, from_task};
use filch::time::{Duration, sleep};

#[filch::main]
async fn main() {
    iterate(|line| println!("{line}")).await;
}

/// Counts down, a number each second. Python's `async def` with `yield`.
fn countdown(from: u32) -> FromTask<u32> {
    from_task(1, move |numbers| async move {
        for number in (1..=from).rev() {
            sleep(Duration::from_secs(1)).await;
            if numbers.send(number).await.is_err() {
                return;
            }
        }
    })
}

pub(crate) async fn iterate(print: fn(String)) {
    let other = filch::spawn(async move {
        sleep(Duration::from_millis(1500)).await;
        print("something else".into());
    });
    let mut numbers = countdown(3);
    while let Some(number) = numbers.next().await {
        print(format!("{number}..."));
    }
    print("lift-off".into());
    other.await.unwrap();
}
