//! The futures that wait for a [`Notify`].

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;

use super::{Given, Notify, Place};
use crate::budget;
use crate::wait_list::{Left, OwnedWaiter, Waiter};

pin_project! {
    /// The future of [`Notify::notified`].
    ///
    /// Once it was ready it stays so.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::Notify;
    /// use filch::sync::futures::Notified;
    ///
    /// let notify = Notify::new();
    /// let waits: Notified<'_> = notify.notified();
    /// notify.notify_waiters();
    /// runtime_sync::block_on(waits);
    /// ```
    #[must_use = "futures do nothing unless they are awaited"]
    pub struct Notified<'a> {
        #[pin]
        waiter: Waiter<'a, Place>,
        notify: &'a Notify,
        stage: Stage,
    }

    impl PinnedDrop for Notified<'_> {
        #[inline]
        fn drop(this: Pin<&mut Self>) {
            let this = this.project();
            this.notify.leave(this.waiter, this.stage);
        }
    }
}

impl<'a> Notified<'a> {
    #[inline]
    pub(super) fn new(notify: &'a Notify) -> Notified<'a> {
        Notified { waiter: notify.line.waiter(), notify, stage: notify.fresh() }
    }

    /// Enters the line before the first poll, so that a `notify_one` can find it. Returns whether
    /// it is ready: woken already, or by a permit that it takes now.
    ///
    /// Without it, a wake is stored for whoever comes first. It is needed where several tasks look
    /// at a condition and then wait, and a wake between the two shall be for them.
    ///
    /// # Examples
    ///
    /// Many readers of one queue: whoever looked in vain must not miss a wake that another one
    /// was given meanwhile.
    ///
    /// ```
    /// use filch::sync::Notify;
    /// use std::collections::VecDeque;
    /// use std::pin::pin;
    /// use std::sync::Mutex;
    ///
    /// async fn take(letters: &Mutex<VecDeque<String>>, arrived: &Notify) -> String {
    ///     let mut waits = pin!(arrived.notified());
    ///     loop {
    ///         waits.as_mut().enable();
    ///         if let Some(letter) = letters.lock().unwrap().pop_front() {
    ///             return letter;
    ///         }
    ///         waits.as_mut().await;
    ///         waits.set(arrived.notified());
    ///     }
    /// }
    ///
    /// let letters = Mutex::new(VecDeque::from(["hello".to_owned()]));
    /// let arrived = Notify::new();
    /// arrived.notify_one();
    /// assert_eq!(runtime_sync::block_on(take(&letters, &arrived)), "hello");
    /// ```
    pub fn enable(self: Pin<&mut Self>) -> bool {
        let this = self.project();
        this.notify.enable(this.waiter, this.stage)
    }
}

impl Future for Notified<'_> {
    type Output = ();

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.project();
        this.notify.poll_notified(this.waiter, this.stage, cx)
    }
}

impl fmt::Debug for Notified<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Notified").field(&self.stage).finish()
    }
}

pin_project! {
    /// The future of [`Notify::notified_owned`]: [`Notified`], but it borrows nothing.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::Notify;
    /// use filch::sync::futures::OwnedNotified;
    /// use std::sync::Arc;
    ///
    /// let notify = Arc::new(Notify::new());
    /// let waits: OwnedNotified = Arc::clone(&notify).notified_owned();
    /// notify.notify_waiters();
    /// runtime_sync::block_on(waits);
    /// ```
    #[must_use = "futures do nothing unless they are awaited"]
    pub struct OwnedNotified {
        #[pin]
        waiter: OwnedWaiter<Notify, Place>,
        stage: Stage,
    }

    impl PinnedDrop for OwnedNotified {
        fn drop(this: Pin<&mut Self>) {
            let this = this.project();
            let (waiter, notify) = this.waiter.waiter_and_owner();
            notify.leave(waiter, this.stage);
        }
    }
}

impl OwnedNotified {
    pub(super) fn new(notify: Arc<Notify>) -> OwnedNotified {
        let stage = notify.fresh();
        OwnedNotified { waiter: OwnedWaiter::new(notify, |notify| &notify.line), stage }
    }

    /// Enters the line before the first poll; see [`Notified::enable`].
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::Notify;
    /// use std::pin::pin;
    /// use std::sync::Arc;
    ///
    /// let notify = Arc::new(Notify::new());
    /// let mut waits = pin!(Arc::clone(&notify).notified_owned());
    /// assert!(!waits.as_mut().enable());
    /// notify.notify_one();
    /// assert!(waits.enable());
    /// ```
    pub fn enable(self: Pin<&mut Self>) -> bool {
        let this = self.project();
        let (waiter, notify) = this.waiter.waiter_and_owner();
        notify.enable(waiter, this.stage)
    }
}

impl Future for OwnedNotified {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.project();
        let (waiter, notify) = this.waiter.waiter_and_owner();
        notify.poll_notified(waiter, this.stage, cx)
    }
}

impl fmt::Debug for OwnedNotified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("OwnedNotified").field(&self.stage).finish()
    }
}

/// How far a future is.
#[derive(Debug, Clone, Copy)]
enum Stage {
    /// Not polled yet; made in this generation.
    Fresh { generation: usize },
    /// In line, or taken out of it without knowing yet.
    Entered,
    /// It has been ready, and is from now on.
    Done,
}

/// What the two futures have in common.
impl Notify {
    #[inline]
    fn fresh(&self) -> Stage {
        Stage::Fresh { generation: self.generation() }
    }

    #[inline]
    fn poll_notified(
        &self,
        waiter: Pin<&mut Waiter<'_, Place>>,
        stage: &mut Stage,
        cx: &mut Context<'_>,
    ) -> Poll<()> {
        let Some(unit) = budget::unit_now() else { return self.poll_spent(waiter, stage, cx) };
        match *stage {
            Stage::Done => return Poll::Ready(()),
            Stage::Fresh { generation } if self.try_take(generation) => *stage = Stage::Done,
            _ => ready!(self.poll_in_line(waiter, stage, cx)),
        }
        unit.spend();
        Poll::Ready(())
    }

    /// Enters the line although the budget is spent, unless it need not wait: that it learns at the next
    /// poll.
    #[cold]
    fn poll_spent(
        &self,
        waiter: Pin<&mut Waiter<'_, Place>>,
        stage: &mut Stage,
        cx: &mut Context<'_>,
    ) -> Poll<()> {
        if let Stage::Fresh { generation } = *stage
            && waiter.poll_wait(cx, |_| self.enter_where_nothing_is(generation)).is_pending()
        {
            *stage = Stage::Entered;
        } else {
            budget::come_back(cx);
        }
        Poll::Pending
    }

    fn poll_in_line(
        &self,
        waiter: Pin<&mut Waiter<'_, Place>>,
        stage: &mut Stage,
        cx: &mut Context<'_>,
    ) -> Poll<()> {
        let generation = match *stage {
            Stage::Fresh { generation } => generation,
            // It is in line, or out of it again, and does not look once more.
            _ => 0,
        };
        let waited = waiter.poll_wait(cx, |_| self.try_enter(generation));
        *stage = if waited.is_ready() { Stage::Done } else { Stage::Entered };
        waited.map(|_| ())
    }

    fn enable(&self, waiter: Pin<&mut Waiter<'_, Place>>, stage: &mut Stage) -> bool {
        let ready = match *stage {
            Stage::Done => true,
            Stage::Fresh { generation } => {
                self.try_take(generation) || waiter.enter(|_| self.try_enter(generation)).is_break()
            }
            Stage::Entered => waiter.leave_if(|_| false, |_| ()).is_some(),
        };
        *stage = if ready { Stage::Done } else { Stage::Entered };
        ready
    }

    /// Gives up a place in line, and hands on what it was given.
    #[inline]
    fn leave(&self, waiter: Pin<&mut Waiter<'_, Place>>, stage: &mut Stage) {
        if matches!(stage, Stage::Entered) {
            self.leave_line(waiter);
        }
    }

    #[inline(never)]
    fn leave_line(&self, waiter: Pin<&mut Waiter<'_, Place>>) {
        let left = waiter.leave_if(|_| true, |line| self.settle(line, self.generation()));
        match left {
            Some(Left::Chosen(Place { given: Given::First, .. })) => self.notify_one(),
            Some(Left::Chosen(Place { given: Given::Last, .. })) => self.notify_last(),
            _ => {}
        }
    }
}
