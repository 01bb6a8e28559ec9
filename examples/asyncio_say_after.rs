//! asyncio's tutorial on tasks: what is awaited in sequence takes three seconds, as two tasks it takes
//! two, and so it does in a group, which awaits its tasks by itself.
//!
//! `cargo run --example asyncio_say_after`

use filch::TaskGroup;
use filch::time::{Duration, Instant, sleep};

#[filch::main]
async fn main() {
    let print = |line| println!("{line}");
    in_sequence(print).await;
    as_tasks(print).await;
    in_a_group(print).await;
}

async fn say_after(seconds: u64, what: &str, print: fn(String)) {
    sleep(Duration::from_secs(seconds)).await;
    print(what.to_owned());
}

pub(crate) async fn in_sequence(print: fn(String)) {
    let start = Instant::now();
    say_after(1, "hello", print).await;
    say_after(2, "world", print).await;
    print(format!("in sequence: {:.0} s", start.elapsed().as_secs_f64()));
}

pub(crate) async fn as_tasks(print: fn(String)) {
    let start = Instant::now();
    let hello = filch::spawn(say_after(1, "hello", print));
    let world = filch::spawn(say_after(2, "world", print));
    hello.await.unwrap();
    world.await.unwrap();
    print(format!("as tasks: {:.0} s", start.elapsed().as_secs_f64()));
}

pub(crate) async fn in_a_group(print: fn(String)) {
    let start = Instant::now();
    let all_said = TaskGroup::<()>::scope(async |group| {
        for (seconds, what) in [(1, "hello"), (2, "world")] {
            group.spawn(async move {
                say_after(seconds, what, print).await;
                Ok(())
            });
        }
        Ok(())
    });
    all_said.await.unwrap();
    print(format!("in a group: {:.0} s", start.elapsed().as_secs_f64()));
}
