//! Channels of many to many under every interleaving of sending, receiving, giving up and closing:
//! no wake and no value is lost. A lost wake is a model in which nobody can go on.
//!
//! Twins make one mistake in using a channel, or in a small copy of a step, and must fail.
#![cfg(filch_loom)]
#![allow(missing_docs)]

mod support_loom;

use std::collections::VecDeque;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;

use loom::thread;
use runtime_sync::block_on;
use runtime_sync::channel::mpmc::blocks::Blocks;
use runtime_sync::channel::mpmc::buffer::{Buffer, Pop, Push};
use runtime_sync::channel::mpmc::buffered::Buffered;
use runtime_sync::channel::mpmc::meeting::Meeting;
use runtime_sync::channel::mpmc::ring::Ring;
use runtime_sync::channel::mpmc::{RecvError, SendError, TryRecvError};
use runtime_sync::wait_list::WaitList;
use support_loom::{Task, model};

type Small = Blocks<u32, 1>;

fn ring(capacity: usize) -> Arc<Buffered<Ring<u32>>> {
    Arc::new(Buffered::new(Ring::new(capacity)))
}

fn blocks() -> Arc<Buffered<Small>> {
    Arc::new(Buffered::new(Blocks::new(None)))
}

fn poll<F: Future + ?Sized>(future: Pin<&mut F>, task: &Arc<Task>) -> Poll<F::Output> {
    task.with_context(|cx| future.poll(cx))
}

/// One thread receives what another one sends.
fn recv_against_send<B>(make: fn() -> Arc<Buffered<B>>)
where
    B: Buffer<Item = u32> + Send + Sync + 'static,
{
    model(move |others_first| {
        let channel = make();
        let sends = thread::spawn({
            let channel = Arc::clone(&channel);
            move || channel.try_send(1).unwrap()
        });
        others_first.then(thread::yield_now);
        assert_eq!(block_on(channel.recv()), Ok(1));
        sends.join().unwrap();
    });
}

#[test]
fn a_receiver_is_woken_or_sees_the_value_in_a_ring() {
    recv_against_send(|| ring(1));
}

#[test]
fn a_receiver_is_woken_or_sees_the_value_in_blocks() {
    recv_against_send(blocks);
}

#[test]
fn a_sender_is_woken_or_sees_the_room() {
    model(move |others_first| {
        let channel = ring(1);
        channel.try_send(1).unwrap();
        let sends = thread::spawn({
            let channel = Arc::clone(&channel);
            move || block_on(channel.send(2)).unwrap()
        });
        others_first.then(thread::yield_now);
        assert_eq!(channel.try_recv(), Ok(1));
        assert_eq!(block_on(channel.recv()), Ok(2));
        sends.join().unwrap();
    });
}

#[test]
fn a_sender_is_woken_or_sees_the_room_in_blocks_with_a_limit() {
    model(move |others_first| {
        let channel = Arc::new(Buffered::new(Small::new(Some(1))));
        channel.try_send(1).unwrap();
        let sends = thread::spawn({
            let channel = Arc::clone(&channel);
            move || block_on(channel.send(2)).unwrap()
        });
        others_first.then(thread::yield_now);
        assert_eq!(channel.try_recv(), Ok(1));
        sends.join().unwrap();
        assert_eq!(channel.try_recv(), Ok(2));
    });
}

/// Two receivers wait while two senders push at the same time: the second value may be there
/// before the first one.
fn two_wait_for_two<B>(make: fn() -> Arc<Buffered<B>>)
where
    B: Buffer<Item = u32> + Send + Sync + 'static,
{
    model(move |others_first| {
        let channel = make();
        let tasks = [Task::new(), Task::new()];
        let (mut first, mut second) = (pin!(channel.recv()), pin!(channel.recv()));
        assert!(poll(first.as_mut(), &tasks[0]).is_pending());
        assert!(poll(second.as_mut(), &tasks[1]).is_pending());
        let sends = thread::spawn({
            let channel = Arc::clone(&channel);
            move || channel.try_send(1).unwrap()
        });
        others_first.then(thread::yield_now);
        channel.try_send(2).unwrap();
        // The first one runs as soon as it is woken, perhaps in vain; the second one later.
        let seen = tasks[0].woken();
        let early = seen > 0 && poll(first.as_mut(), &tasks[0]).is_ready();
        sends.join().unwrap();
        assert!(early || tasks[0].woken() > seen, "the first wake is lost");
        assert!(early || poll(first.as_mut(), &tasks[0]).is_ready());
        assert!(tasks[1].woken() > 0, "the second wake is lost");
        assert!(poll(second.as_mut(), &tasks[1]).is_ready());
    });
}

#[test]
fn two_receivers_are_woken_for_two_values_in_a_ring() {
    two_wait_for_two(|| ring(2));
}

#[test]
fn two_receivers_are_woken_for_two_values_in_blocks() {
    two_wait_for_two(blocks);
}

/// A copy of the above upon a bare line: who takes a value does not wake the next one.
#[test]
#[should_panic(expected = "the second wake is lost")]
fn twin_that_does_not_wake_the_next_one() {
    const NEVER: fn() -> bool = || false;
    model(move |others_first| {
        let ring = Arc::new(Ring::new(2));
        let line: Arc<WaitList> = Arc::new(WaitList::new());
        let tasks = [Task::new(), Task::new()];
        let mut waits = [0, 1].map(|_| Box::pin(line.wait_unless(NEVER)));
        assert!(poll(waits[0].as_mut(), &tasks[0]).is_pending());
        assert!(poll(waits[1].as_mut(), &tasks[1]).is_pending());
        let sends = thread::spawn({
            let (ring, line) = (Arc::clone(&ring), Arc::clone(&line));
            move || {
                assert_eq!(ring.push(&mut Some(1)), Push::Done);
                line.wake_one();
            }
        });
        others_first.then(thread::yield_now);
        assert_eq!(ring.push(&mut Some(2)), Push::Done);
        line.wake_one();
        // The first one runs as soon as it is woken, and goes back if that was in vain.
        if tasks[0].woken() > 0 && poll(waits[0].as_mut(), &tasks[0]).is_ready() {
            if !matches!(ring.pop(), Pop::Value(_)) {
                waits[0] = Box::pin(line.wait_unless(NEVER));
                assert!(poll(waits[0].as_mut(), &tasks[0]).is_pending());
            }
        }
        sends.join().unwrap();
        // All others have run.
        let woken = 2 - line.lock().len();
        (0..woken).for_each(|_| drop(ring.pop()));
        assert!(line.lock().is_empty() || ring.is_empty(), "the second wake is lost");
    });
}

/// One of two receivers gives up while a value comes.
fn give_up_against_send(forgets: bool) {
    model(move |others_first| {
        let channel = ring(1);
        let (first, second) = (Task::new(), Task::new());
        let mut leaves = Box::pin(channel.recv());
        let mut stays = pin!(channel.recv());
        assert!(poll(leaves.as_mut(), &first).is_pending());
        assert!(poll(stays.as_mut(), &second).is_pending());
        let sends = thread::spawn({
            let channel = Arc::clone(&channel);
            move || channel.try_send(1).unwrap()
        });
        others_first.then(thread::yield_now);
        match forgets {
            false => drop(leaves),
            // Neither polled nor dropped.
            true => first.with_context(|_| ()),
        }
        sends.join().unwrap();
        assert_eq!(second.woken(), 1, "the wake is lost");
        assert_eq!(poll(stays.as_mut(), &second), Poll::Ready(Ok(1)));
    });
}

#[test]
fn a_receiver_that_gives_up_hands_its_wake_on() {
    give_up_against_send(false);
}

#[test]
#[should_panic(expected = "the wake is lost")]
fn twin_that_does_not_give_up() {
    give_up_against_send(true);
}

#[test]
fn a_sender_that_gives_up_hands_its_wake_on() {
    model(move |others_first| {
        let channel = ring(1);
        channel.try_send(0).unwrap();
        let (first, second) = (Task::new(), Task::new());
        let mut leaves = Box::pin(channel.send(1));
        let mut stays = pin!(channel.send(2));
        assert!(poll(leaves.as_mut(), &first).is_pending());
        assert!(poll(stays.as_mut(), &second).is_pending());
        let receives = thread::spawn({
            let channel = Arc::clone(&channel);
            move || assert_eq!(channel.try_recv(), Ok(0))
        });
        others_first.then(thread::yield_now);
        drop(leaves);
        receives.join().unwrap();
        assert_eq!(second.woken(), 1);
        assert_eq!(poll(stays.as_mut(), &second), Poll::Ready(Ok(())));
    });
}

/// A receiver that was woken is overtaken, starves, and is served next.
#[test]
fn a_receiver_that_is_overtaken_is_woken_for_the_next_value() {
    model(move |others_first| {
        let channel = ring(2);
        let receives = thread::spawn({
            let channel = Arc::clone(&channel);
            move || block_on(channel.recv()).unwrap()
        });
        others_first.then(thread::yield_now);
        channel.try_send(1).unwrap();
        let overtakes = channel.try_recv();
        channel.try_send(2).unwrap();
        let received = receives.join().unwrap();
        match overtakes {
            Ok(1) => assert_eq!(received, 2),
            _ => assert_eq!((received, channel.try_recv()), (1, Ok(2))),
        }
    });
}

/// What one in line does while the mark stands that says that everybody there was nudged: they were,
/// for values that others took. It races with a sender, who may see the mark and nudge nobody.
fn all_nudged_against_send(waiting: usize, act: impl Fn(Line<'_>) + Clone + Send + Sync + 'static) {
    model(move |others_first| {
        let channel = ring(2);
        let tasks = [Task::new(), Task::new()];
        let mut line = VecDeque::new();
        for task in &tasks[..waiting] {
            let mut receives: Receives<'_> = Box::pin(channel.recv());
            assert!(poll(receives.as_mut(), task).is_pending());
            line.push_back(receives);
        }
        (0..waiting).for_each(|_| channel.try_send(1).unwrap());
        (0..waiting).for_each(|_| assert_eq!(channel.try_recv(), Ok(1)));
        assert!(tasks[..waiting].iter().all(|task| task.woken() == 1));
        let sends = thread::spawn({
            let channel = Arc::clone(&channel);
            move || channel.try_send(2).unwrap()
        });
        others_first.then(thread::yield_now);
        act(Line { channel: &channel, receivers: line, tasks: &tasks, sends });
    });
}

type Receives<'a> = Pin<Box<dyn Future<Output = Result<u32, RecvError>> + 'a>>;

/// Those who have not looked since they were nudged, in order.
struct Line<'a> {
    channel: &'a Buffered<Ring<u32>>,
    receivers: VecDeque<Receives<'a>>,
    tasks: &'a [Arc<Task>; 2],
    sends: thread::JoinHandle<()>,
}

/// The one before, who was nudged, is never polled again.
#[test]
fn a_receiver_that_comes_while_all_are_nudged_is_woken_or_sees_the_value() {
    all_nudged_against_send(1, |line| {
        let mut enters = pin!(line.channel.recv());
        let early = poll(enters.as_mut(), &line.tasks[1]);
        line.sends.join().unwrap();
        if early.is_pending() {
            assert_eq!(line.tasks[1].woken(), 1, "the wake is lost");
            assert_eq!(poll(enters.as_mut(), &line.tasks[1]), Poll::Ready(Ok(2)));
        }
    });
}

#[test]
fn a_receiver_that_looks_in_vain_while_all_are_nudged_is_woken_or_sees_the_value() {
    all_nudged_against_send(1, |mut line| {
        let looks = &mut line.receivers[0];
        let early = poll(looks.as_mut(), &line.tasks[0]);
        line.sends.join().unwrap();
        if early.is_pending() {
            assert_eq!(line.tasks[0].woken(), 2, "the wake is lost");
            assert_eq!(poll(looks.as_mut(), &line.tasks[0]), Poll::Ready(Ok(2)));
        }
    });
}

/// The line is empty for a moment, and the mark must not outlast that.
#[test]
fn a_receiver_that_comes_after_all_who_were_nudged_is_woken_or_sees_the_value() {
    all_nudged_against_send(1, |mut line| {
        line.receivers.clear();
        let mut enters = pin!(line.channel.recv());
        let early = poll(enters.as_mut(), &line.tasks[1]);
        line.sends.join().unwrap();
        if early.is_pending() {
            assert_eq!(line.tasks[1].woken(), 1, "the wake is lost");
            assert_eq!(poll(enters.as_mut(), &line.tasks[1]), Poll::Ready(Ok(2)));
        }
    });
}

/// The one behind is seen as the first in line by whoever nudges last: it is overtaken once only.
#[test]
fn a_receiver_that_gives_up_while_all_are_nudged_makes_the_next_one_the_first() {
    all_nudged_against_send(2, |mut line| {
        line.receivers.pop_front();
        line.sends.join().unwrap();
        assert_eq!(line.channel.try_recv(), Ok(2), "it may be overtaken once");
        let stays = &mut line.receivers[0];
        assert!(poll(stays.as_mut(), &line.tasks[1]).is_pending());
        line.channel.try_send(3).unwrap();
        assert_eq!(line.channel.try_recv(), Err(TryRecvError::Empty), "it is overtaken twice");
        assert_eq!(poll(stays.as_mut(), &line.tasks[1]), Poll::Ready(Ok(3)));
    });
}

/// The channel is closed while one receives and one sends.
#[test]
fn closing_a_ring_leaves_nobody_behind() {
    model(move |others_first| {
        let channel = ring(1);
        let receives = thread::spawn({
            let channel = Arc::clone(&channel);
            move || (block_on(channel.recv()), channel.is_closed())
        });
        let sends = thread::spawn({
            let channel = Arc::clone(&channel);
            move || block_on(channel.send(1))
        });
        others_first.then(thread::yield_now);
        assert!(channel.close());
        match (sends.join().unwrap(), receives.join().unwrap()) {
            (Ok(()), (Ok(1), _)) | (Err(SendError(1)), (Err(RecvError), true)) => {}
            other => panic!("{other:?}"),
        }
        assert_eq!(channel.waiting(), (0, 0));
    });
}

#[test]
fn closing_blocks_leaves_nobody_behind() {
    model(move |others_first| {
        let channel = blocks();
        let sends = thread::spawn({
            let channel = Arc::clone(&channel);
            move || channel.try_send(1).is_ok()
        });
        others_first.then(thread::yield_now);
        assert!(channel.close());
        let received = block_on(channel.recv()).is_ok();
        assert_eq!(sends.join().unwrap(), received);
    });
}

#[test]
fn closing_gives_the_value_back_to_a_sender_that_waits() {
    model(move |others_first| {
        let channel = ring(1);
        channel.try_send(0).unwrap();
        let sends = thread::spawn({
            let channel = Arc::clone(&channel);
            move || block_on(channel.send(1))
        });
        others_first.then(thread::yield_now);
        channel.close();
        assert_eq!(sends.join().unwrap(), Err(SendError(1)));
    });
}

#[test]
fn a_sender_and_a_receiver_meet() {
    model(move |others_first| {
        let meeting = Arc::new(Meeting::new());
        let sends = thread::spawn({
            let meeting = Arc::clone(&meeting);
            move || block_on(meeting.send(1))
        });
        others_first.then(thread::yield_now);
        assert_eq!(block_on(meeting.recv()), Ok(1));
        assert_eq!(sends.join().unwrap(), Ok(()));
        assert_eq!(meeting.waiting(), (0, 0));
    });
}

#[test]
fn a_value_given_to_a_receiver_that_gives_up_is_not_lost() {
    model(move |others_first| {
        let meeting = Arc::new(Meeting::new());
        let task = Task::new();
        let mut leaves = Box::pin(meeting.recv());
        assert!(poll(leaves.as_mut(), &task).is_pending());
        let sends = thread::spawn({
            let meeting = Arc::clone(&meeting);
            move || meeting.try_send(1).is_ok()
        });
        others_first.then(thread::yield_now);
        drop(leaves);
        let sent = sends.join().unwrap();
        assert_eq!(meeting.try_recv().is_ok(), sent);
    });
}

#[test]
fn a_value_given_to_a_receiver_that_gives_up_goes_to_the_next() {
    model(move |others_first| {
        let meeting = Arc::new(Meeting::new());
        let (first, second) = (Task::new(), Task::new());
        let mut leaves = Box::pin(meeting.recv());
        let mut stays = pin!(meeting.recv());
        assert!(poll(leaves.as_mut(), &first).is_pending());
        assert!(poll(stays.as_mut(), &second).is_pending());
        let sends = thread::spawn({
            let meeting = Arc::clone(&meeting);
            move || meeting.try_send(1).unwrap()
        });
        others_first.then(thread::yield_now);
        drop(leaves);
        sends.join().unwrap();
        assert_eq!(second.woken(), 1);
        assert_eq!(poll(stays.as_mut(), &second), Poll::Ready(Ok(1)));
    });
}

#[test]
fn closing_a_meeting_leaves_nobody_behind() {
    model(move |others_first| {
        let meeting = Arc::new(Meeting::<u32>::new());
        let receives = thread::spawn({
            let meeting = Arc::clone(&meeting);
            move || block_on(meeting.recv())
        });
        others_first.then(thread::yield_now);
        meeting.close();
        assert_eq!(receives.join().unwrap(), Err(RecvError));
        assert_eq!(block_on(meeting.send(1)), Err(SendError(1)));
    });
}
