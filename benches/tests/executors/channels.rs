//! mpsc, oneshot, broadcast and watch between impatient tasks: each value exactly once.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering::SeqCst},
};

use filch::sync::{
    broadcast::{self, error::RecvError},
    mpsc, oneshot, watch,
};
use futures_lite::future::yield_now;

use crate::{
    executor::{Spawner, all, on_every_executor},
    impatient::{Dice, until_done},
};

on_every_executor!(
    each_message_arrives_once_in_its_senders_order,
    reserved_places_are_filled_or_given_back,
    an_unbounded_channel_loses_nothing,
    senders_learn_that_the_receiver_has_gone,
    a_oneshot_answers_or_says_that_nobody_will,
    all_receivers_of_a_broadcast_see_all,
    receivers_of_a_broadcast_know_what_they_missed,
    a_watcher_sees_the_last_value,
);

const SENDERS: usize = 4;
const EACH: usize = 300;

/// What one receiver got from all senders: each number of each sender, in order.
fn assert_in_order(received: &[(usize, usize)], senders: usize, each: usize) {
    let mut next = vec![0; senders];
    for (sender, number) in received {
        assert_eq!(*number, next[*sender], "sender {sender} sent this next");
        next[*sender] += 1;
    }
    assert_eq!(next, vec![each; senders], "everything arrived");
}

async fn each_message_arrives_once_in_its_senders_order(spawner: Spawner) {
    for capacity in [1, 2, 50] {
        let (sender, mut receiver) = mpsc::channel(capacity);
        let senders = spawner.tasks(SENDERS, |task| {
            let sender = sender.clone();
            async move {
                let mut dice = Dice::new(task);
                for number in 0..EACH {
                    // A send that is given up has sent nothing.
                    until_done!(dice, sender.send((task, number))).expect("somebody receives");
                }
            }
        });
        drop(sender);
        let receiver = spawner.task(async move {
            let mut dice = Dice::new(SENDERS);
            let mut received = Vec::new();
            while let Some(message) = until_done!(dice, receiver.recv()) {
                received.push(message);
                if dice.roll(5) == 0 {
                    // Appends what is there, or nothing if it is given up.
                    let _ = dice.perhaps(receiver.recv_many(&mut received, 3)).await;
                }
            }
            received
        });
        all(senders).await;
        assert_in_order(&receiver.await, SENDERS, EACH);
    }
}

async fn reserved_places_are_filled_or_given_back(spawner: Spawner) {
    let (sender, mut receiver) = mpsc::channel(3);
    let senders = spawner.tasks(SENDERS, |task| {
        let sender = sender.clone();
        async move {
            let mut dice = Dice::new(task);
            let mut number = 0;
            while number < EACH {
                match dice.roll(3) {
                    0 => {
                        let permit = until_done!(dice, sender.reserve()).expect("it is open");
                        yield_now().await;
                        if dice.roll(2) == 0 {
                            permit.send((task, number));
                            number += 1;
                        }
                    }
                    1 => {
                        let future = || sender.clone().reserve_owned();
                        let permit = until_done!(dice, future()).expect("it is open");
                        permit.send((task, number));
                        number += 1;
                    }
                    _ => {
                        let permits = until_done!(dice, sender.reserve_many(2));
                        // The second one is given back when the sender has nothing left to say.
                        for permit in permits.expect("it is open").take(EACH - number) {
                            permit.send((task, number));
                            number += 1;
                        }
                    }
                }
            }
        }
    });
    let receiver = spawner.task(async move {
        let mut dice = Dice::new(SENDERS);
        let mut received = Vec::new();
        while let Some(message) = until_done!(dice, receiver.recv()) {
            received.push(message);
        }
        received
    });
    all(senders).await;
    drop(sender);
    assert_in_order(&receiver.await, SENDERS, EACH);
}

async fn an_unbounded_channel_loses_nothing(spawner: Spawner) {
    let (sender, mut receiver) = mpsc::unbounded_channel();
    let senders = spawner.tasks(SENDERS, |task| {
        let sender = sender.clone();
        async move {
            for number in 0..EACH {
                sender.send((task, number)).expect("somebody receives");
                if number % 16 == 0 {
                    yield_now().await;
                }
            }
        }
    });
    drop(sender);
    let mut dice = Dice::new(SENDERS);
    let mut received = Vec::new();
    while let Some(message) = until_done!(dice, receiver.recv()) {
        received.push(message);
    }
    all(senders).await;
    assert_in_order(&received, SENDERS, EACH);
}

async fn senders_learn_that_the_receiver_has_gone(spawner: Spawner) {
    let (sender, mut receiver) = mpsc::channel(1);
    let refused = spawner.tasks(SENDERS, |task| {
        let sender = sender.clone();
        async move {
            let mut sent = 0;
            while sender.send(task).await.is_ok() {
                sent += 1;
            }
            sender.closed().await;
            sent
        }
    });
    let mut received = 0;
    for _ in 0..EACH {
        assert!(receiver.recv().await.is_some());
        received += 1;
    }
    receiver.close();
    // What was sent before is still there.
    while receiver.recv().await.is_some() {
        received += 1;
    }
    assert_eq!(all(refused).await.iter().sum::<usize>(), received);
}

async fn a_oneshot_answers_or_says_that_nobody_will(spawner: Spawner) {
    let (ask, mut asked) = mpsc::channel::<(usize, oneshot::Sender<usize>)>(2);
    let server = spawner.task(async move {
        let mut unheard = 0;
        while let Some((question, answer)) = asked.recv().await {
            match question % 3 {
                0 => drop(answer),
                _ => unheard += usize::from(answer.send(question + 1).is_err()),
            }
        }
        unheard
    });
    let clients = spawner.tasks(SENDERS, |task| {
        let ask = ask.clone();
        async move {
            let mut dice = Dice::new(task);
            let mut hung_up = 0;
            for question in 0..EACH {
                let (answer, answered) = oneshot::channel();
                ask.send((question, answer)).await.expect("the server listens");
                match dice.perhaps(answered).await {
                    None => hung_up += 1,
                    Some(Ok(answer)) => assert_eq!(answer, question + 1),
                    Some(Err(_)) => assert_eq!(question % 3, 0, "it had no answer"),
                }
            }
            hung_up
        }
    });
    drop(ask);
    let hung_up: usize = all(clients).await.iter().sum();
    assert!(server.await <= hung_up, "only who hung up missed the answer");
}

async fn all_receivers_of_a_broadcast_see_all(spawner: Spawner) {
    let (sender, first) = broadcast::channel(64);
    let seen = Arc::new(AtomicUsize::new(0));
    let mut receivers = vec![first];
    receivers.extend((1..SENDERS).map(|_| sender.subscribe()));
    let receivers: Vec<_> = receivers
        .into_iter()
        .enumerate()
        .map(|(task, mut receiver)| {
            let seen = Arc::clone(&seen);
            spawner.task(async move {
                let mut dice = Dice::new(task);
                let mut received = Vec::new();
                loop {
                    match until_done!(dice, receiver.recv()) {
                        Ok(number) => received.push(number),
                        Err(RecvError::Closed) => return received,
                        Err(lagged) => panic!("the sender waits for all: {lagged}"),
                    }
                    seen.fetch_add(1, SeqCst);
                }
            })
        })
        .collect();
    for number in 0..EACH {
        sender.send(number).expect("somebody receives");
        // At most 32 ahead of the slowest.
        while SENDERS * (number + 1) > seen.load(SeqCst) + 32 {
            yield_now().await;
        }
    }
    drop(sender);
    let everything: Vec<_> = (0..EACH).collect();
    assert!(all(receivers).await.iter().all(|received| *received == everything));
}

async fn receivers_of_a_broadcast_know_what_they_missed(spawner: Spawner) {
    let (sender, _first) = broadcast::channel(4);
    let receivers = spawner.tasks(SENDERS, |task| {
        let mut receiver = sender.subscribe();
        async move {
            let mut dice = Dice::new(task);
            let (mut next, mut last) = (0, None);
            loop {
                match until_done!(dice, receiver.recv()) {
                    Ok(number) => {
                        assert_eq!(number, next, "the oldest that is left");
                        next += 1;
                        last = Some(number);
                    }
                    Err(RecvError::Lagged(missed)) => next += missed,
                    Err(RecvError::Closed) => return (next, last),
                }
            }
        }
    });
    for number in 0..EACH as u64 {
        sender.send(number).expect("somebody receives");
        if number % 3 == 0 {
            yield_now().await;
        }
    }
    drop(sender);
    let all_of_them = EACH as u64;
    for (seen_or_missed, last) in all(receivers).await {
        assert_eq!((seen_or_missed, last), (all_of_them, Some(all_of_them - 1)));
    }
}

async fn a_watcher_sees_the_last_value(spawner: Spawner) {
    let (sender, receiver) = watch::channel(0);
    let watchers = spawner.tasks(SENDERS, |task| {
        let mut receiver = receiver.clone();
        async move {
            let mut dice = Dice::new(task);
            let mut last = 0;
            while until_done!(dice, receiver.changed()).is_ok() {
                let seen = *receiver.borrow_and_update();
                assert!(seen > last, "a change is seen once, and never an older one");
                last = seen;
            }
            last
        }
    });
    let waiters = spawner.tasks(SENDERS, |task| {
        let mut receiver = receiver.clone();
        async move {
            let mut dice = Dice::new(task);
            let wanted = EACH - task;
            // What is found is locked while it is looked at, and cannot leave its thread.
            let mut future = async || receiver.wait_for(|value| *value >= wanted).await.map(|v| *v);
            until_done!(dice, future()).is_ok_and(|found| found >= wanted)
        }
    });
    for value in 1..=EACH {
        sender.send_replace(value);
        if value % 3 == 0 {
            yield_now().await;
        }
    }
    assert!(all(waiters).await.into_iter().all(|found| found));
    drop(sender);
    assert!(all(watchers).await.into_iter().all(|last| last == EACH));
}
