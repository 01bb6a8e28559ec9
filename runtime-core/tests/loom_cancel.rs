//! A request to end a task against its polls, its frames and its completion: the task ends, each
//! clean-up runs once, and no request is taken for another.
#![cfg(filch_loom)]
#![allow(clippy::disallowed_methods, clippy::disallowed_types, missing_docs)]

mod support_loom;

use loom::thread;
use runtime_core::cancel::{CancelScope, TimeoutScope, catch_cancel, timeout_scope, with_cleanup};
use runtime_core::task::state::State;
use runtime_core::task::{AbortHandle, JoinHandle, Tally, cancel_for};
use runtime_core::task_group::TaskGroup;
use runtime_core::time::Instant;
use std::future::{pending, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::task::{Context, Poll, Waker};
use support_loom::fails;
use support_loom::home::Home;
use support_loom::steps::Task;
use support_loom::word::{Mistake, Planted, Word};

/// One thread asks while another one polls: the frame, if it was opened, cleans up, and the task ends.
fn request_meets_frame<W: Word>(word: impl Fn() -> W) {
    let task = Task::framed(word());
    let thread = {
        let task = task.clone();
        thread::spawn(move || {
            task.ask();
            task.run_all();
        })
    };
    task.run_all();
    thread.join().unwrap();
    task.run_all();
    assert!(task.word.is_complete(), "neither polled nor dropped");
    task.stage(|stage| {
        assert!(stage.cancelled);
        assert_eq!(stage.cleaned, stage.polls > 0, "a frame that was opened was not asked");
    });
}

#[test]
fn a_request_finds_the_frame_that_is_open() {
    loom::model(|| request_meets_frame(State::new));
}

#[test]
fn twins_that_lose_the_request() {
    let planted = |mistake| move || Planted::new(mistake);
    loom::model(move || request_meets_frame(planted(Mistake::None)));
    assert!(fails(move || request_meets_frame(planted(Mistake::QuietAsk))));
    assert!(fails(move || request_meets_frame(planted(Mistake::DeafClose))));
    assert!(fails(move || request_meets_frame(planted(Mistake::RudeBegin))));
}

/// What happened to a task: how often it was polled, cleaned up, went on.
#[derive(Default)]
struct Seen {
    polled: AtomicUsize,
    cleaned: AtomicUsize,
    went_on: AtomicUsize,
}

/// Waits for the next poll, and sees to it that there is one.
async fn once_more() {
    let mut waited = false;
    poll_fn(|cx| {
        if std::mem::replace(&mut waited, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// A task is asked to end while it is polled, and ends. Gives what came of it, and whether somebody was
/// asked.
fn ask_once<F>(future: impl FnOnce(Home, Arc<Seen>) -> F) -> (Arc<Seen>, bool, Option<F::Output>)
where
    F: Future<Output: Send> + Send + 'static,
{
    let (home, seen) = (Home::new(), Arc::new(Seen::default()));
    let mut handle = home.spawn(future(home.clone(), seen.clone()));
    let asker = handle.abort_handle();
    let thread = thread::spawn(move || asker.cancel("stop"));
    home.run_all();
    let asked = thread.join().unwrap();
    home.run_all();
    let output = output(&mut handle);
    drop(handle);
    home.close();
    assert_eq!(home.tasks(), 0, "never freed");
    (seen, asked, output)
}

/// The output of a task that has ended; `None`: it was cancelled.
fn output<T>(handle: &mut JoinHandle<T>) -> Option<T> {
    assert!(handle.is_finished(), "the request is lost");
    match Pin::new(handle).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Pending => unreachable!("it has ended"),
        Poll::Ready(Ok(output)) => Some(output),
        Poll::Ready(Err(error)) => {
            assert_eq!(error.reason().and_then(|reason| reason.message()), Some("stop"));
            None
        }
    }
}

impl Seen {
    fn counts(&self) -> [usize; 3] {
        [&self.polled, &self.cleaned, &self.went_on].map(|count| count.load(SeqCst))
    }
}

/// A task that sleeps, without a frame, and whoever else asks or takes back at the same time.
fn sleeper_meets(other: impl FnOnce(AbortHandle) + Send + 'static) {
    let home = Home::new();
    let mut handle = home.spawn(pending::<()>());
    home.run_all();
    let thread = {
        let (task, home) = (handle.abort_handle(), home.clone());
        thread::spawn(move || {
            other(task);
            home.run_all();
        })
    };
    let asked = handle.cancel("here");
    home.run_all();
    thread.join().unwrap();
    home.run_all();
    assert_eq!(handle.cancelling(), 0);
    let poll = |handle: &mut JoinHandle<()>| {
        Pin::new(handle).poll(&mut Context::from_waker(Waker::noop()))
    };
    let outcome = match poll(&mut handle) {
        Poll::Pending => {
            // It was taken back in time.
            handle.abort();
            home.run_all();
            poll(&mut handle)
        }
        outcome => {
            assert!(asked || matches!(&outcome, Poll::Ready(Err(e)) if e.reason().is_some()));
            outcome
        }
    };
    assert!(matches!(outcome, Poll::Ready(Err(error)) if error.is_cancelled()));
    drop(handle);
    home.close();
    assert_eq!(home.tasks(), 0, "never freed");
}

#[test]
fn a_sleeper_is_asked_by_two() {
    loom::model(|| sleeper_meets(|task| _ = task.cancel("there")));
}

#[test]
fn a_sleeper_is_asked_and_the_request_is_taken_back() {
    loom::model(|| sleeper_meets(|task| _ = task.uncancel()));
}

#[test]
fn the_end_of_a_sleeper_is_counted_once() {
    loom::model(|| {
        let tally = Arc::new(Tally::new());
        let told = tally.clone();
        sleeper_meets(move |task| _ = cancel_for(&task, &Arc::default(), &told));
        assert!(tally.is_done(Waker::noop()));
        assert!(tally.count().ended <= 1);
    });
}

/// A value that comes at the same time as the request: either counts, and the clean-up runs.
#[test]
fn a_request_meets_the_end_of_the_task() {
    loom::model(|| {
        let (seen, asked, output) = ask_once(|_, seen| async move {
            seen.polled.fetch_add(1, SeqCst);
            let body = with_cleanup(once_more(), async {
                seen.cleaned.fetch_add(1, SeqCst);
            });
            body.limit(None).await;
            7
        });
        let [polled, cleaned, _] = seen.counts();
        assert_eq!(polled, cleaned);
        assert!(asked || output == Some(7));
    });
}

/// What is shielded is finished, and then the task ends.
#[test]
fn a_shield_holds_the_request_off_for_its_length() {
    loom::model(|| {
        let (seen, _, output) = ask_once(|_, seen| async move {
            seen.polled.fetch_add(1, SeqCst);
            let shielded = CancelScope::shielded(None, async {
                once_more().await;
                seen.cleaned.fetch_add(1, SeqCst);
            });
            shielded.await.unwrap();
            pending::<()>().await;
            seen.went_on.fetch_add(1, SeqCst);
        });
        let [polled, finished, went_on] = seen.counts();
        assert_eq!((finished, went_on), (polled, 0));
        assert_eq!(output, None);
    });
}

/// Of two clean-ups within each other the inner one comes first, and both come.
#[test]
fn clean_ups_within_each_other_run_from_the_inside() {
    loom::model(|| {
        let (seen, _, output) = ask_once(|_, seen| async move {
            seen.polled.fetch_add(1, SeqCst);
            let inner = with_cleanup(pending::<()>(), async {
                assert_eq!(seen.cleaned.fetch_add(1, SeqCst), 0);
            });
            let outer = with_cleanup(inner.limit(None), async {
                assert_eq!(seen.cleaned.fetch_add(1, SeqCst), 1);
            });
            outer.limit(None).await;
            seen.went_on.fetch_add(1, SeqCst);
        });
        let [polled, cleaned, went_on] = seen.counts();
        assert_eq!((cleaned, went_on), (2 * polled, 0));
        assert_eq!(output, None);
    });
}

/// A catch further in answers for all, and the task goes on; or it was asked before it began.
#[test]
fn a_catch_within_a_clean_up_answers_for_both() {
    loom::model(|| {
        let (seen, _, output) = ask_once(|_, seen| async move {
            seen.polled.fetch_add(1, SeqCst);
            let body = async {
                catch_cancel(pending::<()>()).await.unwrap_err();
                once_more().await;
                seen.went_on.fetch_add(1, SeqCst);
            };
            let both = with_cleanup(body, async {
                seen.cleaned.fetch_add(1, SeqCst);
            });
            both.limit(None).await;
        });
        let [polled, cleaned, went_on] = seen.counts();
        assert_eq!((cleaned, went_on), (polled, polled));
        assert_eq!(output, (polled > 0).then_some(()));
    });
}

/// What one branch has passed on, a catch in another one does not take back.
#[test]
fn a_task_ends_although_one_branch_has_answered() {
    loom::model(|| {
        let (seen, _, output) = ask_once(|_, seen| async move {
            seen.polled.fetch_add(1, SeqCst);
            let counted = seen.clone();
            let clean = async move { _ = counted.cleaned.fetch_add(1, SeqCst) };
            let mut first = Box::pin(with_cleanup(pending::<()>(), clean).limit(None));
            let mut second = Box::pin(catch_cancel(pending::<()>()));
            let mut caught = false;
            poll_fn(|cx| {
                assert!(first.as_mut().poll(cx).is_pending());
                caught = caught || second.as_mut().poll(cx).is_ready();
                Poll::<()>::Pending
            })
            .await;
        });
        let [polled, cleaned, _] = seen.counts();
        assert_eq!(cleaned, polled);
        assert_eq!(output, None);
    });
}

/// A frame that was carried off is dropped elsewhere while its scope, which is cancelled, waits for it.
#[test]
fn a_scope_waits_for_a_frame_that_is_dropped_elsewhere() {
    loom::model(|| {
        let (home, seen) = (Home::new(), Arc::new(Seen::default()));
        let scope = CancelScope::new();
        scope.cancel("stop");
        let carried = Arc::new(std::sync::Mutex::new(None));
        let place = carried.clone();
        let mut handle = home.spawn(async move {
            let outcome = scope.run(async {
                let mut frame = Some(Box::pin(with_cleanup(pending::<()>(), pending())));
                poll_fn(|cx| {
                    if let Some(mut frame) = frame.take() {
                        assert!(frame.as_mut().poll(cx).is_pending());
                        *place.lock().unwrap() = Some(frame);
                    }
                    Poll::<()>::Pending
                })
                .await;
            });
            assert!(outcome.await.is_err());
            seen.went_on.fetch_add(1, SeqCst);
        });
        let thread = thread::spawn(move || {
            let frame = carried.lock().unwrap().take();
            drop(frame);
            carried
        });
        home.run_all();
        // If the thread was too early, the frame is dropped here.
        let carried = thread.join().unwrap();
        let frame = carried.lock().unwrap().take();
        drop(frame);
        home.run_all();
        assert_eq!(output(&mut handle), Some(()));
        drop((handle, carried));
        home.close();
        assert_eq!(home.tasks(), 0, "never freed");
    });
}

/// A child lives as long as this is not dropped.
struct Child(Arc<Seen>);

impl Drop for Child {
    fn drop(&mut self) {
        self.0.cleaned.fetch_add(1, SeqCst);
    }
}

/// The block of a group with a child that ends while somebody asks the task to end: the child is gone
/// when the block is over, whichever way.
#[test]
fn a_request_meets_the_close_of_a_group() {
    loom::model(|| {
        let (seen, asked, output) = ask_once(|home, seen| async move {
            seen.polled.fetch_add(1, SeqCst);
            let child = Child(seen.clone());
            let outcome = TaskGroup::<()>::scope(|group| async move {
                let enrolled = group.enroll(async move {
                    let _child = child;
                    once_more().await;
                    Ok(())
                });
                let (number, task) = enrolled.unwrap();
                let _child = group.enrolled(number, home.spawn(task));
                Ok(())
            });
            let outcome = outcome.await;
            assert_eq!(seen.cleaned.load(SeqCst), 1, "the child has outlived the block");
            seen.went_on.fetch_add(1, SeqCst);
            outcome
        });
        let [polled, gone, _] = seen.counts();
        assert_eq!(gone, polled);
        assert!(asked || output == Some(Ok(())));
        assert_ne!(output.map(|outcome| outcome.is_ok()), Some(false));
    });
}

/// A group is cancelled while its child ends: that is no error, and nobody waits for ever.
#[test]
fn a_group_is_cancelled_while_it_closes() {
    loom::model(|| {
        let (home, seen) = (Home::new(), Arc::new(Seen::default()));
        let mut thread = None;
        let scope = TaskGroup::<()>::scope(|group| {
            let canceller = group.clone();
            thread = Some(thread::spawn(move || canceller.cancel("enough")));
            let (home, child) = (home.clone(), Child(seen.clone()));
            async move {
                let enrolled = group.enroll(async move {
                    let _child = child;
                    once_more().await;
                    Ok(())
                });
                let (number, task) = enrolled.unwrap();
                let _child = group.enrolled(number, home.spawn(task));
                Ok(())
            }
        });
        let mut handle = home.spawn(scope);
        home.run_all();
        thread.unwrap().join().unwrap();
        home.run_all();
        assert_eq!(output(&mut handle), Some(Ok(())));
        assert_eq!(seen.cleaned.load(SeqCst), 1);
        drop(handle);
        home.close();
        assert_eq!(home.tasks(), 0, "never freed");
    });
}

/// A task that cleans up while two threads ask it to end.
fn two_requests(careless: bool) {
    let home = Home::with_care(!careless);
    let seen = Arc::new(Seen::default());
    let handle = {
        let seen = seen.clone();
        home.spawn(async move {
            seen.polled.fetch_add(1, SeqCst);
            let body = with_cleanup(pending::<()>(), async {
                seen.cleaned.fetch_add(1, SeqCst);
            });
            body.limit(None).await;
            seen.went_on.fetch_add(1, SeqCst);
        })
    };
    let threads = [handle.abort_handle(), handle.abort_handle()]
        .map(|handle| thread::spawn(move || handle.cancel("stop")));
    home.run_all();
    for thread in threads {
        thread.join().unwrap();
    }
    home.run_all();
    assert!(handle.is_finished(), "the request is lost");
    assert_eq!(seen.cleaned.load(SeqCst), seen.polled.load(SeqCst));
    assert_eq!(seen.went_on.load(SeqCst), 0);
    drop(handle);
    home.close();
    assert_eq!(home.tasks(), 0, "never freed");
}

/// A scope is left, which takes no lock unless somebody has it still, while another thread asks for a
/// clean-up and lets go: it runs or is refused, and the next scope knows nothing of it.
#[test]
fn a_clean_up_meets_the_end_of_its_scope() {
    loom::model(|| {
        let scope = CancelScope::new();
        let ran = Arc::new(AtomicUsize::new(0));
        let asker = {
            let (scope, ran) = (scope.clone(), ran.clone());
            thread::spawn(move || {
                scope.cancel("too late");
                let cleanup = async move { _ = ran.fetch_add(1, SeqCst) };
                let ask = move || scope.on_exit_within(None, cleanup);
                std::panic::catch_unwind(std::panic::AssertUnwindSafe(ask)).is_ok()
            })
        };
        let mut run = Box::pin(scope.run(std::future::ready(7)));
        drop(scope);
        let mut cx = Context::from_waker(Waker::noop());
        let Poll::Ready(Ok(7)) = run.as_mut().poll(&mut cx) else { panic!("it was ready") };
        let next = CancelScope::new();
        assert!(!next.cancel_called());
        next.on_exit_within(None, async {});
        assert_eq!(ran.load(SeqCst) > 0, asker.join().unwrap());
    });
}

/// A timeout is left, which is a load if nobody has its scope any more, while another thread moves it
/// and lets go: the next one knows nothing of it.
#[test]
fn a_timeout_that_was_moved_leaves_nothing_to_the_next() {
    loom::model(|| {
        let mut cx = Context::from_waker(Waker::noop());
        let (moment, mut mover) = (Instant::now(), None);
        let mut scope = Box::pin(timeout_scope(None, |scope: &TimeoutScope| {
            let scope = scope.clone();
            mover = Some(thread::spawn(move || scope.reschedule(moment)));
            // To look at the count of who has it is no place where the model changes threads.
            thread::yield_now();
            std::future::ready(7)
        }));
        let Poll::Ready(Ok(7)) = scope.as_mut().poll(&mut cx) else { panic!("it was ready") };
        drop(scope);
        let mut next = Box::pin(timeout_scope(None, |scope: &TimeoutScope| {
            assert_eq!(scope.deadline(), None);
            std::future::ready(scope.reschedule(moment))
        }));
        assert_eq!(next.as_mut().poll(&mut cx), Poll::Ready(Ok(Ok(()))));
        drop(next);
        _ = mover.unwrap().join().unwrap();
    });
}

/// With two preemptions there would be so many orders that it takes more than ten minutes.
fn model_of_many_steps(f: impl Fn() + Sync + Send + 'static) {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(1);
    model.check(f);
}

#[test]
fn each_clean_up_runs_once_and_the_task_ends() {
    model_of_many_steps(|| two_requests(false));
}

#[test]
fn twin_whose_home_loses_what_is_asked() {
    assert!(fails(|| two_requests(true)));
}

/// A task that catches what comes, and is done with a value, or never began.
#[test]
fn a_catch_answers_the_request_and_nothing_else_is_ended_by_it() {
    loom::model(|| {
        let home = Home::new();
        let seen = Arc::new(Seen::default());
        let handle = {
            let seen = seen.clone();
            home.spawn(async move {
                seen.polled.fetch_add(1, SeqCst);
                catch_cancel(pending::<()>()).await.unwrap_err();
                // A wait after the answer: the request must not end it.
                once_more().await;
                seen.went_on.fetch_add(1, SeqCst);
            })
        };
        let asker = handle.abort_handle();
        let thread = thread::spawn(move || asker.cancel("stop"));
        home.run_all();
        assert!(thread.join().unwrap());
        home.run_all();
        assert!(handle.is_finished(), "the request is lost");
        assert_eq!(seen.went_on.load(SeqCst), seen.polled.load(SeqCst));
        drop(handle);
        home.close();
        assert_eq!(home.tasks(), 0, "never freed");
    });
}

/// A scope is cancelled while its task is polled, and the task is asked to end too: the clean-up runs
/// once, and the task ends whichever came first.
#[test]
fn a_scope_and_its_task_are_cancelled_at_the_same_time() {
    model_of_many_steps(|| {
        let home = Home::new();
        let seen = Arc::new(Seen::default());
        let scope = CancelScope::new();
        let handle = {
            let (seen, scope) = (seen.clone(), scope.clone());
            home.spawn(async move {
                seen.polled.fetch_add(1, SeqCst);
                let body = with_cleanup(pending::<()>(), async {
                    seen.cleaned.fetch_add(1, SeqCst);
                });
                assert!(scope.run(body.limit(None)).await.is_err());
                pending::<()>().await;
            })
        };
        let asker = handle.abort_handle();
        let threads = [
            thread::spawn(move || _ = asker.cancel("stop")),
            thread::spawn(move || _ = scope.cancel("leave")),
        ];
        home.run_all();
        for thread in threads {
            thread.join().unwrap();
        }
        home.run_all();
        assert!(handle.is_finished(), "the request is lost");
        assert_eq!(seen.cleaned.load(SeqCst), seen.polled.load(SeqCst));
        drop(handle);
        home.close();
        assert_eq!(home.tasks(), 0, "never freed");
    });
}
