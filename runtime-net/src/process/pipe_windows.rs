//! `PipeEnd` on Windows, where pipes to children say nothing of their readiness: on the blocking pool.
//!
//! A read is a job that ends when the child has written something, or has ended. A write is taken over at
//! once, and its job goes on after it has returned: the next operation tells how it ended.

use std::fs::File;
use std::io::{self, IoSlice};
use std::os::windows::io::{AsHandle, BorrowedHandle, OwnedHandle};
use std::sync::Arc;
use std::task::{Context, Poll};

use crate::io::{Interest, Offload, ReadBuf};

/// One end of a pipe.
#[derive(Debug)]
pub(super) struct PipeEnd {
    work: Offload<Arc<File>>,
    file: Arc<File>,
}

impl PipeEnd {
    /// Only the first of several slices is written at a time.
    pub(super) const IS_VECTORED: bool = false;

    pub(super) fn new(handle: OwnedHandle, _interest: Interest) -> io::Result<PipeEnd> {
        let file = Arc::new(File::from(handle));
        Ok(PipeEnd { work: Offload::new(file.clone()), file })
    }

    pub(super) fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.work.poll_read(cx, buf)
    }

    pub(super) fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.work.poll_write(cx, bytes)
    }

    pub(super) fn poll_write_vectored(
        &mut self,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let first = slices.iter().find(|slice| !slice.is_empty());
        self.poll_write(cx, first.map_or(&[], |slice| slice))
    }

    /// Waits until the child's end of the pipe has all that was written.
    pub(super) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.work.poll_flush(cx)
    }

    /// The handle, unless a job uses it.
    pub(super) fn into_blocking(self) -> io::Result<OwnedHandle> {
        let PipeEnd { work, file } = self;
        drop(work);
        match Arc::try_unwrap(file) {
            Ok(file) => Ok(file.into()),
            Err(_) => Err(io::Error::new(
                io::ErrorKind::ResourceBusy,
                "a read or write of this pipe is under way",
            )),
        }
    }
}

impl AsHandle for PipeEnd {
    fn as_handle(&self) -> BorrowedHandle<'_> {
        self.file.as_handle()
    }
}
