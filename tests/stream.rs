//! Streams: of tasks, of channels and of intervals.
#![allow(missing_docs, clippy::disallowed_types)]

mod support;

use filch::cancel::with_cleanup;
use filch::stream::wrappers::errors::BroadcastStreamRecvError::Lagged;
use filch::stream::wrappers::{
    BroadcastStream, IntervalStream, ReceiverStream, UnboundedReceiverStream, WatchStream,
};
use filch::stream::{Stream, from_task};
use filch::sync::{broadcast, mpsc, watch};
use filch::task::yield_now;
use filch::time::{Instant, interval, sleep, timeout};
use std::future::{pending, poll_fn};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use support::{Census, multi, panic_here, panic_of, secs};

async fn next<S: Stream + Unpin>(stream: &mut S) -> Option<S::Item> {
    poll_fn(|cx| Pin::new(&mut *stream).poll_next(cx)).await
}

async fn all<S: Stream + Unpin>(mut stream: S) -> Vec<S::Item> {
    let mut items = Vec::new();
    while let Some(item) = next(&mut stream).await {
        items.push(item);
    }
    assert!(next(&mut stream).await.is_none(), "an end is an end");
    items
}

// ── tasks ────────────────────────────────────────────────────────────────────────────────────────

#[filch::test]
async fn what_the_producer_sends_comes_in_order_and_then_the_end() {
    let mut numbers = from_task(2, async |numbers: mpsc::Sender<u32>| {
        for number in 0..100 {
            numbers.send(number).await.unwrap();
        }
    });
    for number in 0..100 {
        assert_eq!(numbers.next().await, Some(number));
    }
    assert_eq!((numbers.next().await, numbers.next().await), (None, None));
    let nothing = from_task(1, async |_: mpsc::Sender<u32>| {});
    assert_eq!(all(nothing).await, []);
}

#[filch::test(start_paused = true)]
async fn the_producer_runs_ahead_by_the_capacity_and_no_more() {
    let sent = Arc::new(AtomicUsize::new(0));
    let count = sent.clone();
    let mut numbers = from_task(3, async move |numbers| {
        while numbers.send(()).await.is_ok() {
            count.fetch_add(1, SeqCst);
        }
    });
    sleep(secs(1)).await;
    assert_eq!(sent.load(SeqCst), 3);
    numbers.next().await.unwrap();
    sleep(secs(1)).await;
    assert_eq!(sent.load(SeqCst), 4);
}

#[filch::test(start_paused = true)]
async fn a_panic_of_the_producer_comes_out_after_what_it_sent() {
    let mut numbers = from_task(5, async |numbers| {
        for number in 0..3 {
            numbers.send(number).await.unwrap();
        }
        panic!("boom")
    });
    sleep(secs(1)).await;
    for number in 0..3 {
        assert_eq!(numbers.next().await, Some(number));
    }
    let panics = filch::spawn(async move {
        let panics = filch::spawn(async move {
            numbers.next().await;
            numbers
        });
        panics.await
    });
    let error = panics.await.unwrap().err().unwrap();
    assert_eq!(support::said(&*error.into_panic()), "boom");
}

#[filch::test(start_paused = true)]
async fn a_panic_comes_out_though_others_could_still_send() {
    let (give, take) = filch::sync::oneshot::channel();
    let mut numbers = from_task(5, async |numbers: mpsc::Sender<u32>| {
        give.send(numbers.clone()).unwrap();
        sleep(secs(1)).await;
        panic!("boom")
    });
    let other = take.await.unwrap();
    let waits = filch::spawn(async move {
        let panicked = filch::spawn(async move { numbers.next().await }).await;
        panicked.unwrap_err().is_panic()
    });
    assert!(waits.await.unwrap());
    assert!(other.send(1).await.is_err());
}

#[filch::test(start_paused = true)]
async fn the_stream_goes_on_as_long_as_anybody_can_send() {
    let mut numbers = from_task(1, async |numbers| {
        filch::spawn(async move {
            sleep(secs(5)).await;
            numbers.send("late").await.unwrap();
        });
    });
    assert_eq!(numbers.next().await, Some("late"));
    assert_eq!(numbers.next().await, None);
}

#[filch::test(start_paused = true)]
async fn the_end_waits_for_the_producer() {
    let start = Instant::now();
    let numbers = from_task(1, async |numbers| {
        numbers.send(1).await.unwrap();
        drop(numbers);
        sleep(secs(3)).await;
    });
    assert_eq!(all(numbers).await, [1]);
    assert_eq!(start.elapsed(), secs(3));
}

#[filch::test(start_paused = true)]
async fn a_stream_that_is_dropped_cancels_its_producer_which_cleans_up() {
    let cleaned = Arc::new(AtomicBool::new(false));
    let (census, flag) = (Census::default(), cleaned.clone());
    let guard = census.guard();
    let mut numbers = from_task(1, |numbers| {
        let sends = async move {
            let _guard = guard;
            numbers.send(1).await.unwrap();
            pending().await
        };
        with_cleanup(sends, async move {
            sleep(secs(2)).await;
            flag.store(true, SeqCst);
        })
    });
    assert_eq!(numbers.next().await, Some(1));
    drop(numbers);
    yield_now().await;
    assert_eq!((census.dead(), cleaned.load(SeqCst)), (1, false));
    sleep(secs(3)).await;
    assert!(cleaned.load(SeqCst));
}

#[filch::test(start_paused = true)]
async fn closing_waits_for_the_clean_up_and_passes_its_panic_on() {
    let start = Instant::now();
    let numbers =
        from_task(1, |_: mpsc::Sender<u32>| with_cleanup(pending::<()>(), sleep(secs(2))));
    yield_now().await;
    numbers.aclose().await;
    assert_eq!(start.elapsed(), secs(2));

    let mut ended = from_task(1, async |_: mpsc::Sender<u32>| {});
    assert_eq!(ended.next().await, None);
    ended.aclose().await;

    let panics = from_task(1, |_: mpsc::Sender<u32>| {
        with_cleanup(pending::<()>(), async { panic!("boom") })
    });
    yield_now().await;
    let error = filch::spawn(panics.aclose()).await.unwrap_err();
    assert_eq!(support::said(&*error.into_panic()), "boom");
}

#[filch::test(start_paused = true)]
async fn a_scope_of_the_producer_does_not_reach_the_reader() {
    // What anyio and trio warn of: a timeout around a `yield`.
    let mut numbers = from_task(1, async |numbers| {
        let limited = timeout(secs(1), async {
            numbers.send(1).await.unwrap();
            sleep(secs(60)).await;
        });
        assert!(limited.await.is_err());
        numbers.send(2).await.unwrap();
    });
    assert_eq!(numbers.next().await, Some(1));
    sleep(secs(10)).await;
    assert_eq!(numbers.next().await, Some(2));
    assert_eq!(numbers.next().await, None);
}

#[test]
fn a_producer_whose_runtime_is_gone_is_no_quiet_end() {
    let runtime = support::current();
    let mut numbers = runtime.block_on(async { from_task(1, |_: mpsc::Sender<u32>| pending()) });
    drop(runtime);
    let said = panic_of(|| support::current().block_on(numbers.next()));
    assert!(said.starts_with("the producer of a stream did not end by itself"), "{said}");
    let said = support::current().block_on(numbers.next());
    assert_eq!(said, None, "it is told once");
}

#[test]
fn misuse_is_told_at_the_place_of_the_call() {
    panic_here(|| from_task(1, async |_: mpsc::Sender<u32>| {}));
    let runtime = support::current();
    let _guard = runtime.enter();
    panic_here(|| from_task(0, async |_: mpsc::Sender<u32>| {}));
}

#[test]
fn many_values_cross_threads_whatever_the_budget() {
    let _watch = support::watch();
    multi(4).block_on(async {
        for panics in [false, true] {
            let mut numbers = from_task(7, async move |numbers| {
                for number in 0..10_000 {
                    numbers.send(number).await.unwrap();
                }
                assert!(!panics, "{}", support::ON_PURPOSE);
            });
            for number in 0..10_000 {
                assert_eq!(numbers.next().await, Some(number));
            }
            let end = filch::spawn(async move { numbers.next().await }).await;
            assert_eq!(end.is_err(), panics);
        }
    });
}

// ── wrappers ─────────────────────────────────────────────────────────────────────────────────────

#[filch::test]
async fn receivers_are_streams() {
    let (sender, receiver) = mpsc::channel(4);
    let mut messages = ReceiverStream::from(receiver);
    for number in 0..3 {
        sender.send(number).await.unwrap();
    }
    assert_eq!(messages.size_hint(), (3, None));
    assert_eq!(next(&mut messages).await, Some(0));
    let permit = sender.reserve().await.unwrap();
    messages.close();
    assert_eq!(messages.size_hint(), (2, Some(3)), "a permit is out");
    drop(permit);
    assert_eq!(messages.size_hint(), (2, Some(2)));
    assert!(sender.send(9).await.is_err());
    assert_eq!(messages.as_mut().try_recv(), Ok(1));
    assert_eq!(messages.as_ref().len(), 1);
    assert_eq!(all(ReceiverStream::new(messages.into_inner())).await, [2]);

    let (sender, receiver) = mpsc::unbounded_channel();
    let mut messages = UnboundedReceiverStream::from(receiver);
    (0..3).for_each(|number| sender.send(number).unwrap());
    assert_eq!(messages.size_hint(), (3, None));
    messages.close();
    assert_eq!(messages.size_hint(), (3, Some(3)));
    assert!(sender.send(9).is_err());
    assert_eq!(all(messages).await, [0, 1, 2]);
}

#[filch::test]
async fn who_missed_values_of_a_broadcast_is_told_and_goes_on() {
    let (sender, receiver) = broadcast::channel(2);
    let mut values = BroadcastStream::new(receiver);
    (0..5).for_each(|number| _ = sender.send(number).unwrap());
    assert_eq!(next(&mut values).await, Some(Err(Lagged(3))));
    assert_eq!(next(&mut values).await, Some(Ok(3)));
    let reads = filch::spawn(async move { all(values).await });
    yield_now().await;
    sender.send(5).unwrap();
    drop(sender);
    let rest = reads.await.unwrap();
    assert!(rest == [Ok(4), Ok(5)] || rest == [Err(Lagged(1)), Ok(5)], "{rest:?}");
    assert_eq!(Lagged(3).to_string(), "channel lagged by 3");
}

#[filch::test(start_paused = true)]
async fn a_watch_gives_the_present_value_and_then_the_latest() {
    let (sender, receiver) = watch::channel(0);
    let mut values = WatchStream::new(receiver.clone());
    let mut changes = WatchStream::from_changes(receiver);
    assert_eq!(next(&mut values).await, Some(0));
    assert!(timeout(secs(1), next(&mut values)).await.is_err());
    assert!(timeout(secs(1), next(&mut changes)).await.is_err());
    sender.send(1).unwrap();
    sender.send(2).unwrap();
    assert_eq!((next(&mut values).await, next(&mut changes).await), (Some(2), Some(2)));
    sender.send(3).unwrap();
    drop(sender);
    assert_eq!((all(values).await, all(changes).await), (vec![3], vec![3]));
}

#[filch::test(start_paused = true)]
async fn an_interval_ticks_for_ever() {
    let start = Instant::now();
    let mut ticks = IntervalStream::new(interval(secs(2)));
    for seconds in [0, 2, 4] {
        assert_eq!(next(&mut ticks).await, Some(start + secs(seconds)));
    }
    assert_eq!(ticks.as_ref().period(), secs(2));
    ticks.as_mut().reset();
    assert_eq!(ticks.into_inner().tick().await, start + secs(6));
}

/// Panics when it is cloned for the second time.
struct Clones(Arc<Mutex<u32>>);

impl Clone for Clones {
    fn clone(&self) -> Clones {
        let mut times = self.0.lock().unwrap();
        *times += 1;
        let times = *times;
        assert!(times != 2, "boom");
        Clones(self.0.clone())
    }
}

#[test]
fn a_clone_that_panics_ends_the_stream() {
    support::current().block_on(async {
        let (sender, receiver) = watch::channel(Clones(Arc::new(Mutex::new(0))));
        let mut values = WatchStream::new(receiver);
        assert!(next(&mut values).await.is_some());
        sender.send_modify(|_| {});
        let mut again = Box::pin(next(&mut values));
        let waker = std::task::Waker::noop();
        let said = panic_of(|| support::poll_with(&mut again, waker));
        assert!(said.starts_with("boom"));
        drop(again);
        assert!(next(&mut values).await.is_none());
    });
}
