//! Channels and queues: what a message costs, and a change that all shall see.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use super::{Ctx, How, Metric, Row, Sample, Target, per_op};
use crate::{
    kits::{Broadcast, Channel, Mpmc, Mpsc, Oneshot, Queues, Watch, on_contenders},
    peers::Peer,
};

pub(super) const ROWS: &[Row] = &[
    Row {
        name: "pingpong_mpsc",
        about: "two tasks answer each other through two channels for one message",
        metrics: &[Metric::lower("", "ns/round trip", Target::Tokio(0.65))],
        how: How::Beside,
        run: on_contenders!(pingpong_mpsc:
            Filch FilchCt Tokio TokioCt TokioSync Smol SmolStatic SmolSync Flume Kanal),
    },
    Row {
        name: "pingpong_own_oneshot",
        about: "as pingpong_oneshot, through each library's own oneshot channel",
        metrics: &[Metric::lower("", "ns/round trip", Target::Tokio(0.5))],
        how: How::Beside,
        run: on_contenders!(pingpong_own_oneshot:
            Filch FilchCt Tokio TokioCt TokioSync Smol SmolStatic SmolSync),
    },
    Row {
        name: "oneshot",
        about: "one task opens a channel, sends and receives",
        metrics: &[Metric::lower("", "ns", Target::None)],
        how: How::Beside,
        run: on_contenders!(oneshot:
            Filch FilchCt Tokio TokioCt TokioSync Smol SmolStatic SmolSync),
    },
    Row {
        name: "mpsc_1000_1to1",
        about: "a channel for a thousand messages, from one task to another",
        metrics: &[Metric::lower("", "ns/message", Target::Tokio(0.4))],
        how: How::Beside,
        run: on_contenders!(mpsc_1000_1to1:
            Filch FilchCt Tokio TokioCt TokioSync Smol SmolStatic SmolSync Flume Kanal),
    },
    Row {
        name: "mpsc_1000_4to1",
        about: "the same from four tasks to one",
        metrics: &[Metric::lower("", "ns/message", Target::Tokio(0.38))],
        how: How::Beside,
        run: on_contenders!(mpsc_1000_4to1:
            Filch FilchCt Tokio TokioCt TokioSync Smol SmolStatic SmolSync Flume Kanal),
    },
    Row {
        name: "mpsc_1_1to1",
        about: "a channel for one message, from one task to another",
        metrics: &[Metric::lower("", "ns/message", Target::Tokio(0.32))],
        how: How::Beside,
        run: on_contenders!(mpsc_1_1to1:
            Filch FilchCt Tokio TokioCt TokioSync Smol SmolStatic SmolSync Flume Kanal),
    },
    Row {
        name: "mpsc_unbounded_1to1",
        about: "a channel without a bound, from one task to another",
        metrics: &[Metric::lower("", "ns/message", Target::Tokio(0.6))],
        how: How::Beside,
        run: on_contenders!(mpsc_unbounded_1to1:
            Filch FilchCt Tokio TokioCt TokioSync Smol SmolStatic SmolSync Flume Kanal),
    },
    Row {
        name: "mpsc_unbounded_4to1",
        about: "the same from four tasks to one",
        metrics: &[Metric::lower("", "ns/message", Target::Tokio(0.45))],
        how: How::Beside,
        run: on_contenders!(mpsc_unbounded_4to1:
            Filch FilchCt Tokio TokioCt TokioSync Smol SmolStatic SmolSync Flume Kanal),
    },
    Row {
        name: "mpmc_100_4to4",
        about: "a channel for a hundred messages, from four tasks to four others",
        metrics: &[Metric::lower("", "ns/message", Target::None)],
        how: How::Beside,
        run: on_contenders!(mpmc_100_4to4: Filch FilchCt Smol SmolStatic SmolSync Flume Kanal),
    },
    Row {
        name: "mpmc_unbounded_1to1",
        about: "the same channel without a bound, from one task to another",
        metrics: &[Metric::lower("", "ns/message", Target::None)],
        how: How::Beside,
        run: on_contenders!(mpmc_unbounded_1to1:
            Filch FilchCt Smol SmolStatic SmolSync Flume Kanal),
    },
    Row {
        name: "queue_1000_1to1",
        about: "asyncio's queue for a thousand messages, from one task to another",
        metrics: &[Metric::lower("", "ns/message", Target::None)],
        how: How::Beside,
        run: on_contenders!(queue_1000_1to1: Filch FilchCt Smol SmolStatic SmolSync Flume Kanal),
    },
    Row {
        name: "broadcast_1to1",
        about: "messages from one task to another, bursts of 256 into room for 1024",
        metrics: &[Metric::lower("", "ns/message", Target::None)],
        how: How::Beside,
        run: on_contenders!(broadcast_1to1:
            Filch FilchCt Tokio TokioCt TokioSync Smol SmolStatic SmolSync),
    },
    Row {
        name: "broadcast_1to4",
        about: "the same to four tasks, each of which sees all",
        metrics: &[Metric::lower("", "ns/message", Target::None)],
        how: How::Beside,
        run: on_contenders!(broadcast_1to4:
            Filch FilchCt Tokio TokioCt TokioSync Smol SmolStatic SmolSync),
    },
    Row {
        name: "watch_send",
        about: "one task changes a watched value that nobody waits for",
        metrics: &[Metric::lower("", "ns", Target::None)],
        how: How::Beside,
        run: on_contenders!(watch_send: Filch FilchCt Tokio TokioCt TokioSync),
    },
    Row {
        name: "watch_1to4",
        about: "four tasks have each seen a value before it changes again",
        metrics: &[Metric::lower("", "ns/change", Target::None)],
        how: How::Beside,
        run: on_contenders!(watch_1to4: Filch FilchCt Tokio TokioCt TokioSync),
    },
];

fn pingpong_mpsc<P: Peer, K: Mpsc>(ctx: &Ctx) -> Sample {
    per_op::<P, _, _>(ctx, 200_000, |trips| async move {
        let (there, mut arrived) = K::Bounded::open(Some(1));
        let (back, mut returned) = K::Bounded::open(Some(1));
        let pong = P::spawn(async move {
            while let Some(ball) = K::Bounded::recv(&mut arrived).await {
                K::Bounded::send(&back, ball).await;
            }
        });
        let ping = P::spawn(async move {
            for ball in 0..trips {
                K::Bounded::send(&there, ball).await;
                assert_eq!(K::Bounded::recv(&mut returned).await, Some(ball));
            }
        });
        ping.await;
        pong.await;
    })
}

/// What two players hand to each other: the way to hand it back.
struct Ball<K: Oneshot>(K::Sender<Ball<K>>);

fn pingpong_own_oneshot<P: Peer, K: Oneshot>(ctx: &Ctx) -> Sample {
    per_op::<P, _, _>(ctx, 200_000, |trips| async move {
        let (serve, served) = K::open();
        let players = [P::spawn(ping::<K>(serve, trips)), P::spawn(pong::<K>(served))];
        for player in players {
            player.await;
        }
    })
}

/// Serves, and returns `trips` balls.
async fn ping<K: Oneshot>(serve: K::Sender<Ball<K>>, trips: usize) {
    let mut other = serve;
    for _ in 0..trips {
        let (back, returned) = K::open();
        assert!(K::send(other, Ball(back)), "the other side still plays");
        other = K::recv(returned).await.expect("the other side still plays").0;
    }
}

/// Returns balls until the other side drops one.
async fn pong<K: Oneshot>(served: K::Receiver<Ball<K>>) {
    let mut next = served;
    while let Some(Ball(other)) = K::recv(next).await {
        let (back, returned) = K::open();
        // Refused once the other side has had enough.
        let _ = K::send(other, Ball(back));
        next = returned;
    }
}

fn oneshot<P: Peer, K: Oneshot>(ctx: &Ctx) -> Sample {
    per_op::<P, _, _>(ctx, 2_000_000, |times| async move {
        for number in 0..times {
            let (sender, receiver) = K::open();
            assert!(K::send(sender, number), "it is still here");
            assert_eq!(K::recv(receiver).await, Some(number));
        }
    })
}

fn mpsc_1000_1to1<P: Peer, K: Mpsc>(ctx: &Ctx) -> Sample {
    per_op::<P, _, _>(ctx, 1_000_000, |n| to_one::<P, K::Bounded>(Some(1000), 1, n))
}

fn mpsc_1000_4to1<P: Peer, K: Mpsc>(ctx: &Ctx) -> Sample {
    per_op::<P, _, _>(ctx, 1_000_000, |n| to_one::<P, K::Bounded>(Some(1000), 4, n))
}

fn mpsc_1_1to1<P: Peer, K: Mpsc>(ctx: &Ctx) -> Sample {
    per_op::<P, _, _>(ctx, 300_000, |n| to_one::<P, K::Bounded>(Some(1), 1, n))
}

fn mpsc_unbounded_1to1<P: Peer, K: Mpsc>(ctx: &Ctx) -> Sample {
    per_op::<P, _, _>(ctx, 1_000_000, |n| to_one::<P, K::Unbounded>(None, 1, n))
}

fn mpsc_unbounded_4to1<P: Peer, K: Mpsc>(ctx: &Ctx) -> Sample {
    per_op::<P, _, _>(ctx, 1_000_000, |n| to_one::<P, K::Unbounded>(None, 4, n))
}

fn mpmc_100_4to4<P: Peer, K: Mpmc>(ctx: &Ctx) -> Sample {
    per_op::<P, _, _>(ctx, 500_000, |n| async move {
        let (sender, receiver) = K::Shared::open(Some(100));
        let receivers = vec![receiver; 4];
        transfer::<P, K::Shared>(sender, receivers, 4, n).await;
    })
}

fn mpmc_unbounded_1to1<P: Peer, K: Mpmc>(ctx: &Ctx) -> Sample {
    per_op::<P, _, _>(ctx, 1_000_000, |n| to_one::<P, K::Shared>(None, 1, n))
}

fn queue_1000_1to1<P: Peer, K: Queues>(ctx: &Ctx) -> Sample {
    per_op::<P, _, _>(ctx, 1_000_000, |n| to_one::<P, K::Queue>(Some(1000), 1, n))
}

async fn to_one<P: Peer, C: Channel>(capacity: Option<usize>, senders: usize, messages: usize) {
    let (sender, receiver) = C::open(capacity);
    transfer::<P, C>(sender, vec![receiver], senders, messages).await;
}

/// Sends `messages` from so many tasks, receives them in one task for each receiver.
async fn transfer<P: Peer, C: Channel>(
    sender: C::Sender,
    receivers: Vec<C::Receiver>,
    senders: usize,
    messages: usize,
) {
    let each = messages.div_ceil(senders);
    let receivers: Vec<_> = receivers
        .into_iter()
        .map(|mut receiver| {
            P::spawn(async move {
                let mut received = 0;
                while C::recv(&mut receiver).await.is_some() {
                    received += 1;
                }
                received
            })
        })
        .collect();
    for _ in 0..senders {
        let sender = sender.clone();
        P::detach(async move {
            for number in 0..each {
                C::send(&sender, number).await;
            }
        });
    }
    drop(sender);
    let mut received = 0;
    for receiver in receivers {
        received += receiver.await;
    }
    assert_eq!(received, each * senders, "each message arrives once");
}

fn broadcast_1to1<P: Peer, K: Broadcast>(ctx: &Ctx) -> Sample {
    per_op::<P, _, _>(ctx, 500_000, |n| to_each::<P, K>(1, n))
}

fn broadcast_1to4<P: Peer, K: Broadcast>(ctx: &Ctx) -> Sample {
    per_op::<P, _, _>(ctx, 300_000, |n| to_each::<P, K>(4, n))
}

/// In bursts that fit, so that nobody lags: a message that is skipped costs nothing.
async fn to_each<P: Peer, K: Broadcast>(receivers: usize, messages: usize) {
    const BURST: usize = 256;
    let (sender, first) = K::open(4 * BURST);
    let mut receivers: Vec<_> = (1..receivers).map(|_| K::subscribe(&sender)).collect();
    receivers.push(first);
    let receivers: Vec<_> = receivers
        .into_iter()
        .map(|mut receiver| {
            P::spawn(async move {
                for number in 0..messages {
                    assert_eq!(K::recv(&mut receiver).await, Some(number));
                }
            })
        })
        .collect();
    P::spawn(async move {
        for number in 0..messages {
            while number % BURST == 0 && K::backlog(&sender) > 2 * BURST {
                P::yield_now().await;
            }
            K::send(&sender, number).await;
        }
    })
    .await;
    for receiver in receivers {
        receiver.await;
    }
}

fn watch_send<P: Peer, K: Watch>(ctx: &Ctx) -> Sample {
    per_op::<P, _, _>(ctx, 2_000_000, |changes| async move {
        let (sender, receiver) = K::open();
        for number in 0..changes {
            K::send(&sender, number);
        }
        drop(receiver);
    })
}

fn watch_1to4<P: Peer, K: Watch>(ctx: &Ctx) -> Sample {
    const WATCHERS: usize = 4;
    per_op::<P, _, _>(ctx, 50_000, |changes| async move {
        let (sender, receiver) = K::open();
        let seen = Arc::new(AtomicUsize::new(0));
        for _ in 0..WATCHERS {
            let (mut receiver, seen) = (receiver.clone(), Arc::clone(&seen));
            P::detach(async move {
                while K::changed(&mut receiver).await.is_some() {
                    seen.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        P::spawn(async move {
            for change in 1..=changes {
                K::send(&sender, change);
                // Only counts: what the watchers see is the channel's.
                while seen.load(Ordering::Relaxed) < change * WATCHERS {
                    P::yield_now().await;
                }
            }
            drop(receiver);
        })
        .await;
    })
}
