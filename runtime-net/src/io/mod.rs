//! Byte streams: the traits, and what one does with them.
//!
//! | name | what |
//! |---|---|
//! | [`AsyncRead`], [`AsyncWrite`], [`AsyncBufRead`] | what a stream implements |
//! | [`AsyncReadExt`], [`AsyncWriteExt`], [`AsyncBufReadExt`] | what one calls on a stream |
//! | [`ReadBuf`] | a buffer that knows how much of it is filled, and how much initialized |
//! | [`BufReader`], [`BufWriter`] | fewer, larger reads and writes |
//! | [`copy()`] | from here to there |
//! | [`AsyncFd`](unix::AsyncFd) | any descriptor that can be polled |
//! | [`Interest`], [`Ready`] | what one waits for, what has come |
//!
//! # Cancel safety
//!
//! A future that is dropped before it is ready has had no effect if its documentation calls it
//! cancel safe: no byte is read and lost, none is written unnoticed.

mod async_fd;
mod async_fd_guard;
pub mod buf_read;
pub mod buf_read_ext;
pub mod buf_reader;
pub mod buf_writer;
mod copy;
pub mod read;
#[expect(unsafe_code, reason = "a buffer that is not initialized yet")]
mod read_buf;
pub mod read_ext;
pub mod write;
pub mod write_ext;

pub use buf_read::AsyncBufRead;
pub use buf_read_ext::{AsyncBufReadExt, Lines};
pub use buf_reader::BufReader;
pub use buf_writer::BufWriter;
pub use copy::copy;
pub use read::AsyncRead;
pub use read_buf::ReadBuf;
pub use read_ext::AsyncReadExt;
pub use runtime_core::reactor::{Interest, Ready};
pub use write::AsyncWrite;
pub use write_ext::AsyncWriteExt;

pub(crate) use read_buf::fill;

/// Descriptors of your own.
pub mod unix {
    pub use super::async_fd::{AsyncFd, AsyncFdTryNewError};
    pub use super::async_fd_guard::{AsyncFdReadyGuard, AsyncFdReadyMutGuard, TryIoError};
}

/// How much a reader or a writer keeps in memory unless it is told otherwise.
pub(crate) const BUFFER_SIZE: usize = 8 * 1024;
