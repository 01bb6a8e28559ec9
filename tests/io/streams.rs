//! The traits of byte streams and their helpers.

use std::io::{self, Cursor, ErrorKind, IoSlice};
use std::mem::MaybeUninit;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};

use filch::io::{
    AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader, BufWriter,
    Interest, ReadBuf, Ready, copy,
};

use crate::{Narrow, Slow, once};

#[filch::test]
async fn read_exact_fills_or_fails() {
    let mut bytes = [0; 5];
    Slow::new(b"hello world").read_exact(&mut bytes).await.unwrap();
    assert_eq!(&bytes, b"hello");
    let error = Slow::new(b"hell").read_exact(&mut bytes).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnexpectedEof);
}

#[filch::test]
async fn reading_to_the_end_appends() {
    let mut bytes = b"a".to_vec();
    assert_eq!(Slow::new(b"bcd").read_to_end(&mut bytes).await.unwrap(), 3);
    assert_eq!(bytes, b"abcd");
    let large = vec![5; 1_000_000];
    let mut bytes = Vec::new();
    assert_eq!((&large[..]).read_to_end(&mut bytes).await.unwrap(), large.len());
    assert!(bytes == large);

    let mut text = "a".to_owned();
    assert_eq!(Slow::new("bä".as_bytes()).read_to_string(&mut text).await.unwrap(), 3);
    assert_eq!(text, "abä");
    let error = Slow::new(b"\xff").read_to_string(&mut text).await.unwrap_err();
    assert_eq!((error.kind(), text.as_str()), (ErrorKind::InvalidData, "abä"));
    let inside = error.into_inner().unwrap().downcast::<std::str::Utf8Error>().unwrap();
    assert_eq!(inside.valid_up_to(), 4, "counted from the start of the text");
}

#[filch::test]
async fn room_that_was_given_is_used_and_kept() {
    for size in [1, 31, 32, 33, 100] {
        let source = vec![b'x'; size];
        let mut bytes = Vec::with_capacity(size);
        let (room, start) = (bytes.capacity(), bytes.as_ptr());
        Slow::new(&source).read_to_end(&mut bytes).await.unwrap();
        assert_eq!((bytes.capacity(), bytes.as_ptr()), (room, start));
        let mut longer = Vec::with_capacity(size);
        Slow::new(&[source.as_slice(), b"and more"].concat())
            .read_to_end(&mut longer)
            .await
            .unwrap();
        assert_eq!(longer.len(), size + 8);
    }
    let mut line = String::with_capacity(100);
    let start = line.as_ptr();
    let mut lines = BufReader::new(&b"one\ntwo\n"[..]);
    for expected in ["one\n", "two\n", ""] {
        line.clear();
        lines.read_line(&mut line).await.unwrap();
        assert_eq!((line.as_str(), line.as_ptr()), (expected, start));
    }
}

#[filch::test]
async fn read_to_end_may_be_cancelled_at_every_poll() {
    let source = b"one two three";
    for polls in 0..30 {
        let mut stream = Slow::new(source);
        let mut bytes = Vec::new();
        {
            let mut reading = pin!(stream.read_to_end(&mut bytes));
            for _ in 0..polls {
                if once(reading.as_mut()).await.is_ready() {
                    break;
                }
            }
        }
        stream.read_to_end(&mut bytes).await.unwrap();
        assert_eq!(bytes, source);
    }
}

#[filch::test]
async fn read_buf_appends_to_any_buffer() {
    let mut target = Vec::with_capacity(4);
    let mut stream: &[u8] = b"abcdef";
    assert!(stream.read_buf(&mut target).await.unwrap() >= 4);
    assert!(target.starts_with(b"abcd"));
    let mut room = [0; 2];
    let mut stream: &[u8] = b"abcdef";
    assert_eq!(stream.read_buf(&mut &mut room[..]).await.unwrap(), 2);
    assert_eq!(stream.read_buf(&mut &mut room[..0]).await.unwrap(), 0);
    assert_eq!(&room, b"ab");
}

#[filch::test]
async fn write_all_writes_all_or_fails() {
    let mut writer = Narrow::new(100);
    writer.write_all(b"hello world").await.unwrap();
    writer.flush().await.unwrap();
    writer.shutdown().await.unwrap();
    assert_eq!((writer.bytes.as_slice(), writer.ended), (&b"hello world"[..], true));
    let error = Narrow::new(4).write_all(b"hello").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::WriteZero);
    let mut room = [0; 4];
    let error = Cursor::new(&mut room[..]).write_all(b"hello").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::WriteZero);
}

#[filch::test]
async fn write_all_buf_may_be_cancelled_at_every_poll() {
    for polls in 0..12 {
        let mut writer = Narrow::new(100);
        let mut rest: &[u8] = b"hello world";
        {
            let mut writing = pin!(writer.write_all_buf(&mut rest));
            for _ in 0..polls {
                if once(writing.as_mut()).await.is_ready() {
                    break;
                }
            }
        }
        writer.write_all_buf(&mut rest).await.unwrap();
        assert_eq!(writer.bytes, b"hello world");
    }
}

#[filch::test]
async fn vectored_writes_fall_back_to_the_first_slice() {
    let mut writer = Narrow::new(100);
    let slices = [IoSlice::new(b""), IoSlice::new(b"ab"), IoSlice::new(b"cd")];
    assert_eq!(writer.write_vectored(&slices).await.unwrap(), 2);
    let mut writer = Vec::new();
    assert!(writer.is_write_vectored());
    assert_eq!(writer.write_vectored(&slices).await.unwrap(), 4);
}

#[filch::test]
async fn pointers_pass_everything_on() {
    let mut bytes = [0; 2];
    let boxed: Box<dyn AsyncRead + Unpin> = Box::new(Cursor::new(b"ab".to_vec()));
    let mut pinned = Pin::new(boxed);
    pinned.read_exact(&mut bytes).await.unwrap();
    assert_eq!(&bytes, b"ab");
    let mut writer = Vec::new();
    {
        let mut boxed: Box<dyn AsyncWrite + Unpin> = Box::new(&mut writer);
        assert!(boxed.is_write_vectored());
        Pin::new(&mut boxed).write_all(b"xy").await.unwrap();
    }
    assert_eq!(writer, b"xy");
}

#[filch::test]
async fn lines_come_without_what_ends_them() {
    let source = Slow::new(b"one\r\n\ntwo\r three\nlast");
    let mut lines = BufReader::with_capacity(2, source).lines();
    let mut got = Vec::new();
    while let Some(line) = lines.next_line().await.unwrap() {
        got.push(line);
    }
    assert_eq!(got, ["one", "", "two\r three", "last"]);
    assert_eq!(lines.next_line().await.unwrap(), None);
}

#[filch::test]
async fn next_line_may_be_cancelled_at_every_poll() {
    for polls in 0..20 {
        let mut lines = BufReader::new(Slow::new(b"hello\nworld\n")).lines();
        let mut got = Vec::new();
        {
            let mut next = pin!(lines.next_line());
            for _ in 0..polls {
                if let Poll::Ready(line) = once(next.as_mut()).await {
                    got.extend(line.unwrap());
                    break;
                }
            }
        }
        while let Some(line) = lines.next_line().await.unwrap() {
            got.push(line);
        }
        assert_eq!(got, ["hello", "world"]);
    }
}

#[filch::test]
async fn a_line_that_is_not_text_is_an_error() {
    let mut lines = (&b"ok\n\xff\nok again\n"[..]).lines();
    assert_eq!(lines.next_line().await.unwrap().unwrap(), "ok");
    let error = lines.next_line().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidData);
    let inside = error.into_inner().unwrap().downcast::<std::string::FromUtf8Error>().unwrap();
    assert_eq!(inside.into_bytes(), b"\xff");
    assert_eq!(lines.next_line().await.unwrap().unwrap(), "ok again");
}

#[filch::test]
async fn reading_until_a_byte_keeps_the_rest() {
    let mut reader = BufReader::new(&b"a,b,c"[..]);
    let mut part = Vec::new();
    assert_eq!(reader.read_until(b',', &mut part).await.unwrap(), 2);
    assert_eq!(part, b"a,");
    assert_eq!(reader.buffer(), b"b,c");
    assert_eq!(reader.fill_buf().await.unwrap(), b"b,c");
    reader.consume(2);
    let mut rest = [0; 9];
    assert_eq!(reader.read(&mut rest).await.unwrap(), 1);
    assert_eq!(reader.read_until(b',', &mut part).await.unwrap(), 0);

    let mut line = String::from("> ");
    let mut reader = BufReader::new(Slow::new(b"x\ny"));
    assert_eq!(reader.read_line(&mut line).await.unwrap(), 2);
    assert_eq!(reader.read_line(&mut line).await.unwrap(), 1);
    assert_eq!(line, "> x\ny");
}

#[filch::test]
async fn small_writes_are_sent_together() {
    let mut writer = BufWriter::with_capacity(8, Narrow::new(1000));
    for _ in 0..10 {
        writer.write_all(b"abc").await.unwrap();
    }
    assert!(writer.get_ref().bytes.len() >= 24);
    writer.write_all(&[b'x'; 20]).await.unwrap();
    writer.shutdown().await.unwrap();
    assert!(writer.buffer().is_empty());
    let inner = writer.into_inner();
    assert!(inner.ended);
    assert_eq!(inner.bytes, [&b"abc".repeat(10)[..], &[b'x'; 20]].concat());
}

#[filch::test]
async fn copying_goes_to_the_end_and_flushes() {
    let mut writer = Narrow::new(1000);
    assert_eq!(copy(&mut Slow::new(b"hello world"), &mut writer).await.unwrap(), 11);
    assert_eq!(writer.bytes, b"hello world");
    assert!(writer.flushes > 0);
    let error = copy(&mut &b"hello"[..], &mut Narrow::new(2)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::WriteZero);
    let large = vec![3; 100_000];
    let mut target = Vec::new();
    assert_eq!(copy(&mut &large[..], &mut target).await.unwrap(), 100_000);
    assert!(target == large);
}

#[test]
fn a_read_buf_knows_what_is_filled_and_what_initialized() {
    let mut memory = [MaybeUninit::uninit(); 8];
    let mut buf = ReadBuf::uninit(&mut memory);
    assert_eq!((buf.capacity(), buf.remaining(), buf.initialized().len()), (8, 8, 0));
    buf.put_slice(b"ab");
    assert_eq!((buf.filled(), buf.initialized().len()), (&b"ab"[..], 2));
    buf.initialize_unfilled_to(3).copy_from_slice(b"cde");
    assert_eq!((buf.filled().len(), buf.initialized().len()), (2, 5));
    buf.advance(1);
    assert_eq!(buf.filled(), b"abc");
    {
        let mut part = buf.take(4);
        assert_eq!((part.capacity(), part.initialized().len()), (4, 2));
        part.put_slice(b"xyz");
    }
    assert_eq!(buf.filled(), b"abc", "what a part was given must be claimed");
    buf.clear();
    assert_eq!((buf.remaining(), buf.initialized().len()), (8, 5));
    buf.set_filled(5);
    assert_eq!(&buf.filled()[..3], b"abc");
    assert_eq!(buf.initialize_unfilled(), [0; 3]);
    buf.filled_mut()[0] = b'z';
    assert_eq!(buf.initialized_mut()[0], b'z');
}

#[test]
#[should_panic = "filled must not become larger than initialized"]
fn what_is_not_initialized_cannot_be_filled() {
    let mut memory = [MaybeUninit::uninit(); 8];
    ReadBuf::uninit(&mut memory).advance(1);
}

#[test]
#[should_panic = "must fit in remaining"]
fn what_does_not_fit_is_not_put() {
    ReadBuf::new(&mut [0; 1]).put_slice(b"ab");
}

/// Puts another buffer in the place of the one that it is given.
struct Swindler;

impl AsyncRead for Swindler {
    fn poll_read(
        self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let own: &'static mut [u8] = Box::leak(vec![0; 64].into_boxed_slice());
        let mut own = ReadBuf::new(own);
        own.set_filled(64);
        *buf = own;
        Poll::Ready(Ok(()))
    }
}

#[filch::test]
#[should_panic = "the reader has exchanged the buffer"]
async fn a_reader_that_exchanges_the_buffer_is_found_out() {
    let _ = Swindler.read_to_end(&mut Vec::new()).await;
}

#[test]
fn sets_of_readiness_print_their_names() {
    assert_eq!(format!("{:?}", Ready::READABLE | Ready::WRITE_CLOSED), "READABLE | WRITE_CLOSED");
    assert_eq!(format!("{:?}", Ready::EMPTY), "EMPTY");
    assert_eq!(format!("{:?}", Interest::PRIORITY | Interest::ERROR), "PRIORITY | ERROR");
    assert_eq!(Interest::READABLE.remove(Interest::READABLE), None);
    assert_eq!(Interest::READABLE.add(Interest::READABLE), Interest::READABLE);
    assert!((Ready::ALL - Ready::READABLE).is_readable(), "the end is readable as well");
    assert!(!(Ready::ALL - Ready::READABLE - Ready::READ_CLOSED).is_readable());
}
