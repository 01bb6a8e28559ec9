//! Two guards of the wake policy: work that is done sooner at home stays there, and work that is
//! worth the trip fills every core.

use std::{
    cell::Cell,
    sync::atomic::{AtomicUsize, Ordering},
    time::{Duration, Instant},
};

use futures_channel::oneshot;

use super::{
    Ctx, How, Metric, Row, Sample, Target, busy_for, on_runtime,
    switch::{ping, pong},
};
use crate::{
    peers::{Peer, on_each_peer},
    stats::Summary,
};

pub(super) const ROWS: &[Row] = &[
    Row {
        name: "stays_home",
        about: "one ping-pong pair: the share of its polls outside of the thread that had most",
        metrics: &[Metric::lower("", "% of polls", Target::Value(1.0))],
        how: How::Here,
        run: on_each_peer!(stays_home),
    },
    Row {
        name: "fork_join_100us",
        about: "a task spawns 64 children, each busy for 100 µs, and awaits them all",
        metrics: &[
            Metric::higher("speed-up", "×", Target::Value(1.8)),
            Metric::lower("second core begins", "µs", Target::Value(100.0)),
        ],
        how: How::Here,
        run: on_each_peer!(fork_join_100us),
    },
];

/// A small number for this thread, cheaper to ask for than `ThreadId`.
fn thread_number() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        static MINE: Cell<Option<usize>> = const { Cell::new(None) };
    }
    MINE.get().unwrap_or_else(|| {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        MINE.set(Some(number));
        number
    })
}

fn stays_home<P: Peer>(ctx: &Ctx) -> Sample {
    let trips = ctx.times(200_000);
    on_runtime::<P, _>(ctx, async move {
        let (serve, served) = oneshot::channel();
        let pong = P::spawn(async move {
            let mut polls = Polls::default();
            pong(served, || polls.count()).await;
            polls
        });
        let ping = P::spawn(async move {
            let mut polls = Polls::default();
            ping(serve, trips, || polls.count()).await;
            polls
        });
        let mut polls = ping.await;
        polls.add(pong.await);
        vec![polls.away() * 100.0]
    })
}

/// How many polls each thread had. There are few threads, so a list will do.
#[derive(Default)]
struct Polls(Vec<(usize, usize)>);

impl Polls {
    fn count(&mut self) {
        self.record(thread_number(), 1);
    }

    fn record(&mut self, thread: usize, polls: usize) {
        match self.0.iter_mut().find(|(t, _)| *t == thread) {
            Some((_, n)) => *n += polls,
            None => self.0.push((thread, polls)),
        }
    }

    fn add(&mut self, other: Polls) {
        for (thread, polls) in other.0 {
            self.record(thread, polls);
        }
    }

    fn away(&self) -> f64 {
        let all: usize = self.0.iter().map(|(_, n)| n).sum();
        let most = self.0.iter().map(|(_, n)| *n).max().unwrap_or(0);
        (all - most) as f64 / all as f64
    }
}

fn fork_join_100us<P: Peer>(ctx: &Ctx) -> Sample {
    // The first ones find new threads on whichever core they were made, two of them on one perhaps.
    let rounds = ctx.times(100).max(60);
    on_runtime::<P, _>(ctx, async move {
        let (mut speed_up, mut second) = (Vec::new(), Vec::new());
        for _ in 0..rounds {
            // All workers but this one fall asleep, and so do their cores: also where another thread than
            // this one was woken by the timer.
            P::sleep(Duration::from_millis(3)).await;
            busy_for(Duration::from_micros(500));
            let (s, b) = fork_join::<P>().await;
            speed_up.push(s);
            second.push(b);
        }
        [speed_up, second].map(|all| Summary::of(&all).map_or(f64::NAN, |s| s.median)).to_vec()
    })
}

/// How many cores' worth of work was done, and after how many microseconds the second one began.
async fn fork_join<P: Peer>() -> (f64, f64) {
    const CHILDREN: u32 = 64;
    const BUSY: Duration = Duration::from_micros(100);
    let start = Instant::now();
    let children: Vec<_> = (0..CHILDREN)
        .map(|_| {
            P::spawn(async {
                let begun = Instant::now();
                busy_for(BUSY);
                (thread_number(), begun)
            })
        })
        .collect();
    let mut begins = Vec::with_capacity(children.len());
    for child in children {
        begins.push(child.await);
    }
    let wall = start.elapsed();
    begins.sort_by_key(|(_, begun)| *begun);
    let first = begins[0].0;
    // Where nobody helps, the second core begins when all is over.
    let second = begins.iter().find(|(thread, _)| *thread != first);
    let waited = second.map_or(wall, |(_, begun)| *begun - start);
    let speed_up = (BUSY * CHILDREN).as_secs_f64() / wall.as_secs_f64();
    (speed_up, waited.as_nanos() as f64 / 1000.0)
}
