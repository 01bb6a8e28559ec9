//! kanal's channel.

use kanal::{AsyncReceiver, AsyncSender};

use super::Number;

/// The marker of this kit, and of its one channel.
pub(crate) struct Kanal;

impl super::Channel for Kanal {
    type Sender = AsyncSender<Number>;
    type Receiver = AsyncReceiver<Number>;

    fn open(capacity: Option<usize>) -> (Self::Sender, Self::Receiver) {
        capacity.map_or_else(kanal::unbounded_async, kanal::bounded_async)
    }

    async fn send(sender: &Self::Sender, number: Number) {
        sender.send(number).await.expect("somebody receives");
    }

    async fn recv(receiver: &mut Self::Receiver) -> Option<Number> {
        receiver.recv().await.ok()
    }
}

impl super::Mpsc for Kanal {
    type Bounded = Kanal;
    type Unbounded = Kanal;
}

impl super::Mpmc for Kanal {
    type Shared = Kanal;
}

impl super::Queues for Kanal {
    type Queue = Kanal;
}
