//! Between filch's byte streams and those of futures-io.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, missing_docs)]

use std::io::{self, Cursor, IoSlice, IoSliceMut, SeekFrom};
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use filch::io::{
    AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncSeekExt, AsyncWrite, AsyncWriteExt, BufReader,
    BufStream, FuturesCompat, ReadBuf, duplex,
};

fn block_on<F: Future>(future: F) -> F::Output {
    filch::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

#[test]
fn there_and_back_a_stream_is_what_it_was() {
    block_on(async {
        let (near, mut far) = duplex(64);
        // filch → futures-io → filch.
        let mut near = FuturesCompat::new(FuturesCompat::new(near));
        far.write_all(b"one\ntwo").await.unwrap();
        let mut bytes = [0; 4];
        near.read_exact(&mut bytes).await.unwrap();
        assert_eq!(&bytes, b"one\n");
        let slices = [IoSlice::new(b"ab"), IoSlice::new(b"cd")];
        assert_eq!(near.write_vectored(&slices).await.unwrap(), 4);
        near.flush().await.unwrap();
        near.shutdown().await.unwrap();
        let mut text = String::new();
        far.read_to_string(&mut text).await.unwrap();
        assert_eq!(text, "abcd");
        assert!(far.write(b"x").await.is_ok(), "one direction is open still");
        drop(near.into_inner().into_inner());
        assert!(far.write(b"x").await.is_err());

        let mut lines =
            FuturesCompat::new(FuturesCompat::new(BufReader::new(&b"a\nb"[..]))).lines();
        assert_eq!(lines.next_line().await.unwrap().unwrap(), "a");
        assert_eq!(lines.next_line().await.unwrap().unwrap(), "b");
        assert!(lines.next_line().await.unwrap().is_none());

        let mut file =
            FuturesCompat::new(FuturesCompat::new(BufStream::new(Cursor::new(vec![0; 8]))));
        assert_eq!(file.seek(SeekFrom::End(-2)).await.unwrap(), 6);
        assert_eq!(file.stream_position().await.unwrap(), 6);
        assert!(file.seek(SeekFrom::Current(-9)).await.is_err());
        assert_eq!(file.rewind().await.unwrap(), 0);
    });
}

#[test]
fn vectored_reads_fill_the_first_buffer_with_room() {
    let mut stream = FuturesCompat::new(&b"abc"[..]);
    let (mut none, mut some) = ([0; 0], [0; 2]);
    let mut bufs = [IoSliceMut::new(&mut none), IoSliceMut::new(&mut some)];
    let mut cx = Context::from_waker(Waker::noop());
    let read = futures_io::AsyncRead::poll_read_vectored(Pin::new(&mut stream), &mut cx, &mut bufs);
    assert!(matches!(read, Poll::Ready(Ok(2))));
    assert_eq!(&some, b"ab");
}

/// Says how large the buffer was that it was given, and fills nothing.
struct Measures(usize);

impl futures_io::AsyncRead for Measures {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
        buf: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        assert!(buf.iter().all(|&byte| byte == 0));
        self.0 = buf.len();
        Poll::Pending
    }
}

#[test]
fn no_more_is_cleared_than_is_likely_to_be_filled() {
    let mut cx = Context::from_waker(Waker::noop());
    let mut memory = vec![MaybeUninit::uninit(); 100_000];
    let mut stream = FuturesCompat::new(Measures(0));
    let mut buf = ReadBuf::uninit(&mut memory);
    assert!(Pin::new(&mut stream).poll_read(&mut cx, &mut buf).is_pending());
    assert_eq!((stream.get_ref().0, buf.initialized().len()), (8192, 8192));
    // What is clear already is used as it is, and nothing more is cleared.
    let mut memory = vec![0; 100_000];
    assert!(Pin::new(&mut stream).poll_read(&mut cx, &mut ReadBuf::new(&mut memory)).is_pending());
    assert_eq!(stream.get_mut().0, 100_000);
}

/// Claims to have filled more than there was room for.
struct Lies;

impl futures_io::AsyncRead for Lies {
    fn poll_read(
        self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
        buf: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(buf.len() + 1))
    }
}

#[test]
#[should_panic = "filled must not become larger than initialized"]
fn a_reader_that_claims_too_much_is_found_out() {
    block_on(async { FuturesCompat::new(Lies).read(&mut [0; 8]).await.unwrap() });
}

#[test]
fn a_bridge_goes_to_other_threads() {
    fn check<T: Send + Sync + Unpin + std::fmt::Debug>() {}
    fn ours<T: AsyncRead + AsyncWrite>() {}
    fn theirs<T: futures_io::AsyncRead + futures_io::AsyncWrite>() {}
    check::<FuturesCompat<filch::net::TcpStream>>();
    theirs::<FuturesCompat<filch::net::TcpStream>>();
    ours::<FuturesCompat<FuturesCompat<filch::net::TcpStream>>>();
}
