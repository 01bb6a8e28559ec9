//! `Offload`: a blocking reader or writer of std's, worked by the blocking pool, one job at a time.
//!
//! A write is copied into a buffer, and its job goes on after the write has returned: how it ended
//! is told by the next operation. At most [`BUFFER_MAX`] bytes are read or written per job.

use std::io::{self, Read, Write};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use runtime_core::task::JoinHandle;

use super::ReadBuf;
use crate::pool::on_thread;

/// How many bytes a job reads or writes at most.
const BUFFER_MAX: usize = 2 * 1024 * 1024;

/// A blocking reader or writer, worked by the blocking pool.
#[derive(Debug)]
pub(crate) struct Offload<T> {
    state: State<T>,
    /// Something was written since the last flush.
    unflushed: bool,
}

#[derive(Debug)]
enum State<T> {
    Idle(Idle<T>),
    Busy(JoinHandle<(io::Result<()>, Idle<T>)>),
    /// The job was cancelled, because the runtime shuts down, or it panicked.
    Lost,
}

/// What a job takes along and brings back.
#[derive(Debug)]
struct Idle<T> {
    stream: T,
    buf: Vec<u8>,
    /// What has been read and not used yet: from here on.
    start: usize,
}

impl<T: Send + 'static> Offload<T> {
    /// Nothing is under way.
    pub(crate) fn new(stream: T) -> Offload<T> {
        let idle = Idle { stream, buf: Vec::new(), start: 0 };
        Offload { state: State::Idle(idle), unflushed: false }
    }

    /// Waits until no job is under way.
    fn poll_idle(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<&mut Idle<T>>> {
        let mut outcome = Ok(());
        if let State::Busy(job) = &mut self.state {
            self.state = match ready!(Pin::new(job).poll(cx)) {
                Ok((done, idle)) => {
                    outcome = done;
                    State::Idle(idle)
                }
                Err(error) => {
                    outcome = Err(error.into());
                    State::Lost
                }
            };
        }
        outcome?;
        match &mut self.state {
            State::Idle(idle) => Poll::Ready(Ok(idle)),
            _ => Poll::Ready(Err(io::Error::other("the blocking pool no longer works for this"))),
        }
    }

    fn start(
        &mut self,
        job: impl FnOnce(&mut Idle<T>) -> io::Result<()> + Send + 'static,
    ) -> io::Result<()> {
        let State::Idle(mut idle) = std::mem::replace(&mut self.state, State::Lost) else {
            unreachable!("a job is started when none is under way");
        };
        self.state = State::Busy(on_thread(move || (job(&mut idle), idle))?);
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
            let was_busy = matches!(self.state, State::Busy(_));
            let idle = ready!(self.poll_idle(cx))?;
            let ahead = &idle.buf[idle.start..];
            // A job that brings nothing has found the end.
            if was_busy || !ahead.is_empty() {
                let count = ahead.len().min(buf.remaining());
                buf.put_slice(&ahead[..count]);
                idle.start += count;
                return Poll::Ready(Ok(()));
            }
            let wanted = buf.remaining().min(BUFFER_MAX);
            self.start(move |idle| {
                idle.start = 0;
                idle.buf.resize(wanted, 0);
                let outcome = read_once(&mut idle.stream, &mut idle.buf);
                idle.buf.truncate(*outcome.as_ref().unwrap_or(&0));
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
        let idle = ready!(self.poll_idle(cx))?;
        let count = bytes.len().min(BUFFER_MAX);
        if count == 0 {
            return Poll::Ready(Ok(0));
        }
        idle.buf.clear();
        idle.buf.extend_from_slice(&bytes[..count]);
        self.unflushed = true;
        self.start(|idle| idle.stream.write_all(&idle.buf))?;
        Poll::Ready(Ok(count))
    }

    /// Waits until all has been written and handed on.
    pub(crate) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_idle(cx))?;
        if std::mem::take(&mut self.unflushed) {
            self.start(|idle| idle.stream.flush())?;
            ready!(self.poll_idle(cx))?;
        }
        Poll::Ready(Ok(()))
    }
}
