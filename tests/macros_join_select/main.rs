//! `join!`, `try_join!`, `select!` and `pin!`: who is polled when, who wins, who is dropped.
#![allow(missing_docs)]

mod join;
mod pin;
mod select;
mod try_join;

// The crate is known by another name only: the macros must find their way by `$crate`.
use filch as other;

use std::cell::{Cell, RefCell};
use std::future::{Future, pending, poll_fn, ready};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Runs without a runtime: the macros need none.
fn block_on<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(output) => return output,
            Poll::Pending => thread::park(),
        }
    }
}

fn poll_once<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

/// Ready at poll number `at`, and a panic if it is polled after that.
fn ready_at(at: u32) -> impl Future<Output = u32> {
    let mut polls = 0;
    poll_fn(move |cx| {
        polls += 1;
        assert!(polls <= at, "polled after completion");
        cx.waker().wake_by_ref();
        if polls == at { Poll::Ready(at) } else { Poll::Pending }
    })
}

/// Writes its name at each poll.
fn logged<'a>(name: char, at: u32, log: &'a RefCell<String>) -> impl Future<Output = char> + 'a {
    let mut inner = Box::pin(ready_at(at));
    poll_fn(move |cx| {
        log.borrow_mut().push(name);
        inner.as_mut().poll(cx).map(|_| name)
    })
}

/// Counts its drops; a future that never completes.
struct Witness<'a>(&'a Cell<u32>);

impl Future for Witness<'_> {
    type Output = ();
    fn poll(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<()> {
        Poll::Pending
    }
}

impl Drop for Witness<'_> {
    fn drop(&mut self) {
        self.0.set(self.0.get() + 1);
    }
}
