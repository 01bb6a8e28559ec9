//! What smol's users take: async-lock, async-channel, async-broadcast, futures-channel's oneshot.

use async_channel::{Receiver, Sender};
use futures_channel::oneshot;

use super::Number;

/// The marker of this kit.
pub(crate) struct Smol;

/// `async_channel`, in which one type does for all.
pub(crate) struct AsyncChannel;

impl super::Channel for AsyncChannel {
    type Sender = Sender<Number>;
    type Receiver = Receiver<Number>;

    fn open(capacity: Option<usize>) -> (Self::Sender, Self::Receiver) {
        capacity.map_or_else(async_channel::unbounded, async_channel::bounded)
    }

    async fn send(sender: &Self::Sender, number: Number) {
        sender.send(number).await.expect("somebody receives");
    }

    async fn recv(receiver: &mut Self::Receiver) -> Option<Number> {
        receiver.recv().await.ok()
    }
}

impl super::Mpsc for Smol {
    type Bounded = AsyncChannel;
    type Unbounded = AsyncChannel;
}

impl super::Mpmc for Smol {
    type Shared = AsyncChannel;
}

impl super::Queues for Smol {
    type Queue = AsyncChannel;
}

impl super::Oneshot for Smol {
    type Sender<T: Send + 'static> = oneshot::Sender<T>;
    type Receiver<T: Send + 'static> = oneshot::Receiver<T>;

    fn open<T: Send + 'static>() -> (oneshot::Sender<T>, oneshot::Receiver<T>) {
        oneshot::channel()
    }

    fn send<T: Send + 'static>(sender: oneshot::Sender<T>, value: T) -> bool {
        sender.send(value).is_ok()
    }

    async fn recv<T: Send + 'static>(receiver: oneshot::Receiver<T>) -> Option<T> {
        receiver.await.ok()
    }
}

impl super::Broadcast for Smol {
    type Sender = async_broadcast::Sender<Number>;
    type Receiver = async_broadcast::Receiver<Number>;

    fn open(capacity: usize) -> (Self::Sender, Self::Receiver) {
        async_broadcast::broadcast(capacity)
    }

    fn subscribe(sender: &Self::Sender) -> Self::Receiver {
        sender.new_receiver()
    }

    async fn send(sender: &Self::Sender, number: Number) {
        sender.broadcast_direct(number).await.expect("somebody receives");
    }

    fn backlog(sender: &Self::Sender) -> usize {
        sender.len()
    }

    async fn recv(receiver: &mut Self::Receiver) -> Option<Number> {
        receiver.recv_direct().await.ok()
    }
}

impl super::Mutex for Smol {
    type Lock = async_lock::Mutex<Number>;
    type Guard<'a> = async_lock::MutexGuard<'a, Number>;

    fn new() -> Self::Lock {
        async_lock::Mutex::new(0)
    }

    fn lock(lock: &Self::Lock) -> impl Future<Output = Self::Guard<'_>> + Send {
        lock.lock()
    }
}

impl super::RwLock for Smol {
    type Lock = async_lock::RwLock<Number>;
    type ReadGuard<'a> = async_lock::RwLockReadGuard<'a, Number>;
    type WriteGuard<'a> = async_lock::RwLockWriteGuard<'a, Number>;

    fn new() -> Self::Lock {
        async_lock::RwLock::new(0)
    }

    fn read(lock: &Self::Lock) -> impl Future<Output = Self::ReadGuard<'_>> + Send {
        lock.read()
    }

    fn write(lock: &Self::Lock) -> impl Future<Output = Self::WriteGuard<'_>> + Send {
        lock.write()
    }
}

impl super::Semaphore for Smol {
    type Permits = async_lock::Semaphore;
    type Permit<'a> = async_lock::SemaphoreGuard<'a>;

    fn new(permits: usize) -> Self::Permits {
        async_lock::Semaphore::new(permits)
    }

    fn acquire(permits: &Self::Permits) -> impl Future<Output = Self::Permit<'_>> + Send {
        permits.acquire()
    }
}
