//! What the reactor promises, with a world that is scripted.
#![allow(clippy::disallowed_methods, clippy::disallowed_types)]

use std::io::{self, Read, Write};
use std::os::fd::RawFd;
use std::os::unix::net::UnixStream;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use runtime_sync::wake_batch::WakeBatch;

use super::driver::{Driver, Events};
use super::readiness::{GENERATIONS, READY, Readiness};
use super::slots::{Slots, Token};
use super::source::{Line, Source};
use super::{Direction, Interest, Numbered, Reactor, Ready, Registration, Turn, Unowned};

/// A world that does what a test has written down.
#[derive(Debug, Clone, Default)]
struct Script(Arc<Mutex<Page>>);

#[derive(Debug, Default)]
struct Page {
    events: Vec<(u64, Ready)>,
    tokens: Vec<u64>,
    deleted: usize,
    waits: usize,
    add_fails: bool,
}

impl Script {
    fn reactor(&self) -> Arc<Reactor> {
        Arc::new(Reactor::with_driver(Box::new(self.clone())))
    }

    fn next(&self, token: u64, ready: Ready) {
        self.0.lock().unwrap().events.push((token, ready));
    }

    fn last_token(&self) -> u64 {
        *self.0.lock().unwrap().tokens.last().unwrap()
    }
}

impl Driver for Script {
    fn wait(&self, events: &mut Events, _timeout: Option<Duration>) -> io::Result<()> {
        let mut page = self.0.lock().unwrap();
        page.waits += 1;
        events.clear();
        for (token, ready) in page.events.drain(..) {
            events.push(token, ready);
        }
        Ok(())
    }

    fn wake(&self) -> io::Result<()> {
        Ok(())
    }

    fn add(&self, _descriptor: RawFd, token: u64, _interest: Interest) -> io::Result<()> {
        let mut page = self.0.lock().unwrap();
        if page.add_fails {
            return Err(io::ErrorKind::OutOfMemory.into());
        }
        page.tokens.push(token);
        Ok(())
    }

    fn delete(&self, _descriptor: RawFd) -> io::Result<()> {
        self.0.lock().unwrap().deleted += 1;
        Ok(())
    }

    fn reports_closing(&self) -> bool {
        true
    }
}

#[derive(Default)]
struct Count(AtomicUsize);

impl Count {
    fn new() -> (Arc<Count>, Waker) {
        let count = Arc::new(Count::default());
        (count.clone(), Waker::from(count))
    }

    fn get(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

fn turn(reactor: &Reactor) -> usize {
    let mut wakes = WakeBatch::new();
    let count = reactor.turn(&mut Turn::new(), Some(Duration::ZERO), &mut wakes).unwrap();
    wakes.wake_all();
    count
}

fn is_ready<D: Numbered>(registration: &Registration<D>, direction: Direction) -> bool {
    registration.poll_ready(&mut Context::from_waker(Waker::noop()), direction).is_ready()
}

const BOTH: Interest = Interest::READABLE.add(Interest::WRITABLE);

#[test]
fn what_the_owner_reports_wakes_who_waits_as_an_event_does() {
    let script = Script::default();
    let registration = Registration::new_with(&script.reactor(), Unowned(0), BOTH).unwrap();
    let (reader, waker) = Count::new();
    let mut cx = Context::from_waker(&waker);
    assert!(registration.poll_ready(&mut cx, Direction::Read).is_pending());
    registration.report(Ready::WRITABLE);
    assert_eq!(reader.get(), 0);
    registration.report(Ready::READABLE);
    assert_eq!(reader.get(), 1);
    assert!(is_ready(&registration, Direction::Read));
}

#[test]
fn an_event_wakes_the_task_that_waits_for_it() {
    let script = Script::default();
    let reactor = script.reactor();
    let registration = Registration::new_with(&reactor, Unowned(0), BOTH).unwrap();
    let (reader, reader_waker) = Count::new();
    let (writer, writer_waker) = Count::new();
    let poll = registration.poll_read_ready(&mut Context::from_waker(&reader_waker));
    assert!(poll.is_pending());
    let poll = registration.poll_write_ready(&mut Context::from_waker(&writer_waker));
    assert!(poll.is_pending());

    script.next(script.last_token(), Ready::READABLE);
    assert_eq!(turn(&reactor), 1);
    assert_eq!((reader.get(), writer.get()), (1, 0));
    assert!(is_ready(&registration, Direction::Read));
    assert!(!is_ready(&registration, Direction::Write));
}

/// Knows by its drop whether it is watched still.
struct Witness {
    script: Script,
    drops: Arc<AtomicUsize>,
}

impl Numbered for Witness {
    fn number(&self) -> RawFd {
        7
    }
}

impl Drop for Witness {
    fn drop(&mut self) {
        self.drops.fetch_add(1, Ordering::SeqCst);
        assert_eq!(self.script.0.lock().unwrap().deleted, 1, "it went while it was watched");
    }
}

#[test]
fn what_is_watched_goes_once_and_after_the_watch() {
    for gives_back in [false, true] {
        let script = Script::default();
        let drops = Arc::new(AtomicUsize::new(0));
        let witness = Witness { script: script.clone(), drops: drops.clone() };
        let registration = Registration::new_with(&script.reactor(), witness, BOTH).unwrap();
        if gives_back {
            let witness = registration.deregister().unwrap();
            assert_eq!(drops.load(Ordering::SeqCst), 0);
            drop(witness);
        } else {
            drop(registration);
        }
        assert_eq!(drops.load(Ordering::SeqCst), 1);
    }
}

#[test]
fn a_token_of_a_former_owner_has_no_effect() {
    let script = Script::default();
    let reactor = script.reactor();
    let former = Registration::new_with(&reactor, Unowned(7), BOTH).unwrap();
    let stale = script.last_token();
    drop(former);
    let present = Registration::new_with(&reactor, Unowned(7), BOTH).unwrap();
    let (count, waker) = Count::new();
    assert!(present.poll_read_ready(&mut Context::from_waker(&waker)).is_pending());

    script.next(stale, Ready::ALL);
    assert_eq!(turn(&reactor), 1);
    assert_eq!(count.get(), 0);
    assert!(present.ready_now(BOTH).unwrap().ready().is_empty());

    script.next(script.last_token(), Ready::READABLE);
    turn(&reactor);
    assert_eq!(count.get(), 1);
}

#[test]
fn made_up_tokens_have_no_effect() {
    let script = Script::default();
    let reactor = script.reactor();
    let registration = Registration::new_with(&reactor, Unowned(0), BOTH).unwrap();
    let genuine = script.last_token();
    let mut token = 0x9e37_79b9_7f4a_7c15_u64;
    for _ in 0..10_000 {
        token = token.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let cut = token >> (token % 64);
        if cut != genuine {
            script.next(cut, Ready::ALL);
        }
    }
    script.next(u64::MAX, Ready::ALL);
    script.next(u64::from(u32::MAX), Ready::ALL);
    turn(&reactor);
    assert!(!is_ready(&registration, Direction::Read));
}

#[test]
fn a_failed_registration_leaves_nothing_behind() {
    let script = Script::default();
    let reactor = script.reactor();
    for _ in 0..3 {
        script.0.lock().unwrap().add_fails = true;
        let error = Registration::new_with(&reactor, Unowned(0), BOTH).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::OutOfMemory);
        assert_eq!(reactor.registered_count(), reactor.deregistered_count());
        script.0.lock().unwrap().add_fails = false;
        drop(Registration::new_with(&reactor, Unowned(0), BOTH).unwrap());
    }
    let index = script.last_token() as u32;
    assert_eq!(index, 0, "the one slot is used again and again");
    assert_eq!(reactor.registered_count(), 6);
}

#[test]
fn the_tick_wraps_without_touching_the_generation() {
    let readiness = Readiness::<2>::new();
    readiness.retire();
    for round in 0..9 {
        let seen = readiness.report(1, READY).unwrap();
        assert_eq!(seen.generation(), 1, "round {round}");
        assert!(readiness.report(0, READY).is_none());
    }
    let full = Readiness::<32>::new();
    let before = full.look();
    assert!(full.report(0, READY).is_some());
    assert!(!full.clear(before, READY));
}

#[test]
fn the_generation_wraps_without_touching_the_tick() {
    let readiness = Readiness::<32>::new();
    for _ in 0..GENERATIONS {
        readiness.retire();
    }
    assert_eq!(readiness.look(), Readiness::<32>::new().look());
}

#[test]
fn a_clear_takes_back_only_what_was_seen() {
    let script = Script::default();
    let reactor = script.reactor();
    let registration = Registration::new_with(&reactor, Unowned(0), BOTH).unwrap();
    script.next(script.last_token(), Ready::READABLE);
    turn(&reactor);
    let seen = registration.ready_now(Interest::READABLE).unwrap();
    script.next(script.last_token(), Ready::READABLE);
    turn(&reactor);
    registration.clear(seen);
    assert!(is_ready(&registration, Direction::Read), "the second event was not seen");

    // What happens on the write side leaves a clear of the read side valid.
    let seen = registration.ready_now(Interest::READABLE).unwrap();
    script.next(script.last_token(), Ready::WRITABLE);
    turn(&reactor);
    registration.clear(seen);
    assert!(!is_ready(&registration, Direction::Read));
    assert!(is_ready(&registration, Direction::Write));
}

#[test]
fn what_is_closed_stays_ready() {
    let script = Script::default();
    let reactor = script.reactor();
    let registration = Registration::new_with(&reactor, Unowned(0), BOTH).unwrap();
    script.next(script.last_token(), Ready::READABLE | Ready::READ_CLOSED);
    turn(&reactor);
    let seen = registration.ready_now(Interest::READABLE).unwrap();
    assert!(seen.ready().is_read_closed());
    registration.clear(seen);
    assert!(is_ready(&registration, Direction::Read));
}

#[test]
fn a_short_read_means_drained_unless_the_stream_is_closed_or_urgent() {
    let script = Script::default();
    let reactor = script.reactor();
    let mut cx = Context::from_waker(Waker::noop());
    for (extra, ready_after) in
        [(Ready::EMPTY, false), (Ready::READ_CLOSED, true), (Ready::PRIORITY, true)]
    {
        let registration = Registration::new_with(&reactor, Unowned(0), BOTH).unwrap();
        script.next(script.last_token(), Ready::READABLE | extra);
        turn(&reactor);
        let full = registration.poll_stream(&mut cx, Direction::Read, 10, || Ok(10));
        assert!(matches!(full, Poll::Ready(Ok(10))));
        assert!(is_ready(&registration, Direction::Read));
        let short = registration.poll_stream(&mut cx, Direction::Read, 10, || Ok(9));
        assert!(matches!(short, Poll::Ready(Ok(9))));
        assert_eq!(is_ready(&registration, Direction::Read), ready_after, "{extra:?}");
    }
}

#[test]
fn a_waker_that_panics_hides_no_event() {
    struct Bomb;
    impl Wake for Bomb {
        fn wake(self: Arc<Self>) {
            panic!("a user's waker");
        }
    }
    let script = Script::default();
    let reactor = script.reactor();
    let registrations: Vec<_> =
        (0..100).map(|n| Registration::new_with(&reactor, Unowned(n), BOTH).unwrap()).collect();
    let count = registrations.len();
    let tokens = script.0.lock().unwrap().tokens.clone();
    let (woken, waker) = Count::new();
    for (place, registration) in registrations.iter().enumerate() {
        let waker = if place == 3 { Waker::from(Arc::new(Bomb)) } else { waker.clone() };
        assert!(registration.poll_read_ready(&mut Context::from_waker(&waker)).is_pending());
    }
    for token in tokens {
        script.next(token, Ready::READABLE);
    }
    let mut held = Turn::new();
    let mut wakes = WakeBatch::new();
    assert_eq!(reactor.turn(&mut held, None, &mut wakes).unwrap(), count);
    assert!(catch_unwind(AssertUnwindSafe(|| wakes.wake_all())).is_err());
    assert_eq!(woken.get(), count - 1);
    assert!(registrations.iter().all(|registration| is_ready(registration, Direction::Read)));
    assert_eq!(script.0.lock().unwrap().waits, 1, "all were dispatched after one wait");
}

#[test]
fn any_number_of_tasks_may_stand_in_line() {
    let script = Script::default();
    let reactor = script.reactor();
    let registration = Registration::new_with(&reactor, Unowned(0), BOTH).unwrap();
    let (readers, reader_waker) = Count::new();
    let (writers, writer_waker) = Count::new();
    let mut reading: Vec<_> =
        (0..100).map(|_| Box::pin(registration.readiness(Interest::READABLE))).collect();
    let mut writing: Vec<_> =
        (0..3).map(|_| Box::pin(registration.readiness(Interest::WRITABLE))).collect();
    for future in &mut reading {
        assert!(future.as_mut().poll(&mut Context::from_waker(&reader_waker)).is_pending());
        assert!(future.as_mut().poll(&mut Context::from_waker(&reader_waker)).is_pending());
    }
    for future in &mut writing {
        assert!(future.as_mut().poll(&mut Context::from_waker(&writer_waker)).is_pending());
    }
    reading.truncate(90);
    script.next(script.last_token(), Ready::READABLE);
    turn(&reactor);
    assert_eq!((readers.get(), writers.get()), (90, 0));
    for future in &mut reading {
        assert!(future.as_mut().poll(&mut Context::from_waker(&reader_waker)).is_ready());
    }
    script.next(script.last_token(), Ready::WRITABLE);
    turn(&reactor);
    assert_eq!((readers.get(), writers.get()), (90, 3));
}

#[test]
fn a_turn_wakes_as_many_lines_as_there_are() {
    // One more than fit into a batch, first each in a line of its own, then also by a poll.
    let script = Script::default();
    let reactor = script.reactor();
    let (count, waker) = Count::new();
    let mut cx = Context::from_waker(&waker);
    for polled in [false, true] {
        let registrations: Vec<_> = (0..=WakeBatch::CAPACITY)
            .map(|n| {
                let other = Unowned(n as RawFd);
                let registration = Registration::new_with(&reactor, other, BOTH).unwrap();
                script.next(script.last_token(), Ready::READABLE | Ready::WRITABLE);
                registration
            })
            .collect();
        let mut waiting = Vec::new();
        for registration in &registrations {
            let mut future = Box::pin(registration.readiness(Interest::WRITABLE));
            assert!(future.as_mut().poll(&mut cx).is_pending());
            waiting.push(future);
            assert!(!polled || registration.poll_read_ready(&mut cx).is_pending());
        }
        let before = count.get();
        assert_eq!(turn(&reactor), registrations.len());
        assert_eq!(count.get() - before, registrations.len() * (1 + usize::from(polled)));
    }
}

#[test]
fn no_waker_is_kept_after_its_future_or_its_registration() {
    let script = Script::default();
    let reactor = script.reactor();
    let registration = Registration::new_with(&reactor, Unowned(0), BOTH).unwrap();
    let (count, waker) = Count::new();
    let mut cx = Context::from_waker(&waker);
    let before = Arc::strong_count(&count);
    let mut future = Box::pin(registration.readiness(BOTH));
    assert!(future.as_mut().poll(&mut cx).is_pending());
    assert_eq!(Arc::strong_count(&count), before + 1);
    drop(future);
    assert_eq!(Arc::strong_count(&count), before);
    assert!(registration.poll_read_ready(&mut cx).is_pending());
    assert!(registration.poll_write_ready(&mut cx).is_pending());
    // A leaked future must not pin a task either, once the registration is gone.
    let mut future = Box::pin(registration.readiness(BOTH));
    assert!(future.as_mut().poll(&mut cx).is_pending());
    std::mem::forget(future);
    drop(registration);
    assert_eq!(Arc::strong_count(&count), before);
}

#[test]
fn shutdown_ends_all_waiting_with_an_error() {
    let script = Script::default();
    let reactor = script.reactor();
    let registration = Registration::new_with(&reactor, Unowned(0), BOTH).unwrap();
    let (count, waker) = Count::new();
    let mut cx = Context::from_waker(&waker);
    let mut future = Box::pin(registration.readiness(Interest::READABLE));
    assert!(future.as_mut().poll(&mut cx).is_pending());
    assert!(registration.poll_write_ready(&mut cx).is_pending());
    reactor.shutdown();
    assert_eq!(count.get(), 2);

    let message = "the filch runtime that this descriptor was registered with has shut down";
    let errors = [
        match future.as_mut().poll(&mut cx) {
            Poll::Ready(Err(error)) => error,
            other => panic!("{other:?}"),
        },
        match registration.poll_read_ready(&mut cx) {
            Poll::Ready(Err(error)) => error,
            other => panic!("{other:?}"),
        },
        registration
            .try_io(Interest::READABLE, || Err::<(), _>(io::ErrorKind::WouldBlock.into()))
            .unwrap_err(),
        Registration::new_with(&reactor, Unowned(0), BOTH).unwrap_err(),
    ];
    for error in errors {
        assert_eq!((error.kind(), error.to_string().as_str()), (io::ErrorKind::Other, message));
    }
    drop(future);
    registration.deregister().unwrap();
    assert_eq!(reactor.registered_count(), reactor.deregistered_count());
}

#[test]
fn a_waker_may_call_back_into_its_source() {
    struct Nosy(Arc<(Source, Line)>);
    impl Wake for Nosy {
        fn wake(self: Arc<Self>) {
            let again = Waker::noop().clone();
            let mut cx = Context::from_waker(&again);
            let (source, line) = &*self.0;
            let _ = source.poll_ready(&mut cx, Direction::Read);
            let _ = pin!(source.wait(line, Ready::PRIORITY)).poll(&mut cx);
            let mut wakes = WakeBatch::new();
            source.dispatch(0, Ready::READABLE, || Some(line), &mut wakes);
        }
    }
    impl Drop for Nosy {
        fn drop(&mut self) {
            let _ = self.0.0.look(Ready::ALL);
        }
    }
    let watched = Arc::new((Source::new(), Line::new()));
    let (source, line) = &*watched;
    let mut waiting = Vec::new();
    for _ in 0..40 {
        let waker = Waker::from(Arc::new(Nosy(watched.clone())));
        let mut cx = Context::from_waker(&waker);
        let mut wait = Box::pin(source.wait(line, Ready::READABLE));
        assert!(wait.as_mut().poll(&mut cx).is_pending());
        assert!(source.poll_ready(&mut cx, Direction::Read).is_pending());
        waiting.push(wait);
    }
    waiting.truncate(30);
    let mut wakes = WakeBatch::new();
    assert!(source.dispatch(0, Ready::READABLE, || Some(line), &mut wakes));
    wakes.wake_all();
    drop(waiting);
    source.retire(Some(line));
}

#[test]
fn an_idle_connection_takes_little() {
    assert!(size_of::<Source>() <= 64, "{}", size_of::<Source>());
    assert!(size_of::<Registration<UnixStream>>() <= 16, "with its descriptor");

    let reactor = Script::default().reactor();
    let registration = Registration::new_with(&reactor, Unowned(0), BOTH).unwrap();
    assert!(!is_ready(&registration, Direction::Read));
    assert!(reactor.slots.line(0).is_none(), "only who stands in line needs one");
    let mut cx = Context::from_waker(Waker::noop());
    assert!(pin!(registration.readiness(BOTH)).poll(&mut cx).is_pending());
    assert!(reactor.slots.line(0).is_some());
}

/// A slot for a descriptor that nobody else has.
fn claim(slots: &Slots) -> Token {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    slots.claim(&Unowned(NEXT.fetch_add(1, Ordering::SeqCst) as RawFd)).unwrap().token
}

#[test]
fn slots_never_move_and_are_used_again() {
    const MANY: usize = 3_000;
    let slots = Slots::new();
    let tokens: Vec<Token> = (0..MANY).map(|_| claim(&slots)).collect();
    let places: Vec<*const Source> =
        tokens.iter().map(|token| std::ptr::from_ref(slots.get(token.index).unwrap())).collect();
    let distinct: std::collections::BTreeSet<_> = places.iter().collect();
    assert_eq!(distinct.len(), MANY);
    let lines: std::collections::BTreeSet<_> = tokens
        .iter()
        .map(|token| std::ptr::from_ref(slots.line_for_waiting(token.index).unwrap()))
        .collect();
    assert_eq!(lines.len(), MANY);
    for token in &tokens {
        slots.release(token.index);
    }
    for _ in 0..MANY {
        let token = claim(&slots);
        assert_eq!(token.generation, 1);
        assert!(places.contains(&std::ptr::from_ref(slots.get(token.index).unwrap())));
        assert_eq!(Token::unpack(token.pack()), Some(token));
    }
    let there: Vec<u32> = slots.close().collect();
    assert!(tokens.iter().all(|token| there.contains(&token.index)));
    assert!((MANY..MANY * 5 / 4).contains(&there.len()), "{} for {MANY}", there.len());
    assert!(slots.get(u32::MAX).is_none() && slots.line_for_waiting(u32::MAX).is_none());
}

#[test]
fn real_sockets_report_data_room_and_closing() {
    let reactor = Arc::new(Reactor::new().unwrap());
    let (near, mut far) = UnixStream::pair().unwrap();
    near.set_nonblocking(true).unwrap();
    let registration = Registration::new_with(&reactor, near, BOTH).unwrap();
    let mut near = registration.watched();
    turn(&reactor);
    assert!(!is_ready(&registration, Direction::Read));
    assert!(is_ready(&registration, Direction::Write));

    far.write_all(b"hello").unwrap();
    turn(&reactor);
    let mut cx = Context::from_waker(Waker::noop());
    let mut bytes = [0; 16];
    let read = registration.poll_io(&mut cx, Direction::Read, || near.read(&mut bytes));
    assert!(matches!(read, Poll::Ready(Ok(5))));
    let read = registration.poll_io(&mut cx, Direction::Read, || near.read(&mut bytes));
    assert!(read.is_pending());

    drop(far);
    turn(&reactor);
    let event = registration.ready_now(BOTH).unwrap();
    assert!(event.ready().is_read_closed() && event.ready().is_write_closed());
    assert!(reactor.ready_count() >= 3);
}

#[test]
fn a_descriptor_that_is_not_open_is_an_error() {
    let reactor = Arc::new(Reactor::new().unwrap());
    for descriptor in [-1, 1_000_000] {
        let error = Registration::new_with(&reactor, Unowned(descriptor), BOTH).unwrap_err();
        assert!(error.raw_os_error().is_some());
    }
    assert_eq!(reactor.registered_count(), reactor.deregistered_count());
}

#[test]
#[should_panic = "there is no filch runtime on this thread"]
fn registering_outside_of_a_runtime_panics() {
    let _ = Registration::new(Unowned(0), BOTH);
}
