//! `gather`, `gather_all`, `as_completed`, `race`, `select_ok`: order, errors, clean-up, and O(1) wakes.
#![allow(missing_docs, clippy::disallowed_types)]

mod support;

use filch::cancel::{CancelSource, catch_cancel, with_cleanup};
use filch::sync::oneshot;
use filch::task::coop::consume_budget;
use filch::time::{Instant, sleep, timeout};
use filch::{as_completed, gather, gather_all, gather_handles, race, select_ok};
use proptest::prelude::*;
use std::future::{poll_fn, ready};
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use support::{Bell, Census, after, panic_here, secs};

#[filch::test(start_paused = true)]
async fn outputs_are_in_order_and_all_run_together() {
    let start = Instant::now();
    let outputs = gather((1..=3).rev().map(|number| after(number, Ok::<_, ()>(number)))).await;
    assert_eq!(outputs, Ok(vec![3, 2, 1]));
    assert_eq!(start.elapsed(), secs(3));
    let nothing: Vec<std::future::Ready<Result<(), ()>>> = Vec::new();
    assert_eq!(gather(nothing).await, Ok(vec![]));
}

#[filch::test(start_paused = true)]
async fn the_first_error_ends_the_others() {
    let start = Instant::now();
    let census = Census::default();
    let futures = [(5, Ok(())), (1, Err("first")), (2, Err("second"))].map(|(at, outcome)| {
        let guard = census.guard();
        async move {
            let _guard = guard;
            after(at, outcome).await
        }
    });
    assert_eq!(gather(futures).await, Err("first"));
    assert_eq!((start.elapsed(), census.dead()), (secs(1), 3));
}

#[filch::test(start_paused = true)]
async fn those_that_are_ended_do_not_see_what_the_failed_one_leaves_behind() {
    async fn fails<T>(_sender: oneshot::Sender<T>) -> Result<T, &'static str> {
        after(1, Err("failed")).await
    }
    async fn waits<T>(receiver: oneshot::Receiver<T>) -> Result<T, &'static str> {
        Ok(receiver.await.expect("it is given up before"))
    }
    let (sender, receiver) = oneshot::channel::<()>();
    assert_eq!(filch::gather!(biased; fails(sender), waits(receiver)), Err("failed"));
    let (sender, receiver) = oneshot::channel::<()>();
    let both: [Pin<Box<dyn Future<Output = _>>>; 2] =
        [Box::pin(fails(sender)), Box::pin(waits(receiver))];
    assert_eq!(gather(both).await, Err("failed"));
}

#[filch::test(start_paused = true)]
async fn those_that_are_ended_clean_up_first() {
    let start = Instant::now();
    let cleaned = AtomicUsize::new(0);
    let count = &cleaned;
    let futures = (1..4).map(|seconds| async move {
        if seconds == 1 {
            return after(1, Err("failed")).await;
        }
        let cleanup = async move {
            sleep(secs(seconds)).await;
            count.fetch_add(1, Ordering::SeqCst);
        };
        with_cleanup(after(100, Ok(())), cleanup).await
    });
    assert_eq!(gather(futures).await, Err("failed"));
    assert_eq!((start.elapsed(), cleaned.load(Ordering::SeqCst)), (secs(4), 2));
}

#[filch::test(start_paused = true)]
async fn a_timeout_reaches_what_is_within() {
    let start = Instant::now();
    let cleaned = AtomicUsize::new(0);
    let count = &cleaned;
    let futures = (0..3).map(|_| {
        with_cleanup(after(100, Ok::<_, ()>(())), async move {
            sleep(secs(1)).await;
            count.fetch_add(1, Ordering::SeqCst);
        })
    });
    assert!(timeout(secs(2), gather(futures)).await.is_err());
    assert_eq!((start.elapsed(), cleaned.load(Ordering::SeqCst)), (secs(3), 3));
}

#[filch::test(start_paused = true)]
async fn gather_all_keeps_errors_where_they_are() {
    let outcomes = gather_all([after(2, Ok(1)), after(1, Err("no")), after(3, Ok(3))]).await;
    assert_eq!(outcomes, [Ok(1), Err("no"), Ok(3)]);
}

#[filch::test(start_paused = true)]
async fn handles_may_be_gathered() {
    let tasks = (0..10).map(|number| filch::spawn(after(number, number)));
    let outputs = gather(tasks).await.unwrap();
    assert_eq!(outputs, (0..10).collect::<Vec<_>>());
}

#[filch::test(start_paused = true)]
async fn the_first_wins_a_race_and_the_first_success_a_selection() {
    let start = Instant::now();
    assert_eq!(race([after(3, "c"), after(1, "a"), after(2, "b")]).await, "a");
    let some = select_ok([after(1, Err("x")), after(3, Ok(3)), after(2, Ok(2))]).await;
    assert_eq!(some, Ok(2));
    assert_eq!(start.elapsed(), secs(3));
    let none = select_ok([after(2, Err::<(), _>("x")), after(1, Err("y"))]).await;
    assert_eq!(none, Err(vec!["x", "y"]), "in order");
    let nothing: [std::future::Ready<Result<(), ()>>; 0] = [];
    assert_eq!(select_ok(nothing).await, Err(vec![]));
}

#[test]
fn a_race_of_nobody_is_a_mistake() {
    let nobody: [std::future::Ready<()>; 0] = [];
    let message = panic_here(|| drop(race(nobody)));
    assert_eq!(message, "`race` needs at least one future: without any it would wait for ever");
}

#[filch::test(start_paused = true)]
async fn a_wait_for_the_next_that_is_dropped_loses_nothing() {
    let mut completed = as_completed([after(2, "two"), after(3, "three")]);
    assert!(timeout(secs(1), completed.next()).await.is_err());
    assert_eq!(completed.len(), 2);
    assert_eq!(completed.next().await, Some((0, "two")));
    assert_eq!(completed.next().await, Some((1, "three")));
    assert_eq!(completed.next().await, None);
    assert!(completed.is_empty());
}

#[test]
fn one_that_is_woken_among_many_is_polled_alone() {
    const MANY: usize = 10_000;
    let polls = Arc::new(AtomicUsize::new(0));
    let wakers = Arc::new(Mutex::new(Vec::<Waker>::new()));
    let futures = (0..MANY).map(|_| {
        let (polls, wakers) = (polls.clone(), wakers.clone());
        poll_fn(move |cx| {
            polls.fetch_add(1, Ordering::SeqCst);
            wakers.lock().unwrap().push(cx.waker().clone());
            Poll::<()>::Pending
        })
    });
    let mut all = pin!(gather_all(futures));
    let mut cx = Context::from_waker(Waker::noop());
    assert!(all.as_mut().poll(&mut cx).is_pending());
    assert_eq!(polls.load(Ordering::SeqCst), MANY);
    let one = wakers.lock().unwrap()[7].clone();
    one.wake();
    assert!(all.as_mut().poll(&mut cx).is_pending());
    assert_eq!(polls.load(Ordering::SeqCst), MANY + 1);
}

#[test]
fn one_that_is_woken_twice_is_polled_once() {
    let polls = AtomicUsize::new(0);
    let waker = Mutex::new(None::<Waker>);
    let future = poll_fn(|cx| {
        polls.fetch_add(1, Ordering::SeqCst);
        *waker.lock().unwrap() = Some(cx.waker().clone());
        Poll::<()>::Pending
    });
    let mut all = pin!(gather_all([future]));
    let mut cx = Context::from_waker(Waker::noop());
    for round in 1..=3 {
        assert!(all.as_mut().poll(&mut cx).is_pending());
        assert_eq!(polls.load(Ordering::SeqCst), round);
        let waker = waker.lock().unwrap().take().unwrap();
        waker.wake_by_ref();
        waker.wake();
    }
}

#[test]
fn one_that_wakes_itself_for_ever_does_not_keep_the_thread() {
    let polls = AtomicUsize::new(0);
    let busy = |number| {
        let polls = &polls;
        poll_fn(move |cx| {
            polls.fetch_add(number, Ordering::SeqCst);
            cx.waker().wake_by_ref();
            if number == 0 { Poll::Ready(()) } else { Poll::Pending }
        })
    };
    let mut all = pin!(gather_all([busy(0), busy(1)]));
    for round in 1..=3 {
        assert!(all.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        assert_eq!(polls.load(Ordering::SeqCst), round);
    }
}

#[filch::test(start_paused = true)]
async fn one_that_panics_is_gone_and_the_others_go_on() {
    let mut completed = as_completed((1..=3).map(|number| async move {
        sleep(secs(number)).await;
        assert_ne!(number, 2, "boom");
        number
    }));
    let mut outcomes = Vec::new();
    loop {
        let mut next = pin!(completed.next());
        let polled = poll_fn(|cx| {
            let poll = || next.as_mut().poll(cx);
            match std::panic::catch_unwind(std::panic::AssertUnwindSafe(poll)) {
                Ok(polled) => polled.map(Some),
                Err(_) => Poll::Ready(None),
            }
        });
        match polled.await {
            Some(None) => break,
            Some(Some((_, number))) => outcomes.push(number),
            None => outcomes.push(0),
        }
    }
    assert_eq!(outcomes, [1, 0, 3]);
}

#[filch::test(start_paused = true)]
async fn the_macro_gives_outputs_of_different_types() {
    let start = Instant::now();
    let words = ["one".to_owned(), "two".to_owned()];
    let all = filch::gather!(
        after(2, Ok::<_, ()>(1)),
        async { after(1, Ok(&words[0])).await },
        biased_is_a_name(),
    );
    assert_eq!(all, Ok((1, &words[0], "biased")));
    assert_eq!(start.elapsed(), secs(2));
    assert_eq!(filch::gather!(), Ok::<(), ()>(()));
    assert_eq!(filch::gather!(biased; async { Err::<(), _>(1) }, async { Ok(2) }), Err(1));
}

async fn biased_is_a_name() -> Result<&'static str, ()> {
    Ok("biased")
}

#[filch::test(start_paused = true)]
async fn the_macro_ends_the_others_in_good_order() {
    let start = Instant::now();
    let census = Census::default();
    let cleaned = AtomicUsize::new(0);
    let (plain, held) = (census.guard(), census.guard());
    let outcome: Result<((), (), ()), _> = filch::gather!(
        async {
            let _guard = plain;
            after(100, Ok(())).await
        },
        after(1, Err("failed")),
        with_cleanup(
            async {
                let _guard = held;
                // A second error does not count.
                after(2, Err("late")).await
            },
            async {
                sleep(secs(5)).await;
                cleaned.fetch_add(1, Ordering::SeqCst);
            }
        ),
    );
    assert_eq!(outcome, Err("failed"));
    assert_eq!((start.elapsed(), census.dead()), (secs(6), 2));
    assert_eq!(cleaned.load(Ordering::SeqCst), 1);
}

#[filch::test(start_paused = true)]
async fn a_value_that_comes_when_others_have_failed_is_dropped() {
    let census = Census::default();
    let guard = census.guard();
    let outcome = filch::gather!(async { Ok(guard) }, after(1, Err::<(), _>("failed")));
    assert_eq!(outcome.err(), Some("failed"));
    assert_eq!(census.dead(), 1);
}

#[filch::test(start_paused = true)]
async fn tasks_are_gathered_in_order() {
    let tasks = (0..10).rev().map(|number| filch::spawn(after(number, number)));
    let outputs = gather_handles(tasks).await.unwrap();
    assert_eq!(outputs, (0..10).rev().collect::<Vec<_>>());
    let nothing: [filch::task::JoinHandle<()>; 0] = [];
    assert_eq!(gather_handles(nothing).await.unwrap(), []);
}

#[filch::test(start_paused = true)]
async fn when_a_task_fails_the_others_are_cancelled_and_awaited() {
    let start = Instant::now();
    let ended = Arc::new(AtomicUsize::new(0));
    let count = ended.clone();
    let cleans = filch::spawn(with_cleanup(after(100, ()), async move {
        sleep(secs(3)).await;
        count.fetch_add(1, Ordering::SeqCst);
    }));
    let plain = filch::spawn(std::future::pending());
    let watch = plain.abort_handle();
    let fails = filch::spawn(async {
        sleep(secs(1)).await;
        panic!("boom")
    });
    let id = fails.id();
    let error = gather_handles([cleans, plain, fails]).await.unwrap_err();
    assert!(error.is_panic() && error.id() == id);
    assert!(watch.is_finished());
    assert_eq!((start.elapsed(), ended.load(Ordering::SeqCst)), (secs(4), 1));
}

#[filch::test(start_paused = true)]
async fn the_cancelled_are_told_why() {
    let (send, receive) = filch::sync::oneshot::channel();
    let catches = filch::spawn(async move {
        let stuck = catch_cancel(std::future::pending::<()>());
        _ = send.send(stuck.await.unwrap_err().reason().source());
    });
    let aborted = filch::spawn(std::future::pending());
    let stop = aborted.abort_handle();
    filch::spawn(async move {
        filch::task::yield_now().await;
        stop.abort();
    });
    assert!(gather_handles([catches, aborted]).await.unwrap_err().is_cancelled());
    assert_eq!(receive.await.unwrap(), CancelSource::Sibling);
}

#[filch::test(start_paused = true)]
async fn siblings_that_are_kept_run_on() {
    let start = Instant::now();
    let slow = filch::spawn(after(5, ()));
    let watch = slow.abort_handle();
    let fails = filch::spawn(async {
        sleep(secs(1)).await;
        panic!("boom")
    });
    assert!(gather_handles([slow, fails]).keep_siblings().await.unwrap_err().is_panic());
    assert_eq!(start.elapsed(), secs(1));
    assert_eq!(watch.cancelling(), 0);
    sleep(secs(10)).await;
    assert!(watch.is_finished());
}

#[filch::test(start_paused = true)]
async fn a_gather_of_tasks_that_is_dropped_cancels_them() {
    for keep in [false, true] {
        let stuck = filch::spawn(std::future::pending::<()>());
        let watch = stuck.abort_handle();
        let all = gather_handles([stuck]);
        let all = if keep { all.keep_siblings() } else { all };
        drop(all);
        filch::task::yield_now().await;
        assert!(watch.is_finished());
    }
}

#[filch::test(start_paused = true)]
async fn each_request_to_who_gathers_tasks_reaches_them() {
    let (start, answered) = (Instant::now(), Arc::new(AtomicUsize::new(0)));
    let seen = answered.clone();
    let stubborn = filch::spawn(async move {
        for _ in 0..2 {
            assert!(catch_cancel(std::future::pending::<()>()).await.is_err());
            seen.fetch_add(1, Ordering::SeqCst);
        }
        std::future::pending::<()>().await;
    });
    let gathers = filch::spawn(async move { gather_handles([stubborn]).await.map(drop) });
    for request in 1..=3 {
        sleep(secs(1)).await;
        assert!(!gathers.is_finished());
        gathers.cancel("stop");
        sleep(secs(1)).await;
        assert_eq!(answered.load(Ordering::SeqCst), request.min(2));
    }
    assert!(gathers.await.unwrap_err().is_cancelled());
    assert_eq!(start.elapsed(), secs(6));
}

#[filch::test(start_paused = true)]
async fn what_cancels_a_gather_of_tasks_waits_for_their_clean_up() {
    let start = Instant::now();
    let cleans = || filch::spawn(with_cleanup(after(100, ()), after(3, ())));
    let watch = {
        let tasks = [cleans(), cleans()];
        let watch = tasks[1].abort_handle();
        assert!(timeout(secs(1), gather_handles(tasks)).await.is_err());
        watch
    };
    assert!(watch.is_finished());
    assert_eq!(start.elapsed(), secs(4));

    let tasks = [cleans(), cleans()];
    let watch = tasks[0].abort_handle();
    let gathers = filch::spawn(async move { gather_handles(tasks).await.map(drop) });
    sleep(secs(1)).await;
    gathers.cancel("enough");
    let error = gathers.await.unwrap_err();
    assert_eq!(error.reason().unwrap().message(), Some("enough"));
    assert!(watch.is_finished());
    assert_eq!(start.elapsed(), secs(8));
}

#[filch::test(start_paused = true)]
async fn who_answers_beside_a_gather_of_tasks_does_not_keep_it_waiting_for_ever() {
    let task = filch::spawn(async {
        let answers = catch_cancel(std::future::pending::<()>());
        let gathers = gather_handles([filch::spawn(std::future::pending::<()>())]);
        filch::join!(answers, gathers)
    });
    sleep(secs(1)).await;
    task.cancel("stop");
    let ended = timeout(secs(1), task).await.expect("it waits for what was given up");
    assert!(ended.unwrap_err().is_cancelled());
}

#[filch::test(start_paused = true)]
async fn a_task_that_panics_in_its_clean_up_beats_the_cancellation() {
    let panics = || {
        filch::spawn(with_cleanup(after(100, ()), async {
            sleep(secs(1)).await;
            panic!("boom")
        }))
    };
    let gathers = filch::spawn(async move {
        let error = gather_handles([panics()]).await.unwrap_err();
        let told = error.is_panic();
        // The request is not lost: this wait is given up.
        sleep(secs(1)).await;
        told
    });
    sleep(secs(1)).await;
    gathers.cancel("enough");
    assert!(gathers.await.unwrap_err().is_cancelled());
    assert!(timeout(secs(1), gather_handles([panics()])).await.unwrap().unwrap_err().is_panic());
}

#[filch::test(start_paused = true)]
async fn lateness_is_told_once_and_the_rest_still_comes() {
    let start = Instant::now();
    let mut completed = as_completed([5, 1, 3].map(|at| after(at, at))).timeout(secs(2));
    assert_eq!(completed.next().await, Some(Ok((1, 1))));
    assert!(completed.next().await.unwrap().is_err());
    assert_eq!((start.elapsed(), completed.len()), (secs(2), 2));
    assert_eq!(completed.next().await, Some(Ok((2, 3))));
    assert_eq!(completed.next().await, Some(Ok((0, 5))));
    assert_eq!(completed.next().await, None);
    assert_eq!(start.elapsed(), secs(5));
}

#[filch::test(start_paused = true)]
async fn who_is_ready_is_never_late() {
    let mut completed = as_completed([after(1, 1), after(2, 2)]).timeout(secs(1));
    // It comes at the very moment, and the value wins.
    assert_eq!(completed.next().await, Some(Ok((0, 1))));
    sleep(secs(1)).await;
    // Both have come by now.
    assert_eq!(completed.next().await, Some(Ok((1, 2))));
    assert_eq!(completed.next().await, None, "nobody is late any more");

    let mut at_once = as_completed([after(0, 0), after(1, 1)]).timeout(secs(0));
    assert!(at_once.next().await.unwrap().is_err(), "a limit of zero polls once");
    assert_eq!(at_once.next().await, Some(Ok((0, 0))));
    assert_eq!(at_once.into_inner().next().await, Some((1, 1)));
}

#[filch::test(start_paused = true)]
async fn a_future_that_panics_as_it_is_polled_and_again_as_it_is_dropped_is_gone() {
    struct Bad;
    impl Future for Bad {
        type Output = u32;
        fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<u32> {
            panic!("on purpose: in poll");
        }
    }
    impl Drop for Bad {
        fn drop(&mut self) {
            panic!("on purpose: in drop");
        }
    }
    let futures: [Pin<Box<dyn Future<Output = u32> + Send>>; 2] =
        [Box::pin(Bad), Box::pin(ready(1))];
    let completed = Arc::new(Mutex::new(as_completed(futures)));
    let taken = completed.clone();
    let error =
        filch::spawn(poll_fn(move |cx| taken.lock().unwrap().poll_next(cx))).await.unwrap_err();
    assert_eq!(*error.into_panic().downcast_ref::<&str>().unwrap(), "on purpose: in poll");
    completed.clear_poison();
    let mut completed = Arc::into_inner(completed).unwrap().into_inner().unwrap();
    assert_eq!((completed.next().await, completed.next().await), (Some((1, 1)), None));
}

/// A handle keeps the waker that it was polled with.
#[filch::test(start_paused = true)]
async fn handles_that_were_only_lent_do_not_keep_who_raced_them() {
    let (bell, waker) = Bell::new();
    let mut handles = [1, 2].map(|at| filch::spawn(after(at, at)));
    let mut lent = Box::pin(race(handles.iter_mut()));
    assert!(lent.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    drop((lent, waker));
    assert_eq!(Arc::strong_count(&bell), 1);
    for (handle, at) in handles.into_iter().zip([1, 2]) {
        assert_eq!(handle.await.unwrap(), at);
    }
}

#[filch::test(start_paused = true)]
async fn who_spends_the_budget_makes_nobody_late_who_is_ready() {
    let greedy = async {
        loop {
            consume_budget().await;
        }
    };
    let futures: [Pin<Box<dyn Future<Output = u32>>>; 2] = [Box::pin(greedy), Box::pin(ready(1))];
    let mut completed = as_completed(futures).timeout(secs(0));
    assert_eq!(completed.next().await, Some(Ok((1, 1))));
}

#[filch::test(start_paused = true)]
async fn a_crowd_that_is_ready_is_given_before_lateness_whatever_the_budget() {
    let (senders, receivers): (Vec<_>, Vec<_>) =
        (0..1000).map(|_| filch::sync::oneshot::channel()).unzip();
    let mut completed = as_completed(receivers).timeout(secs(1));
    assert!(timeout(secs(0), completed.next()).await.is_err());
    for (number, sender) in senders.into_iter().enumerate() {
        sender.send(number).unwrap();
    }
    sleep(secs(2)).await;
    for _ in 0..1000 {
        let (place, value) = completed.next().await.unwrap().expect("it was there in time");
        assert_eq!(value, Ok(place));
    }
    assert_eq!(completed.next().await, None);
}

#[filch::test(start_paused = true)]
async fn wait_for_is_a_timeout_that_may_be_none() {
    let start = Instant::now();
    assert_eq!(filch::wait_for(after(100, 1), None).await, Ok(1));
    assert_eq!(filch::wait_for(after(1, 1), secs(2)).await, Ok(1));
    assert!(filch::wait_for(after(100, 1), Some(secs(2))).await.is_err());
    assert_eq!(start.elapsed(), secs(103));
    assert_eq!(filch::wait_for(async { 1 }, secs(0)).await, Ok(1), "it is polled once");
    assert!(filch::wait_for(after(1, 1), secs(0)).await.is_err());
    let within = filch::wait_for(async { filch::cancel::current_effective_deadline() }, None);
    assert_eq!(within.await, Ok(None));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]
    #[test]
    fn every_output_comes_once_by_its_time(times in proptest::collection::vec(1..6_u64, 0..20)) {
        let runtime = filch::runtime::Builder::new_current_thread().start_paused(true).build().unwrap();
        let mut expected: Vec<(usize, u64)> = times.iter().copied().enumerate().collect();
        expected.sort_by_key(|(number, time)| (*time, *number));
        let got = runtime.block_on(async {
            let mut completed = as_completed(times.iter().map(|time| after(*time, *time)));
            let mut got = Vec::new();
            while let Some(next) = completed.next().await {
                got.push(next);
            }
            got
        });
        let times = |list: &[(usize, u64)]| list.iter().map(|(_, time)| *time).collect::<Vec<_>>();
        prop_assert_eq!(times(&got), times(&expected));
        let mut numbers: Vec<_> = got.iter().map(|(number, _)| *number).collect();
        numbers.sort_unstable();
        prop_assert_eq!(numbers, (0..expected.len()).collect::<Vec<_>>());
    }
}
