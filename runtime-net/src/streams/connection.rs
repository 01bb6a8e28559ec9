//! What a reader, a writer and a server share of one connection.

use std::io;
use std::sync::Arc;
use std::task::{Context, Poll};

use runtime_core::runtime::Handle;
use runtime_core::task_tracker::TaskTrackerToken;

use super::outbox::{Outbox, Sent};
use super::transport::Transport;

/// One connection. It is closed when its writer closes it, or is dropped and all has been sent.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) transport: Transport,
    pub(super) outbox: Outbox,
}

impl Connection {
    /// `counted` is kept until the connection is closed.
    pub(super) fn new(transport: Transport, counted: Option<TaskTrackerToken>) -> Arc<Connection> {
        Arc::new(Connection { transport, outbox: Outbox::new(counted) })
    }

    /// Sends `bytes` at once as far as there is room, and what is left in the background.
    pub(super) fn write(self: &Arc<Connection>, bytes: &[u8]) {
        if !self.outbox.begin() {
            // Whoever sends will find it.
            return self.outbox.push(bytes);
        }
        match self.transport.try_send(bytes) {
            Ok(count) if count == bytes.len() => _ = self.settle(self.outbox.finish()),
            Ok(count) => {
                self.outbox.push(&bytes[count..]);
                self.flush_in_background();
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                self.outbox.push(bytes);
                self.flush_in_background();
            }
            Err(error) => self.lose(error),
        }
    }

    /// A half close, a close: whatever is to be done once all has been sent.
    pub(super) fn end(self: &Arc<Connection>, change: impl FnOnce(&Outbox)) {
        change(&self.outbox);
        if self.outbox.begin() {
            self.settle(self.outbox.finish());
        }
    }

    /// Drops what was not sent, and ends the connection.
    pub(super) fn abort(&self) {
        self.outbox.abort();
        self.transport.abort();
        self.outbox.closed();
    }

    /// The connection is over because of this.
    pub(super) fn lose(&self, error: io::Error) {
        self.outbox.lose(error);
        self.transport.close();
        self.outbox.closed();
    }

    /// Does what is to be done once all has been sent. False: there is more to send.
    fn settle(&self, sent: Sent) -> bool {
        match sent {
            Sent::More => return false,
            Sent::All => {}
            Sent::HalfClose => {
                if let Err(error) = self.transport.shut_down_write() {
                    self.lose(error);
                } else {
                    self.outbox.half_closed();
                }
            }
            Sent::Close => {
                self.transport.close();
                self.outbox.closed();
            }
        }
        true
    }

    fn flush_in_background(self: &Arc<Connection>) {
        let Ok(handle) = Handle::try_current() else {
            let error = "bytes were written outside of the runtime, and there was no room for all";
            return self.lose(io::Error::other(error));
        };
        let mut sending = Sending { connection: self.clone(), done: false };
        drop(handle.spawn(async move {
            sending.connection.flush().await;
            sending.is_done();
        }));
    }

    /// Sends what waits, as the one who does so.
    async fn flush(&self) {
        loop {
            let batch = self.outbox.take_batch();
            let mut sent = 0;
            while sent < batch.len() {
                let poll = |cx: &mut Context<'_>| -> Poll<io::Result<usize>> {
                    if self.outbox.is_over() {
                        return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
                    }
                    self.transport.poll_send(cx, &batch[sent..])
                };
                match std::future::poll_fn(poll).await {
                    Ok(count) => {
                        sent += count;
                        self.outbox.sent(count);
                    }
                    Err(error) => return self.lose(error),
                }
            }
            if self.settle(self.outbox.finish()) {
                return;
            }
        }
    }
}

/// A connection whose bytes a task sends. If the task is dropped before it is done, its runtime shuts
/// down: who waits for the bytes is told.
struct Sending {
    connection: Arc<Connection>,
    done: bool,
}

impl Sending {
    fn is_done(&mut self) {
        self.done = true;
    }
}

impl Drop for Sending {
    fn drop(&mut self) {
        if !self.done {
            let error = "the runtime that sends what was written has shut down";
            self.connection.lose(io::Error::new(io::ErrorKind::ConnectionAborted, error));
        }
    }
}
