//! The programs of asyncio's tutorials say what they say in Python, and when: in virtual time, where no
//! sockets or threads are in play.
#![allow(missing_docs, clippy::disallowed_types)]

use filch::runtime::Builder;
use filch::time::Instant;
use std::cell::RefCell;

macro_rules! examples {
    ($($name:ident in $path:literal;)*) => {
        $(
            #[allow(dead_code, reason = "its main is called by nobody here")]
            #[path = $path]
            mod $name;
        )*
    };
}

examples! {
    callback_hell in "../examples/asyncio_callback_hell.rs";
    cancel in "../examples/asyncio_cancel.rs";
    context in "../examples/asyncio_context.rs";
    done_callbacks in "../examples/asyncio_done_callbacks.rs";
    executor in "../examples/asyncio_executor.rs";
    gather in "../examples/asyncio_gather.rs";
    hello in "../examples/hello.rs";
    iterator in "../examples/asyncio_iterator.rs";
    say_after in "../examples/asyncio_say_after.rs";
    semaphore in "../examples/asyncio_semaphore.rs";
    several_loops in "../examples/asyncio_several_loops.rs";
    wait in "../examples/asyncio_wait.rs";
    wait_for in "../examples/asyncio_wait_for.rs";
    wget in "../examples/asyncio_wget.rs";
}

thread_local! {
    static PRINTED: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

/// Keeps a line instead of printing it. All that these programs print comes from the test's own thread.
fn print(line: String) {
    PRINTED.with_borrow_mut(|lines| lines.push(line));
}

fn printed() -> Vec<String> {
    PRINTED.take()
}

/// Awaits an example, which must print these lines and take so many milliseconds.
async fn expect(example: impl Future<Output = ()>, lines: &[&str], millis: u128) {
    let start = Instant::now();
    example.await;
    assert_eq!(printed(), lines);
    assert_eq!(start.elapsed().as_millis(), millis);
}

#[filch::test(start_paused = true)]
async fn hello_and_world_are_a_second_apart() {
    expect(hello::hello(print), &["hello", "world"], 1000).await;
}

#[filch::test(start_paused = true)]
async fn two_tasks_take_as_long_as_the_longer_one() {
    let lines = ["hello", "world", "in sequence: 3 s"];
    expect(say_after::in_sequence(print), &lines, 3000).await;
    expect(say_after::as_tasks(print), &["hello", "world", "as tasks: 2 s"], 2000).await;
    expect(say_after::in_a_group(print), &["hello", "world", "in a group: 2 s"], 2000).await;
}

#[filch::test(start_paused = true)]
async fn the_factorials_take_turns() {
    let lines = [
        "Task A: Compute factorial(2), currently i=2...",
        "Task B: Compute factorial(3), currently i=2...",
        "Task C: Compute factorial(4), currently i=2...",
        "Task A: factorial(2) = 2",
        "Task B: Compute factorial(3), currently i=3...",
        "Task C: Compute factorial(4), currently i=3...",
        "Task B: factorial(3) = 6",
        "Task C: Compute factorial(4), currently i=4...",
        "Task C: factorial(4) = 24",
        "[2, 6, 24]",
    ];
    expect(gather::factorials(print), &lines, 3000).await;
}

#[filch::test(start_paused = true)]
async fn nobody_waits_for_eternity() {
    expect(wait_for::give_up(print), &["timeout!"], 1000).await;
}

#[filch::test(start_paused = true)]
async fn who_is_cancelled_cleans_up_and_passes_it_on() {
    let lines = [
        "cancel_me(): before sleep",
        "cancel_me(): cancel sleep",
        "cancel_me(): after sleep",
        "main(): cancel_me is cancelled now",
    ];
    expect(cancel::cancel(print), &lines, 1000).await;
}

#[filch::test(start_paused = true)]
async fn callbacks_are_called_as_the_tasks_end() {
    let lines =
        ["the hare is there", "the hedgehog is there", "the tortoise is there", "all have come"];
    expect(done_callbacks::race(print), &lines, 4000).await;
}

#[filch::test(start_paused = true)]
async fn gather_keeps_the_order_and_wait_tells_who_is_done() {
    expect(wait::in_order(print), &["gathered: phase 1, phase 2, phase 3"], 3000).await;
    let lines =
        ["done: phase 3, pending: 2", "done: phase 2, pending: 1", "done: phase 1, pending: 0"];
    expect(wait::as_they_come(print), &lines, 3000).await;
}

#[filch::test(start_paused = true)]
async fn an_iterator_waits_and_others_work() {
    let lines = ["3...", "something else", "2...", "1...", "lift-off"];
    expect(iterator::iterate(print), &lines, 3000).await;
}

#[filch::test(start_paused = true)]
async fn a_block_is_left_in_order_also_when_its_time_is_over() {
    let lines = ["connected", "talking", "said it all", "closed"];
    let late = ["connected", "talking", "closed", "timeout!"];
    expect(context::two_blocks(print), &[lines, late].concat(), 9000).await;
}

#[filch::test(start_paused = true)]
async fn four_steps_have_one_place_for_errors() {
    let page = "format(query(connect(resolve(example.org))))";
    expect(callback_hell::report(None, print), &[page], 4000).await;
    let sorry = "sorry: connect resolve(example.org) has failed";
    expect(callback_hell::report(Some("connect"), print), &[sorry], 2000).await;
}

#[test]
fn several_loops_run_one_after_the_other() {
    several_loops::one_after_the_other(Builder::new_current_thread().start_paused(true), print);
    let printed = printed();
    let hello = |name| format!("hello from the {name} loop");
    for (lines, name) in printed.chunks(2).zip(["first", "second", "third"]) {
        assert_eq!(lines[0], hello(name));
        assert!(lines[1].starts_with(&format!("the {name} loop is closed")), "{}", lines[1]);
    }
    assert_eq!(printed.len(), 6);
}

#[filch::test]
async fn three_downloads_run_at_a_time() {
    semaphore::download_all(print).await.unwrap();
    let mut lines: Vec<_> = (1..=10).map(|page| format!("page {page}")).collect();
    lines.push("at most 3 at a time".to_owned());
    assert_eq!(printed(), lines);
}

#[filch::test]
async fn blocking_calls_go_to_other_threads() {
    executor::block_elsewhere(print).await.unwrap();
    let lines = [
        "the runtime reads",
        "the runtime has read 100 bytes",
        "a pool adds up",
        "the pool has come to 333332833333500000",
    ];
    assert_eq!(printed(), lines);
}

#[filch::test]
async fn all_hosts_are_asked_at_the_same_time() {
    wget::fetch_all(print).await.unwrap();
    let lines = printed();
    let names = ["www.sina.com.cn", "www.sohu.com", "www.163.com"];
    assert_eq!(lines[..3], names.map(|name| format!("wget {name}...")));
    for name in names {
        let headers: Vec<_> = lines.iter().filter(|line| line.starts_with(name)).collect();
        let server = format!("{name} header > Server: {name}");
        assert_eq!(headers, [&format!("{name} header > HTTP/1.0 200 OK"), &server]);
    }
}
