//! `Offload`: a blocking reader or writer of std's, worked by the blocking pool, one job at a time.
//!
//! A write is copied into a buffer, and its job goes on after the write has returned: how it ended
//! is told by the next operation. At most [`BUFFER_MAX`] bytes are read or written per job.
//!
//! Stream and buffer stay here, and a job locks them while it works: so a job for which there is no thread
//! leaves everything as it was, and the next operation tries again.

use std::io::{self, Read, Write};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use runtime_core::task::JoinHandle;
use runtime_sync::primitives::{Mutex, MutexGuard};

use super::ReadBuf;
use crate::pool::on_thread;

/// How many bytes a job reads or writes at most.
const BUFFER_MAX: usize = 2 * 1024 * 1024;

/// A blocking reader or writer, worked by the blocking pool.
#[derive(Debug)]
pub(crate) struct Offload<T> {
    /// Locked by the job that is under way, and by nobody else meanwhile.
    work: Arc<Mutex<Work<T>>>,
    busy: Option<JoinHandle<io::Result<()>>>,
    /// Something was written since the last flush.
    unflushed: bool,
}

/// What a job finds and leaves behind.
#[derive(Debug)]
struct Work<T> {
    stream: T,
    buf: Vec<u8>,
    /// What has been read and not used yet: from here on.
    start: usize,
}

impl<T: Send + 'static> Offload<T> {
    /// Nothing is under way.
    pub(crate) fn new(stream: T) -> Offload<T> {
        let work = Work { stream, buf: Vec::new(), start: 0 };
        Offload { work: Arc::new(Mutex::new(work)), busy: None, unflushed: false }
    }

    /// Waits until no job is under way.
    fn poll_idle(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<MutexGuard<'_, Work<T>>>> {
        if let Some(job) = &mut self.busy {
            let ended = ready!(Pin::new(job).poll(cx));
            self.busy = None;
            // Once as it ended, and once whether it began at all.
            ended??;
        }
        Poll::Ready(Ok(self.work.lock()))
    }

    fn start(
        &mut self,
        job: impl FnOnce(&mut Work<T>) -> io::Result<()> + Send + 'static,
    ) -> io::Result<()> {
        assert!(self.busy.is_none(), "a job is started when none is under way");
        let work = self.work.clone();
        self.busy = Some(on_thread(move || job(&mut work.lock()))?);
        Ok(())
    }
}

impl<T: Read + Send + 'static> Offload<T> {
    /// Reads bytes. What a cancelled read has brought is there for the next one.
    pub(crate) fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if buf.remaining() == 0 {
            return Poll::Ready(Ok(()));
        }
        loop {
            let was_busy = self.busy.is_some();
            let mut work = ready!(self.poll_idle(cx))?;
            let ahead = &work.buf[work.start..];
            // A job that brings nothing has found the end.
            if was_busy || !ahead.is_empty() {
                let count = ahead.len().min(buf.remaining());
                buf.put_slice(&ahead[..count]);
                work.start += count;
                return Poll::Ready(Ok(()));
            }
            drop(work);
            let wanted = buf.remaining().min(BUFFER_MAX);
            self.start(move |work| {
                work.start = 0;
                work.buf.resize(wanted, 0);
                let outcome = read_once(&mut work.stream, &mut work.buf);
                work.buf.truncate(*outcome.as_ref().unwrap_or(&0));
                outcome.map(drop)
            })?;
        }
    }
}

fn read_once(stream: &mut impl Read, buf: &mut [u8]) -> io::Result<usize> {
    loop {
        match stream.read(buf) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            outcome => return outcome,
        }
    }
}

impl<T: Write + Send + 'static> Offload<T> {
    /// Takes bytes over, once those before have been written.
    pub(crate) fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let mut work = ready!(self.poll_idle(cx))?;
        let count = bytes.len().min(BUFFER_MAX);
        if count == 0 {
            return Poll::Ready(Ok(0));
        }
        work.buf.clear();
        work.buf.extend_from_slice(&bytes[..count]);
        drop(work);
        self.start(|work| work.stream.write_all(&work.buf))?;
        self.unflushed = true;
        Poll::Ready(Ok(count))
    }

    /// Waits until all has been written and handed on.
    pub(crate) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        drop(ready!(self.poll_idle(cx))?);
        if self.unflushed {
            self.start(|work| work.stream.flush())?;
            self.unflushed = false;
            drop(ready!(self.poll_idle(cx))?);
        }
        Poll::Ready(Ok(()))
    }
}
