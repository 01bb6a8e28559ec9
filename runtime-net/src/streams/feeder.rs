//! The other side of a reader that no socket feeds.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::{BufMut, BytesMut};
use runtime_sync::primitives::Mutex;
use runtime_sync::waker_slot::WakerSlot;

/// Feeds a [`StreamReader`](super::StreamReader) by hand: for tests, and for protocols that bring
/// bytes of their own. Dropping it ends the stream.
///
/// The counterpart of `feed_data`, `feed_eof` and `set_exception` of asyncio's `StreamReader`.
///
/// # Examples
///
/// ```
/// use filch::streams::{LIMIT, StreamReader};
///
/// # filch::runtime::Runtime::new().unwrap().block_on(async {
/// let (feeder, mut reader) = StreamReader::channel(LIMIT);
/// feeder.feed_data(b"one\ntw");
/// assert_eq!(reader.readline().await.unwrap(), "one\n");
/// feeder.feed_eof();
/// assert_eq!(reader.readline().await.unwrap(), "tw");
/// # });
/// ```
pub struct Feeder(pub(super) Arc<Trough>);

/// What was fed and not read yet.
#[derive(Default)]
pub(super) struct Trough {
    state: Mutex<State>,
    reader: WakerSlot,
}

#[derive(Default)]
struct State {
    bytes: BytesMut,
    ended: bool,
    error: Option<io::Error>,
}

impl Feeder {
    /// Brings bytes. After the end they are ignored.
    pub fn feed_data(&self, bytes: &[u8]) {
        let mut state = self.0.state.lock();
        if !state.ended {
            state.bytes.put_slice(bytes);
        }
        drop(state);
        self.0.reader.wake();
    }

    /// Ends the stream.
    pub fn feed_eof(&self) {
        self.0.state.lock().ended = true;
        self.0.reader.wake();
    }

    /// Ends the stream with an error: each read fails from now on.
    pub fn set_exception(&self, error: io::Error) {
        let before = self.0.state.lock().error.replace(error);
        drop(before);
        self.0.reader.wake();
    }
}

impl Trough {
    /// Moves what was fed to `buffer`, and gives the error that was set, if the reader has not been told.
    pub(super) fn hand_over(&self, buffer: &mut BytesMut) -> Option<io::Error> {
        let mut state = self.state.lock();
        buffer.unsplit(state.bytes.split());
        state.error.take()
    }

    /// Whether all was handed over, and nothing more comes.
    pub(super) fn is_spent(&self) -> bool {
        let state = self.state.lock();
        state.ended && state.bytes.is_empty()
    }

    /// Moves what was fed to `buffer`; 0 bytes mean the end.
    pub(super) fn poll_take(
        &self,
        cx: &mut Context<'_>,
        buffer: &mut BytesMut,
    ) -> Poll<io::Result<usize>> {
        for look in 0..2 {
            let mut state = self.state.lock();
            if let Some(error) = state.error.take() {
                return Poll::Ready(Err(error));
            }
            let count = state.bytes.len();
            if count > 0 || state.ended {
                buffer.unsplit(state.bytes.split());
                return Poll::Ready(Ok(count));
            }
            drop(state);
            if look == 0 {
                self.reader.register(cx.waker());
            }
        }
        Poll::Pending
    }
}

impl Drop for Feeder {
    fn drop(&mut self) {
        self.feed_eof();
    }
}

impl fmt::Debug for Feeder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Feeder").finish_non_exhaustive()
    }
}

impl fmt::Debug for Trough {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Trough").finish_non_exhaustive()
    }
}
