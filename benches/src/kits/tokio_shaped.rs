//! A kit written against the names in `tokio::sync`: one text for every crate that has them.

/// Implements for the marker `$kit` what the crate `$krate` has in its module `sync`.
macro_rules! tokio_shaped {
    ($kit:ident, ::$krate:ident) => {
        use ::$krate::sync::{self, broadcast, mpsc, oneshot, watch};

        use $crate::kits::{self, Number};

        /// `mpsc::channel`.
        pub(crate) struct Bounded;

        impl kits::Channel for Bounded {
            type Sender = mpsc::Sender<Number>;
            type Receiver = mpsc::Receiver<Number>;

            fn open(capacity: Option<usize>) -> (Self::Sender, Self::Receiver) {
                mpsc::channel(capacity.expect("a bounded channel has a capacity"))
            }

            async fn send(sender: &Self::Sender, number: Number) {
                sender.send(number).await.expect("somebody receives");
            }

            fn recv(receiver: &mut Self::Receiver) -> impl Future<Output = Option<Number>> + Send {
                receiver.recv()
            }
        }

        /// `mpsc::unbounded_channel`.
        pub(crate) struct Unbounded;

        impl kits::Channel for Unbounded {
            type Sender = mpsc::UnboundedSender<Number>;
            type Receiver = mpsc::UnboundedReceiver<Number>;

            fn open(capacity: Option<usize>) -> (Self::Sender, Self::Receiver) {
                assert_eq!(capacity, None, "an unbounded channel has no capacity");
                mpsc::unbounded_channel()
            }

            async fn send(sender: &Self::Sender, number: Number) {
                sender.send(number).expect("somebody receives");
            }

            fn recv(receiver: &mut Self::Receiver) -> impl Future<Output = Option<Number>> + Send {
                receiver.recv()
            }
        }

        impl kits::Mpsc for $kit {
            type Bounded = Bounded;
            type Unbounded = Unbounded;
        }

        impl kits::Oneshot for $kit {
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

        impl kits::Broadcast for $kit {
            type Sender = broadcast::Sender<Number>;
            type Receiver = broadcast::Receiver<Number>;

            fn open(capacity: usize) -> (Self::Sender, Self::Receiver) {
                broadcast::channel(capacity)
            }

            fn subscribe(sender: &Self::Sender) -> Self::Receiver {
                sender.subscribe()
            }

            async fn send(sender: &Self::Sender, number: Number) {
                sender.send(number).expect("somebody receives");
            }

            fn backlog(sender: &Self::Sender) -> usize {
                sender.len()
            }

            async fn recv(receiver: &mut Self::Receiver) -> Option<Number> {
                match receiver.recv().await {
                    Ok(number) => Some(number),
                    Err(broadcast::error::RecvError::Closed) => None,
                    Err(lagged) => panic!("the row does not let receivers lag: {lagged}"),
                }
            }
        }

        impl kits::Watch for $kit {
            type Sender = watch::Sender<Number>;
            type Receiver = watch::Receiver<Number>;

            fn open() -> (Self::Sender, Self::Receiver) {
                watch::channel(0)
            }

            fn send(sender: &Self::Sender, number: Number) {
                sender.send(number).expect("somebody watches");
            }

            async fn changed(receiver: &mut Self::Receiver) -> Option<Number> {
                receiver.changed().await.ok()?;
                Some(*receiver.borrow_and_update())
            }
        }

        impl kits::Mutex for $kit {
            type Lock = sync::Mutex<Number>;
            type Guard<'a> = sync::MutexGuard<'a, Number>;

            fn new() -> Self::Lock {
                sync::Mutex::new(0)
            }

            fn lock(lock: &Self::Lock) -> impl Future<Output = Self::Guard<'_>> + Send {
                lock.lock()
            }
        }

        impl kits::RwLock for $kit {
            type Lock = sync::RwLock<Number>;
            type ReadGuard<'a> = sync::RwLockReadGuard<'a, Number>;
            type WriteGuard<'a> = sync::RwLockWriteGuard<'a, Number>;

            fn new() -> Self::Lock {
                sync::RwLock::new(0)
            }

            fn read(lock: &Self::Lock) -> impl Future<Output = Self::ReadGuard<'_>> + Send {
                lock.read()
            }

            fn write(lock: &Self::Lock) -> impl Future<Output = Self::WriteGuard<'_>> + Send {
                lock.write()
            }
        }

        impl kits::Semaphore for $kit {
            type Permits = sync::Semaphore;
            type Permit<'a> = sync::SemaphorePermit<'a>;

            fn new(permits: usize) -> Self::Permits {
                sync::Semaphore::new(permits)
            }

            async fn acquire(permits: &Self::Permits) -> Self::Permit<'_> {
                permits.acquire().await.expect("nobody closes it")
            }
        }

        impl kits::Notify for $kit {
            type Signal = sync::Notify;

            fn new() -> Self::Signal {
                sync::Notify::new()
            }

            fn one(signal: &Self::Signal) {
                signal.notify_one();
            }

            fn waiters(signal: &Self::Signal) {
                signal.notify_waiters();
            }

            fn notified(signal: &Self::Signal) -> impl Future<Output = ()> + Send {
                signal.notified()
            }
        }
    };
}
pub(crate) use tokio_shaped;
