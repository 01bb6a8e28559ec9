//! Streams in memory and halves of a stream under every interleaving: nobody sleeps for ever.
#![cfg(filch_loom)]
#![allow(missing_docs)]

use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

use filch::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf, duplex, split};
use loom::thread;

struct Unpark(thread::Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Unpark>) {
        self.0.unpark();
    }
}

/// Polls until it is ready, and lets others run between: who finds a slot busy wakes itself, and
/// would do so without end in a model.
fn block_on<F: Future>(future: F) -> F::Output {
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return output;
        }
        thread::park();
        thread::yield_now();
    }
}

#[test]
fn a_reader_gets_all_bytes_and_the_end() {
    loom::model(|| {
        let (mut near, mut far) = duplex(1);
        let writing = thread::spawn(move || {
            block_on(near.write_all(b"ab")).unwrap();
        });
        let mut bytes = Vec::with_capacity(8);
        while block_on(far.read_buf(&mut bytes)).unwrap() > 0 {}
        assert_eq!(bytes, b"ab");
        writing.join().unwrap();
    });
}

#[test]
fn a_writer_learns_that_the_reader_has_gone() {
    loom::model(|| {
        let (mut near, far) = duplex(1);
        let dropping = thread::spawn(move || drop(far));
        assert!(block_on(near.write_all(b"ab")).is_err());
        dropping.join().unwrap();
    });
}

/// Always ready, and never polled by two.
struct Alone {
    polled: loom::cell::UnsafeCell<()>,
    turns: usize,
}

impl Alone {
    fn turn(&mut self) {
        // The model fails if somebody else is here.
        self.polled.with_mut(|_| thread::yield_now());
        self.turns += 1;
    }
}

impl AsyncRead for Alone {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.turn();
        buf.put_slice(b"x");
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Alone {
    fn poll_write(
        mut self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
        _buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.turn();
        Poll::Ready(Ok(1))
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[test]
fn halves_take_turns_and_wait_for_each_other() {
    loom::model(|| {
        let stream = Alone { polled: loom::cell::UnsafeCell::new(()), turns: 0 };
        let (mut reader, mut writer) = split(stream);
        let writing = thread::spawn(move || {
            block_on(writer.write_all(b"ab")).unwrap();
            writer
        });
        let mut bytes = [0; 2];
        block_on(reader.read_exact(&mut bytes)).unwrap();
        let stream = reader.unsplit(writing.join().unwrap());
        assert_eq!(stream.turns, 4);
    });
}
