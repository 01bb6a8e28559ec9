//! Any stream as a reader and a writer: they take turns, and neither is forgotten.

use std::io::IoSlice;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use filch::io::{
    self, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf, ReadHalf, WriteHalf, duplex,
    split,
};

use crate::support::{Bell, Gate, ON_PURPOSE, multi, panic_here, panic_of, watch};

type During = Box<dyn FnMut() + Send>;

/// Calls a function while it is read, and takes whatever is written.
struct Hooked {
    during_read: During,
    written: usize,
}

impl AsyncRead for Hooked {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        (self.during_read)();
        buf.put_slice(b"r");
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Hooked {
    fn poll_write(
        mut self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.written += buf.len();
        Poll::Ready(Ok(buf.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

fn hooked(during_read: During) -> (ReadHalf<Hooked>, WriteHalf<Hooked>) {
    split(Hooked { during_read, written: 0 })
}

fn read_one(reader: &mut ReadHalf<Hooked>) -> Poll<io::Result<()>> {
    let mut bytes = [0; 1];
    let mut cx = Context::from_waker(Waker::noop());
    Pin::new(reader).poll_read(&mut cx, &mut ReadBuf::new(&mut bytes))
}

#[test]
fn a_half_that_finds_the_other_one_there_is_woken_when_it_has_gone() {
    let _watch = watch();
    let (there, go_on) = (Gate::new(), Gate::new());
    let during_read = {
        let (there, go_on) = (there.clone(), go_on.clone());
        Box::new(move || {
            there.open();
            go_on.block();
        })
    };
    let (mut reader, mut writer) = hooked(during_read);
    let reading = std::thread::spawn(move || {
        assert!(read_one(&mut reader).is_ready());
        reader
    });
    there.block();
    let (bell, waker) = Bell::new();
    let mut cx = Context::from_waker(&waker);
    assert!(Pin::new(&mut writer).poll_write(&mut cx, b"x").is_pending());
    assert!(Pin::new(&mut writer).poll_flush(&mut cx).is_pending());
    assert!(Pin::new(&mut writer).poll_shutdown(&mut cx).is_pending());
    assert_eq!(bell.rang(), 0, "it waits, and does not spin");
    go_on.open();
    let reader = reading.join().unwrap();
    assert_eq!(bell.rang(), 1);
    assert!(Pin::new(&mut writer).poll_write(&mut cx, b"x").is_ready());
    assert_eq!(reader.unsplit(writer).written, 1);
}

#[test]
fn a_poll_of_one_half_may_poll_the_other() {
    let writer = Arc::new(Mutex::new(None::<WriteHalf<Hooked>>));
    let (bell, waker) = Bell::new();
    let during_read = {
        let writer = writer.clone();
        Box::new(move || {
            let mut writer = writer.lock().unwrap();
            let writer = Pin::new(writer.as_mut().unwrap());
            assert!(writer.poll_write(&mut Context::from_waker(&waker), b"x").is_pending());
        })
    };
    let (mut reader, half) = hooked(during_read);
    *writer.lock().unwrap() = Some(half);
    assert!(read_one(&mut reader).is_ready());
    assert_eq!(bell.rang(), 1);
    // The hook holds the writer, and the writer the stream with the hook.
    drop(writer.lock().unwrap().take());
}

#[test]
fn a_stream_that_panics_leaves_both_halves_usable() {
    let mut panics = true;
    let during_read = Box::new(move || {
        if std::mem::take(&mut panics) {
            panic!("{ON_PURPOSE}: in a read");
        }
    });
    let (mut reader, mut writer) = hooked(during_read);
    panic_of(|| read_one(&mut reader));
    assert!(read_one(&mut reader).is_ready());
    let mut cx = Context::from_waker(Waker::noop());
    assert!(Pin::new(&mut writer).poll_write(&mut cx, b"abc").is_ready());
    assert_eq!(reader.unsplit(writer).written, 3);
}

#[test]
fn halves_on_two_threads_take_turns() {
    let _watch = watch();
    multi(2).block_on(async {
        let (near, far) = duplex(3);
        let (near_reader, near_writer) = split(near);
        let (far_reader, far_writer) = split(far);
        let send = |mut writer: WriteHalf<_>| async move {
            for n in 0..3000u32 {
                writer.write_u32(n).await.unwrap();
            }
            writer
        };
        let receive = |mut reader: ReadHalf<_>| async move {
            for n in 0..3000 {
                assert_eq!(reader.read_u32().await.unwrap(), n);
            }
            reader
        };
        let sending = [filch::spawn(send(near_writer)), filch::spawn(send(far_writer))];
        let receiving = [filch::spawn(receive(near_reader)), filch::spawn(receive(far_reader))];
        let [near_writer, far_writer] = sending;
        let [near_reader, far_reader] = receiving;
        let near = near_reader.await.unwrap().unsplit(near_writer.await.unwrap());
        let far = far_reader.await.unwrap().unsplit(far_writer.await.unwrap());
        drop((near, far));
    });
}

#[filch::test]
async fn only_halves_of_the_same_stream_are_put_together() {
    let (reader, writer) = split(io::empty());
    let (_, other) = split(io::empty());
    assert!(reader.is_pair_of(&writer) && writer.is_pair_of(&reader));
    assert!(!reader.is_pair_of(&other));
    assert!(panic_here(|| reader.unsplit(other)).contains("two different streams"));
}

#[filch::test]
async fn halves_pass_vectored_writes_on() {
    let (near, mut far) = duplex(64);
    let (_reader, mut writer) = split(near);
    assert!(writer.is_write_vectored());
    let slices = [IoSlice::new(b"ab"), IoSlice::new(b"cd")];
    assert_eq!(writer.write_vectored(&slices).await.unwrap(), 4);
    assert_eq!(far.read_u32().await.unwrap(), u32::from_be_bytes(*b"abcd"));
}

#[filch::test]
async fn a_dropped_half_keeps_the_stream_for_the_other() {
    let (near, mut far) = duplex(64);
    let (mut reader, writer) = split(near);
    drop(writer);
    far.write_all(b"x").await.unwrap();
    assert_eq!(reader.read_u8().await.unwrap(), b'x');
    drop(reader);
    assert!(far.write_all(b"x").await.is_err(), "with the second half the stream has gone");
}
