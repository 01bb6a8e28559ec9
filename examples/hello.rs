//! hello, a second later world: the first program of every asyncio tutorial.

use std::time::Duration;

#[filch::main]
async fn main() {
    println!("hello");
    filch::time::sleep(Duration::from_secs(1)).await;
    println!("world");
}
