//! filch's locks, channels and queues.

use filch::sync::{mpmc, queue::Queue};

/// The marker of this kit.
pub(crate) struct Filch;

super::tokio_shaped::tokio_shaped!(Filch, ::filch);

/// `mpmc::bounded` and `mpmc::unbounded`.
pub(crate) struct Shared;

impl kits::Channel for Shared {
    type Sender = mpmc::Sender<Number>;
    type Receiver = mpmc::Receiver<Number>;

    fn open(capacity: Option<usize>) -> (Self::Sender, Self::Receiver) {
        capacity.map_or_else(mpmc::unbounded, mpmc::bounded)
    }

    async fn send(sender: &Self::Sender, number: Number) {
        sender.send(number).await.expect("somebody receives");
    }

    async fn recv(receiver: &mut Self::Receiver) -> Option<Number> {
        receiver.recv().await.ok()
    }
}

impl kits::Mpmc for Filch {
    type Shared = Shared;
}

/// `queue::Queue`, which the last sender shuts down.
pub(crate) struct Asyncio;

/// One of the putters; the queue is shut down when the last one is dropped.
#[derive(Clone)]
pub(crate) struct Putter(std::sync::Arc<ShutDownOnDrop>);

/// Makes a queue end as channels do.
struct ShutDownOnDrop(Queue<Number>);

impl Drop for ShutDownOnDrop {
    fn drop(&mut self) {
        self.0.shutdown();
    }
}

impl kits::Channel for Asyncio {
    type Sender = Putter;
    type Receiver = Queue<Number>;

    fn open(capacity: Option<usize>) -> (Self::Sender, Self::Receiver) {
        // asyncio says "no limit" with a zero.
        let queue = Queue::new(capacity.unwrap_or(0));
        (Putter(std::sync::Arc::new(ShutDownOnDrop(queue.clone()))), queue)
    }

    async fn send(sender: &Self::Sender, number: Number) {
        sender.0.0.put(number).await.expect("it has not been shut down");
    }

    async fn recv(receiver: &mut Self::Receiver) -> Option<Number> {
        receiver.get().await.ok()
    }
}

impl kits::Queues for Filch {
    type Queue = Asyncio;
}
