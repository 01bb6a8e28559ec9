//! One channel, one lock, one signal between the tasks of two executors.

use std::sync::Arc;

use filch::sync::{Barrier, Mutex, Notify, mpsc, oneshot, watch};

use crate::executor::{Spawner, all, on_filch, on_smol, on_tokio, under_watch};

const EACH: usize = 500;

/// Runs `body` with the spawners of tokio and of filch at once.
fn on_tokio_and_filch<F: Future<Output = ()> + 'static>(body: fn(Spawner, Spawner) -> F) {
    under_watch(move || {
        let tokio = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build();
        let tokio = tokio.expect("the runtime starts");
        let filch = filch::runtime::Builder::new_multi_thread().worker_threads(1).build();
        let filch = filch.expect("the runtime starts");
        let (on_tokio, on_filch) = (tokio.handle().clone(), filch.handle().clone());
        futures_lite::future::block_on(body(
            Spawner::new(move |task| drop(on_tokio.spawn(task))),
            Spawner::new(move |task| drop(on_filch.spawn(task))),
        ));
    });
}

#[test]
fn a_channel_reaches_from_one_runtime_into_the_other() {
    on_tokio_and_filch(|tokio, filch| async move {
        let (question, mut asked) = mpsc::channel::<(usize, oneshot::Sender<usize>)>(2);
        let server = filch.task(async move {
            while let Some((number, answer)) = asked.recv().await {
                answer.send(2 * number).expect("the client waits");
            }
        });
        let client = tokio.task(async move {
            for number in 0..EACH {
                let (answer, answered) = oneshot::channel();
                question.send((number, answer)).await.expect("the server listens");
                assert_eq!(answered.await, Ok(2 * number));
            }
        });
        client.await;
        server.await;
    });
}

#[test]
fn a_lock_keeps_out_the_other_runtimes_tasks() {
    on_tokio_and_filch(|tokio, filch| async move {
        let count = Arc::new(Mutex::new(0));
        let task = |_| {
            let count = Arc::clone(&count);
            async move {
                for _ in 0..EACH {
                    let mut guard = count.lock().await;
                    let before = *guard;
                    futures_lite::future::yield_now().await;
                    *guard = before + 1;
                }
            }
        };
        let mut tasks = tokio.tasks(3, task);
        tasks.extend(filch.tasks(3, task));
        all(tasks).await;
        assert_eq!(*count.lock().await, 6 * EACH);
    });
}

#[test]
fn runtimes_meet_at_a_barrier() {
    on_tokio_and_filch(|tokio, filch| async move {
        let barrier = Arc::new(Barrier::new(4));
        let task = |_| {
            let barrier = Arc::clone(&barrier);
            async move {
                let mut led = 0;
                for _ in 0..EACH {
                    led += usize::from(barrier.wait().await.is_leader());
                }
                led
            }
        };
        let mut tasks = tokio.tasks(2, task);
        tasks.extend(filch.tasks(2, task));
        assert_eq!(all(tasks).await.iter().sum::<usize>(), EACH);
    });
}

#[test]
fn a_signal_goes_to_and_fro() {
    on_tokio_and_filch(|tokio, filch| async move {
        let sides = Arc::new([Notify::new(), Notify::new()]);
        let play = |me: usize| {
            let sides = Arc::clone(&sides);
            async move {
                for _ in 0..EACH {
                    sides[me].notified().await;
                    sides[1 - me].notify_one();
                }
            }
        };
        let players = [tokio.task(play(0)), filch.task(play(1))];
        sides[0].notify_one();
        for player in players {
            player.await;
        }
    });
}

#[test]
fn a_value_is_watched_from_everywhere() {
    on_tokio_and_filch(|tokio, filch| async move {
        let (sender, receiver) = watch::channel(0);
        let task = |_| {
            let mut receiver = receiver.clone();
            async move {
                while receiver.changed().await.is_ok() {}
                *receiver.borrow()
            }
        };
        let mut tasks = tokio.tasks(2, task);
        tasks.extend(filch.tasks(2, task));
        let writer = tokio.task(async move {
            for value in 1..=EACH {
                sender.send(value).expect("somebody watches");
            }
        });
        writer.await;
        assert_eq!(all(tasks).await, vec![EACH; 4]);
    });
}

#[test]
fn a_receiver_moves_from_runtime_to_runtime() {
    let (sender, receiver) = mpsc::unbounded_channel();
    for number in 0..3 {
        sender.send(number).expect("it has not been dropped");
    }
    static PASSED: std::sync::Mutex<Option<mpsc::UnboundedReceiver<i32>>> =
        std::sync::Mutex::new(None);
    *PASSED.lock().unwrap() = Some(receiver);
    async fn next(spawner: Spawner) {
        let mut receiver = PASSED.lock().unwrap().take().expect("one after the other");
        let (receiver, number) = spawner
            .task(async move {
                let number = receiver.recv().await;
                (receiver, number)
            })
            .await;
        assert!(number.is_some());
        *PASSED.lock().unwrap() = Some(receiver);
    }
    on_filch(next);
    on_tokio(next);
    on_smol(next);
    drop(sender);
    let receiver = PASSED.lock().unwrap().take();
    assert!(receiver.expect("the last one gave it back").blocking_recv().is_none());
}
