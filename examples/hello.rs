//! hello, a second later world: the first program of every asyncio tutorial.
//!
//! ```text
//! cargo run --example hello
//! ```

use std::time::Duration;

#[filch::main]
async fn main() {
    hello().await;
}

pub(crate) async fn hello() {
    println!("hello");
    filch::time::sleep(Duration::from_secs(1)).await;
    println!("world");
}
