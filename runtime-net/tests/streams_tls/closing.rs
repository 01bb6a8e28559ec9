//! The ends of a connection under TLS: closed, half closed, aborted, cut, and never answered.

use super::*;
use filch::time::Instant;
use filch::tls::rustls::version::{TLS12, TLS13};

#[filch::test]
async fn close_sends_what_was_written_and_says_goodbye() {
    let ((mut reader, mut writer), (mut far_reader, far_writer), _server) = secure().await;
    writer.write(&*vec![7; MUCH]);
    writer.close();
    assert!(writer.is_closing());
    writer.write(&b"ignored"[..]);
    assert!(at_once(writer.wait_closed()).is_none());
    let count = within(far_reader.read_to_end()).await.unwrap().len();
    assert_eq!(count, MUCH);
    assert_eq!(within(reader.read(1)).await.unwrap(), "", "the reader meets the end");
    assert!(at_once(writer.wait_closed()).is_none(), "the peer has not gone yet");
    drop((far_reader, far_writer));
    within(writer.wait_closed()).await.unwrap();
}

#[filch::test]
async fn a_reader_that_waits_meets_the_end_when_its_writer_closes() {
    let identity = Identity::new("localhost");
    let mut theirs = identity.server();
    // Nothing comes from the peer: it is the close that wakes who reads.
    theirs.send_tls13_tickets = 0;
    let ((mut reader, mut writer), _far, _server) = secure_with(identity.client(), theirs).await;
    let waiting = filch::spawn(async move { reader.read(1).await });
    filch::task::yield_now().await;
    assert!(!waiting.is_finished());
    writer.close();
    assert_eq!(within(waiting).await.unwrap().unwrap(), "");
}

#[filch::test]
async fn a_writer_that_is_dropped_sends_all_first() {
    let ((reader, mut writer), (mut far_reader, far_writer), server) = secure().await;
    writer.write(&*vec![7; MUCH]);
    // With what the server has sent after its handshake unread.
    drop((reader, writer));
    assert_eq!(within(far_reader.read_to_end()).await.unwrap().len(), MUCH);
    drop((far_reader, far_writer));
    server.close();
    within(server.wait_closed()).await;
}

#[filch::test]
async fn a_peer_that_goes_on_sending_loses_nothing_of_what_it_is_sent() {
    let ((_reader, mut writer), (mut far_reader, mut far_writer), _server) = secure().await;
    writer.write(&b"last words"[..]);
    writer.close();
    // Nobody will read it. If it met a closed socket, the answer would be a reset.
    for _ in 0..100 {
        far_writer.write(&*vec![1; 10_000]);
        filch::task::yield_now().await;
    }
    within(far_writer.flush()).await.unwrap();
    assert_eq!(within(far_reader.read_to_end()).await.unwrap(), "last words");
    far_writer.close();
    within(far_writer.wait_closed()).await.unwrap();
    within(writer.wait_closed()).await.unwrap();
}

#[filch::test(flavor = "current_thread")]
async fn a_peer_that_never_goes_has_half_a_minute() {
    let identity = Identity::new("localhost");
    let second = Duration::from_secs(1);
    for (said, limit) in [(None, Duration::from_secs(30)), (Some(second), second)] {
        let (server, mut clients) =
            listen(ServerOptions::new().tls(acceptor(identity.server()))).await;
        let options = ConnectOptions::new().tls(connector(identity.client()), name("localhost"));
        let options = match said {
            None => options,
            Some(limit) => options.ssl_shutdown_timeout(limit),
        };
        let (_reader, mut writer) = options.open(server.local_addrs()[0]).await.unwrap();
        let (mut far_reader, _far_writer) = clients.recv().await.unwrap();
        // From here on nothing comes from the peer.
        filch::time::pause();
        let begin = Instant::now();
        writer.write(&b"bye"[..]);
        writer.close();
        assert_eq!(writer.wait_closed().await.unwrap_err().kind(), ErrorKind::TimedOut);
        assert_eq!(begin.elapsed(), limit);
        filch::time::resume();
        assert_eq!(far_reader.read_to_end().await.unwrap(), "bye");
    }
}

#[filch::test]
async fn each_direction_ends_for_itself() {
    for version in [&TLS12, &TLS13] {
        let identity = Identity::new("localhost");
        let ((mut reader, mut writer), (mut far_reader, mut far_writer), _server) =
            secure_with(identity.client(), identity.server_of(version)).await;
        assert_eq!(writer.tls_info().unwrap().protocol_version(), Some(version.version));
        assert!(writer.can_write_eof());
        writer.write(&b"question"[..]);
        writer.write_eof();
        writer.write_eof();
        assert_eq!(within(far_reader.read_to_end()).await.unwrap(), "question");
        assert!(far_reader.at_eof());
        far_writer.write(&*vec![1; MUCH]);
        drop(far_writer);
        assert_eq!(within(reader.read_to_end()).await.unwrap().len(), MUCH);
        writer.close();
        within(writer.wait_closed()).await.unwrap();
    }
}

#[filch::test]
async fn it_is_a_byte_stream_too() {
    use filch::io::AsyncWriteExt;
    let ((_reader, mut writer), (mut far_reader, _far_writer), _server) = secure().await;
    let write = async {
        writer.write_all(&vec![3; MUCH]).await.unwrap();
        AsyncWriteExt::flush(&mut writer).await.unwrap();
        writer.shutdown().await.unwrap();
        let error = AsyncWriteExt::write(&mut writer, b"x").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BrokenPipe);
    };
    let read = async { far_reader.read_to_end().await.unwrap().len() };
    assert_eq!(within(async { filch::join!(write, read) }).await.1, MUCH);
}

#[filch::test]
async fn a_stream_that_is_cut_is_no_end() {
    let ((mut reader, mut writer), (mut far_reader, mut far_writer), _server) = secure().await;
    far_writer.write(&b"half"[..]);
    within(far_writer.flush()).await.unwrap();
    cut(&far_writer);
    assert_eq!(within(reader.readexactly(4)).await.unwrap(), "half");
    for _ in 0..2 {
        let error = within(reader.read(1)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UnexpectedEof);
    }
    assert_eq!(writer.drain().await.unwrap_err().kind(), ErrorKind::UnexpectedEof);
    assert!(writer.is_closing());
    writer.write(&b"ignored"[..]);
    within(far_reader.read(1)).await.unwrap_err();
}

#[filch::test]
async fn an_abort_says_no_goodbye() {
    let ((mut reader, mut writer), (mut far_reader, _far_writer), _server) = secure().await;
    writer.write(&*vec![7; MUCH]);
    writer.abort();
    within(writer.wait_closed()).await.unwrap();
    assert_eq!(writer.write_buffer_size(), 0);
    let kind = within(far_reader.read_to_end()).await.unwrap_err().kind();
    assert!([ErrorKind::UnexpectedEof, ErrorKind::ConnectionReset].contains(&kind), "{kind:?}");
    assert!(within(reader.read(1)).await.is_err());
}

#[filch::test]
async fn an_abort_does_not_wait_for_a_close() {
    let ((_reader, mut writer), _far, _server) = secure().await;
    writer.close();
    filch::task::yield_now().await;
    assert!(at_once(writer.wait_closed()).is_none());
    writer.abort();
    within(writer.wait_closed()).await.unwrap();
}

#[filch::test]
async fn a_reset_is_told_to_both_halves() {
    let (mut near, far, _server) = secure().await;
    far.1.as_tcp().unwrap().set_zero_linger().unwrap();
    let (far_reader, mut far_writer) = far;
    far_writer.abort();
    drop((far_reader, far_writer));
    let kind = within(near.0.read(1)).await.unwrap_err().kind();
    assert!([ErrorKind::UnexpectedEof, ErrorKind::ConnectionReset].contains(&kind), "{kind:?}");
    assert_lost(&mut near, kind).await;
}

#[filch::test]
async fn clients_may_be_closed_or_aborted() {
    for abort in [false, true] {
        let ((mut reader, writer), (far_reader, mut far_writer), server) = secure().await;
        far_writer.write(&b"bye"[..]);
        match abort {
            true => server.abort_clients(),
            false => server.close_clients(),
        }
        server.close();
        let rest = within(reader.read_to_end()).await;
        match abort {
            true => assert!(rest.is_err()),
            false => assert_eq!(rest.unwrap(), "bye"),
        }
        drop((reader, writer));
        within(server.wait_closed()).await;
        drop((far_reader, far_writer));
    }
}

#[filch::test]
async fn a_graceful_shutdown_waits_for_who_goes_and_ends_who_stays() {
    for stays in [false, true] {
        let ((mut reader, writer), far, server) = secure().await;
        drop(far);
        let shutdown = async {
            let limit = Duration::from_millis(if stays { 10 } else { 50_000 });
            server.graceful_shutdown(limit).await
        };
        let client = async move {
            let end = reader.read_to_end().await;
            if stays {
                std::future::pending::<()>().await;
            }
            drop((reader, writer));
            end
        };
        let client = filch::spawn(client);
        assert_eq!(within(shutdown).await, !stays);
        if !stays {
            assert_eq!(within(client).await.unwrap().unwrap(), "");
        }
    }
}

#[test]
fn a_writer_that_is_dropped_outside_of_its_runtime_sends_all_first_too() {
    let runtime = filch::runtime::Builder::new_multi_thread().worker_threads(1).build().unwrap();
    let (mut near, (mut far_reader, _far_writer), _server) = runtime.block_on(secure());
    near.1.write(&*vec![1; MUCH]);
    drop(near);
    let bytes = runtime.block_on(within(far_reader.read_to_end())).unwrap();
    assert_eq!(bytes.len(), MUCH);
}

#[test]
fn who_ends_at_once_says_goodbye_too() {
    let identity = Identity::new("localhost");
    let mut theirs = identity.server();
    // What is not read when a socket is closed resets the connection.
    theirs.send_tls13_tickets = 0;
    let serving = filch::runtime::Builder::new_multi_thread().worker_threads(1).build().unwrap();
    let options = ServerOptions::new().tls(acceptor(theirs));
    let (server, mut clients) = serving.block_on(listen(options));
    let client = filch::runtime::Builder::new_current_thread().build().unwrap();
    client.block_on(async {
        let options = ConnectOptions::new().tls(connector(identity.client()), name("localhost"));
        let (_reader, mut writer) = within(options.open(server.local_addrs()[0])).await.unwrap();
        writer.write(&b"last words"[..]);
    });
    drop(client);
    serving.block_on(within(async {
        let (mut reader, _writer) = clients.recv().await.unwrap();
        assert_eq!(reader.read_to_end().await.unwrap(), "last words");
    }));
}

#[test]
fn who_waits_is_told_when_the_runtime_that_sends_shuts_down() {
    let runtime = || filch::runtime::Builder::new_current_thread().build().unwrap();
    let sender = runtime();
    let (mut near, ends) = sender.block_on(async {
        let (mut near, far, server) = secure().await;
        near.1.write(&*vec![1; MUCH]);
        (near, (far, server))
    });
    drop(sender);
    let error = runtime().block_on(within(near.1.flush())).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionAborted);
    assert!(runtime().block_on(within(near.0.read(1))).is_err());
    drop(ends);
}
