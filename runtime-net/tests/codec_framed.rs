//! Frames on byte streams: order, cancellation, backpressure, errors, ends.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, missing_docs)]

#[path = "../../tests/support/mod.rs"]
mod support;

use std::collections::VecDeque;
use std::io::{self, ErrorKind};
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

use bytes::{Bytes, BytesMut};
use filch::codec::{
    BytesCodec, Decoder, Encoder, Framed, FramedParts, FramedRead, FramedWrite,
    LengthDelimitedCodec, LinesCodec, LinesCodecError,
};
use filch::io::{AsyncRead, AsyncReadExt, AsyncWriteExt, ReadBuf, duplex, simplex, split};
use filch::net::{TcpListener, TcpStream};
use futures_core::Stream;
use proptest::prelude::*;
use support::{current, once};

fn block_on<F: Future>(future: F) -> F::Output {
    current().block_on(future)
}

/// What a stream of bytes does, step by step; in the end it ends.
#[derive(Debug, Clone)]
enum Step {
    Bytes(Vec<u8>),
    Wait,
    End,
    Fail,
}

struct Script(VecDeque<Step>);

impl Script {
    fn new(steps: impl IntoIterator<Item = Step>) -> Script {
        Script(steps.into_iter().collect())
    }
}

impl AsyncRead for Script {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.0.pop_front() {
            Some(Step::Bytes(bytes)) => {
                let (head, tail) = bytes.split_at(bytes.len().min(buf.remaining()));
                buf.put_slice(head);
                if !tail.is_empty() {
                    self.0.push_front(Step::Bytes(tail.to_vec()));
                }
            }
            Some(Step::Wait) => {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            Some(Step::Fail) => return Poll::Ready(Err(ErrorKind::ConnectionReset.into())),
            Some(Step::End) | None => {}
        }
        Poll::Ready(Ok(()))
    }
}

fn bytes(bytes: &[u8]) -> Step {
    Step::Bytes(bytes.to_vec())
}

#[test]
fn frames_go_both_ways_over_sockets() {
    block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = filch::spawn(async move {
            let (stream, _) = listener.accept().await.unwrap();
            let mut frames = Framed::new(stream, LengthDelimitedCodec::new());
            let mut count = 0;
            while let Some(frame) = frames.next().await {
                count += 1;
                frames.send(frame.unwrap().freeze()).await.unwrap();
            }
            count
        });
        let (reader, writer) = TcpStream::connect(address).await.unwrap().into_split();
        let mut writer = FramedWrite::new(writer, LengthDelimitedCodec::new());
        let mut reader = FramedRead::new(reader, LengthDelimitedCodec::new());
        let writing = filch::spawn(async move {
            for length in (0..200_000).step_by(7919) {
                writer.feed(Bytes::from(vec![length as u8; length])).await.unwrap();
            }
            writer.close().await.unwrap();
        });
        for length in (0..200_000).step_by(7919) {
            let frame = reader.next().await.unwrap().unwrap();
            assert_eq!(frame.len(), length);
            assert!(frame.iter().all(|&byte| byte == length as u8));
        }
        writing.await.unwrap();
        assert_eq!(server.await.unwrap(), 26);
        assert!(reader.next().await.is_none());
    });
}

proptest! {
    #[test]
    fn frames_survive_every_cut_and_every_cancellation(
        lines in proptest::collection::vec("[a-z]{0,10}", 0..10),
        pieces in proptest::collection::vec(1usize..8, 1..20),
        waits in proptest::collection::vec(any::<bool>(), 1..20),
        drops in proptest::collection::vec(0usize..4, 0..10),
        capacity in 1usize..20,
    ) {
        let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
        let mut rest = text.as_bytes();
        let mut steps = Vec::new();
        let mut pieces = pieces.iter().cycle();
        let mut waits = waits.iter().cycle();
        while !rest.is_empty() {
            if *waits.next().unwrap() {
                steps.push(Step::Wait);
            }
            let (head, tail) = rest.split_at(rest.len().min(*pieces.next().unwrap()));
            steps.push(bytes(head));
            rest = tail;
        }
        let mut frames = FramedRead::with_capacity(Script::new(steps), LinesCodec::new(), capacity);
        let mut drops = drops.into_iter();
        let got = block_on(async {
            let mut got = Vec::new();
            'all: loop {
                let polls = drops.next().unwrap_or(usize::MAX);
                let mut next = pin!(frames.next());
                for _ in 0..polls {
                    match once(next.as_mut()).await {
                        Poll::Ready(Some(line)) => got.push(line.unwrap()),
                        Poll::Ready(None) => break 'all,
                        Poll::Pending => continue,
                    }
                    break;
                }
            }
            got
        });
        prop_assert_eq!(got, lines);
    }
}

#[test]
fn after_an_error_the_stream_ends_once_and_goes_on_with_what_remains() {
    block_on(async {
        let codec = LinesCodec::new_with_max_length(4);
        let mut lines = FramedRead::new(&b"too long\nok\n\xff\nfine"[..], codec);
        let mut said = Vec::new();
        for _ in 0..9 {
            said.push(match lines.next().await {
                Some(Ok(line)) => line,
                Some(Err(LinesCodecError::MaxLineLengthExceeded)) => "<long>".to_owned(),
                Some(Err(LinesCodecError::Io(error))) => format!("<{:?}>", error.kind()),
                None => "-".to_owned(),
            });
        }
        assert_eq!(said, ["<long>", "-", "ok", "<InvalidData>", "-", "fine", "-", "-", "-"]);
    });
}

#[test]
fn an_error_of_the_byte_stream_loses_no_bytes() {
    block_on(async {
        let script = Script::new([bytes(b"ha"), Step::Fail, bytes(b"lf\n"), Step::Fail]);
        let mut lines = FramedRead::new(script, LinesCodec::new());
        assert!(lines.next().await.unwrap().is_err());
        assert!(lines.next().await.is_none());
        assert_eq!(lines.next().await.unwrap().unwrap(), "half");
        assert!(lines.next().await.unwrap().is_err());
        assert!(lines.next().await.is_none());
        assert!(lines.next().await.is_none(), "the end");
    });
}

#[test]
fn bytes_that_are_no_frame_at_the_end_are_an_error_once() {
    block_on(async {
        let mut frames = FramedRead::new(&b"\0\0\0\x05abc"[..], LengthDelimitedCodec::new());
        let error = frames.next().await.unwrap().unwrap_err();
        assert_eq!(error.to_string(), "bytes remaining on stream");
        for _ in 0..3 {
            assert!(frames.next().await.is_none());
        }
    });
}

#[test]
fn a_byte_stream_may_go_on_after_its_end() {
    block_on(async {
        let script = Script::new([bytes(b"one"), Step::End, Step::End, bytes(b"two\n")]);
        let mut lines = FramedRead::new(script, LinesCodec::new());
        assert_eq!(lines.next().await.unwrap().unwrap(), "one");
        assert!(lines.next().await.is_none());
        assert!(lines.next().await.is_none());
        assert_eq!(lines.next().await.unwrap().unwrap(), "two");
    });
}

/// Makes two frames of the end.
struct Encore(u8);

impl Decoder for Encore {
    type Item = u8;
    type Error = io::Error;

    fn decode(&mut self, _src: &mut BytesMut) -> io::Result<Option<u8>> {
        Ok(None)
    }

    fn decode_eof(&mut self, buf: &mut BytesMut) -> io::Result<Option<u8>> {
        buf.clear();
        self.0 += 1;
        Ok((self.0 <= 2).then_some(self.0))
    }
}

#[test]
fn a_decoder_may_make_frames_of_the_end() {
    block_on(async {
        let mut frames = FramedRead::new(&b""[..], Encore(0));
        assert_eq!(frames.next().await.unwrap().unwrap(), 1);
        assert_eq!(frames.next().await.unwrap().unwrap(), 2);
        assert!(frames.next().await.is_none());
        assert!(frames.next().await.is_none());
    });
}

#[test]
fn a_frame_waits_while_too_much_is_to_be_sent() {
    block_on(async {
        let (mut reader, writer) = simplex(4);
        let mut frames = FramedWrite::with_capacity(writer, BytesCodec::new(), 8);
        assert_eq!(frames.backpressure_boundary(), 8);
        frames.feed(Bytes::from_static(b"0123456")).await.unwrap();
        frames.feed(Bytes::from_static(b"789")).await.unwrap();
        assert_eq!(frames.write_buffer(), &b"0123456789"[..], "below the boundary nothing is sent");
        {
            let mut feeding = pin!(frames.feed(Bytes::from_static(b"lost")));
            assert!(once(feeding.as_mut()).await.is_pending());
        }
        assert_eq!(frames.write_buffer().len(), 6);
        assert_eq!(reader.read_u32().await.unwrap(), u32::from_be_bytes(*b"0123"));
        // Now six bytes wait, which is below the boundary.
        frames.feed(Bytes::from_static(b"x")).await.unwrap();
        let flushing = filch::spawn(async move {
            frames.set_backpressure_boundary(1);
            frames.flush().await.unwrap();
            frames.close().await
        });
        let mut rest = Vec::new();
        reader.read_to_end(&mut rest).await.unwrap();
        assert_eq!(rest, b"456789x");
        flushing.await.unwrap().unwrap();
    });
}

#[test]
fn what_cannot_be_sent_is_an_error() {
    block_on(async {
        let mut room = [0; 2];
        let mut frames = FramedWrite::new(io::Cursor::new(&mut room[..]), BytesCodec::new());
        let error = frames.send(Bytes::from_static(b"abc")).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::WriteZero);

        let (near, far) = duplex(4);
        drop(far);
        let mut lines = Framed::new(near, LinesCodec::new());
        let error = lines.send("x").await.unwrap_err();
        assert!(
            matches!(error, LinesCodecError::Io(error) if error.kind() == ErrorKind::BrokenPipe)
        );
    });
}

#[test]
fn another_codec_goes_on_where_the_first_one_stopped() {
    block_on(async {
        let (near, mut far) = duplex(64);
        far.write_all(b"upgrade\n\0\0\0\x02hi").await.unwrap();
        let mut lines = Framed::new(near, LinesCodec::new());
        assert_eq!(lines.next().await.unwrap().unwrap(), "upgrade");
        assert_eq!(lines.read_buffer().len(), 6);
        lines.feed("yes").await.unwrap();
        let mut frames = lines.map_codec(|_| LengthDelimitedCodec::new());
        assert_eq!(frames.next().await.unwrap().unwrap(), "hi");
        frames.send(Bytes::from_static(b"ho")).await.unwrap();
        let mut answer = [0; 10];
        far.read_exact(&mut answer).await.unwrap();
        assert_eq!(&answer, b"yes\n\0\0\0\x02ho");

        // One that found nothing where another one finds something.
        let waits = Script::new([bytes(b"abc"), Step::Wait, Step::Wait]);
        let mut lines = FramedRead::new(waits, LinesCodec::new());
        assert!(once(pin!(lines.next())).await.is_pending());
        let mut rest = lines.map_decoder(|_| BytesCodec::new());
        let Poll::Ready(chunk) = once(pin!(rest.next())).await else { panic!("it is there") };
        assert_eq!(chunk.unwrap().unwrap(), "abc");
    });
}

#[test]
fn parts_keep_what_the_buffers_hold() {
    block_on(async {
        let mut parts =
            FramedParts::new::<&str>(filch::io::join(&b"\n"[..], Vec::new()), LinesCodec::new());
        parts.read_buf.extend_from_slice(b"one\ntw");
        parts.write_buf.extend_from_slice(b"held ");
        let mut lines = Framed::from_parts(parts);
        assert_eq!(lines.next().await.unwrap().unwrap(), "one");
        assert_eq!(lines.next().await.unwrap().unwrap(), "tw");
        lines.send("back").await.unwrap();
        assert_eq!(lines.get_ref().writer(), b"held back\n");

        let parts = FramedRead::new(&b"rest"[..], BytesCodec::new()).into_parts();
        assert!(parts.read_buf.is_empty() && parts.io == b"rest");
        let mut frames = FramedWrite::new(Vec::new(), BytesCodec::new());
        frames.feed(Bytes::from_static(b"x")).await.unwrap();
        let mut frames =
            FramedWrite::from_parts(frames.into_parts()).map_encoder(|_| LinesCodec::new());
        frames.send("y").await.unwrap();
        assert_eq!(frames.into_inner(), b"xy\n");
    });
}

#[test]
fn many_frames_in_one_buffer_let_other_tasks_in() {
    block_on(async {
        let lines = vec![b'\n'; 5000];
        let counting = filch::spawn(async move {
            let mut lines = FramedRead::new(&lines[..], LinesCodec::new());
            let mut yields = 0;
            loop {
                match once(pin!(lines.next())).await {
                    Poll::Ready(Some(_)) => {}
                    Poll::Ready(None) => return yields,
                    Poll::Pending => {
                        yields += 1;
                        filch::task::yield_now().await;
                    }
                }
            }
        });
        assert!(counting.await.unwrap() >= 5000 / 128);
    });
}

#[test]
fn framed_readers_are_streams() {
    fn frames<S: Stream<Item = Result<String, LinesCodecError>> + Unpin>(mut stream: S) -> usize {
        let mut cx = Context::from_waker(Waker::noop());
        let mut count = 0;
        while let Poll::Ready(Some(Ok(_))) = Pin::new(&mut stream).poll_next(&mut cx) {
            count += 1;
        }
        count
    }
    assert_eq!(frames(FramedRead::new(&b"1\n2\n"[..], LinesCodec::new())), 2);
    let both = filch::io::join(&b"1\n2\n3"[..], filch::io::sink());
    assert_eq!(frames(LinesCodec::new().framed(both)), 3);
}

/// A codec for what the halves below carry.
struct Numbers;

impl Encoder<u8> for Numbers {
    type Error = io::Error;

    fn encode(&mut self, item: u8, dst: &mut BytesMut) -> io::Result<()> {
        match item {
            0 => Err(ErrorKind::InvalidInput.into()),
            item => {
                dst.extend_from_slice(&[item]);
                Ok(())
            }
        }
    }
}

#[test]
fn a_frame_that_cannot_be_encoded_leaves_the_others() {
    block_on(async {
        let (near, mut far) = duplex(64);
        let (_reader, writer) = split(near);
        let mut numbers = FramedWrite::new(writer, Numbers);
        numbers.feed(1).await.unwrap();
        assert_eq!(numbers.send(0).await.unwrap_err().kind(), ErrorKind::InvalidInput);
        numbers.send(2).await.unwrap();
        assert_eq!(far.read_u16().await.unwrap(), 0x0102);
    });
}

#[test]
fn framed_streams_go_to_other_threads() {
    fn check<T: Send + Sync + Unpin + std::fmt::Debug>() {}
    check::<Framed<TcpStream, LinesCodec>>();
    check::<FramedRead<TcpStream, LengthDelimitedCodec>>();
    check::<FramedWrite<TcpStream, BytesCodec>>();
    check::<FramedParts<TcpStream, filch::codec::AnyDelimiterCodec>>();
    check::<filch::codec::length_delimited::Builder>();
    check::<LinesCodecError>();
}

/// What generic code does with a sink.
async fn forward<S>(sink: S, items: Vec<String>) -> Result<(), S::Error>
where
    S: futures_sink::Sink<String>,
{
    let mut sink = std::pin::pin!(sink);
    for item in items {
        std::future::poll_fn(|cx| sink.as_mut().poll_ready(cx)).await?;
        sink.as_mut().start_send(item)?;
    }
    std::future::poll_fn(|cx| sink.as_mut().poll_flush(cx)).await?;
    std::future::poll_fn(|cx| sink.as_mut().poll_close(cx)).await
}

#[filch::test]
async fn framed_streams_are_sinks() {
    use filch::codec::{Framed, FramedWrite, LinesCodec};
    use filch::io::AsyncReadExt;
    for whole in [true, false] {
        let (near, mut far) = filch::io::duplex(16);
        let lines: Vec<String> = (0..10).map(|number| format!("line {number}")).collect();
        let expected: String = lines.iter().map(|line| format!("{line}\n")).collect();
        let sent = filch::spawn(async move {
            match whole {
                true => forward(Framed::new(near, LinesCodec::new()), lines).await.is_ok(),
                false => forward(FramedWrite::new(near, LinesCodec::new()), lines).await.is_ok(),
            }
        });
        let mut text = String::new();
        far.read_to_string(&mut text).await.unwrap();
        assert_eq!(text, expected);
        assert!(sent.await.unwrap());
    }
}
