//! `StreamWriter`: at once or in the background, limits, ends, closing, losing.

use super::support::streams::{MUCH, pair};
use super::support::{Bell, Gate, ON_PURPOSE, OnWake, own_host, within};
use filch::cancel::with_cleanup;
use filch::io::AsyncWriteExt;
use filch::runtime::{Builder, Runtime};
use filch::streams::{StreamWriter, open_connection};
use filch::time::Duration;
use std::future::{Future, pending};
use std::io::ErrorKind;
use std::net::TcpListener;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Waker};
use std::thread;

#[filch::test]
async fn what_is_written_arrives_in_order_though_nobody_waits() {
    let ((_, mut writer), (mut reader, _far), _server) = pair().await;
    let parts: Vec<Vec<u8>> = (0..64_u8).map(|number| vec![number; MUCH / 64]).collect();
    for part in &parts {
        writer.write(&**part);
    }
    assert!(writer.write_buffer_size() > 0);
    writer.write_eof();
    let all = within(reader.read_to_end()).await.unwrap();
    assert!(all == parts.concat());
    // Nor is the connection lost when the task that has sent is gone.
    filch::task::yield_now().await;
    writer.drain().await.unwrap();
    assert!(!writer.is_closing());
}

#[filch::test]
async fn drain_waits_while_too_much_is_left() {
    let ((_, mut writer), (mut reader, _far), _server) = pair().await;
    writer.drain().await.unwrap();
    writer.write(&*vec![1; MUCH]);
    let mut drained = Box::pin(writer.drain());
    filch::select! {
        biased;
        _ = &mut drained => panic!("{} bytes are left", MUCH),
        () = filch::task::yield_now() => {}
    }
    let read = async { reader.readexactly(MUCH).await.unwrap() };
    let (_, outcome) = within(async { filch::join!(read, drained) }).await;
    outcome.unwrap();
    assert!(writer.write_buffer_size() <= writer.write_buffer_limits().1);
}

#[filch::test]
async fn limits_follow_one_another() {
    let ((_, mut writer), _far, _server) = pair().await;
    assert_eq!(writer.write_buffer_limits(), (65536, 16384));
    writer.set_write_buffer_limits(100, None).unwrap();
    assert_eq!(writer.write_buffer_limits(), (100, 25));
    writer.set_write_buffer_limits(None, 100).unwrap();
    assert_eq!(writer.write_buffer_limits(), (400, 100));
    assert!(writer.set_write_buffer_limits(10, 20).is_err());
    assert_eq!(writer.write_buffer_limits(), (400, 100));
    writer.set_write_buffer_limits(0, 0).unwrap();
    writer.write(&b"x"[..]);
    within(writer.drain()).await.unwrap();
}

#[filch::test]
async fn after_its_end_the_writer_takes_nothing_and_the_reader_goes_on() {
    let ((mut reader, mut writer), (mut far_reader, mut far_writer), _server) = pair().await;
    assert!(writer.can_write_eof());
    writer.writelines(["one ", "two"]);
    writer.write_eof();
    writer.write_eof();
    assert_eq!(within(far_reader.read_to_end()).await.unwrap(), "one two");
    far_writer.write(&b"three"[..]);
    drop(far_writer);
    assert_eq!(within(reader.read_to_end()).await.unwrap(), "three");
    let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        writer.write(&b"late"[..]);
    }));
    assert!(outcome.is_err());
}

#[filch::test]
async fn close_sends_what_was_written_and_ends_both_directions() {
    let ((mut reader, mut writer), (mut far_reader, _far_writer), _server) = pair().await;
    writer.write(&*vec![7; MUCH]);
    assert!(!writer.is_closing());
    writer.close();
    assert!(writer.is_closing());
    writer.write(&b"ignored"[..]);
    let told = within(writer.drain()).await.unwrap_err();
    assert_eq!(told.kind(), ErrorKind::BrokenPipe, "who writes in a loop shall not do so for ever");
    let all = async { far_reader.read_to_end().await.unwrap().len() };
    let (count, closed) = within(async { filch::join!(all, writer.wait_closed()) }).await;
    closed.unwrap();
    assert_eq!(count, MUCH);
    assert_eq!(within(reader.read(1)).await.unwrap(), "");
}

#[filch::test]
async fn a_writer_that_is_dropped_sends_all_first() {
    let ((_reader, mut writer), (mut far_reader, _far_writer), _server) = pair().await;
    writer.write(&*vec![7; MUCH]);
    drop(writer);
    assert_eq!(within(far_reader.read_to_end()).await.unwrap().len(), MUCH);
}

#[filch::test]
async fn nothing_is_a_write_too() {
    let ((_, mut writer), (mut reader, _far), _server) = pair().await;
    writer.write(&b""[..]);
    writer.writelines::<[&str; 0]>([]);
    writer.close();
    writer.close();
    assert_eq!(within(reader.read_to_end()).await.unwrap(), "");
    writer.wait_closed().await.unwrap();
}

#[filch::test]
async fn it_is_a_byte_stream_too() {
    let ((_, mut writer), (mut reader, _far), _server) = pair().await;
    let write = async {
        writer.write_all(&vec![3; MUCH]).await.unwrap();
        AsyncWriteExt::flush(&mut writer).await.unwrap();
        writer.shutdown().await.unwrap();
        let error = AsyncWriteExt::write(&mut writer, b"x").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BrokenPipe);
    };
    let read = async { reader.read_to_end().await.unwrap().len() };
    assert_eq!(within(async { filch::join!(write, read) }).await.1, MUCH);
}

#[filch::test]
async fn an_abort_drops_what_was_not_sent() {
    let ((_reader, mut writer), (mut far_reader, _far_writer), _server) = pair().await;
    writer.write(&*vec![7; MUCH]);
    writer.abort();
    within(writer.wait_closed()).await.unwrap();
    assert_eq!(writer.write_buffer_size(), 0);
    let mut count = 0;
    while let Ok(bytes) = within(far_reader.read(1 << 20)).await
        && !bytes.is_empty()
    {
        count += bytes.len();
    }
    assert!(count < MUCH);
}

#[filch::test]
async fn a_peer_that_is_gone_is_told_by_drain() {
    let ((_reader, mut writer), (far_reader, mut far_writer), _server) = pair().await;
    far_writer.abort();
    drop(far_reader);
    within(async {
        while writer.drain().await.is_ok() {
            writer.write(&b"anybody?"[..]);
            filch::task::yield_now().await;
        }
    })
    .await;
    assert!(writer.is_closing());
    assert!(writer.wait_closed().await.is_err());
}

#[filch::test]
async fn it_knows_both_addresses() {
    let ((_, near), (_, far), server) = pair().await;
    assert_eq!(near.peer_addr().unwrap(), server.local_addrs()[0]);
    assert_eq!(near.local_addr().unwrap(), far.peer_addr().unwrap());
    assert!(near.as_tcp().unwrap().nodelay().unwrap());
    #[cfg(unix)]
    assert!(near.as_unix().is_none());
}

#[test]
fn who_waits_is_told_when_the_runtime_that_sends_shuts_down() {
    let runtime = || filch::runtime::Builder::new_current_thread().build().unwrap();
    let sender = runtime();
    let (ends, writer) = sender.block_on(async {
        let ((near_reader, mut writer), far, server) = pair().await;
        writer.write(&*vec![1; MUCH]);
        ((near_reader, far, server), writer)
    });
    drop(sender);
    let error = runtime().block_on(within(writer.flush())).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionAborted);
    drop(ends);
}

#[filch::test]
async fn a_waker_that_panics_keeps_nobody_from_being_told() {
    let ((_reader, mut writer), (far_reader, mut far_writer), _server) = pair().await;
    writer.write(&*vec![1; MUCH]);
    let panics = Waker::from(Arc::new(OnWake(|| panic!("{ON_PURPOSE}"))));
    let (bell, rings) = Bell::new();
    let mut drained = pin!(writer.drain());
    assert!(drained.as_mut().poll(&mut Context::from_waker(&panics)).is_pending());
    let mut flushed = pin!(writer.flush());
    assert!(flushed.as_mut().poll(&mut Context::from_waker(&rings)).is_pending());
    far_writer.abort();
    drop((far_reader, far_writer));
    assert!(within(writer.wait_closed()).await.is_err());
    assert_eq!(bell.rang(), 1);
}

#[filch::test]
async fn who_gives_up_leaves_no_waker_behind() {
    let ((_, mut writer), _far, _server) = pair().await;
    writer.write(&*vec![1; MUCH]);
    let (bell, waker) = Bell::new();
    let mut cx = Context::from_waker(&waker);
    let mut stays = Box::pin(writer.wait_closed());
    assert!(stays.as_mut().poll(&mut cx).is_pending());
    let before = Arc::strong_count(&bell);
    for _ in 0..100 {
        let mut goes = pin!(writer.flush());
        assert!(goes.as_mut().poll(&mut cx).is_pending() && goes.poll(&mut cx).is_pending());
    }
    assert_eq!(Arc::strong_count(&bell), before);
    drop(stays);
    assert_eq!(Arc::strong_count(&bell), before - 1);
}

/// A runtime in which something is written that has no room, before its orderly end; gives how many bytes
/// the peer got. It reads as soon as the end has begun.
fn sent_at_the_end(runtime: Runtime, write: impl AsyncFnOnce(&mut StreamWriter)) -> usize {
    let listener = TcpListener::bind((own_host(), 0)).unwrap();
    let address = listener.local_addr().unwrap();
    let ending = Gate::new();
    let begun = ending.clone();
    let peer = thread::spawn(move || {
        let mut stream = listener.accept().unwrap().0;
        begun.block();
        std::io::copy(&mut stream, &mut std::io::sink()).unwrap_or(0)
    });
    let _reader = runtime.block_on(async {
        let (reader, mut writer) = open_connection(address).await.unwrap();
        drop(filch::spawn(with_cleanup(pending::<()>(), async move { ending.open() })));
        filch::task::yield_now().await;
        write(&mut writer).await;
        reader
    });
    assert!(runtime.close().is_clean());
    peer.join().unwrap() as usize
}

#[test]
fn an_orderly_end_waits_until_all_has_been_sent() {
    for flavour in [Builder::new_current_thread, Builder::new_multi_thread] {
        // At once, after the task that sends has begun, and with more that was written since.
        for yields in 0..3 {
            let count = sent_at_the_end(flavour().build().unwrap(), async |writer| {
                writer.write(&*vec![1; MUCH]);
                for _ in 0..yields {
                    filch::task::yield_now().await;
                }
                writer.write(&*vec![1; yields * 1000]);
            });
            assert_eq!(count, MUCH + yields * 1000);
        }
    }
}

/// A writer who has written to a peer that does not read, and what keeps the connection open.
async fn stuffed() -> (impl Sized, StreamWriter) {
    let ((near, mut writer), far, server) = pair().await;
    writer.write(&*vec![1; MUCH]);
    ((near, far, server), writer)
}

fn told_by(writer: StreamWriter) -> ErrorKind {
    let runtime = Builder::new_current_thread().build().unwrap();
    runtime.block_on(writer.flush()).unwrap_err().kind()
}

#[test]
fn an_orderly_end_does_not_wait_for_ever() {
    let runtime = Builder::new_current_thread().start_paused(true).build().unwrap();
    let (ends, writer) = runtime.block_on(stuffed());
    assert!(runtime.close().is_clean());
    assert_eq!(told_by(writer), ErrorKind::ConnectionAborted);
    drop(ends);
}

#[test]
fn the_limit_of_an_orderly_end_holds_for_what_was_written_too() {
    let mut builder = Builder::new_current_thread();
    builder.start_paused(true).close_timeout(Duration::from_secs(1)).on_unhandled(|_| ());
    let runtime = builder.build().unwrap();
    let (ends, writer) = runtime.block_on(stuffed());
    assert_eq!(runtime.close().stuck().len(), 1, "the task that sends");
    assert_eq!(told_by(writer), ErrorKind::ConnectionAborted);
    // Nothing is left to be sent after an abort.
    let runtime = builder.build().unwrap();
    let (others, mut writer) = runtime.block_on(stuffed());
    writer.abort();
    assert!(runtime.close().is_clean());
    drop((ends, others));
}
