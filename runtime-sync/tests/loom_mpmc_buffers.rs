//! The buffers of a channel under every interleaving: each value comes out once, in order, and a
//! block is freed when nobody is in it any more.
//!
//! Twins are small copies of a step with one mistake, and must fail.
#![cfg(filch_loom)]
#![allow(missing_docs)]

mod support_loom;

use loom::cell::UnsafeCell;
use loom::sync::Arc;
use loom::sync::atomic::{AtomicUsize, Ordering};
use loom::thread;
use runtime_sync::channel::mpmc::blocks::Blocks;
use runtime_sync::channel::mpmc::buffer::{Buffer, Pop, Push};
use runtime_sync::channel::mpmc::ring::Ring;
use support_loom::model;

/// A value that loom misses if it is leaked, and that says who made it.
type Value = (usize, Arc<()>);

fn push<B: Buffer<Item = Value>>(buffer: &B, name: usize) -> Push {
    buffer.push(&mut Some((name, Arc::new(()))))
}

fn pop<B: Buffer<Item = Value>>(buffer: &B) -> Option<usize> {
    match buffer.pop() {
        Pop::Value((name, _)) => Some(name),
        _ => None,
    }
}

/// Takes out what is left, with nobody else there.
fn rest<B: Buffer<Item = Value>>(buffer: &B) -> Vec<usize> {
    std::iter::from_fn(|| pop(buffer)).collect()
}

/// One thread pushes some values, another one pops; what is left lies there in order.
fn one_to_one<B: Buffer<Item = Value> + Send + Sync + 'static>(make: fn() -> B, values: usize) {
    model(move |others_first| {
        let buffer = Arc::new(make());
        let pushes = thread::spawn({
            let buffer = Arc::clone(&buffer);
            move || (0..values).take_while(|n| push(&*buffer, *n) == Push::Done).count()
        });
        others_first.then(thread::yield_now);
        let mut popped: Vec<_> = (0..values).filter_map(|_| pop(&*buffer)).collect();
        let pushed = pushes.join().unwrap();
        popped.extend(rest(&*buffer));
        assert!(popped.into_iter().eq(0..pushed));
        assert_eq!(buffer.len(), 0);
        assert!(matches!(buffer.pop(), Pop::Empty));
    });
}

#[test]
fn a_ring_of_one_hands_over() {
    one_to_one(|| Ring::new(1), 2);
}

#[test]
fn a_ring_of_two_hands_over() {
    one_to_one(|| Ring::new(2), 3);
}

#[test]
fn blocks_of_one_hand_over() {
    one_to_one(|| Blocks::<Value, 1>::new(None), 2);
}

#[test]
fn blocks_of_three_hand_over() {
    one_to_one(|| Blocks::<Value, 3>::new(None), 4);
}

#[test]
fn blocks_with_a_limit_hand_over() {
    one_to_one(|| Blocks::<Value, 1>::new(Some(1)), 2);
}

/// Two threads push one value each, the third one pops.
fn two_to_one<B: Buffer<Item = Value> + Send + Sync + 'static>(make: fn() -> B) {
    model(move |others_first| {
        let buffer = Arc::new(make());
        let pushes: Vec<_> = (0..2)
            .map(|n| {
                let buffer = Arc::clone(&buffer);
                thread::spawn(move || push(&*buffer, n) == Push::Done)
            })
            .collect();
        others_first.then(thread::yield_now);
        let mut popped: Vec<_> = pop(&*buffer).into_iter().collect();
        let pushed: Vec<_> = pushes.into_iter().map(|push| push.join().unwrap()).collect();
        popped.extend(rest(&*buffer));
        popped.sort_unstable();
        let expected: Vec<_> = (0..2).filter(|n| pushed[*n]).collect();
        assert_eq!(popped, expected);
    });
}

#[test]
fn two_push_into_a_ring() {
    two_to_one(|| Ring::new(2));
}

#[test]
fn two_push_into_a_ring_of_one() {
    two_to_one(|| Ring::new(1));
}

#[test]
fn two_push_into_blocks() {
    two_to_one(|| Blocks::<Value, 1>::new(None));
}

#[test]
fn two_push_into_blocks_with_a_limit() {
    two_to_one(|| Blocks::<Value, 3>::new(Some(1)));
}

/// Two threads pop, one of them has pushed two values before.
fn one_to_two<B: Buffer<Item = Value> + Send + Sync + 'static>(make: fn() -> B) {
    model(move |others_first| {
        let buffer = Arc::new(make());
        assert_eq!(push(&*buffer, 0), Push::Done);
        let other = thread::spawn({
            let buffer = Arc::clone(&buffer);
            move || pop(&*buffer)
        });
        others_first.then(thread::yield_now);
        assert_eq!(push(&*buffer, 1), Push::Done);
        let mut popped: Vec<_> = pop(&*buffer).into_iter().collect();
        popped.extend(other.join().unwrap());
        popped.extend(rest(&*buffer));
        popped.sort_unstable();
        assert_eq!(popped, [0, 1]);
    });
}

#[test]
fn two_pop_from_a_ring() {
    one_to_two(|| Ring::new(2));
}

#[test]
fn two_pop_from_blocks_of_one() {
    one_to_two(|| Blocks::<Value, 1>::new(None));
}

#[test]
fn two_pop_from_blocks_of_three() {
    one_to_two(|| Blocks::<Value, 3>::new(None));
}

#[test]
fn a_block_is_used_again_when_nobody_is_in_it_any_more() {
    model(move |others_first| {
        let buffer = Arc::new(Blocks::<Value, 3>::new(None));
        (0..3).for_each(|n| assert_eq!(push(&*buffer, n), Push::Done));
        let pops = thread::spawn({
            let buffer = Arc::clone(&buffer);
            move || pop(&*buffer)
        });
        others_first.then(thread::yield_now);
        let mut popped = vec![pop(&*buffer).unwrap(), pop(&*buffer).unwrap()];
        // The first block is used up, and so is the second one; the last value is in the third.
        (3..7).for_each(|n| assert_eq!(push(&*buffer, n), Push::Done));
        popped.extend(pops.join().unwrap());
        popped.extend(rest(&*buffer));
        popped.sort_unstable();
        assert!(popped.into_iter().eq(0..7));
    });
}

/// A push either comes before the close, and its value is found, or fails.
fn push_against_close<B: Buffer<Item = Value> + Send + Sync + 'static>(make: fn() -> B) {
    model(move |others_first| {
        let buffer = Arc::new(make());
        let pushes = thread::spawn({
            let buffer = Arc::clone(&buffer);
            move || push(&*buffer, 0)
        });
        others_first.then(thread::yield_now);
        assert!(buffer.close());
        // A receiver that finds it closed and empty goes away for good.
        let end = loop {
            match buffer.pop() {
                Pop::Value(_) => break Push::Done,
                Pop::Closed => break Push::Closed,
                Pop::Empty | Pop::Busy => thread::yield_now(),
            }
        };
        assert_eq!(pushes.join().unwrap(), end);
        assert!(matches!(buffer.pop(), Pop::Closed));
        assert!(!buffer.close());
    });
}

#[test]
fn a_ring_closes_before_or_after_a_push() {
    push_against_close(|| Ring::new(1));
}

#[test]
fn blocks_close_before_or_after_a_push() {
    push_against_close(|| Blocks::<Value, 1>::new(None));
}

#[test]
fn blocks_of_three_close_before_or_after_a_push() {
    push_against_close(|| Blocks::<Value, 3>::new(None));
}

/// A copy of the way a slot of the ring is handed over, with the ordering to choose.
fn hand_over(stored: Ordering) {
    model(move |others_first| {
        let slot = Arc::new((AtomicUsize::new(0), UnsafeCell::new(0)));
        let sender = thread::spawn({
            let slot = Arc::clone(&slot);
            move || {
                slot.1.with_mut(|cell| {
                    #[expect(unsafe_code, reason = "a slot is what is made here")]
                    // SAFETY: the stamp says that it is the sender's turn.
                    unsafe {
                        *cell = 1;
                    }
                });
                slot.0.store(1, stored);
            }
        });
        others_first.then(thread::yield_now);
        if slot.0.load(Ordering::Acquire) == 1 {
            let value = slot.1.with(|cell| {
                #[expect(unsafe_code, reason = "a slot is what is made here")]
                // SAFETY: the stamp says that it is the receiver's turn.
                unsafe {
                    *cell
                }
            });
            assert_eq!(value, 1);
        }
        sender.join().unwrap();
    });
}

#[test]
fn a_slot_is_handed_over_by_its_stamp() {
    hand_over(Ordering::Release);
}

#[test]
#[should_panic(expected = "Causality violation")]
fn twin_that_stamps_without_an_order() {
    hand_over(Ordering::Relaxed);
}

/// A copy of the accounts of a block: who settles the last slot frees it.
fn settle(order: Ordering, slots: usize) {
    model(move |others_first| {
        let block = Arc::new((AtomicUsize::new(0), UnsafeCell::new(0)));
        let settle = move |block: &(AtomicUsize, UnsafeCell<i32>)| {
            block.1.with(|_| ());
            if block.0.fetch_add(1, order) + 1 == slots {
                // Freed.
                block.1.with_mut(|_| ());
            }
        };
        let other = thread::spawn({
            let block = Arc::clone(&block);
            move || settle(&block)
        });
        others_first.then(thread::yield_now);
        settle(&block);
        other.join().unwrap();
    });
}

#[test]
fn a_block_is_freed_after_all_are_done_with_it() {
    settle(Ordering::AcqRel, 2);
}

#[test]
#[should_panic(expected = "Causality violation")]
fn twin_that_settles_without_an_order() {
    settle(Ordering::Relaxed, 2);
}

#[test]
#[should_panic(expected = "Causality violation")]
fn twin_that_frees_a_block_before_the_last_is_done() {
    settle(Ordering::AcqRel, 1);
}
