//! asyncio's tutorial on `gather`: three factorials take turns at every `sleep`, and their results come
//! in the order of the calls.
//!
//! `cargo run --example asyncio_gather`

use filch::time::{Duration, sleep};
use std::convert::Infallible;

#[filch::main]
async fn main() {
    factorials(|line| println!("{line}")).await;
}

async fn factorial(name: &str, number: u64, print: fn(String)) -> Result<u64, Infallible> {
    let mut product = 1;
    for i in 2..=number {
        print(format!("Task {name}: Compute factorial({number}), currently i={i}..."));
        sleep(Duration::from_secs(1)).await;
        product *= i;
    }
    print(format!("Task {name}: factorial({number}) = {product}"));
    Ok(product)
}

pub(crate) async fn factorials(print: fn(String)) {
    let calls = [("A", 2), ("B", 3), ("C", 4)];
    let Ok(all) = filch::gather(calls.map(|(name, n)| factorial(name, n, print))).await;
    print(format!("{all:?}"));
}
