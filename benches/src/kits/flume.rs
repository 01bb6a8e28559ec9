//! flume's channel.

use flume::{Receiver, Sender};

use super::Number;

/// The marker of this kit, and of its one channel.
pub(crate) struct Flume;

impl super::Channel for Flume {
    type Sender = Sender<Number>;
    type Receiver = Receiver<Number>;

    fn open(capacity: Option<usize>) -> (Self::Sender, Self::Receiver) {
        capacity.map_or_else(flume::unbounded, flume::bounded)
    }

    async fn send(sender: &Self::Sender, number: Number) {
        sender.send_async(number).await.expect("somebody receives");
    }

    async fn recv(receiver: &mut Self::Receiver) -> Option<Number> {
        receiver.recv_async().await.ok()
    }
}

impl super::Mpsc for Flume {
    type Bounded = Flume;
    type Unbounded = Flume;
}

impl super::Mpmc for Flume {
    type Shared = Flume;
}

impl super::Queues for Flume {
    type Queue = Flume;
}
