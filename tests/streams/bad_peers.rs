//! Peers that break off in every state, that end early, and that never end a line.

use super::support::streams::{MUCH, pair};
use super::support::within;
use filch::io::AsyncWriteExt;
use filch::net::{TcpListener, TcpStream};
use filch::streams::{ReadError, StreamReader, StreamWriter, open_connection};
use std::future::poll_fn;
use std::io::ErrorKind;
use std::pin::pin;
use std::task::Poll;

/// A connection to somebody who resets it when he is dropped, without ending it before.
async fn fragile() -> ((StreamReader, StreamWriter), TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let near = open_connection(listener.local_addr().unwrap()).await.unwrap();
    let (far, _) = listener.accept().await.unwrap();
    far.set_zero_linger().unwrap();
    (near, far)
}

/// Both halves tell that the connection was reset, as often as they are asked.
async fn assert_reset(reader: &mut StreamReader, writer: &mut StreamWriter) {
    for _ in 0..2 {
        let error = within(reader.read(1)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
        assert_eq!(writer.drain().await.unwrap_err().kind(), ErrorKind::ConnectionReset);
        assert_eq!(writer.flush().await.unwrap_err().kind(), ErrorKind::ConnectionReset);
        let error = within(writer.wait_closed()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
        writer.write(&b"ignored"[..]);
    }
    assert!(writer.is_closing());
}

#[filch::test]
async fn reset_before_anything() {
    let ((mut reader, mut writer), far) = fragile().await;
    drop(far);
    assert_reset(&mut reader, &mut writer).await;
}

#[filch::test]
async fn reset_while_a_read_waits() {
    let ((mut reader, mut writer), mut far) = fragile().await;
    far.write_all(b"half a line").await.unwrap();
    let error = {
        let mut line = pin!(reader.readline());
        assert!(poll_fn(|cx| Poll::Ready(line.as_mut().poll(cx).is_pending())).await);
        drop(far);
        within(line).await.unwrap_err()
    };
    let ReadError::Io(error) = error else { panic!("{error}") };
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    assert_reset(&mut reader, &mut writer).await;
    assert_eq!(reader.buffer(), b"half a line", "what came before is not lost");
}

#[filch::test]
async fn reset_while_bytes_are_left() {
    let ((mut reader, mut writer), far) = fragile().await;
    writer.write(&*vec![1; MUCH]);
    assert!(writer.write_buffer_size() > 0);
    drop(far);
    let error = within(writer.flush()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    // The writer has taken the error of the socket. For the reader it is no proper end all the same.
    assert_reset(&mut reader, &mut writer).await;
    assert_eq!(writer.write_buffer_size(), 0);
}

#[filch::test]
async fn reset_that_a_write_finds() {
    let ((mut reader, mut writer), far) = fragile().await;
    drop(far);
    within(async {
        while writer.drain().await.is_ok() {
            writer.write(&b"anybody?"[..]);
            filch::task::yield_now().await;
        }
    })
    .await;
    assert_reset(&mut reader, &mut writer).await;
}

#[filch::test]
async fn reset_after_our_end() {
    let ((mut reader, mut writer), far) = fragile().await;
    writer.write_eof();
    drop(far);
    assert_reset(&mut reader, &mut writer).await;
}

#[filch::test]
async fn reset_after_the_end_of_the_peer_leaves_that_end() {
    let ((mut reader, mut writer), mut far) = fragile().await;
    far.write_all(b"last words").await.unwrap();
    far.shutdown().await.unwrap();
    assert_eq!(within(reader.readexactly(10)).await.unwrap(), "last words");
    assert_eq!(within(reader.read(1)).await.unwrap(), "");
    drop(far);
    within(async {
        while writer.drain().await.is_ok() {
            writer.write(&b"anybody?"[..]);
            filch::task::yield_now().await;
        }
    })
    .await;
    assert_eq!(reader.read(1).await.unwrap(), "");
    assert!(reader.at_eof());
}

#[filch::test]
async fn reset_while_it_closes() {
    let ((_reader, mut writer), far) = fragile().await;
    writer.write(&*vec![1; MUCH]);
    writer.close();
    drop(far);
    let error = within(writer.wait_closed()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
}

#[filch::test]
async fn reset_after_an_abort_or_a_close_is_no_news() {
    for abort in [false, true] {
        let ((mut reader, mut writer), far) = fragile().await;
        match abort {
            true => writer.abort(),
            false => writer.close(),
        }
        within(writer.wait_closed()).await.unwrap();
        drop(far);
        writer.drain().await.unwrap();
        within(writer.wait_closed()).await.unwrap();
        let _ = within(reader.read(1)).await;
        writer.abort();
        writer.close();
        writer.write_eof();
        within(writer.wait_closed()).await.unwrap();
    }
}

#[filch::test]
async fn both_ends_may_come_one_after_the_other() {
    let ((mut reader, mut writer), (mut far_reader, mut far_writer), _server) = pair().await;
    far_writer.write_eof();
    assert_eq!(within(reader.read_to_end()).await.unwrap(), "");
    writer.write(&b"still here"[..]);
    assert_eq!(within(far_reader.readexactly(10)).await.unwrap(), "still here");
    writer.write_eof();
    assert_eq!(within(far_reader.read_to_end()).await.unwrap(), "");
    for writer in [&mut writer, &mut far_writer] {
        writer.close();
        within(writer.wait_closed()).await.unwrap();
    }
}

#[filch::test]
async fn nothing_is_read_and_written_in_every_state() {
    let ((mut reader, mut writer), (_far_reader, mut far_writer), _server) = pair().await;
    let nothing = async |reader: &mut StreamReader| {
        assert_eq!(reader.read(0).await.unwrap(), "");
        assert_eq!(reader.readexactly(0).await.unwrap(), "");
    };
    nothing(&mut reader).await;
    writer.write(&b""[..]);
    far_writer.write_eof();
    assert_eq!(within(reader.read(1)).await.unwrap(), "");
    nothing(&mut reader).await;
    writer.write_eof();
    // A write of nothing after the end is no write.
    writer.write(&b""[..]);
    writer.close();
    writer.write(&b""[..]);
    within(writer.wait_closed()).await.unwrap();
    nothing(&mut reader).await;
}

#[filch::test]
async fn a_line_without_end_costs_no_more_than_the_limit() {
    let ((mut reader, _writer), (_far_reader, mut far_writer), _server) = pair().await;
    let limit = reader.limit();
    far_writer.write(&*vec![b'x'; 4 * MUCH]);
    let mut thrown_away = 0;
    while thrown_away < MUCH / 2 {
        let error = within(reader.readline()).await.unwrap_err();
        let ReadError::LimitOverrun(error) = error else { panic!("{error}") };
        assert!(!error.separator_found());
        assert!(error.consumed > limit && error.consumed <= 2 * limit, "{}", error.consumed);
        assert!(reader.buffer().is_empty(), "it is thrown away");
        thrown_away += error.consumed;
    }
    // The peer is held up meanwhile.
    assert!(far_writer.write_buffer_size() > 0);
    let error = within(reader.readuntil(b"\n")).await.unwrap_err();
    assert!(matches!(error, ReadError::LimitOverrun(_)));
    let held = reader.buffer().len();
    for _ in 0..10 {
        assert!(within(reader.readuntil(b"\n")).await.is_err());
    }
    assert_eq!(reader.buffer().len(), held, "nothing more is read in vain");
}
