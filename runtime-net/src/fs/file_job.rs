//! `FileJob`: the one thing that a file has under way, and what it left behind.
//!
//! A file does one thing at a time, as its cursor is one. What a job reads stays in the buffer until
//! somebody takes it, so that a read that is given up loses nothing; whatever comes instead of the
//! next read puts the cursor back to where the reader believes it to be. A write is copied into the
//! buffer, and its job goes on after the write has returned: how it ended is told later.
//!
//! A short read of what the system has in memory is no job: it is done at once, while nothing is
//! under way. If it finds some bytes and has to wait for the rest, they go into the buffer, and the
//! job goes on behind them.
//!
//! The buffer stays with the file, and a job locks it while it works: so a job for which there is no thread
//! leaves everything as it was, and the next operation tries again.

use std::fs::File as StdFile;
use std::future::Future;
use std::io::{self, IoSlice, Read as _, Seek as _, SeekFrom, Write as _};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use runtime_core::task::JoinHandle;
use runtime_sync::primitives::{Mutex, MutexGuard};

use super::cached::{self, Home};
use super::{READ_MAX, check_runtime};
use crate::io::ReadBuf;
use crate::pool::on_thread;

/// How many bytes a job reads or writes at most, unless it is told otherwise.
pub(super) const BUFFER_MAX: usize = 2 * 1024 * 1024;

/// What a file has under way.
#[derive(Debug)]
pub(super) struct FileJob {
    std: Arc<StdFile>,
    /// Locked by the job that is under way, and by nobody else meanwhile.
    buffer: Arc<Mutex<Buffer>>,
    busy: Option<JoinHandle<Outcome>>,
    /// Of a write that nobody has heard of yet.
    write_error: Option<io::Error>,
    /// Where the last seek has led.
    position: u64,
}

/// What a job finds and leaves behind.
#[derive(Debug, Default)]
struct Buffer {
    bytes: Vec<u8>,
    /// What has been read and not taken yet: from here on.
    start: usize,
    /// Where the file's bytes are, once a job that reads has found out.
    home: Home,
}

/// How a job has ended.
#[derive(Debug)]
pub(super) enum Outcome {
    /// There was none.
    None,
    Read(io::Result<()>),
    Written(io::Result<()>),
    Sought(io::Result<u64>),
    Done(io::Result<()>),
}

impl Buffer {
    fn ahead(&self) -> &[u8] {
        &self.bytes[self.start..]
    }

    fn clear(&mut self) {
        self.bytes.clear();
        self.start = 0;
    }

    /// Puts the cursor back to before what nobody has taken. What has no cursor, a pipe or a
    /// terminal, cannot be read twice: it keeps that.
    fn unread(&mut self, mut std: &StdFile) -> io::Result<()> {
        let count = self.ahead().len();
        if count == 0 {
            return Ok(());
        }
        match std.seek(SeekFrom::Current(-(count as i64))) {
            Err(error) if error.kind() == io::ErrorKind::NotSeekable => return Ok(()),
            outcome => outcome?,
        };
        self.clear();
        Ok(())
    }

    /// Reads on behind what is there, up to `wanted` bytes in all.
    fn read(&mut self, mut std: &StdFile, wanted: usize) -> io::Result<()> {
        if self.home == Home::default() {
            self.home = cached::home(std);
        }
        let before = self.bytes.len();
        self.bytes.resize(wanted, 0);
        let outcome = loop {
            match std.read(&mut self.bytes[before..]) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                outcome => break outcome,
            }
        };
        self.bytes.truncate(before + *outcome.as_ref().unwrap_or(&0));
        // The next read meets an error again.
        if before > 0 { Ok(()) } else { outcome.map(drop) }
    }

    /// Reads what is in memory. If some is missing, keeps the rest, and says that a job has to go on.
    fn read_now(&mut self, std: &StdFile, bytes: &mut [u8]) -> Option<usize> {
        let mut count = 0;
        while count < bytes.len() {
            match cached::read_now(std, self.home, &mut bytes[count..]) {
                Ok(0) => break,
                Ok(more) => count += more,
                Err(error) => {
                    if !cached::is_for_now(&error) {
                        self.home = Home::Far;
                    }
                    self.bytes.extend_from_slice(&bytes[..count]);
                    return None;
                }
            }
        }
        Some(count)
    }
}

impl FileJob {
    pub(super) fn new(std: Arc<StdFile>, home: Home) -> FileJob {
        FileJob {
            std,
            buffer: Arc::new(Mutex::new(Buffer { home, ..Buffer::default() })),
            busy: None,
            write_error: None,
            position: 0,
        }
    }

    /// Whether what the system knows about the file is in memory, and its cursor nobody else's. Only
    /// when nothing is under way.
    pub(super) fn is_near(&self) -> bool {
        self.idle().is_some_and(|buffer| buffer.home.is_near())
    }

    /// The buffer, if nothing is under way.
    fn idle(&self) -> Option<MutexGuard<'_, Buffer>> {
        self.busy.is_none().then(|| self.buffer.lock())
    }

    /// Another handle uses the cursor from now on: whoever moves it waits for the other one.
    pub(super) fn share(&mut self) {
        if let Some(mut buffer) = self.idle() {
            buffer.home = Home::Far;
        }
    }

    /// Waits until nothing is under way, and says how that which was has ended. The error of a write
    /// is kept for who asks for it.
    pub(super) fn poll_settle(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Outcome>> {
        let outcome = match &mut self.busy {
            None => Outcome::None,
            Some(job) => {
                let ended = ready!(Pin::new(job).poll(cx));
                self.busy = None;
                // The job was given up before it began: the runtime shuts down, or has no thread for it.
                ended?
            }
        };
        Poll::Ready(Ok(match outcome {
            Outcome::Written(Err(error)) => {
                self.write_error = Some(error);
                Outcome::Written(Ok(()))
            }
            Outcome::Sought(Ok(position)) => {
                self.position = position;
                Outcome::Sought(Ok(position))
            }
            outcome => outcome,
        }))
    }

    fn start(
        &mut self,
        job: impl FnOnce(&StdFile, &mut Buffer) -> Outcome + Send + 'static,
    ) -> io::Result<()> {
        assert!(self.busy.is_none(), "a job is started when none is under way");
        let (std, buffer) = (self.std.clone(), self.buffer.clone());
        self.busy = Some(on_thread(move || {
            // What it holds goes before anybody hears of the end, so that the file has one owner again.
            let (std, buffer) = (std, buffer);
            job(&std, &mut buffer.lock())
        })?);
        Ok(())
    }

    /// Does something else with the file. What it says is the next outcome.
    pub(super) fn start_other(
        &mut self,
        other: impl FnOnce(&StdFile) -> io::Result<()> + Send + 'static,
    ) -> io::Result<()> {
        self.start(|std, buffer| Outcome::Done(buffer.unread(std).and_then(|()| other(std))))
    }

    /// Reads `most` bytes at most.
    pub(super) fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
        most: usize,
    ) -> Poll<io::Result<()>> {
        if buf.remaining() == 0 {
            return Poll::Ready(Ok(()));
        }
        loop {
            let has_read = match ready!(self.poll_settle(cx))? {
                Outcome::Read(outcome) => outcome.map(|()| true)?,
                // Others have an interest in how these end.
                _ => false,
            };
            let mut buffer = self.buffer.lock();
            let count = buffer.ahead().len().min(buf.remaining());
            // A job that brings nothing has found the end.
            if has_read || count > 0 {
                buf.put_slice(&buffer.ahead()[..count]);
                buffer.start += count;
                return Poll::Ready(Ok(()));
            }
            buffer.clear();
            let wanted = buf.remaining().min(most);
            if wanted <= READ_MAX && buffer.home.is_near() {
                check_runtime();
                let unfilled = buf.initialize_unfilled_to(wanted);
                if let Some(count) = buffer.read_now(&self.std, unfilled) {
                    buf.advance(count);
                    return Poll::Ready(Ok(()));
                }
            }
            drop(buffer);
            self.start(move |std, buffer| Outcome::Read(buffer.read(std, wanted)))?;
        }
    }

    /// Writes `most` bytes at most.
    pub(super) fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
        most: usize,
    ) -> Poll<io::Result<usize>> {
        ready!(self.poll_settle(cx))?;
        self.take_write_error()?;
        let mut bytes = Vec::new();
        let mut buffer = self.buffer.lock();
        if buffer.ahead().is_empty() {
            // The memory of the job before.
            buffer.clear();
            bytes = std::mem::take(&mut buffer.bytes);
        }
        drop(buffer);
        for slice in slices {
            let room = most - bytes.len();
            bytes.extend_from_slice(&slice[..slice.len().min(room)]);
        }
        let count = bytes.len();
        if count > 0 {
            self.start(move |mut std, buffer| {
                let outcome = buffer.unread(std).and_then(|()| std.write_all(&bytes));
                if buffer.ahead().is_empty() {
                    bytes.clear();
                    (buffer.bytes, buffer.start) = (bytes, 0);
                }
                Outcome::Written(outcome)
            })?;
        }
        Poll::Ready(Ok(count))
    }

    pub(super) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_settle(cx))?;
        Poll::Ready(self.take_write_error())
    }

    /// The error of a write that has returned before it was done.
    pub(super) fn take_write_error(&mut self) -> io::Result<()> {
        self.write_error.take().map_or(Ok(()), Err)
    }

    pub(super) fn start_seek(&mut self, mut target: SeekFrom) -> io::Result<()> {
        if self.busy.is_some() {
            return Err(io::Error::other(
                "another operation of this file is under way: call `poll_complete` first",
            ));
        }
        let mut buffer = self.buffer.lock();
        if let SeekFrom::Current(offset) = &mut target {
            let ahead = buffer.ahead().len() as i64;
            *offset = offset.checked_sub(ahead).ok_or(io::ErrorKind::InvalidInput)?;
        }
        if buffer.home.is_near() {
            check_runtime();
            self.position = (&*self.std).seek(target)?;
            buffer.clear();
            return Ok(());
        }
        drop(buffer);
        self.start(move |mut std, buffer| {
            let outcome = std.seek(target);
            // A seek that has failed leaves the cursor, and hence what was read ahead of it.
            if outcome.is_ok() {
                buffer.clear();
            }
            Outcome::Sought(outcome)
        })
    }

    pub(super) fn poll_complete(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<u64>> {
        match ready!(self.poll_settle(cx))? {
            Outcome::Sought(outcome) => Poll::Ready(outcome),
            _ => Poll::Ready(Ok(self.position)),
        }
    }

    /// Puts the cursor where the reader believes it to be, if nothing is under way. Does not leave
    /// this thread: the system has nothing to wait for.
    pub(super) fn try_unread(&mut self) -> bool {
        let Some(mut buffer) = self.idle() else { return false };
        // A cursor that cannot be put back is where the system has it.
        let _ = buffer.unread(&self.std);
        true
    }
}
