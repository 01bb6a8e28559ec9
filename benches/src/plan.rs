//! Who runs when: all peers of a row by turns, each round beginning with another one.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    process,
    sync::mpsc::{RecvTimeoutError, Sender, channel},
    thread,
    time::Duration,
};

use crate::{
    foreign,
    peers::PeerId,
    probe,
    rows::{Ctx, How, Row, Sample},
};

/// All samples of one row.
pub(crate) struct Measured {
    pub(crate) row: &'static Row,
    /// For each peer, for each metric, its samples in the order of the rounds.
    pub(crate) peers: Vec<(PeerId, Vec<Vec<f64>>)>,
}

/// Longer than a sample in a process of its own may take, so that its own alarm comes first.
const WATCH_MAX: Duration = Duration::from_secs(probe::SAMPLE_MAX.as_secs() * 3 / 2);
/// Between two samples, for threads of the last one to end or fall asleep.
const PAUSE: Duration = Duration::from_millis(10);

/// Measures `row` on all peers.
pub(crate) fn measure(
    row: &'static Row,
    peers: &[PeerId],
    rounds: usize,
    ctx: &Ctx,
    watchdog: &Watchdog,
) -> Measured {
    let mut peers: Vec<_> =
        who(row, peers).map(|peer| (peer, vec![Vec::new(); row.metrics.len()])).collect();
    let rounds = match row.how {
        How::Traced => rounds.min(2),
        _ => rounds,
    };
    let mut failed = Vec::new();
    for round in 0..rounds {
        for turn in 0..peers.len() {
            let place = (round + turn) % peers.len();
            let (peer, samples) = &mut peers[place];
            let sample = match failed.contains(peer) {
                true => None,
                false => watchdog.over(row, *peer, || once(row, *peer, ctx)),
            };
            if sample.is_none() && !failed.contains(peer) {
                eprintln!("{} failed on {}; it is left out", row.name, peer.name());
                failed.push(*peer);
            }
            let sample = sample.unwrap_or_else(|| vec![f64::NAN; row.metrics.len()]);
            samples.iter_mut().zip(sample).for_each(|(all, one)| all.push(one));
            thread::sleep(PAUSE);
        }
    }
    Measured { row, peers }
}

/// Libraries take part where no runtime is asked for, programs in other languages where they have
/// the row. The bare loop comes last, and only where it
/// can serve.
fn who<'a>(row: &Row, peers: &'a [PeerId]) -> impl Iterator<Item = PeerId> + use<'a> {
    let (how, name) = (row.how, row.name);
    let takes_part = move |peer: &PeerId| match how {
        // Every program in another language can serve.
        How::Served | How::Serving => !peer.is_library(),
        _ if peer.is_foreign() => foreign::has(*peer, name),
        How::Beside => true,
        _ => !peer.is_library(),
    };
    let peers = peers.iter().copied().filter(takes_part);
    peers.chain((how == How::Serving).then_some(PeerId::Bare))
}

/// One sample, or `None` if the row panicked.
fn once(row: &Row, peer: PeerId, ctx: &Ctx) -> Option<Sample> {
    let run = || match row.how {
        How::Served | How::Serving => (row.run)(peer, ctx),
        _ if peer.is_foreign() => foreign::sample(row, peer, ctx),
        How::Alone => probe::alone(row, peer, ctx),
        _ => (row.run)(peer, ctx),
    };
    let sample = catch_unwind(AssertUnwindSafe(run)).ok()?;
    assert_eq!(sample.len(), row.metrics.len(), "{}: a number for each metric", row.name);
    Some(sample)
}

/// Ends the process when a sample hangs, and says which one did.
pub(crate) struct Watchdog {
    feed: Sender<Option<String>>,
}

impl Watchdog {
    pub(crate) fn start() -> Watchdog {
        let (feed, food) = channel::<Option<String>>();
        thread::spawn(move || {
            while let Ok(told) = food.recv() {
                let Some(sample) = told else { continue };
                match food.recv_timeout(WATCH_MAX) {
                    Ok(_) => {}
                    Err(RecvTimeoutError::Disconnected) => return,
                    Err(RecvTimeoutError::Timeout) => {
                        eprintln!("{sample} hangs; given up");
                        process::exit(3);
                    }
                }
            }
        });
        Watchdog { feed }
    }

    /// Watches `work`.
    pub(crate) fn over<T>(&self, row: &Row, peer: PeerId, work: impl FnOnce() -> T) -> T {
        let watched = "the watchdog never ends first";
        self.feed.send(Some(format!("{} on {}", row.name, peer.name()))).expect(watched);
        let done = work();
        self.feed.send(None).expect(watched);
        done
    }
}
