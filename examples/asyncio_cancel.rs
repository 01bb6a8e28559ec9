//! asyncio's tutorial on `Task.cancel`: a sleeping task is told, cleans up, and passes the cancellation
//! on to whoever awaits it.
//!
//! `cargo run --example asyncio_cancel`

use filch::cancel::{Cancelled, catch_cancel, with_cleanup};
use filch::time::{Duration, sleep};

#[filch::main]
async fn main() {
    cancel(|line| println!("{line}")).await;
}

async fn cancel_me(print: fn(String)) -> Result<(), Cancelled> {
    print("cancel_me(): before sleep".into());
    let an_hour = async {
        // Python's `except CancelledError: …; raise`.
        catch_cancel(sleep(Duration::from_secs(3600)))
            .await
            .inspect_err(|_| print("cancel_me(): cancel sleep".into()))
    };
    // Python's `finally: …`.
    with_cleanup(an_hour, async { print("cancel_me(): after sleep".into()) }).await
}

pub(crate) async fn cancel(print: fn(String)) {
    let task = filch::spawn(cancel_me(print));
    sleep(Duration::from_secs(1)).await;
    task.cancel("a second is enough");
    match task.await.unwrap() {
        Ok(()) => unreachable!("nobody sleeps an hour in a second"),
        Err(_) => print("main(): cancel_me is cancelled now".into()),
    }
}
