//! Byte streams: the traits, and what one does with them.
//!
//! | name | what |
//! |---|---|
//! | [`AsyncRead`], [`AsyncWrite`], [`AsyncBufRead`], [`AsyncSeek`] | what a stream implements |
//! | [`AsyncReadExt`], [`AsyncWriteExt`], [`AsyncBufReadExt`], [`AsyncSeekExt`] | what one calls on a stream |
//! | [`ReadBuf`] | a buffer that knows how much of it is filled, and how much initialized |
//! | [`BufReader`], [`BufWriter`], [`BufStream`] | fewer, larger reads and writes |
//! | [`Chain`], [`Take`], [`Lines`], [`Split`] | other views of a stream |
//! | [`copy()`], [`copy_buf`], [`copy_bidirectional`] | from here to there, and both ways |
//! | [`split`], [`join()`] | a stream as a reader and a writer, and back |
//! | [`duplex`], [`simplex`] | streams in memory |
//! | [`empty`], [`repeat`], [`sink`] | streams with nothing behind |
//! | [`stdin`], [`stdout`], [`stderr`] | the process's own |
//! | `unix::AsyncFd`, on Unix | any descriptor that can be polled |
//! | `FuturesCompat`, with the feature `futures-io` | between these traits and those of futures-io |
//! | [`Interest`], [`Ready`] | what one waits for, what has come |
//!
//! # Cancel safety
//!
//! A future that is dropped before it is ready has had no effect if its documentation calls it
//! cancel safe: no byte is read and lost, none is written unnoticed.

#[cfg(unix)]
mod async_fd;
#[cfg(unix)]
mod async_fd_guard;
pub mod buf_read;
pub mod buf_read_ext;
pub mod buf_reader;
mod buf_stream;
pub mod buf_writer;
mod bypass;
mod chain;
mod copy;
mod copy_bidirectional;
mod copy_buf;
mod duplex;
mod empty;
#[cfg(feature = "futures-io")]
mod futures_compat;
mod halves;
mod interrupted;
mod join;
mod lines;
pub mod number;
mod offload;
mod pipe;
pub mod read;
#[expect(unsafe_code, reason = "a buffer that is not initialized yet")]
mod read_buf;
pub mod read_ext;
mod repeat;
pub mod seek;
pub mod seek_ext;
mod segments;
mod simplex;
mod sink;
mod stdio;
#[cfg_attr(unix, path = "stdio_unix.rs")]
#[cfg_attr(windows, path = "stdio_windows.rs")]
mod stdio_descriptor;
mod take;
mod transfer;
pub(crate) mod turns;
pub mod write;
pub mod write_ext;

pub use buf_read::AsyncBufRead;
pub use buf_read_ext::AsyncBufReadExt;
pub use buf_reader::BufReader;
pub use buf_stream::BufStream;
pub use buf_writer::BufWriter;
#[doc(hidden)]
pub use bypass::KernelEnd;
pub use chain::Chain;
pub use copy::copy;
pub use copy_bidirectional::{copy_bidirectional, copy_bidirectional_with_sizes};
pub use copy_buf::copy_buf;
pub use duplex::{DuplexStream, duplex};
pub use empty::{Empty, empty};
#[cfg(feature = "futures-io")]
pub use futures_compat::FuturesCompat;
pub use halves::{ReadHalf, WriteHalf, split};
pub use join::{Join, join};
pub use lines::Lines;
pub use read::AsyncRead;
pub use read_buf::ReadBuf;
pub use read_ext::AsyncReadExt;
pub use repeat::{Repeat, repeat};
pub use runtime_core::reactor::{Interest, Ready};
pub use seek::AsyncSeek;
pub use seek_ext::AsyncSeekExt;
pub use segments::Split;
pub use simplex::{SimplexStream, simplex};
pub use sink::{Sink, sink};
pub use std::io::{Error, ErrorKind, Result, SeekFrom};
pub use stdio::{Stderr, Stdin, Stdout, stderr, stdin, stdout};
pub use take::Take;
pub use write::AsyncWrite;
pub use write_ext::AsyncWriteExt;

#[cfg(all(windows, feature = "process"))]
pub(crate) use offload::Offload;
pub(crate) use read_buf::{fill, fill_part};

/// Descriptors of your own.
#[cfg(unix)]
pub mod unix {
    pub use super::async_fd::{AsyncFd, AsyncFdRegisterError, AsyncFdTryNewError};
    pub use super::async_fd_guard::{AsyncFdReadyGuard, AsyncFdReadyMutGuard, TryIoError};
}

/// How much a reader or a writer keeps in memory unless it is told otherwise.
pub(crate) const BUFFER_SIZE: usize = 8 * 1024;
