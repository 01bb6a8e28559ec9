//! Locks, semaphores and signals: alone, and with others.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use super::{Ctx, How, Metric, Row, Sample, Target, per_op};
use crate::{
    kits::{Mutex, Notify, RwLock, Semaphore, on_contenders},
    peers::Peer,
};

pub(super) const ROWS: &[Row] = &[
    Row {
        name: "mutex_uncontended",
        about: "one task locks and unlocks",
        metrics: &[Metric::lower("", "ns", Target::Tokio(0.3))],
        how: How::Beside,
        run: on_contenders!(mutex_uncontended:
            Filch FilchCt Tokio TokioCt TokioSync Smol SmolStatic SmolSync),
    },
    Row {
        name: "mutex_10_tasks",
        about: "ten tasks lock, count and unlock; time per lock",
        metrics: &[Metric::lower("", "ns", Target::Tokio(0.25))],
        how: How::Beside,
        run: on_contenders!(mutex_10_tasks:
            Filch FilchCt Tokio TokioCt TokioSync Smol SmolStatic SmolSync),
    },
    Row {
        name: "mutex_10_tasks_yield",
        about: "the same, with the lock held over a yield_now",
        metrics: &[Metric::lower("", "ns", Target::Tokio(0.3))],
        how: How::Beside,
        run: on_contenders!(mutex_10_tasks_yield:
            Filch FilchCt Tokio TokioCt TokioSync Smol SmolStatic SmolSync),
    },
    Row {
        name: "rwlock_read",
        about: "one task locks for reading and unlocks",
        metrics: &[Metric::lower("", "ns", Target::None)],
        how: How::Beside,
        run: on_contenders!(rwlock_read:
            Filch FilchCt Tokio TokioCt TokioSync Smol SmolStatic SmolSync),
    },
    Row {
        name: "rwlock_write",
        about: "one task locks for writing and unlocks",
        metrics: &[Metric::lower("", "ns", Target::None)],
        how: How::Beside,
        run: on_contenders!(rwlock_write:
            Filch FilchCt Tokio TokioCt TokioSync Smol SmolStatic SmolSync),
    },
    Row {
        name: "rwlock_10_tasks",
        about: "ten tasks: nine reads, one write, over and over; time per lock",
        metrics: &[Metric::lower("", "ns", Target::None)],
        how: How::Beside,
        run: on_contenders!(rwlock_10_tasks:
            Filch FilchCt Tokio TokioCt TokioSync Smol SmolStatic SmolSync),
    },
    Row {
        name: "semaphore_uncontended",
        about: "one task takes a permit and gives it back",
        metrics: &[Metric::lower("", "ns", Target::None)],
        how: How::Beside,
        run: on_contenders!(semaphore_uncontended:
            Filch FilchCt Tokio TokioCt TokioSync Smol SmolStatic SmolSync),
    },
    Row {
        name: "semaphore_3_100_tasks",
        about: "a hundred tasks hold one of three permits over a yield_now",
        metrics: &[Metric::lower("", "ns", Target::Tokio(0.6))],
        how: How::Beside,
        run: on_contenders!(semaphore_3_100_tasks:
            Filch FilchCt Tokio TokioCt TokioSync Smol SmolStatic SmolSync),
    },
    Row {
        name: "notify_uncontended",
        about: "one task notifies and takes the notification itself",
        metrics: &[Metric::lower("", "ns", Target::None)],
        how: How::Beside,
        run: on_contenders!(notify_uncontended: Filch FilchCt Tokio TokioCt TokioSync),
    },
    Row {
        name: "notify_pingpong",
        about: "two tasks notify each other",
        metrics: &[Metric::lower("", "ns/round trip", Target::None)],
        how: How::Beside,
        run: on_contenders!(notify_pingpong: Filch FilchCt Tokio TokioCt TokioSync),
    },
    Row {
        name: "notify_waiters_100",
        about: "a hundred waiting tasks are notified at once; time per waiter",
        metrics: &[Metric::lower("", "ns", Target::None)],
        how: How::Beside,
        run: on_contenders!(notify_waiters_100: Filch FilchCt Tokio TokioCt TokioSync),
    },
];

fn mutex_uncontended<P: Peer, K: Mutex>(ctx: &Ctx) -> Sample {
    per_op::<P, _, _>(ctx, 4_000_000, |times| async move {
        let lock = K::new();
        for _ in 0..times {
            *K::lock(&lock).await += 1;
        }
        assert_eq!(*K::lock(&lock).await, times);
    })
}

fn mutex_10_tasks<P: Peer, K: Mutex>(ctx: &Ctx) -> Sample {
    per_op::<P, _, _>(ctx, 1_000_000, |times| async move {
        let lock = Arc::new(K::new());
        let each = times.div_ceil(10);
        by_tasks::<P, _>(10, || {
            let lock = Arc::clone(&lock);
            async move {
                for _ in 0..each {
                    *K::lock(&lock).await += 1;
                }
            }
        })
        .await;
        assert_eq!(*K::lock(&lock).await, 10 * each);
    })
}

fn mutex_10_tasks_yield<P: Peer, K: Mutex>(ctx: &Ctx) -> Sample {
    per_op::<P, _, _>(ctx, 200_000, |times| async move {
        let lock = Arc::new(K::new());
        let each = times.div_ceil(10);
        by_tasks::<P, _>(10, || {
            let lock = Arc::clone(&lock);
            async move {
                for _ in 0..each {
                    let mut guard = K::lock(&lock).await;
                    P::yield_now().await;
                    *guard += 1;
                }
            }
        })
        .await;
        assert_eq!(*K::lock(&lock).await, 10 * each);
    })
}

fn rwlock_read<P: Peer, K: RwLock>(ctx: &Ctx) -> Sample {
    per_op::<P, _, _>(ctx, 4_000_000, |times| async move {
        let lock = K::new();
        let mut sum = 0;
        for _ in 0..times {
            sum += *K::read(&lock).await;
        }
        assert_eq!(sum, 0);
    })
}

fn rwlock_write<P: Peer, K: RwLock>(ctx: &Ctx) -> Sample {
    per_op::<P, _, _>(ctx, 4_000_000, |times| async move {
        let lock = K::new();
        for _ in 0..times {
            *K::write(&lock).await += 1;
        }
        assert_eq!(*K::read(&lock).await, times);
    })
}

fn rwlock_10_tasks<P: Peer, K: RwLock>(ctx: &Ctx) -> Sample {
    per_op::<P, _, _>(ctx, 1_000_000, |times| async move {
        let lock = Arc::new(K::new());
        let rounds = times.div_ceil(100);
        by_tasks::<P, _>(10, || {
            let lock = Arc::clone(&lock);
            async move {
                let mut latest = 0;
                for _ in 0..rounds {
                    *K::write(&lock).await += 1;
                    for _ in 0..9 {
                        let seen = *K::read(&lock).await;
                        assert!(seen > latest || seen == latest && seen > 0, "it only grows");
                        latest = seen;
                    }
                }
            }
        })
        .await;
        assert_eq!(*K::read(&lock).await, 10 * rounds);
    })
}

fn semaphore_uncontended<P: Peer, K: Semaphore>(ctx: &Ctx) -> Sample {
    per_op::<P, _, _>(ctx, 4_000_000, |times| async move {
        let permits = K::new(1);
        for _ in 0..times {
            drop(K::acquire(&permits).await);
        }
    })
}

fn semaphore_3_100_tasks<P: Peer, K: Semaphore>(ctx: &Ctx) -> Sample {
    per_op::<P, _, _>(ctx, 300_000, |times| async move {
        let permits = Arc::new(K::new(3));
        let each = times.div_ceil(100);
        by_tasks::<P, _>(100, || {
            let permits = Arc::clone(&permits);
            async move {
                for _ in 0..each {
                    let permit = K::acquire(&permits).await;
                    P::yield_now().await;
                    drop(permit);
                }
            }
        })
        .await;
    })
}

fn notify_uncontended<P: Peer, K: Notify>(ctx: &Ctx) -> Sample {
    per_op::<P, _, _>(ctx, 4_000_000, |times| async move {
        let signal = K::new();
        for _ in 0..times {
            K::one(&signal);
            K::notified(&signal).await;
        }
    })
}

fn notify_pingpong<P: Peer, K: Notify>(ctx: &Ctx) -> Sample {
    per_op::<P, _, _>(ctx, 200_000, |trips| async move {
        let sides = Arc::new([K::new(), K::new()]);
        let players = [0, 1].map(|me| {
            let sides = Arc::clone(&sides);
            P::spawn(async move {
                for _ in 0..trips {
                    match me {
                        0 => K::one(&sides[1]),
                        _ => K::notified(&sides[1]).await,
                    }
                    match me {
                        0 => K::notified(&sides[0]).await,
                        _ => K::one(&sides[0]),
                    }
                }
            })
        });
        for player in players {
            player.await;
        }
    })
}

fn notify_waiters_100<P: Peer, K: Notify>(ctx: &Ctx) -> Sample {
    const WAITERS: usize = 100;
    per_op::<P, _, _>(ctx, 300_000, |times| async move {
        let signal = Arc::new(K::new());
        let waiting = Arc::new(AtomicUsize::new(0));
        let rounds = times.div_ceil(WAITERS);
        let notifier = P::spawn({
            let (signal, waiting) = (Arc::clone(&signal), Arc::clone(&waiting));
            async move {
                for round in 1..=rounds {
                    // Pairs with the waiters' Release: their calls of `notified` came before.
                    while waiting.load(Ordering::Acquire) < round * WAITERS {
                        P::yield_now().await;
                    }
                    K::waiters(&signal);
                }
            }
        });
        by_tasks::<P, _>(WAITERS, || {
            let (signal, waiting) = (Arc::clone(&signal), Arc::clone(&waiting));
            async move {
                for _ in 0..rounds {
                    let notified = K::notified(&signal);
                    waiting.fetch_add(1, Ordering::Release);
                    notified.await;
                }
            }
        })
        .await;
        notifier.await;
    })
}

/// Runs so many tasks at once.
async fn by_tasks<P: Peer, F>(tasks: usize, mut task: impl FnMut() -> F + Send)
where
    F: Future<Output = ()> + Send + 'static,
{
    let tasks: Vec<_> = (0..tasks).map(|_| P::spawn(task())).collect();
    for task in tasks {
        task.await;
    }
}
