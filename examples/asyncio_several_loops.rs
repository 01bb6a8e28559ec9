//! asyncio's tutorial on event loops: several of them one after the other in one thread, each with tasks of
//! its own, and each ends in order before the next one begins.
//!
//! `cargo run --example asyncio_several_loops`

use filch::runtime::Builder;
use filch::time::{Duration, sleep};

fn main() {
    one_after_the_other(&mut Builder::new_current_thread(), |line| println!("{line}"));
}

pub(crate) fn one_after_the_other(builder: &mut Builder, print: fn(String)) {
    for name in ["first", "second", "third"] {
        // `new_event_loop`, `run_until_complete`, `close`.
        let event_loop = builder.build().expect("the system has threads");
        let answer = event_loop.block_on(async move {
            let task = filch::spawn(async move {
                sleep(Duration::from_millis(10)).await;
                format!("hello from the {name} loop")
            });
            task.await.unwrap()
        });
        print(answer);
        let report = event_loop.close();
        print(format!("the {name} loop is closed: {report}"));
    }
}
