//! Nobody who can run waits for ever: not for a lucky pair, not for busy neighbours, not for a loop.
#![cfg_attr(not(unix), allow(unused_imports, dead_code, reason = "not all of it is for Windows"))]
#![allow(clippy::disallowed_methods, clippy::disallowed_types, missing_docs)]
// Some handles leave their block unawaited on purpose; a `()` fixes the type of what only panics.
#![allow(clippy::async_yields_async, clippy::let_unit_value)]

mod support;

use filch::io::{AsyncReadExt, AsyncWriteExt};
#[cfg(unix)]
use filch::net::UnixStream;
use filch::runtime::{Builder, LocalRuntime, Runtime};
use filch::sync::Notify;
use filch::task::{self, LocalSet, coop, yield_now};
use filch::time::{Duration, Instant, sleep};
use std::future::poll_fn;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};
use std::thread;
use support::{Gate, current, multi, on_each_flavour, watch};

/// Two tasks that do nothing but wake each other, until told to stop.
fn ping_pong(
    runtime: &Runtime,
    stop: &Gate,
    polls: &Arc<AtomicUsize>,
) -> Vec<task::JoinHandle<()>> {
    let wakers: Arc<[Mutex<Option<Waker>>; 2]> = Arc::default();
    (0..2)
        .map(|me| {
            let (wakers, stop, polls) = (wakers.clone(), stop.clone(), polls.clone());
            runtime.spawn(poll_fn(move |cx| {
                polls.fetch_add(1, SeqCst);
                *wakers[me].lock().unwrap() = Some(cx.waker().clone());
                let other = wakers[1 - me].lock().unwrap().clone();
                // Without the other, oneself: the pair is never idle.
                other.unwrap_or_else(|| cx.waker().clone()).wake();
                if stop.is_open() { Poll::Ready(()) } else { Poll::Pending }
            }))
        })
        .collect()
}

// Bug 5.
#[test]
fn a_pair_that_wakes_each_other_does_not_starve_the_rest() {
    let _watch = watch();
    for runtime in [current(), multi(1)] {
        let (stop, polls) = (Gate::new(), Arc::new(AtomicUsize::new(0)));
        let pair = ping_pong(&runtime, &stop, &polls);
        let victims: Vec<_> = (0..100)
            .map(|_| {
                let polls = polls.clone();
                runtime.spawn(async move {
                    let mut longest = 0;
                    for _ in 0..20 {
                        let before = polls.load(SeqCst);
                        yield_now().await;
                        longest = longest.max(polls.load(SeqCst) - before);
                    }
                    longest
                })
            })
            .collect();
        runtime.block_on(async {
            for victim in victims {
                // In a round of 100 victims the pair may overtake each by a streak.
                let longest = victim.await.unwrap();
                assert!(longest <= 100 * 20, "a victim waited for {longest} polls of the pair");
            }
            stop.open();
            for task in pair {
                task.await.unwrap();
            }
        });
    }
}

#[test]
fn what_comes_from_outside_is_seen_by_busy_workers() {
    let _watch = watch();
    on_each_flavour(|runtime| {
        let stop = Gate::new();
        let yielders: Vec<_> = (0..20)
            .map(|_| {
                let stop = stop.clone();
                runtime.spawn(async move {
                    while !stop.is_open() {
                        yield_now().await;
                    }
                })
            })
            .collect();
        let handle = runtime.handle().clone();
        let last = stop.clone();
        let outside = thread::spawn(move || {
            for _ in 0..100 {
                let ran = Gate::new();
                let run = ran.clone();
                drop(handle.spawn(async move { run.open() }));
                ran.block();
            }
            last.open();
        });
        runtime.block_on(async {
            for task in yielders {
                task.await.unwrap();
            }
        });
        outside.join().unwrap();
    });
}

#[test]
fn the_root_future_is_polled_among_busy_tasks() {
    let _watch = watch();
    on_each_flavour(|runtime| {
        let stop = Gate::new();
        for _ in 0..4 {
            let stop = stop.clone();
            drop(runtime.spawn(async move {
                while !stop.is_open() {
                    yield_now().await;
                }
            }));
        }
        runtime.block_on(async {
            for _ in 0..200 {
                yield_now().await;
            }
        });
        stop.open();
    });
}

#[test]
fn a_root_future_that_is_always_woken_lets_tasks_run() {
    let _watch = watch();
    on_each_flavour(|runtime| {
        let ran = Gate::new();
        let run = ran.clone();
        drop(runtime.spawn(async move {
            for _ in 0..100 {
                yield_now().await;
            }
            run.open();
        }));
        runtime.block_on(poll_fn(|cx| {
            cx.waker().wake_by_ref();
            if ran.is_open() { Poll::Ready(()) } else { Poll::Pending }
        }));
    });
}

#[test]
fn timers_and_blocking_jobs_are_heard_among_busy_tasks() {
    let _watch = watch();
    on_each_flavour(|runtime| {
        let stop = Gate::new();
        for _ in 0..20 {
            let stop = stop.clone();
            drop(runtime.spawn(async move {
                while !stop.is_open() {
                    yield_now().await;
                }
            }));
        }
        let task = runtime.spawn(async {
            for _ in 0..5 {
                sleep(Duration::from_micros(10)).await;
                task::spawn_blocking(|| ()).await.unwrap();
            }
        });
        runtime.block_on(task).unwrap();
        stop.open();
    });
}

#[test]
fn pinned_tasks_and_others_take_turns() {
    let _watch = watch();
    let runtime = multi(1);
    let task = runtime.spawn(async {
        // Busy pinned tasks do not starve a free one, nor the other way round.
        for busy_is_pinned in [true, false] {
            let stop = Gate::new();
            for _ in 0..10 {
                let last = stop.clone();
                let busy = async move {
                    while !last.is_open() {
                        yield_now().await;
                    }
                };
                drop(if busy_is_pinned { task::spawn_local(busy) } else { filch::spawn(busy) });
            }
            let victim = async {
                for _ in 0..100 {
                    yield_now().await;
                }
            };
            let victim =
                if busy_is_pinned { filch::spawn(victim) } else { task::spawn_local(victim) };
            victim.await.unwrap();
            stop.open();
        }
    });
    runtime.block_on(task).unwrap();
}

#[test]
fn pinned_tasks_hear_wakes_from_other_threads_among_busy_ones() {
    let _watch = watch();
    let runtime = LocalRuntime::new().unwrap();
    let (gate, stop) = (Gate::new(), Gate::new());
    let waits = runtime.spawn_local({
        let (gate, rc) = (gate.clone(), Rc::new(3));
        async move {
            gate.pass().await;
            *rc
        }
    });
    let last = stop.clone();
    drop(runtime.spawn_local(async move {
        while !last.is_open() {
            yield_now().await;
        }
    }));
    let opens = thread::spawn(move || gate.open());
    assert_eq!(runtime.block_on(waits).unwrap(), 3);
    stop.open();
    opens.join().unwrap();
}

#[test]
fn a_local_set_lets_its_host_breathe() {
    let _watch = watch();
    let runtime = current();
    let (set, stop) = (LocalSet::new(), Gate::new());
    let last = stop.clone();
    drop(set.spawn_local(async move {
        while !last.is_open() {
            yield_now().await;
        }
    }));
    let opens = stop.clone();
    drop(runtime.spawn(async move {
        yield_now().await;
        opens.open();
    }));
    runtime.block_on(set);
    assert!(stop.is_open());
}

#[test]
fn a_loop_that_spends_its_budget_gives_way() {
    let _watch = watch();
    let runtime = current();
    runtime.block_on(async {
        let ran = Arc::new(AtomicBool::new(false));
        let loops = filch::spawn({
            let ran = ran.clone();
            async move {
                let mut rounds = 0;
                while !ran.load(SeqCst) {
                    coop::consume_budget().await;
                    rounds += 1;
                }
                rounds
            }
        });
        let runs = filch::spawn(async move { ran.store(true, SeqCst) });
        // The budget is 128 units a poll, as tokio's; one more is granted by the poll that sees the end.
        assert_eq!(loops.await.unwrap(), 128 + 1);
        runs.await.unwrap();
    });
}

#[test]
fn joining_finished_tasks_spends_the_budget_too() {
    let _watch = watch();
    current().block_on(async {
        let done: Vec<_> = (0..1_000).map(|n| filch::spawn(async move { n })).collect();
        for _ in 0..5 {
            yield_now().await;
        }
        let polls = Arc::new(AtomicUsize::new(0));
        let count = polls.clone();
        let joins = filch::spawn(async move {
            let mut all = Box::pin(async move {
                for task in done {
                    task.await.unwrap();
                }
            });
            poll_fn(move |cx| {
                count.fetch_add(1, SeqCst);
                all.as_mut().poll(cx)
            })
            .await;
        });
        joins.await.unwrap();
        assert_eq!(polls.load(SeqCst), 1_000usize.div_ceil(128));
    });
}

#[test]
fn without_constraint_no_budget_is_asked_for() {
    let _watch = watch();
    current().block_on(async {
        let ran = Arc::new(AtomicBool::new(false));
        let loops = filch::spawn({
            let ran = ran.clone();
            coop::unconstrained(async move {
                for _ in 0..10_000 {
                    coop::consume_budget().await;
                }
                ran.load(SeqCst)
            })
        });
        let runs = filch::spawn(async move { ran.store(true, SeqCst) });
        assert!(!loops.await.unwrap(), "an unconstrained loop gave way");
        runs.await.unwrap();
    });
}

#[test]
fn each_poll_begins_with_a_full_budget_and_outside_there_is_no_limit() {
    let _watch = watch();
    assert!(coop::has_budget_remaining());
    on_each_flavour(|runtime| {
        let task = runtime.spawn(async {
            for _ in 0..3 {
                for _ in 0..128 {
                    assert!(coop::has_budget_remaining());
                    coop::consume_budget().await;
                }
                assert!(!coop::has_budget_remaining());
                yield_now().await;
            }
            // A closure that may block is not async code: nothing limits it.
            for _ in 0..128 {
                coop::consume_budget().await;
            }
            task::spawn_blocking(coop::has_budget_remaining).await.unwrap()
        });
        assert!(runtime.block_on(task).unwrap());
        assert!(coop::has_budget_remaining());
    });
}

#[test]
fn local_tasks_have_a_budget_each_and_leave_their_host_its_own() {
    let _watch = watch();
    let runtime = multi(1);
    let set = LocalSet::new();
    runtime.block_on(set.run_until(async {
        for _ in 0..2 {
            task::spawn_local(async {
                for _ in 0..128 {
                    coop::consume_budget().await;
                }
                assert!(!coop::has_budget_remaining());
            })
            .await
            .unwrap();
        }
        assert!(coop::has_budget_remaining());
    }));
}

#[cfg(unix)]
#[test]
fn a_root_future_that_never_waits_does_not_keep_sockets_from_being_seen() {
    let _watch = watch();
    let runtime = filch::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let finished = runtime.block_on(async {
        let (mut near, far) = std::os::unix::net::UnixStream::pair().unwrap();
        far.set_nonblocking(true).unwrap();
        let far = filch::io::unix::AsyncFd::new(far).unwrap();
        let reader = filch::spawn(async move { far.readable().await.map(|_| ()) });
        // So that it waits already.
        filch::task::yield_now().await;
        std::io::Write::write_all(&mut near, b"x").unwrap();
        for _ in 0..20_000_000 {
            if reader.is_finished() {
                return true;
            }
            filch::task::yield_now().await;
        }
        false
    });
    assert!(finished, "the reactor was not looked at in twenty million polls");
}

/// Each poll is followed by a look around, and each of those by a look outside, as time stands still.
#[cfg(unix)]
#[test]
fn who_yields_lets_in_what_came_from_outside() {
    let mut builder = Builder::new_current_thread();
    let runtime = builder.start_paused(true).event_interval(1).build().unwrap();
    let (mut near, mut far) = runtime.block_on(async { UnixStream::pair().unwrap() });
    let heard = Arc::new(AtomicBool::new(false));
    let ears = heard.clone();
    let hears = async move {
        far.read_u8().await.unwrap();
        ears.store(true, SeqCst);
    };
    runtime.block_on(async move {
        let hears = filch::spawn(hears);
        let yields = filch::spawn(async move {
            // The other one has to wait first.
            yield_now().await;
            near.write_all(b"!").await.unwrap();
            yield_now().await;
            heard.load(SeqCst)
        });
        assert!(yields.await.unwrap(), "the task that yielded went first");
        hears.await.unwrap();
    });
}

/// The same for tasks that do nothing but yield: a look around comes after `event_interval` polls, 61 of them.
#[cfg(unix)]
#[test]
fn two_tasks_that_only_yield_let_in_what_came_from_outside_after_61_polls() {
    let runtime = Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    let (near, mut far) = runtime.block_on(async { UnixStream::pair().unwrap() });
    let (heard, polls) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let yields = |writes: Option<UnixStream>| {
        let (heard, polls) = (heard.clone(), polls.clone());
        async move {
            // The one that hears has to wait first.
            yield_now().await;
            for round in 1..=20 {
                if let Some(near) = &writes {
                    assert_eq!(near.try_write(b"!").unwrap(), 1);
                }
                polls.store(0, SeqCst);
                while heard.load(SeqCst) < round {
                    yield_now().await;
                    let polls = polls.fetch_add(1, SeqCst);
                    assert!(polls <= 2 * 61, "nobody looks outside");
                }
            }
        }
    };
    let (writes, does_not) = (yields(Some(near)), yields(None));
    runtime.block_on(async {
        let ears = heard.clone();
        let hears = filch::spawn(async move {
            while far.read_u8().await.is_ok() {
                ears.fetch_add(1, SeqCst);
            }
        });
        let tasks = [filch::spawn(writes), filch::spawn(does_not)];
        for task in tasks {
            task.await.unwrap();
        }
        hears.await.unwrap();
    });
}

/// As above with a clock that runs: the look is long due when the poll ends, and not left out, as it would be
/// if the worker had nothing more to do.
#[cfg(unix)]
#[test]
fn who_yields_counts_as_waiting_when_a_look_outside_is_due() {
    let runtime = Builder::new_current_thread().enable_all().event_interval(1).build().unwrap();
    let (mut near, mut far) = runtime.block_on(async { UnixStream::pair().unwrap() });
    let heard = Arc::new(AtomicUsize::new(0));
    let ears = heard.clone();
    runtime.block_on(async move {
        filch::spawn(async move {
            while far.read_u8().await.is_ok() {
                ears.fetch_add(1, SeqCst);
            }
        });
        let yields = filch::spawn(async move {
            // The other one has to wait first.
            yield_now().await;
            for round in 1..=3 {
                near.write_all(b"!").await.unwrap();
                let start = Instant::now();
                while start.elapsed() < Duration::from_millis(20) {
                    std::hint::spin_loop();
                }
                yield_now().await;
                assert_eq!(heard.load(SeqCst), round, "the task that yielded went first");
            }
        });
        yields.await.unwrap();
    });
}

#[test]
fn who_joins_tasks_waits_its_turn_behind_them_and_is_polled_once_for_all() {
    let rt = Builder::new_multi_thread().worker_threads(1).build().unwrap();
    let (polls, order) = rt
        .block_on(rt.spawn(async {
            let order = Arc::new(Mutex::new(Vec::new()));
            let tasks: Vec<_> = (0..100)
                .map(|number| {
                    let order = order.clone();
                    filch::spawn(async move { order.lock().unwrap().push(number) })
                })
                .collect();
            let mut joined = Box::pin(async {
                for task in tasks {
                    task.await.unwrap();
                }
            });
            let mut polls = 0;
            poll_fn(|cx| {
                polls += 1;
                joined.as_mut().poll(cx)
            })
            .await;
            (polls, order.lock().unwrap().clone())
        }))
        .unwrap();
    assert_eq!(order, Vec::from_iter(0..100));
    assert_eq!(polls, 2, "by its second poll all of them have finished");
}

#[test]
fn whom_a_task_wakes_runs_next_as_long_as_others_have_their_turn_in_between() {
    let _watch = watch();
    current().block_on(async {
        let order = Arc::new(Mutex::new(String::new()));
        let note = |who: char| {
            let order = order.clone();
            move || order.lock().unwrap().push(who)
        };
        let bell = Arc::new(Notify::new());
        let (ring, rung, other) = (note('r'), note('w'), note('o'));
        let woken = task::spawn({
            let bell = bell.clone();
            async move {
                loop {
                    bell.notified().await;
                    rung();
                }
            }
        });
        // It waits before it is rung for.
        yield_now().await;
        let ringer = task::spawn(async move {
            for _ in 0..100 {
                ring();
                bell.notify_one();
                yield_now().await;
            }
        });
        let bystander = task::spawn(async move {
            for _ in 0..100 {
                other();
                yield_now().await;
            }
        });
        ringer.await.unwrap();
        bystander.await.unwrap();
        woken.abort();
        assert_eq!(*order.lock().unwrap(), "rwo".repeat(100));
    });
}

#[test]
fn a_root_future_has_a_budget_wherever_it_runs() {
    let _watch = watch();
    on_each_flavour(|runtime| {
        let (sender, mut receiver) = filch::sync::mpsc::unbounded_channel();
        (0..1_000).for_each(|n| sender.send(n).unwrap());
        let never_gave_way =
            poll_fn(|cx| Poll::Ready((0..1_000).all(|_| receiver.poll_recv(cx).is_ready())));
        assert!(!runtime.block_on(never_gave_way));
        // And a new one for each poll: nothing is refused for good.
        runtime.block_on(async {
            for _ in 0..1_000 {
                coop::consume_budget().await;
            }
        });
        assert!(coop::has_budget_remaining());
    });
}
