//! Other views of a stream: chained, cut off, in parts, joined, empty and endless.

use std::io::{Cursor, ErrorKind, IoSlice, SeekFrom};
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

use filch::io::{
    self, AsyncBufRead, AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncSeekExt, AsyncWrite,
    AsyncWriteExt, BufReader, ReadBuf,
};

use crate::{Narrow, Slow, once};

#[filch::test]
async fn a_chain_gives_one_stream_then_the_other() {
    let mut chain = Slow::new(b"ab").chain(Slow::new(b"cd"));
    assert_eq!(chain.read(&mut []).await.unwrap(), 0, "no room says nothing about the end");
    let mut text = String::new();
    chain.read_to_string(&mut text).await.unwrap();
    assert_eq!(text, "abcd");
    assert!(chain.get_ref().0.bytes.is_empty() && chain.get_mut().1.bytes.is_empty());

    let mut chain = BufReader::new(Slow::new(b"one\ntw")).chain(&b"o\nthree"[..]);
    let mut line = String::new();
    chain.read_line(&mut line).await.unwrap();
    chain.read_line(&mut line).await.unwrap();
    assert_eq!(line, "one\ntwo\n");
    assert_eq!(chain.into_inner().1, b"three");
}

#[filch::test]
async fn take_ends_at_its_limit_and_leaves_the_rest() {
    let mut stream = Slow::new(b"hello world");
    let mut text = String::new();
    (&mut stream).take(5).read_to_string(&mut text).await.unwrap();
    assert_eq!((text.as_str(), stream.bytes), ("hello", &b" world"[..]));

    let mut part = (&b"abcdef"[..]).take(4);
    assert_eq!(part.fill_buf().await.unwrap(), b"abcd");
    part.consume(3);
    assert_eq!(part.limit(), 1);
    let mut bytes = [0; 9];
    assert_eq!(part.read(&mut bytes).await.unwrap(), 1);
    assert_eq!(part.read(&mut bytes).await.unwrap(), 0);
    assert!(part.fill_buf().await.unwrap().is_empty());
    part.set_limit(u64::MAX);
    assert_eq!(part.read(&mut bytes).await.unwrap(), 2);
    assert_eq!(&bytes[..2], b"ef");
}

#[filch::test]
async fn take_at_its_limit_does_not_ask_the_stream_behind() {
    let (near, _far) = io::duplex(8);
    assert_eq!(BufReader::new(near).take(0).read(&mut [0; 4]).await.unwrap(), 0);
}

#[test]
fn take_tells_what_is_initialized_even_if_nothing_was_read() {
    /// Clears its buffer and waits.
    struct Clears;
    impl AsyncRead for Clears {
        fn poll_read(
            self: Pin<&mut Self>,
            _cx: &mut Context<'_>,
            buf: &mut ReadBuf<'_>,
        ) -> Poll<io::Result<()>> {
            buf.initialize_unfilled();
            Poll::Pending
        }
    }
    let mut memory = [std::mem::MaybeUninit::uninit(); 8];
    let mut buf = ReadBuf::uninit(&mut memory);
    buf.put_slice(b"x");
    let mut cx = Context::from_waker(Waker::noop());
    let mut part = pin!(Clears.take(3));
    assert!(part.as_mut().poll_read(&mut cx, &mut buf).is_pending());
    assert_eq!((buf.filled(), buf.initialized()), (&b"x"[..], &b"x\0\0\0"[..]));
}

#[filch::test]
async fn a_line_that_never_ends_is_cut_by_take() {
    let mut line = String::new();
    let count = BufReader::new(io::repeat(b'x')).take(100_000).read_line(&mut line).await.unwrap();
    assert_eq!((count, line.len()), (100_000, 100_000));
}

#[filch::test]
async fn parts_come_without_what_ends_them() {
    let mut parts = BufReader::with_capacity(2, Slow::new(b"a,,bc,d")).split(b',');
    let mut got = Vec::new();
    while let Some(part) = parts.next_segment().await.unwrap() {
        got.push(part);
    }
    assert_eq!(got, [&b"a"[..], b"", b"bc", b"d"]);
    assert_eq!(parts.next_segment().await.unwrap(), None);
}

#[filch::test]
async fn next_segment_may_be_cancelled_at_every_poll() {
    for polls in 0..16 {
        let mut parts = BufReader::new(Slow::new(b"ab,cd,e")).split(b',');
        let mut got = Vec::new();
        {
            let mut next = pin!(parts.next_segment());
            for _ in 0..polls {
                if let Poll::Ready(part) = once(next.as_mut()).await {
                    got.extend(part.unwrap());
                    break;
                }
            }
        }
        while let Some(part) = parts.next_segment().await.unwrap() {
            got.push(part);
        }
        assert_eq!(got, [&b"ab"[..], b"cd", b"e"]);
    }
}

/// Gives some bytes, then fails.
struct Fails(&'static [u8]);

impl AsyncRead for Fails {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match std::mem::take(&mut self.0) {
            b"" => Poll::Ready(Err(ErrorKind::ConnectionReset.into())),
            bytes => {
                buf.put_slice(bytes);
                Poll::Ready(Ok(()))
            }
        }
    }
}

#[filch::test]
async fn what_came_of_a_line_before_an_error_is_kept() {
    let mut line = "> ".to_owned();
    let error = BufReader::new(Fails(b"half")).read_line(&mut line).await.unwrap_err();
    assert_eq!((error.kind(), line.as_str()), (ErrorKind::ConnectionReset, "> half"));
    let error = BufReader::new(Fails(b"\xff")).read_line(&mut line).await.unwrap_err();
    assert_eq!((error.kind(), line.as_str()), (ErrorKind::ConnectionReset, "> half"));
    let error = Fails(b"half").read_to_string(&mut line).await.unwrap_err();
    assert_eq!((error.kind(), line.as_str()), (ErrorKind::ConnectionReset, "> half"));
}

#[filch::test]
async fn a_join_reads_here_and_writes_there() {
    let mut stream = io::join(BufReader::new(Slow::new(b"a\nb")), Narrow::new(100));
    let mut line = String::new();
    stream.read_line(&mut line).await.unwrap();
    stream.write_all(b"out").await.unwrap();
    stream.shutdown().await.unwrap();
    assert!(!stream.is_write_vectored());
    assert_eq!((line.as_str(), stream.writer().bytes.as_slice()), ("a\n", &b"out"[..]));
    let (reader, writer) = stream.into_inner();
    assert_eq!((reader.get_ref().bytes, writer.ended), (&b"b"[..], true));
    assert!(io::join(io::empty(), Vec::new()).is_write_vectored());
}

#[filch::test]
async fn streams_with_nothing_behind() {
    let mut stream = io::empty();
    assert_eq!(stream.read(&mut [0; 8]).await.unwrap(), 0);
    assert!(stream.fill_buf().await.unwrap().is_empty());
    assert_eq!(stream.seek(SeekFrom::Start(5)).await.unwrap(), 0);
    let slices = [IoSlice::new(b"ab"), IoSlice::new(b"c")];
    assert_eq!(stream.write_vectored(&slices).await.unwrap(), 3);
    assert_eq!(io::sink().write_vectored(&slices).await.unwrap(), 3);
    let mut bytes = [0; 1000];
    assert_eq!(io::repeat(9).read(&mut bytes).await.unwrap(), 1000);
    assert_eq!(bytes, [9; 1000]);
}

#[test]
fn streams_that_are_always_ready_let_other_tasks_in() {
    let runtime = filch::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let endless = [
            filch::spawn(async { drop(io::copy(&mut Zeros, &mut Counts(0)).await) }),
            filch::spawn(async { while io::repeat(0).read(&mut [0; 1]).await.is_ok() {} }),
            filch::spawn(async { while io::sink().write(b"x").await.is_ok() {} }),
            filch::spawn(async { while io::empty().read(&mut [0; 1]).await.is_ok() {} }),
            filch::spawn(async {
                let mut reader = BufReader::new(Zeros);
                drop(io::copy_buf(&mut reader, &mut Counts(0)).await);
            }),
        ];
        filch::spawn(async {}).await.unwrap();
        endless.iter().for_each(|task| task.abort());
    });
}

/// Gives zeros without a budget.
struct Zeros;

impl AsyncRead for Zeros {
    fn poll_read(
        self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let length = buf.initialize_unfilled().len();
        buf.advance(length);
        Poll::Ready(Ok(()))
    }
}

/// Takes everything without a budget.
struct Counts(u64);

impl AsyncWrite for Counts {
    fn poll_write(
        mut self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.0 += buf.len() as u64;
        Poll::Ready(Ok(buf.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// Reads ahead, at the price of a unit of the budget each time it is asked.
struct Dear(Cursor<Vec<u8>>);

impl AsyncRead for Dear {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buf)
    }
}

impl AsyncBufRead for Dear {
    fn poll_fill_buf(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<&[u8]>> {
        std::task::ready!(filch::task::coop::poll_proceed(cx)).made_progress();
        Pin::new(&mut self.get_mut().0).poll_fill_buf(cx)
    }

    fn consume(mut self: Pin<&mut Self>, amt: usize) {
        Pin::new(&mut self.0).consume(amt);
    }
}

#[filch::test]
async fn fill_buf_never_takes_a_spent_budget_for_the_end() {
    let mut reader = Dear(Cursor::new(vec![0; 1000]));
    let task = filch::spawn(async move {
        let mut count = 0;
        while !reader.fill_buf().await.unwrap().is_empty() {
            reader.consume(1);
            count += 1;
        }
        count
    });
    assert_eq!(task.await.unwrap(), 1000);
}

#[filch::test]
async fn pointers_pass_seeks_on() {
    let mut boxed: Box<dyn filch::io::AsyncSeek + Unpin> = Box::new(Cursor::new([0; 8]));
    assert_eq!(boxed.seek(SeekFrom::End(-3)).await.unwrap(), 5);
    assert_eq!(Pin::new(&mut boxed).stream_position().await.unwrap(), 5);
    assert_eq!(boxed.rewind().await.unwrap(), 0);
    let error = boxed.seek(SeekFrom::Current(-1)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
}
