//! Streams in memory, against a plain queue: no byte is lost, and no wake.

use std::collections::VecDeque;
use std::io::{ErrorKind, IoSlice};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

use filch::io::{
    AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream, ReadBuf, SimplexStream,
    duplex, simplex,
};
use proptest::prelude::*;

use crate::once;
use crate::support::{Bell, ON_PURPOSE, multi, on_each_flavour, panic_here, panic_of, watch};

#[derive(Debug, Clone)]
enum Step {
    Write(Vec<usize>),
    Read(usize),
    Shutdown,
    DropReader,
    DropWriter,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => proptest::collection::vec(0usize..6, 1..4).prop_map(Step::Write),
        8 => (0usize..8).prop_map(Step::Read),
        1 => Just(Step::Shutdown),
        1 => Just(Step::DropReader),
        1 => Just(Step::DropWriter),
    ]
}

/// A queue, and who waits at it for a ring of which bell.
#[derive(Default)]
struct Model {
    queue: VecDeque<u8>,
    closed: bool,
    reader_gone: bool,
    reader_waits: Option<Arc<Bell>>,
    writer_waits: Option<Arc<Bell>>,
}

impl Model {
    /// Whoever waits for what has just come must have been woken.
    fn check(&mut self, capacity: usize) {
        if !self.queue.is_empty() || self.closed {
            assert!(self.reader_waits.take().is_none_or(|bell| bell.rang() > 0), "a reader sleeps");
        }
        if self.queue.len() < capacity || self.closed || self.reader_gone {
            assert!(self.writer_waits.take().is_none_or(|bell| bell.rang() > 0), "a writer sleeps");
        }
    }
}

proptest! {
    #[test]
    fn a_duplex_is_a_queue_of_bounded_length(
        capacity in 1usize..10,
        steps in proptest::collection::vec(step(), 0..40),
    ) {
        let (near, far) = duplex(capacity);
        against_a_queue(capacity, steps, near, far);
    }

    #[test]
    fn a_simplex_is_a_queue_of_bounded_length(
        capacity in 1usize..10,
        steps in proptest::collection::vec(step(), 0..40),
    ) {
        let (reader, writer) = simplex(capacity);
        against_a_queue(capacity, steps, writer, reader);
    }
}

fn against_a_queue(
    capacity: usize,
    steps: Vec<Step>,
    writer: impl AsyncWrite + Unpin,
    reader: impl AsyncRead + Unpin,
) {
    let (mut writer, mut reader) = (Some(writer), Some(reader));
    let mut model = Model::default();
    let mut byte = 0;
    for step in steps {
        let (bell, waker) = Bell::new();
        let mut cx = Context::from_waker(&waker);
        match step {
            Step::Write(lengths) => {
                let Some(writer) = &mut writer else { continue };
                let parts: Vec<Vec<u8>> = lengths
                    .iter()
                    .map(|&length| {
                        byte += 1;
                        vec![byte; length]
                    })
                    .collect();
                let slices: Vec<_> = parts.iter().map(|part| IoSlice::new(part)).collect();
                let all = parts.concat();
                let room = capacity - model.queue.len();
                match Pin::new(writer).poll_write_vectored(&mut cx, &slices) {
                    Poll::Ready(Ok(count)) => {
                        assert!(!model.closed && !model.reader_gone);
                        assert_eq!(count, all.len().min(room));
                        model.queue.extend(&all[..count]);
                        model.writer_waits = None;
                    }
                    Poll::Ready(Err(error)) => {
                        assert!(model.closed || model.reader_gone);
                        assert_eq!(error.kind(), ErrorKind::BrokenPipe);
                    }
                    Poll::Pending => {
                        assert!(room == 0 && !all.is_empty());
                        model.writer_waits = Some(bell);
                    }
                }
            }
            Step::Read(length) => {
                let Some(reader) = &mut reader else { continue };
                let mut bytes = vec![0; length];
                let mut buf = ReadBuf::new(&mut bytes);
                match Pin::new(reader).poll_read(&mut cx, &mut buf) {
                    Poll::Ready(outcome) => {
                        outcome.unwrap();
                        let count = length.min(model.queue.len());
                        assert!(count > 0 || length == 0 || model.closed);
                        let expected: Vec<u8> = model.queue.drain(..count).collect();
                        assert_eq!(buf.filled(), expected);
                        model.reader_waits = None;
                    }
                    Poll::Pending => {
                        assert!(length > 0 && model.queue.is_empty() && !model.closed);
                        model.reader_waits = Some(bell);
                    }
                }
            }
            Step::Shutdown => {
                let Some(writer) = &mut writer else { continue };
                assert!(Pin::new(writer).poll_shutdown(&mut cx).is_ready());
                model.closed = true;
                model.writer_waits = None;
            }
            Step::DropReader => {
                drop(reader.take());
                model.reader_gone = true;
                model.reader_waits = None;
            }
            Step::DropWriter => {
                drop(writer.take());
                model.closed = true;
                model.writer_waits = None;
            }
        }
        model.check(capacity);
    }
}

#[test]
fn much_goes_through_little_on_each_flavour() {
    let _watch = watch();
    on_each_flavour(|runtime| {
        runtime.block_on(async {
            let (mut near, mut far) = duplex(7);
            let echo = filch::spawn(async move {
                let mut bytes = [0; 5];
                loop {
                    match far.read(&mut bytes).await.unwrap() {
                        0 => break,
                        count => far.write_all(&bytes[..count]).await.unwrap(),
                    }
                }
            });
            for round in 0..200u8 {
                let sent = [round; 11];
                let mut back = [0; 11];
                // Both at the same time: neither side has room for all of it.
                let (mut reader, mut writer) = filch::io::split(near);
                let (written, read) =
                    filch::join!(writer.write_all(&sent), reader.read_exact(&mut back));
                written.unwrap();
                read.unwrap();
                assert_eq!(sent, back);
                near = reader.unsplit(writer);
            }
            drop(near);
            echo.await.unwrap();
        });
    });
}

#[test]
fn a_reader_and_a_writer_on_two_threads_lose_nothing() {
    let _watch = watch();
    let runtime = multi(2);
    runtime.block_on(async {
        for capacity in [1, 2, 100] {
            let (mut reader, mut writer) = simplex(capacity);
            let writing = filch::spawn(async move {
                for n in 0..5000u32 {
                    writer.write_u32(n).await.unwrap();
                }
            });
            let reading = filch::spawn(async move {
                for n in 0..5000 {
                    assert_eq!(reader.read_u32().await.unwrap(), n);
                }
                assert_eq!(reader.read(&mut [0; 1]).await.unwrap(), 0, "a dropped half is the end");
            });
            writing.await.unwrap();
            reading.await.unwrap();
        }
    });
}

#[filch::test]
async fn a_dropped_peer_is_the_end_and_a_broken_pipe() {
    let (mut near, mut far) = duplex(4);
    far.write_all(b"last").await.unwrap();
    drop(far);
    let mut text = String::new();
    near.read_to_string(&mut text).await.unwrap();
    assert_eq!(text, "last");
    assert_eq!(near.write(b"x").await.unwrap_err().kind(), ErrorKind::BrokenPipe);

    let (mut near, far) = duplex(4);
    near.write_all(b"full").await.unwrap();
    let mut writing = pin!(near.write_all(b"more"));
    assert!(once(writing.as_mut()).await.is_pending());
    drop(far);
    assert_eq!(writing.await.unwrap_err().kind(), ErrorKind::BrokenPipe);
}

#[filch::test]
async fn a_shutdown_closes_one_direction_only() {
    let (mut near, mut far) = duplex(16);
    near.shutdown().await.unwrap();
    assert_eq!(near.write(b"x").await.unwrap_err().kind(), ErrorKind::BrokenPipe);
    assert_eq!(far.read(&mut [0; 1]).await.unwrap(), 0);
    far.write_all(b"back").await.unwrap();
    assert_eq!(near.read_u32().await.unwrap(), u32::from_be_bytes(*b"back"));
}

#[filch::test]
async fn a_simplex_put_together_is_open_still() {
    let (reader, mut writer) = simplex(8);
    writer.write_all(b"ab").await.unwrap();
    let mut stream: SimplexStream = reader.unsplit(writer);
    stream.write_all(b"cd").await.unwrap();
    assert_eq!(stream.read_u32().await.unwrap(), u32::from_be_bytes(*b"abcd"));
    stream.shutdown().await.unwrap();
    assert_eq!(stream.read(&mut [0; 1]).await.unwrap(), 0);
}

#[test]
fn no_room_at_all_is_refused() {
    assert!(panic_here(|| duplex(0)).contains("at least 1"));
    assert!(panic_here(|| simplex(0)).contains("at least 1"));
    assert!(panic_here(|| SimplexStream::new_unsplit(0)).contains("at least 1"));
}

/// Panics when it is woken.
struct Panics;

impl Wake for Panics {
    fn wake(self: Arc<Panics>) {
        panic!("{ON_PURPOSE}: in a waker");
    }
}

#[test]
fn a_waker_that_panics_leaves_the_stream_whole() {
    let (mut near, mut far) = duplex(4);
    let waker = Waker::from(Arc::new(Panics));
    let mut bytes = [0; 4];
    let read = |far: &mut DuplexStream, waker: &Waker, bytes: &mut [u8]| {
        let mut buf = ReadBuf::new(bytes);
        let poll = Pin::new(far).poll_read(&mut Context::from_waker(waker), &mut buf);
        poll.map(|outcome| outcome.map(|()| buf.filled().len()).unwrap())
    };
    assert!(read(&mut far, &waker, &mut bytes).is_pending());
    let mut cx = Context::from_waker(Waker::noop());
    panic_of(|| Pin::new(&mut near).poll_write(&mut cx, b"ab"));
    assert_eq!(read(&mut far, Waker::noop(), &mut bytes), Poll::Ready(2));
    assert_eq!(&bytes[..2], b"ab");

    // The drop of a peer says what there is to say, whatever the waker does.
    assert!(read(&mut far, &waker, &mut bytes).is_pending());
    panic_of(move || drop(near));
    assert_eq!(read(&mut far, Waker::noop(), &mut bytes), Poll::Ready(0));
}

/// Reads when it is woken.
struct Reenters(std::sync::Mutex<Option<DuplexStream>>);

impl Wake for Reenters {
    fn wake(self: Arc<Reenters>) {
        let mut stream = self.0.lock().unwrap().take().expect("woken once");
        let mut bytes = [0; 4];
        let mut buf = ReadBuf::new(&mut bytes);
        let mut cx = Context::from_waker(Waker::noop());
        assert!(Pin::new(&mut stream).poll_read(&mut cx, &mut buf).is_ready());
        assert_eq!(buf.filled(), b"ab");
    }
}

#[test]
fn a_waker_may_read_from_the_very_stream() {
    let (mut near, mut far) = duplex(4);
    let reenters = Arc::new(Reenters(std::sync::Mutex::new(None)));
    let waker = Waker::from(reenters.clone());
    let mut bytes = [0; 4];
    let poll = Pin::new(&mut far)
        .poll_read(&mut Context::from_waker(&waker), &mut ReadBuf::new(&mut bytes));
    assert!(poll.is_pending());
    *reenters.0.lock().unwrap() = Some(far);
    let mut cx = Context::from_waker(Waker::noop());
    assert!(Pin::new(&mut near).poll_write(&mut cx, b"ab").is_ready());
    assert!(reenters.0.lock().unwrap().is_none(), "it was woken");
    let error = Pin::new(&mut near).poll_write(&mut cx, b"c").map(Result::unwrap_err);
    assert_eq!(error.map(|error| error.kind()), Poll::Ready(ErrorKind::BrokenPipe));
}
