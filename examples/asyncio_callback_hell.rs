//! The reason why asyncio has coroutines: four steps, each of which needs the one before, written one below
//! the other, with one place for all errors instead of a callback and an error handler for each step.
//!
//! `cargo run --example asyncio_callback_hell`

use filch::time::{Duration, sleep};
use std::fmt::Display;

#[filch::main]
async fn main() {
    let print = |line| println!("{line}");
    for broken in [None, Some("connect"), Some("query")] {
        report(broken, print).await;
    }
}

/// A step takes a second, and may fail.
async fn step(name: &str, input: impl Display, broken: Option<&str>) -> Result<String, String> {
    sleep(Duration::from_secs(1)).await;
    match broken == Some(name) {
        true => Err(format!("{name} {input} has failed")),
        false => Ok(format!("{name}({input})")),
    }
}

async fn all_steps(broken: Option<&str>) -> Result<String, String> {
    let address = step("resolve", "example.org", broken).await?;
    let connection = step("connect", address, broken).await?;
    let rows = step("query", connection, broken).await?;
    step("format", rows, broken).await
}

pub(crate) async fn report(broken: Option<&str>, print: fn(String)) {
    match all_steps(broken).await {
        Ok(page) => print(page),
        Err(error) => print(format!("sorry: {error}")),
    }
}
