//! `StreamWriter`: at once or in the background, limits, ends, closing, losing.

use super::support::streams::{MUCH, pair};
use super::support::{Bell, ON_PURPOSE, OnWake, within};
use filch::io::AsyncWriteExt;
use std::io::ErrorKind;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Waker};

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
    assert!(near.as_tcp().unwrap().nodelay().unwrap() && near.as_unix().is_none());
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
    let ((_, mut writer), _far, _server) = pair().await;
    writer.write(&*vec![1; MUCH]);
    let panics = Waker::from(Arc::new(OnWake(|| panic!("{ON_PURPOSE}"))));
    let (bell, rings) = Bell::new();
    for waker in [&panics, &rings] {
        let waiting = pin!(writer.wait_closed());
        assert!(waiting.poll(&mut Context::from_waker(waker)).is_pending());
    }
    let aborted = catch_unwind(AssertUnwindSafe(|| writer.abort()));
    assert_eq!(bell.rang(), 1);
    assert!(aborted.is_ok(), "a stranger's panic is not for who aborts");
    within(writer.wait_closed()).await.unwrap();
}
