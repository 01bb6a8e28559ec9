//! Who sleeps, who searches, whom to wake. The protocol and its proof are in `README.md`.

use runtime_sync::contention::Padded;
use runtime_sync::primitives::atomic::{AtomicU64, Ordering, fence};

/// Workers per word of the sleepers' book.
const WORD: usize = u64::BITS as usize;
/// One worker that is awake, in `Idle::counts`.
const AWAKE: u64 = 1;
/// One worker that searches for work, in `Idle::counts`. Searchers are awake.
const SEARCHING: u64 = 1 << 32;
const AWAKE_MASK: u64 = SEARCHING - 1;

/// The book of who sleeps and who searches.
pub struct Idle {
    counts: Padded<AtomicU64>,
    /// One bit a worker: it sleeps, or is about to, and nobody has claimed it.
    sleepers: Box<[AtomicU64]>,
    workers: usize,
}

/// What a worker is told that wants to sleep or rose by itself.
#[must_use]
#[derive(Debug, PartialEq, Eq, Clone, Copy)]
pub enum Claimed {
    /// Nobody claimed it.
    No,
    /// Somebody did, has counted it as an awake searcher, and unparks it.
    ByWaker,
}

impl Idle {
    /// Room for `capacity` workers, of whom the first `workers` are there, all asleep. The others
    /// are substitutes, who [`join`](Idle::join) and [`leave`](Idle::leave).
    pub fn new(capacity: usize, workers: usize) -> Idle {
        let bits = |word: usize| match workers.saturating_sub(word * WORD) {
            left if left >= WORD => u64::MAX,
            left => (1 << left) - 1,
        };
        let words = capacity.max(workers).div_ceil(WORD);
        Idle {
            counts: Padded::new(AtomicU64::new(0)),
            sleepers: (0..words).map(|word| AtomicU64::new(bits(word))).collect(),
            workers,
        }
    }

    /// A worker that is in no line of the book comes in, awake.
    pub fn join(&self) {
        self.counts.fetch_add(AWAKE, Ordering::AcqRel);
    }

    /// A worker that is awake goes away without lying down. True: nobody else is awake, so that
    /// the caller must wake somebody if a queue is not empty.
    pub fn leave(&self) -> bool {
        self.counts.fetch_sub(AWAKE, Ordering::AcqRel);
        self.must_wake()
    }

    /// Enters a worker into the book and declares it not awake. The caller must look at every queue
    /// that outsiders push to *after* this and before it parks, and [`rise`](Idle::rise) if it finds
    /// something.
    pub fn lie_down(&self, worker: usize, searching: bool) {
        let (word, bit) = place(worker);
        // The bit first: who sees the count at zero must find somebody to wake.
        self.sleepers[word].fetch_or(bit, Ordering::AcqRel);
        self.counts.fetch_sub(AWAKE + if searching { SEARCHING } else { 0 }, Ordering::AcqRel);
        // Pairs with the fence in `must_wake`: either the pusher sees us lying, or we see its push.
        fence(Ordering::SeqCst);
    }

    /// A worker gets up by itself: for I/O, a timer, or work it saw at the last moment.
    pub fn rise(&self, worker: usize) -> Claimed {
        let (word, bit) = place(worker);
        if self.sleepers[word].fetch_and(!bit, Ordering::AcqRel) & bit == 0 {
            return Claimed::ByWaker;
        }
        self.counts.fetch_add(AWAKE, Ordering::AcqRel);
        Claimed::No
    }

    /// To be asked after a push from outside: whether nobody is awake who would come upon it.
    pub fn must_wake(&self) -> bool {
        // Pairs with the fence in `lie_down`.
        fence(Ordering::SeqCst);
        self.counts.load(Ordering::Relaxed) & AWAKE_MASK == 0
    }

    /// Claims one sleeper, counts it as an awake searcher, and names it: the caller unparks it.
    /// `last` is taken only if there is no other.
    pub fn claim_any(&self, last: Option<usize>) -> Option<usize> {
        self.claim_other_than(last).or_else(|| last.filter(|&worker| self.claim(worker)))
    }

    fn claim_other_than(&self, spared: Option<usize>) -> Option<usize> {
        for (index, word) in self.sleepers.iter().enumerate() {
            let spare = spared.map(place).filter(|p| p.0 == index).map_or(0, |p| p.1);
            loop {
                let sleeping = word.load(Ordering::Relaxed) & !spare;
                if sleeping == 0 {
                    break;
                }
                let worker = index * WORD + sleeping.trailing_zeros() as usize;
                if self.claim(worker) {
                    return Some(worker);
                }
            }
        }
        None
    }

    /// Claims this sleeper. False: it does not sleep, or somebody else claimed it; either way it will
    /// look at its queues before it sleeps again.
    pub fn claim(&self, worker: usize) -> bool {
        let (word, bit) = place(worker);
        if self.sleepers[word].fetch_and(!bit, Ordering::AcqRel) & bit == 0 {
            return false;
        }
        self.counts.fetch_add(AWAKE + SEARCHING, Ordering::AcqRel);
        true
    }

    /// Whether this worker may begin to search: at most half of them do at a time, so that many
    /// idle workers do not all tear at one queue.
    pub fn begin_search(&self) -> bool {
        let searching = (self.counts.load(Ordering::Relaxed) >> 32) as usize;
        if 2 * searching >= self.workers {
            return false;
        }
        self.counts.fetch_add(SEARCHING, Ordering::AcqRel);
        true
    }

    /// A searcher has found work.
    pub fn end_search(&self) {
        self.counts.fetch_sub(SEARCHING, Ordering::AcqRel);
    }

    /// Whether some worker searches: whatever is pushed now, it may find.
    pub fn somebody_searches(&self) -> bool {
        self.counts.load(Ordering::Relaxed) >= SEARCHING
    }

    /// Whether some worker is awake. A hint.
    pub fn somebody_awake(&self) -> bool {
        self.counts.load(Ordering::Relaxed) & AWAKE_MASK != 0
    }

    /// Whether some worker sleeps unclaimed. A hint.
    pub fn somebody_sleeps(&self) -> bool {
        self.sleepers.iter().any(|word| word.load(Ordering::Relaxed) != 0)
    }

    /// Whether this worker sleeps unclaimed. A hint.
    pub fn sleeps(&self, worker: usize) -> bool {
        let (word, bit) = place(worker);
        self.sleepers[word].load(Ordering::Relaxed) & bit != 0
    }
}

fn place(worker: usize) -> (usize, u64) {
    (worker / WORD, 1 << (worker % WORD))
}
