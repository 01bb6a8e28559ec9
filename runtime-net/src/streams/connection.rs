//! What a reader, a writer and a server share of one connection.

use std::future::poll_fn;
use std::io;
use std::sync::Arc;
use std::task::{Context, Poll};

use runtime_core::cancel::{CancelScope, catch_cancel};
use runtime_core::runtime::Handle;
use runtime_core::task_tracker::TaskTrackerToken;
use runtime_core::time::{Duration, timeout};

use super::outbox::{Outbox, Sent};
use super::tls::{Layer, Secure};
use super::transport::Transport;
use crate::io::ReadBuf;

/// One connection. It is closed when its writer closes it, or is dropped and all has been sent.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) transport: Transport,
    pub(super) secure: Secure,
    pub(super) outbox: Outbox,
}

impl Connection {
    /// `counted` is kept until the connection is closed.
    pub(super) fn new(transport: Transport, counted: Option<TaskTrackerToken>) -> Arc<Connection> {
        Arc::new(Connection { transport, secure: Secure::default(), outbox: Outbox::new(counted) })
    }

    /// Reads what there is, for the one reader.
    #[inline]
    pub(super) fn poll_recv(
        &self,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.secure.layer() {
            None => self.transport.poll_recv(cx, buf),
            Some(layer) => layer.poll_recv(cx, &self.transport, buf),
        }
    }

    /// What a read means for the connection, and the connection for it: who writes is told of an
    /// error, and a connection that was lost has no proper end.
    pub(super) fn judge(&self, read: io::Result<usize>) -> io::Result<usize> {
        if matches!(read, Ok(count) if count > 0) {
            return read;
        }
        match (read, self.outbox.loss()) {
            (Err(error), None) => {
                self.lose(&error);
                Err(error)
            }
            (Err(_), Some(loss)) => Err(loss.error()),
            // Nobody forges the end of a TLS connection.
            (Ok(_), Some(loss)) if self.secure.layer().is_none() && !loss.is_broken_pipe() => {
                Err(loss.error())
            }
            (end, _) => end,
        }
    }

    /// Sends `bytes` at once as far as there is room, and what is left in the background.
    pub(super) fn write(self: &Arc<Connection>, bytes: &[u8]) {
        if !self.outbox.begin_or_push(bytes) {
            return;
        }
        match self.try_send(bytes) {
            Ok((count, false)) if count == bytes.len() => self.settle(),
            Ok((count, _)) => {
                self.outbox.push(&bytes[count..]);
                self.flush_in_background();
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                self.outbox.push(bytes);
                self.flush_in_background();
            }
            Err(error) => self.lose(&error),
        }
    }

    /// How many bytes were taken, and whether the layer still has to send some of them.
    fn try_send(&self, bytes: &[u8]) -> io::Result<(usize, bool)> {
        match self.secure.layer() {
            None => Ok((self.transport.try_send(bytes)?, false)),
            Some(layer) => layer.try_send(&self.transport, bytes),
        }
    }

    /// A half close, a close: whatever is to be done once all has been sent.
    pub(super) fn end(self: &Arc<Connection>, change: impl FnOnce(&Outbox)) {
        change(&self.outbox);
        if self.outbox.begin() {
            self.settle();
        }
    }

    /// Drops what was not sent, and ends the connection.
    pub(super) fn abort(&self) {
        self.outbox.abort();
        self.transport.abort();
        self.outbox.closed();
    }

    /// The connection is over because of this.
    pub(super) fn lose(&self, error: &io::Error) {
        self.outbox.lose(error);
        self.closed();
    }

    fn closed(&self) {
        self.transport.close();
        self.outbox.closed();
    }

    /// Does what is to be done once all has been sent, as the one who sends: at once, or in the
    /// background if it takes time.
    pub(super) fn settle(self: &Arc<Connection>) {
        loop {
            match (self.outbox.finish(), self.secure.layer()) {
                (Sent::All, _) => return,
                (Sent::HalfClose, None) => match self.transport.shut_down_write() {
                    Ok(()) => self.outbox.half_closed(),
                    Err(error) => self.lose(&error),
                },
                (Sent::Close, None) => self.closed(),
                (Sent::More, _) => return self.flush_in_background(),
                (end, Some(layer)) => {
                    // At once as far as possible: the runtime may be about to end.
                    layer.try_goodbye(&self.transport, end == Sent::Close);
                    return self.flush_in_background();
                }
            }
        }
    }

    /// Has a task send what waits, as the one who sends.
    pub(super) fn flush_in_background(self: &Arc<Connection>) {
        self.flush_by_task(TASKS);
    }

    /// Has one of so many tasks send what waits.
    fn flush_by_task(self: &Arc<Connection>, tasks: usize) {
        let here = Handle::try_current().ok();
        let layer = self.secure.layer();
        let Some(handle) = here.or_else(|| layer.map(|layer| layer.runtime().clone())) else {
            let error = "bytes were written outside of the runtime, and there was no room for all";
            return self.lose(&io::Error::other(error));
        };
        let mut sending = Sending { connection: self.clone(), tasks, done: false };
        drop(handle.spawn(async move {
            sending.begin();
            let connection = &sending.connection;
            let sent = match catch_cancel(connection.flush(true)).await {
                Ok(()) => Ok(()),
                Err(_) => CancelScope::shielded(LAST_BYTES, connection.flush(false)).await,
            };
            if sent.is_ok() {
                sending.is_done();
            }
        }));
    }

    /// Sends what waits, as the one who does so, and what is to be done after it. With `patience`, it
    /// waits for the peer's good-bye. Dropped, it can be called again.
    async fn flush(&self, patience: bool) {
        loop {
            match self.flush_some(patience).await {
                Ok(true) => {}
                Ok(false) => return,
                Err(error) => return self.lose(&error),
            }
        }
    }

    /// True: there may be more to do.
    async fn flush_some(&self, patience: bool) -> io::Result<bool> {
        if let Some(layer) = self.secure.layer() {
            self.until_over(|cx| layer.poll_flush(cx, &self.transport)).await?;
        }
        match self.outbox.finish() {
            Sent::All => return Ok(false),
            Sent::More => self.send_batch().await?,
            Sent::HalfClose => self.half_close().await?,
            Sent::Close => self.close(patience).await?,
        }
        Ok(true)
    }

    async fn send_batch(&self) -> io::Result<()> {
        let mut batch = self.outbox.take_batch();
        while !batch.rest().is_empty() {
            let send = |cx: &mut Context<'_>| match self.secure.layer() {
                None => self.transport.poll_send(cx, batch.rest()),
                Some(layer) => layer.poll_send(cx, &self.transport, batch.rest()),
            };
            let count = self.until_over(send).await?;
            batch.sent(count);
        }
        Ok(())
    }

    async fn half_close(&self) -> io::Result<()> {
        match self.secure.layer() {
            None => self.transport.shut_down_write()?,
            // The stream below stays open both ways, for what the layers have to tell each other.
            Some(layer) => {
                self.until_over(|cx| layer.poll_goodbye(cx, &self.transport, false)).await?
            }
        }
        self.outbox.half_closed();
        Ok(())
    }

    async fn close(&self, patience: bool) -> io::Result<()> {
        if let Some(layer) = self.secure.layer() {
            let parting = self.part(layer, patience);
            match layer.shutdown_limit() {
                None => parting.await,
                Some(limit) => {
                    timeout(limit, parting).await.map_err(|_| parting_takes_too_long())?
                }
            }
        }
        self.closed();
        Ok(())
    }

    /// Says good-bye, and waits for the peer's: a socket that is closed with bytes in it that nobody
    /// has read resets the connection, and the peer might lose what was sent to it.
    async fn part(&self, layer: &Layer, patience: bool) {
        // All that was written is sent. If the peer is gone by now, it does not matter.
        let told = self.until_over(|cx| layer.poll_goodbye(cx, &self.transport, true)).await;
        if told.is_ok() && self.transport.shut_down_write().is_ok() && patience {
            let gone = |cx: &mut Context<'_>| layer.poll_gone(cx, &self.transport).map(Ok);
            let _ = self.until_over(gone).await;
        }
    }

    /// Waits for something that takes no longer than the connection does.
    async fn until_over<R>(
        &self,
        mut poll: impl FnMut(&mut Context<'_>) -> Poll<io::Result<R>>,
    ) -> io::Result<R> {
        poll_fn(|cx| {
            if self.outbox.is_over() {
                return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
            }
            poll(cx)
        })
        .await
    }
}

fn parting_takes_too_long() -> io::Error {
    let why = "the peer took too long to end the TLS connection";
    io::Error::new(io::ErrorKind::TimedOut, why)
}

/// How long the orderly end of a runtime waits for peers to take what was written to them.
const LAST_BYTES: Duration = Duration::from_secs(5);

/// How many tasks try to begin to send. One that its runtime asks to end before it has is dropped; if
/// that shuts down, so are all of them at once.
const TASKS: usize = 3;

/// A connection whose bytes a task sends. If the task is dropped before it is done, its runtime shuts
/// down: who waits for the bytes is told.
struct Sending {
    connection: Arc<Connection>,
    /// How many tasks may still try to begin, with this one.
    tasks: usize,
    done: bool,
}

impl Sending {
    fn begin(&mut self) {
        self.tasks = 0;
    }

    fn is_done(&mut self) {
        self.done = true;
    }
}

impl Drop for Sending {
    fn drop(&mut self) {
        if self.done {
            return;
        }
        if self.tasks > 1 && Handle::try_current().is_ok() {
            return self.connection.flush_by_task(self.tasks - 1);
        }
        let error = "the runtime that sends what was written has shut down";
        self.connection.lose(&io::Error::new(io::ErrorKind::ConnectionAborted, error));
    }
}
