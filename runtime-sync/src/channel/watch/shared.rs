//! What all ends share: the value, its version, and who waits.

use std::mem;

use super::WatchStats;
use super::error::RecvError;
use crate::panics::contain;
use crate::primitives::atomic::{AtomicUsize, Ordering};
use crate::primitives::{ReadGuard, RwLock};
use crate::reentry::Reentry;
use crate::wait_list::WaitList;

/// No sender is left. Never taken back.
const CLOSED: usize = 1;
/// One step of the version.
const VERSION: usize = 2;

const REENTRY: &str = "what changes the value of a watch channel, or is dropped as it is changed, must not \
                       call that channel: take the old value out by `send_replace`, and drop it afterwards";

/// Everything but the handles.
pub(super) struct Shared<T> {
    latest: RwLock<Latest<T>>,
    /// Who changes the value.
    changing: Reentry,
    /// The version of the latest value, for those who do not look at the value, and `CLOSED`.
    progress: AtomicUsize,
    senders: AtomicUsize,
    receivers: AtomicUsize,
    /// Those who wait for the next version, or for `CLOSED`.
    watching: WaitList,
    /// Those who wait until there is no receiver.
    deserted: WaitList,
}

/// A value and its version.
#[derive(Debug)]
pub(super) struct Latest<T> {
    pub(super) value: T,
    pub(super) version: Version,
}

/// How many changes came before, in steps of `VERSION`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Version(usize);

impl Version {
    fn after(self) -> Version {
        Version(self.0.wrapping_add(VERSION))
    }

    /// One that differs from this one, and from all that come soon.
    pub(super) fn before(self) -> Version {
        Version(self.0.wrapping_sub(VERSION))
    }
}

impl<T> Shared<T> {
    /// Makes it with one sender.
    pub(super) fn new(value: T) -> Shared<T> {
        Shared {
            latest: RwLock::new(Latest { value, version: Version(0) }),
            changing: Reentry::new(),
            progress: AtomicUsize::new(0),
            senders: AtomicUsize::new(1),
            receivers: AtomicUsize::new(0),
            watching: WaitList::new(),
            deserted: WaitList::new(),
        }
    }

    /// Looks at the value; as long as somebody does, nobody can change it.
    #[track_caller]
    pub(super) fn look(&self) -> ReadGuard<'_, Latest<T>> {
        // Not by a closure, which would hide the caller.
        match self.latest.try_read() {
            Some(latest) => latest,
            None => {
                assert!(!self.changing.is_here(), "{REENTRY}");
                self.latest.read()
            }
        }
    }

    /// Changes the value if `modify` says that it did, and wakes those who wait for that.
    ///
    /// If `modify` panics, the value stays as it left it, and counts as not changed.
    #[track_caller]
    pub(super) fn modify(&self, modify: impl FnOnce(&mut T) -> bool) -> bool {
        let modified = self.write(|value| {
            let _inside = self.changing.enter();
            modify(value)
        });
        if modified {
            self.watching.wake_all();
        }
        modified
    }

    /// Exchanges the value, and wakes those who wait for that.
    #[inline]
    #[track_caller]
    pub(super) fn swap(&self, value: &mut T) {
        self.swap_silently(value);
        self.watching.wake_all();
    }

    /// The same for one who keeps the value of before, which a panic would lose: that of a waker does not
    /// come out.
    #[inline]
    #[track_caller]
    pub(super) fn swap_calmly(&self, value: &mut T) {
        self.swap_silently(value);
        if self.watching.has_waiters() {
            contain(|| _ = self.watching.wake_all());
        }
    }

    #[inline]
    #[track_caller]
    fn swap_silently(&self, value: &mut T) {
        self.write(|present| {
            mem::swap(present, value);
            true
        });
    }

    /// Changes the value. Those who wait for that are to be woken next, if it was.
    #[inline]
    #[track_caller]
    fn write(&self, change: impl FnOnce(&mut T) -> bool) -> bool {
        let mut latest = match self.latest.try_write() {
            Some(latest) => latest,
            None => {
                assert!(!self.changing.is_here(), "{REENTRY}");
                self.latest.write()
            }
        };
        let modified = change(&mut latest.value);
        if modified {
            latest.version = latest.version.after();
            // Pairs with the load in `progress`. Only who holds the lock writes the version, and
            // the last sender is gone when `CLOSED` is set, so no write comes in between.
            self.progress.store(latest.version.0, Ordering::Release);
        }
        modified
    }

    pub(super) fn version(&self) -> Version {
        Version(self.progress() & !CLOSED)
    }

    pub(super) fn is_closed(&self) -> bool {
        self.progress() & CLOSED != 0
    }

    /// What there is to tell to whoever has seen `seen`: a newer version, or else that none comes.
    pub(super) fn news(&self, seen: Version) -> Option<Result<Version, RecvError>> {
        let progress = self.progress();
        let version = Version(progress & !CLOSED);
        if version != seen {
            Some(Ok(version))
        } else if progress & CLOSED != 0 {
            Some(Err(RecvError(())))
        } else {
            None
        }
    }

    /// Waits for a version other than `seen`.
    pub(super) async fn changed(&self, seen: Version) -> Result<Version, RecvError> {
        loop {
            match self.news(seen) {
                Some(news) => return news,
                None => self.watching.wait_unless(|| self.news(seen).is_some()).await,
            }
        }
    }

    /// Waits until there is no receiver.
    pub(super) async fn deserted(&self) {
        while self.receivers() != 0 {
            self.deserted.wait_unless(|| self.receivers() == 0).await;
        }
    }

    pub(super) fn senders(&self) -> usize {
        self.senders.load(Ordering::Relaxed)
    }

    pub(super) fn receivers(&self) -> usize {
        // Pairs with the subtraction in `drop_receiver`: what a receiver did before it went is seen
        // by whoever waited for that.
        self.receivers.load(Ordering::Acquire)
    }

    pub(super) fn add_sender(&self) {
        // Relaxed: there is one already, so nothing follows from the number yet.
        self.senders.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn add_receiver(&self) {
        // Relaxed: nothing is handed over by this.
        self.receivers.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn drop_sender(&self) {
        // Release and acquire, so that the versions of the other senders come before `CLOSED`.
        if self.senders.fetch_sub(1, Ordering::AcqRel) == 1 {
            // Pairs with the load in `progress`.
            self.progress.fetch_or(CLOSED, Ordering::Release);
            self.watching.wake_all();
        }
    }

    pub(super) fn drop_receiver(&self) {
        // Pairs with the load in `receivers`.
        if self.receivers.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.deserted.wake_all();
        }
    }

    pub(super) fn stats(&self) -> WatchStats {
        WatchStats {
            senders: self.senders(),
            receivers: self.receivers(),
            waiting: self.watching.lock().len(),
            waiting_closed: self.deserted.lock().len(),
        }
    }

    fn progress(&self) -> usize {
        // Pairs with the stores in `modify` and `drop_sender`: what was done before is seen.
        self.progress.load(Ordering::Acquire)
    }
}
