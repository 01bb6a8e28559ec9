//! Channels whose both ends are shared, between impatient tasks: each message to one of them.

use filch::sync::mpmc;
use futures_lite::future::yield_now;

use crate::{
    executor::{Spawner, all, on_every_executor},
    impatient::{Dice, until_done},
};

on_every_executor!(
    each_message_arrives_once,
    an_unbounded_channel_loses_nothing,
    a_rendezvous_hands_each_message_over,
    a_rendezvous_with_one_receiver_keeps_the_order,
    receivers_that_leave_take_nothing_along,
    a_closed_channel_is_drained,
);

const TASKS: usize = 4;
const EACH: usize = 300;

type Message = (usize, usize);

/// Sends from [`TASKS`] tasks, receives in as many, and looks at what has arrived.
async fn transfer(
    spawner: Spawner,
    sender: mpmc::Sender<Message>,
    receiver: mpmc::Receiver<Message>,
) {
    let senders = spawner.tasks(TASKS, |task| {
        let sender = sender.clone();
        async move {
            let mut dice = Dice::new(task);
            for number in 0..EACH {
                // A send that is given up has sent nothing.
                until_done!(dice, sender.send((task, number))).expect("somebody receives");
            }
        }
    });
    let receivers = spawner.tasks(TASKS, |task| {
        let receiver = receiver.clone();
        async move {
            let mut dice = Dice::new(TASKS + task);
            let mut received = Vec::new();
            while let Ok(message) = until_done!(dice, receiver.recv()) {
                received.push(message);
            }
            received
        }
    });
    drop((sender, receiver));
    all(senders).await;
    let received = all(receivers).await;
    received.iter().for_each(|one| assert_in_order(one));
    assert_each_once(received);
}

fn assert_in_order(received: &[Message]) {
    for task in 0..TASKS {
        let numbers: Vec<_> = received.iter().filter(|(from, _)| *from == task).collect();
        assert!(numbers.is_sorted(), "what one receiver got of one sender is in order");
    }
}

fn assert_each_once(received: Vec<Vec<Message>>) {
    let mut received: Vec<_> = received.into_iter().flatten().collect();
    received.sort_unstable();
    let sent: Vec<_> =
        (0..TASKS).flat_map(|task| (0..EACH).map(move |number| (task, number))).collect();
    assert!(received == sent, "each message arrives once");
}

async fn each_message_arrives_once(spawner: Spawner) {
    for capacity in [1, 2, 50] {
        let (sender, receiver) = mpmc::bounded(capacity);
        transfer(spawner.clone(), sender, receiver).await;
    }
}

async fn an_unbounded_channel_loses_nothing(spawner: Spawner) {
    let (sender, receiver) = mpmc::unbounded();
    transfer(spawner, sender, receiver).await;
}

async fn a_rendezvous_hands_each_message_over(spawner: Spawner) {
    // A message that was handed to a receiver which then left goes to another one, which may have
    // had a later one before: with several receivers there is no order to hold on to.
    assert_each_once(rendezvous(spawner, TASKS).await);
}

async fn a_rendezvous_with_one_receiver_keeps_the_order(spawner: Spawner) {
    let received = rendezvous(spawner, 1).await;
    assert_in_order(&received[0]);
    assert_each_once(received);
}

/// A send that is given up after its value was handed over has sent it all the same, so nobody is
/// impatient here but the receivers.
async fn rendezvous(spawner: Spawner, receivers: usize) -> Vec<Vec<Message>> {
    let (sender, receiver) = mpmc::bounded(0);
    let senders = spawner.tasks(TASKS, |task| {
        let sender = sender.clone();
        async move {
            for number in 0..EACH {
                sender.send((task, number)).await.expect("somebody receives");
            }
        }
    });
    let receivers = spawner.tasks(receivers, |task| {
        let receiver = receiver.clone();
        async move {
            let mut dice = Dice::new(task);
            let mut received = Vec::new();
            while let Ok(message) = until_done!(dice, receiver.recv()) {
                received.push(message);
            }
            received
        }
    });
    drop((sender, receiver));
    all(senders).await;
    all(receivers).await
}

async fn receivers_that_leave_take_nothing_along(spawner: Spawner) {
    let (sender, receiver) = mpmc::bounded(3);
    let senders = spawner.tasks(TASKS, |task| {
        let sender = sender.clone();
        async move {
            for number in 0..EACH {
                sender.send((task, number)).await.expect("somebody receives");
            }
        }
    });
    drop(sender);
    // Each task receives a little and leaves; the last one takes the rest.
    let receivers = spawner.tasks(5 * TASKS, |task| {
        let receiver = receiver.clone();
        async move {
            let mut dice = Dice::new(task);
            let mut received = Vec::new();
            for _ in 0..10 {
                if let Some(Ok(message)) = dice.perhaps(receiver.recv()).await {
                    received.push(message);
                }
            }
            received
        }
    });
    let mut received = all(receivers).await;
    let mut rest = Vec::new();
    while let Ok(message) = receiver.recv().await {
        rest.push(message);
    }
    received.push(rest);
    all(senders).await;
    assert_each_once(received);
}

async fn a_closed_channel_is_drained(spawner: Spawner) {
    let (sender, receiver) = mpmc::bounded(2);
    let senders = spawner.tasks(TASKS, |task| {
        let sender = sender.clone();
        async move {
            let mut sent = 0;
            while let Ok(()) = sender.send(task).await {
                sent += 1;
            }
            sent
        }
    });
    let receivers = spawner.tasks(TASKS, |_| {
        let receiver = receiver.clone();
        async move {
            let mut received = 0;
            while receiver.recv().await.is_ok() {
                received += 1;
            }
            received
        }
    });
    for _ in 0..EACH {
        yield_now().await;
    }
    receiver.close();
    let sent: usize = all(senders).await.iter().sum();
    assert_eq!(all(receivers).await.iter().sum::<usize>(), sent);
}
