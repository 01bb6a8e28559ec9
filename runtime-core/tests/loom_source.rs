//! Readiness of a source: event against clear, against waiting, against a change of owner.
//!
//! Each model has a twin with a planted bug that must make it fail.
#![cfg(filch_loom)]
#![allow(clippy::disallowed_methods, clippy::disallowed_types, missing_docs)]

use std::future::Future;
use std::ops::Deref;
use std::pin::{Pin, pin};
use std::sync::Arc as StdArc;
use std::sync::atomic::{AtomicUsize as StdAtomicUsize, Ordering::SeqCst};
use std::task::{Context, Poll, Wake, Waker};

use loom::sync::Arc;
use loom::sync::atomic::{AtomicUsize, Ordering};
use loom::thread;
use runtime_core::reactor::readiness::Readiness;
use runtime_core::reactor::source::{Line, Source, Wait};
use runtime_core::reactor::{Direction, Ready, ReadyEvent};
use runtime_sync::wake_batch::WakeBatch;
use runtime_sync::waker_slot::WakerSlot;

/// Runs a model and tells whether it failed by an assertion.
fn fails(model: impl Fn() + Send + Sync + 'static) -> bool {
    let model = std::panic::AssertUnwindSafe(|| loom::model(model));
    std::panic::catch_unwind(model).is_err()
}

#[derive(Default)]
struct Woken(StdAtomicUsize);

impl Wake for Woken {
    fn wake(self: StdArc<Self>) {
        self.0.fetch_add(1, SeqCst);
    }
}

fn count() -> (StdArc<Woken>, Waker) {
    let woken = StdArc::new(Woken::default());
    (woken.clone(), Waker::from(woken))
}

/// A source and its line.
struct Watched<const BITS: u32> {
    source: Source<BITS>,
    line: Line,
}

impl<const BITS: u32> Watched<BITS> {
    fn new() -> Watched<BITS> {
        Watched { source: Source::new(), line: Line::new() }
    }

    fn wait(&self, wanted: Ready) -> Wait<'_, Source<BITS>> {
        self.source.wait(&self.line, wanted)
    }

    fn retire(&self) {
        self.source.retire(Some(&self.line));
    }

    fn shut_down(&self, wakes: &mut WakeBatch) {
        self.source.shut_down(|| Some(&self.line), wakes);
    }
}

impl<const BITS: u32> Deref for Watched<BITS> {
    type Target = Source<BITS>;
    fn deref(&self) -> &Source<BITS> {
        &self.source
    }
}

fn event<const BITS: u32>(watched: &Watched<BITS>, generation: u32, ready: Ready) -> bool {
    let mut wakes = WakeBatch::new();
    let taken = watched.dispatch(generation, ready, || Some(&watched.line), &mut wakes);
    wakes.wake_all();
    taken
}

/// Bytes arrive while a reader finds the socket empty and says so. At the end, bytes that nobody
/// has read must be announced.
fn event_against_clear<const BITS: u32>() {
    let source = Arc::new(Watched::<BITS>::new());
    let bytes = Arc::new(AtomicUsize::new(0));
    event(&source, 0, Ready::READABLE);
    let kernel = {
        let (source, bytes) = (source.clone(), bytes.clone());
        thread::spawn(move || {
            bytes.fetch_add(1, Ordering::AcqRel);
            event(&source, 0, Ready::READABLE);
        })
    };
    let seen = source.look(Direction::Read.ready()).unwrap();
    assert!(seen.ready().is_readable());
    if bytes.swap(0, Ordering::AcqRel) == 0 {
        source.clear(seen);
    }
    kernel.join().unwrap();
    if bytes.load(Ordering::Acquire) > 0 {
        assert!(source.look(Direction::Read.ready()).unwrap().ready().is_readable());
    }
}

#[test]
fn a_clear_never_takes_back_a_later_event() {
    loom::model(event_against_clear::<32>);
    loom::model(event_against_clear::<1>);
}

#[test]
fn a_clear_without_a_tick_does() {
    assert!(fails(event_against_clear::<0>));
}

/// As before with two events: the second must wrap a tick of one bit without harm, because the
/// reader looks again in between.
#[test]
fn a_tick_that_wraps_between_two_looks_does_no_harm() {
    loom::model(|| {
        let source = Arc::new(Watched::<1>::new());
        let bytes = Arc::new(AtomicUsize::new(0));
        let kernel = {
            let (source, bytes) = (source.clone(), bytes.clone());
            thread::spawn(move || {
                bytes.fetch_add(1, Ordering::AcqRel);
                event(&source, 0, Ready::READABLE);
            })
        };
        for _ in 0..2 {
            let seen = source.look(Direction::Read.ready()).unwrap();
            if seen.ready().is_readable() && bytes.swap(0, Ordering::AcqRel) == 0 {
                source.clear(seen);
            }
        }
        kernel.join().unwrap();
        // Two more events: with one bit the tick is back where it was, the generation untouched.
        assert!(event(&source, 0, Ready::READABLE));
        assert!(event(&source, 0, Ready::READABLE));
        assert_eq!(source.generation(), 0);
        assert!(!event(&source, 1, Ready::READABLE));
    });
}

fn write_event_against_read_clear() {
    let source = Arc::new(Watched::<1>::new());
    event(&source, 0, Ready::READABLE);
    let seen = source.look(Direction::Read.ready()).unwrap();
    let kernel = {
        let source = source.clone();
        thread::spawn(move || event(&source, 0, Ready::WRITABLE))
    };
    source.clear(seen);
    assert!(kernel.join().unwrap());
    let now = source.look(Ready::ALL).unwrap().ready();
    assert!(!now.is_readable(), "the clear was valid");
    assert!(now.is_writable());
}

#[test]
fn a_writable_event_leaves_a_read_clear_valid() {
    loom::model(write_event_against_read_clear);
}

#[test]
fn an_event_that_ticks_both_words_does_not() {
    assert!(fails(|| {
        let both = Arc::new(Readiness::<1>::new());
        let seen = both.report(0, 1).unwrap();
        let kernel = {
            let both = both.clone();
            thread::spawn(move || both.report(0, 2).is_some())
        };
        let cleared = both.clear(seen, 1);
        kernel.join().unwrap();
        assert!(cleared);
    }));
}

/// One event, one task that waits by `poll_ready`, or by the steps of it that `poll` takes.
fn event_against_poll(poll: fn(&Watched<2>, &mut Context<'_>) -> Poll<()>) {
    let source = Arc::new(Watched::<2>::new());
    let (woken, waker) = count();
    let kernel = {
        let source = source.clone();
        thread::spawn(move || event(&source, 0, Ready::READABLE))
    };
    let ready = poll(&source, &mut Context::from_waker(&waker)).is_ready();
    kernel.join().unwrap();
    assert!(ready || woken.0.load(SeqCst) > 0, "the event was missed");
}

#[test]
fn a_poll_sees_the_event_or_is_woken() {
    loom::model(|| {
        event_against_poll(|source, cx| source.poll_ready(cx, Direction::Read).map(drop));
    });
}

/// The steps of a poll by hand, with or without the look after the waker is in place.
fn steps_of_a_poll(looks_again: bool) {
    let source = Arc::new((Readiness::<2>::new(), WakerSlot::new()));
    let (woken, waker) = count();
    let kernel = {
        let source = source.clone();
        thread::spawn(move || {
            source.0.report(0, 1);
            source.1.wake();
        })
    };
    let mut ready = source.0.look().is_ready();
    if !ready {
        source.1.register(&waker);
        ready = looks_again && source.0.look().is_ready();
    }
    kernel.join().unwrap();
    assert!(ready || woken.0.load(SeqCst) > 0, "the event was missed");
}

#[test]
fn a_poll_that_does_not_look_again_misses_the_event() {
    loom::model(|| steps_of_a_poll(true));
    assert!(fails(|| steps_of_a_poll(false)));
}

fn poll_line(line: Pin<&mut Wait<'_, Source<2>>>, waker: &Waker) -> Poll<ReadyEvent> {
    line.poll(&mut Context::from_waker(waker)).map(Result::unwrap)
}

#[test]
fn each_future_in_line_sees_the_event_or_is_woken() {
    loom::model(|| {
        let source = Arc::new(Watched::<2>::new());
        let kernel = {
            let source = source.clone();
            thread::spawn(move || event(&source, 0, Ready::READABLE))
        };
        let other = {
            let source = source.clone();
            thread::spawn(move || {
                // This one gives up: its wake is for nobody.
                let (_, waker) = count();
                let line = pin!(source.wait(Ready::READABLE));
                let _ = poll_line(line, &waker);
            })
        };
        let (woken, waker) = count();
        let mut line = pin!(source.wait(Ready::READABLE));
        let ready = poll_line(line.as_mut(), &waker).is_ready();
        kernel.join().unwrap();
        other.join().unwrap();
        assert!(ready || woken.0.load(SeqCst) > 0, "the event was missed");
        assert!(poll_line(line, &waker).is_ready());
    });
}

/// The planted bug: the future joins a line that the event does not know of, because the flag is
/// set in the word of the other direction only.
#[test]
fn a_future_that_is_not_listed_misses_it() {
    assert!(fails(|| {
        event_against_poll(|source, cx| {
            let mut wait = Box::pin(source.wait(Ready::WRITABLE));
            let polled = wait.as_mut().poll(cx).map(drop);
            // It stays in line, as one that sleeps does.
            std::mem::forget(wait);
            polled
        });
    }));
}

/// A descriptor is closed and another one gets its slot, while an event of the first one is on
/// its way. `deliver` gets the token's generation.
fn stale_event(deliver: fn(&Watched<2>, u32)) {
    let source = Arc::new(Watched::<2>::new());
    let former = source.generation();
    let kernel = {
        let source = source.clone();
        thread::spawn(move || deliver(&source, former))
    };
    source.retire();
    let present = source.generation();
    assert_ne!(former, present);
    let (_, waker) = count();
    let poll = source.poll_ready(&mut Context::from_waker(&waker), Direction::Read);
    assert!(poll.is_pending(), "the new owner was told of the old one's event");
    kernel.join().unwrap();
    let seen = source.look(Ready::ALL).unwrap().ready();
    assert!(seen.is_empty(), "the new owner was told of the old one's event");
    assert!(event(&source, present, Ready::READABLE));
}

#[test]
fn a_new_owner_never_sees_a_stale_event() {
    loom::model(|| {
        stale_event(|source, generation| {
            event(source, generation, Ready::READABLE);
        });
    });
}

#[test]
fn a_dispatch_that_asks_for_the_present_generation_lets_it_through() {
    assert!(fails(|| {
        stale_event(|source, _| {
            event(source, source.generation(), Ready::READABLE);
        });
    }));
}

#[test]
fn a_stale_clear_leaves_the_new_owner_alone() {
    loom::model(|| {
        let source = Arc::new(Watched::<2>::new());
        event(&source, 0, Ready::READABLE);
        let seen = source.look(Ready::READABLE).unwrap();
        let late = {
            let source = source.clone();
            thread::spawn(move || source.clear(seen))
        };
        source.retire();
        assert!(event(&source, 1, Ready::READABLE));
        late.join().unwrap();
        assert!(source.look(Ready::READABLE).unwrap().ready().is_readable());
    });
}

/// The reactor goes away while two tasks begin to wait.
fn shutdown_against_wait(shut_down: fn(&Watched<2>)) {
    let source = Arc::new(Watched::<2>::new());
    let closer = {
        let source = source.clone();
        thread::spawn(move || shut_down(&source))
    };
    let (woken, waker) = count();
    let mut cx = Context::from_waker(&waker);
    let polled = source.poll_ready(&mut cx, Direction::Write).is_ready();
    let (called, waker) = count();
    let mut cx = Context::from_waker(&waker);
    let lined = pin!(source.wait(Ready::READABLE));
    let lined = lined.poll(&mut cx).is_ready();
    closer.join().unwrap();
    assert!(polled || woken.0.load(SeqCst) > 0, "a poll waits for ever");
    assert!(lined || called.0.load(SeqCst) > 0, "a future waits for ever");
    assert!(source.look(Ready::READABLE).is_err());
}

#[test]
fn a_shutdown_is_seen_by_everybody() {
    loom::model(|| {
        shutdown_against_wait(|source| {
            let mut wakes = WakeBatch::new();
            source.shut_down(&mut wakes);
            wakes.wake_all();
        });
    });
}

#[test]
fn a_shutdown_that_forgets_the_waiters_is_not() {
    assert!(fails(|| {
        shutdown_against_wait(|source| {
            // The wakers are collected, and then dropped instead of woken.
            let mut wakes = WakeBatch::new();
            source.shut_down(&mut wakes);
            std::mem::forget(wakes);
        });
    }));
}
