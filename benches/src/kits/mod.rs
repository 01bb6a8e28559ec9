//! What a library of locks and channels must offer to be measured, and the libraries that do.
//!
//! A kit is a marker for one library; a row about locks or channels is generic over a peer, which
//! runs the tasks, and a kit, which they use. A kit has the traits for what its library has: the
//! row's list of contenders says who takes part.

mod filch;
mod flume;
mod kanal;
mod smol;
mod tokio;
mod tokio_shaped;

use std::ops::{Deref, DerefMut};

use crate::peers;

pub(crate) use self::{filch::Filch, flume::Flume, kanal::Kanal, smol::Smol, tokio::Tokio};

/// What goes through the channels and lies in the locks.
pub(crate) type Number = usize;

/// A channel of numbers with many senders.
pub(crate) trait Channel: Send + Sync + 'static {
    type Sender: Clone + Send + Sync + 'static;
    type Receiver: Send + 'static;

    /// Without a capacity, as much goes in as memory holds.
    fn open(capacity: Option<usize>) -> (Self::Sender, Self::Receiver);
    fn send(sender: &Self::Sender, number: Number) -> impl Future<Output = ()> + Send;
    /// `None` once all senders are gone and everything has been received.
    fn recv(receiver: &mut Self::Receiver) -> impl Future<Output = Option<Number>> + Send;
}

/// Channels to one receiver, which may be two types or one.
pub(crate) trait Mpsc {
    type Bounded: Channel;
    type Unbounded: Channel;
}

/// A channel to many receivers, each number to one of them.
pub(crate) trait Mpmc {
    type Shared: Channel<Receiver: Clone>;
}

/// What asyncio calls a queue.
pub(crate) trait Queues {
    type Queue: Channel;
}

/// A channel for one value.
pub(crate) trait Oneshot: Send + Sync + 'static {
    type Sender<T: Send + 'static>: Send + 'static;
    type Receiver<T: Send + 'static>: Send + 'static;

    fn open<T: Send + 'static>() -> (Self::Sender<T>, Self::Receiver<T>);
    /// Whether somebody may still receive it.
    fn send<T: Send + 'static>(sender: Self::Sender<T>, value: T) -> bool;
    /// `None` if the sender has gone.
    fn recv<T: Send + 'static>(
        receiver: Self::Receiver<T>,
    ) -> impl Future<Output = Option<T>> + Send;
}

/// A channel that shows each number to each receiver.
pub(crate) trait Broadcast: Send + Sync + 'static {
    type Sender: Send + Sync + 'static;
    type Receiver: Send + 'static;

    fn open(capacity: usize) -> (Self::Sender, Self::Receiver);
    fn subscribe(sender: &Self::Sender) -> Self::Receiver;
    fn send(sender: &Self::Sender, number: Number) -> impl Future<Output = ()> + Send;
    /// How many numbers somebody has yet to see.
    fn backlog(sender: &Self::Sender) -> usize;
    /// `None` once the sender is gone and everything has been seen.
    fn recv(receiver: &mut Self::Receiver) -> impl Future<Output = Option<Number>> + Send;
}

/// A channel that shows the latest number.
pub(crate) trait Watch: Send + Sync + 'static {
    type Sender: Send + Sync + 'static;
    type Receiver: Clone + Send + Sync + 'static;

    fn open() -> (Self::Sender, Self::Receiver);
    fn send(sender: &Self::Sender, number: Number);
    /// Waits for a number not seen yet; `None` once the sender is gone.
    fn changed(receiver: &mut Self::Receiver) -> impl Future<Output = Option<Number>> + Send;
}

/// A lock for one.
pub(crate) trait Mutex: Send + Sync + 'static {
    type Lock: Send + Sync + 'static;
    type Guard<'a>: DerefMut<Target = Number> + Send;

    fn new() -> Self::Lock;
    fn lock(lock: &Self::Lock) -> impl Future<Output = Self::Guard<'_>> + Send;
}

/// A lock for many readers or one writer.
pub(crate) trait RwLock: Send + Sync + 'static {
    type Lock: Send + Sync + 'static;
    type ReadGuard<'a>: Deref<Target = Number> + Send;
    type WriteGuard<'a>: DerefMut<Target = Number> + Send;

    fn new() -> Self::Lock;
    fn read(lock: &Self::Lock) -> impl Future<Output = Self::ReadGuard<'_>> + Send;
    fn write(lock: &Self::Lock) -> impl Future<Output = Self::WriteGuard<'_>> + Send;
}

/// Permits for a few.
pub(crate) trait Semaphore: Send + Sync + 'static {
    type Permits: Send + Sync + 'static;
    type Permit<'a>: Send;

    fn new(permits: usize) -> Self::Permits;
    fn acquire(permits: &Self::Permits) -> impl Future<Output = Self::Permit<'_>> + Send;
}

/// A signal without a value.
pub(crate) trait Notify: Send + Sync + 'static {
    type Signal: Send + Sync + 'static;

    fn new() -> Self::Signal;
    /// Lets one go on: one that waits, or the next that comes.
    fn one(signal: &Self::Signal);
    /// Lets all go on whose `notified` has been called.
    fn waiters(signal: &Self::Signal);
    fn notified(signal: &Self::Signal) -> impl Future<Output = ()> + Send;
}

/// Who runs the tasks, and what they use.
pub(crate) trait Contender {
    type Peer: peers::Peer;
    type Kit;
}

impl<P: peers::Peer, K> Contender for (P, K) {
    type Peer = P;
    type Kit = K;
}

/// The contenders, each by the name it has in [`peers::PeerId`].
pub(crate) mod contenders {
    use crate::{kits, peers};

    pub(crate) type Filch = (peers::Filch, kits::Filch);
    pub(crate) type FilchCt = (peers::FilchCt, kits::Filch);
    pub(crate) type Tokio = (peers::Tokio, kits::Tokio);
    pub(crate) type TokioCt = (peers::TokioCt, kits::Tokio);
    pub(crate) type Smol = (peers::Smol, kits::Smol);
    pub(crate) type SmolStatic = (peers::SmolStatic, kits::Smol);
    // Libraries alone, all on one runtime: ours.
    pub(crate) type TokioSync = (peers::Filch, kits::Tokio);
    pub(crate) type SmolSync = (peers::Filch, kits::Smol);
    pub(crate) type Flume = (peers::Filch, kits::Flume);
    pub(crate) type Kanal = (peers::Filch, kits::Kanal);
}

/// A function from `(PeerId, &Ctx)` that runs the generic row `$row`, of one metric, on the
/// contender of that name; whoever is not in the list is not measured.
macro_rules! on_contenders {
    ($row:ident: $($name:ident)+) => {
        |peer: $crate::peers::PeerId, ctx: &$crate::rows::Ctx| match peer {
            $($crate::peers::PeerId::$name => $row::<
                <$crate::kits::contenders::$name as $crate::kits::Contender>::Peer,
                <$crate::kits::contenders::$name as $crate::kits::Contender>::Kit,
            >(ctx),)+
            #[allow(unreachable_patterns, reason = "some lists name everybody")]
            _ => vec![f64::NAN],
        }
    };
}
pub(crate) use on_contenders;
