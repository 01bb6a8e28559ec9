//! hello, a second later world: the first program of every asyncio tutorial.
//!
//! ```text
//! cargo run --example hello
//! ```

use std::time::Duration;

#[filch::main]
async fn main() {
    hello(|line| println!("{line}")).await;
}

pub(crate) async fn hello(print: fn(String)) {
    print("hello".into());
    filch::time::sleep(Duration::from_secs(1)).await;
    print("world".into());
}
