//! The end that looks at the value and waits for the next one.

use std::fmt;
use std::ops::Deref;

use super::WatchStats;
use super::error::RecvError;
use super::shared::{Latest, Shared, Version};
use crate::budget;
use crate::primitives::{Arc, ReadGuard};

/// An end of a [`channel`](super::channel) that looks at the value.
///
/// Each receiver remembers which value it has seen; a clone begins with the memory of the original.
///
/// # Examples
///
/// ```
/// use filch::sync::watch;
///
/// let (sender, mut receiver) = watch::channel(1);
/// let thread = std::thread::spawn(move || sender.send(2).unwrap());
/// runtime_sync::block_on(receiver.changed()).unwrap();
/// assert_eq!(*receiver.borrow_and_update(), 2);
/// # thread.join().unwrap();
/// ```
///
/// All receivers look at the one value, so it must be `Send + Sync` if they are on other threads:
///
/// ```compile_fail,E0277
/// let (_sender, receiver) = filch::sync::watch::channel(std::cell::Cell::new(1));
/// std::thread::spawn(move || drop(receiver));
/// ```
pub struct Receiver<T> {
    shared: Arc<Shared<T>>,
    /// What this receiver has seen.
    seen: Version,
}

impl<T> Receiver<T> {
    pub(super) fn new(shared: Arc<Shared<T>>, seen: Version) -> Receiver<T> {
        shared.add_receiver();
        Receiver { shared, seen }
    }

    /// Looks at the value. It does not count as seen by that.
    ///
    /// As long as the [`Ref`] is there, nobody can change the value. Do not hold it across an
    /// `.await`, and do not send on this thread meanwhile: it would wait for itself.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::watch;
    ///
    /// let (sender, receiver) = watch::channel(1);
    /// sender.send(2).unwrap();
    /// assert_eq!(*receiver.borrow(), 2);
    /// assert!(receiver.has_changed().unwrap());
    /// ```
    #[track_caller]
    pub fn borrow(&self) -> Ref<'_, T> {
        let latest = self.shared.look();
        let has_changed = latest.version != self.seen;
        Ref::new(latest, has_changed)
    }

    /// Looks at the value, which counts as seen from now on.
    ///
    /// For loops around [`changed`](Receiver::changed): if a value comes between that and
    /// [`borrow`](Receiver::borrow), the loop would go round twice for it.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::watch;
    ///
    /// let (sender, mut receiver) = watch::channel(1);
    /// sender.send(2).unwrap();
    /// assert_eq!(*receiver.borrow_and_update(), 2);
    /// assert!(!receiver.has_changed().unwrap());
    /// ```
    #[track_caller]
    pub fn borrow_and_update(&mut self) -> Ref<'_, T> {
        look(&self.shared, &mut self.seen)
    }

    /// Whether there is a value that was not seen.
    ///
    /// # Errors
    ///
    /// Fails if all senders are dropped, also if the last value was not seen.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::watch;
    ///
    /// let (sender, mut receiver) = watch::channel(1);
    /// assert!(!receiver.has_changed().unwrap());
    /// sender.send(2).unwrap();
    /// assert!(receiver.has_changed().unwrap());
    /// drop(sender);
    /// assert!(receiver.has_changed().is_err());
    /// ```
    pub fn has_changed(&self) -> Result<bool, RecvError> {
        match self.shared.is_closed() {
            true => Err(RecvError(())),
            false => Ok(self.shared.version() != self.seen),
        }
    }

    /// Whether all senders are dropped.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::watch;
    ///
    /// let (sender, receiver) = watch::channel(1);
    /// sender.send(2).unwrap();
    /// assert!(!receiver.is_closed());
    /// drop(sender);
    /// assert!(receiver.is_closed());
    /// ```
    pub fn is_closed(&self) -> bool {
        self.shared.is_closed()
    }

    /// Lets the present value count as not seen.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::watch;
    ///
    /// let (_sender, mut receiver) = watch::channel(1);
    /// receiver.mark_changed();
    /// // So that the first value is not missed by a loop around `changed`.
    /// runtime_sync::block_on(receiver.changed()).unwrap();
    /// ```
    pub fn mark_changed(&mut self) {
        self.seen = self.shared.version().before();
    }

    /// Lets the present value count as seen.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::watch;
    ///
    /// let (sender, mut receiver) = watch::channel(1);
    /// sender.send(2).unwrap();
    /// receiver.mark_unchanged();
    /// assert!(!receiver.has_changed().unwrap());
    /// ```
    pub fn mark_unchanged(&mut self) {
        self.seen = self.shared.version();
    }

    /// Waits until there is a value that was not seen, which counts as seen from then on.
    ///
    /// # Errors
    ///
    /// Fails if all senders are dropped and the last value was seen.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped before it is ready, no value counts as seen by it.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::watch;
    ///
    /// filch::runtime::Runtime::new().unwrap().block_on(async {
    ///     let (sender, mut receiver) = watch::channel(0);
    ///     filch::spawn(async move {
    ///         for number in 1..=3 {
    ///             sender.send(number).unwrap();
    ///         }
    ///     });
    ///     let mut last = 0;
    ///     while receiver.changed().await.is_ok() {
    ///         last = *receiver.borrow_and_update();
    ///     }
    ///     assert_eq!(last, 3);
    /// });
    /// ```
    pub async fn changed(&mut self) -> Result<(), RecvError> {
        self.seen = budget::cooperative(self.shared.changed(self.seen)).await?;
        Ok(())
    }

    /// Waits until the value is one that `condition` wants, and looks at it. It counts as seen.
    ///
    /// The present value is asked about at once, whether it was seen or not; later ones as they
    /// come, unless others come too fast. All that `condition` was asked about count as seen.
    ///
    /// As long as the [`Ref`] is there, nobody can change the value; and nobody can while
    /// `condition` runs, which must not send on this channel.
    ///
    /// # Errors
    ///
    /// Fails if all senders are dropped and `condition` does not want the last value.
    ///
    /// # Panics
    ///
    /// Passes on a panic of `condition`; the channel stays usable.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped before it is ready, only values that `condition` refused count as
    /// seen.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::watch;
    ///
    /// filch::runtime::Runtime::new().unwrap().block_on(async {
    ///     let (sender, mut receiver) = watch::channel(1);
    ///     filch::spawn(async move {
    ///         sender.send(2).unwrap();
    ///         sender.closed().await;
    ///     });
    ///     assert_eq!(*receiver.wait_for(|number| *number > 1).await.unwrap(), 2);
    /// });
    /// ```
    pub async fn wait_for(
        &mut self,
        mut condition: impl FnMut(&T) -> bool,
    ) -> Result<Ref<'_, T>, RecvError> {
        let Receiver { shared, seen } = self;
        budget::cooperative(async move {
            loop {
                if let Some(wanted) = look_for(shared, seen, &mut condition) {
                    return Ok(wanted);
                }
                shared.changed(*seen).await?;
            }
        })
        .await
    }

    /// Whether both are receivers of one channel.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::watch;
    ///
    /// let (_sender, receiver) = watch::channel(1);
    /// assert!(receiver.same_channel(&receiver.clone()));
    /// ```
    pub fn same_channel(&self, other: &Receiver<T>) -> bool {
        Arc::ptr_eq(&self.shared, &other.shared)
    }

    /// What the channel looks like at this moment.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::watch;
    ///
    /// let (_sender, receiver) = watch::channel(1);
    /// assert_eq!(receiver.stats().receivers, 1);
    /// ```
    pub fn stats(&self) -> WatchStats {
        self.shared.stats()
    }
}

#[track_caller]
fn look<'a, T>(shared: &'a Shared<T>, seen: &mut Version) -> Ref<'a, T> {
    let latest = shared.look();
    let has_changed = latest.version != *seen;
    *seen = latest.version;
    Ref::new(latest, has_changed)
}

fn look_for<'a, T>(
    shared: &'a Shared<T>,
    seen: &mut Version,
    condition: &mut impl FnMut(&T) -> bool,
) -> Option<Ref<'a, T>> {
    let value = look(shared, seen);
    condition(&value).then_some(value)
}

impl<T> Clone for Receiver<T> {
    fn clone(&self) -> Receiver<T> {
        Receiver::new(Arc::clone(&self.shared), self.seen)
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        self.shared.drop_receiver();
    }
}

impl<T> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver")
            .field("has_changed", &(self.shared.version() != self.seen))
            .field("is_closed", &self.shared.is_closed())
            .finish_non_exhaustive()
    }
}

/// A look at the value of a channel. Nobody can change the value until it is dropped.
///
/// A sender that tries waits as a thread does, not as a task, so keep it short. One that is leaked
/// by [`mem::forget`](std::mem::forget) keeps all senders waiting for good.
///
/// It belongs to the thread that made it, so a future that holds it across an `.await` is not
/// `Send`:
///
/// ```compile_fail,E0277
/// let (sender, _receiver) = filch::sync::watch::channel(1);
/// let look = sender.borrow();
/// std::thread::scope(|scope| {
///     scope.spawn(move || drop(look));
/// });
/// ```
///
/// # Examples
///
/// ```
/// use filch::sync::watch::{Ref, Sender};
///
/// let sender = Sender::new(1);
/// let look: Ref<'_, u32> = sender.borrow();
/// assert_eq!(*look, 1);
/// ```
pub struct Ref<'a, T> {
    latest: ReadGuard<'a, Latest<T>>,
    has_changed: bool,
}

impl<'a, T> Ref<'a, T> {
    pub(super) fn new(latest: ReadGuard<'a, Latest<T>>, has_changed: bool) -> Ref<'a, T> {
        Ref { latest, has_changed }
    }

    /// Whether this value had not been seen by the receiver before. Never, if a sender looks.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::watch;
    ///
    /// let (sender, mut receiver) = watch::channel(1);
    /// sender.send(2).unwrap();
    /// assert!(receiver.borrow_and_update().has_changed());
    /// assert!(!receiver.borrow_and_update().has_changed());
    /// ```
    pub fn has_changed(&self) -> bool {
        self.has_changed
    }
}

impl<T> Deref for Ref<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.latest.value
    }
}

impl<T: fmt::Debug> fmt::Debug for Ref<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ref")
            .field("value", &**self)
            .field("has_changed", &self.has_changed)
            .finish()
    }
}
