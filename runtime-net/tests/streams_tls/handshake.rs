//! Handshakes that fail: peers that are not trusted, that do not speak TLS, that say nothing, that go.

use super::*;
use filch::io::{AsyncReadExt, AsyncWriteExt};
use filch::net::{TcpListener, TcpStream};
use filch::streams::StartTls;
use filch::time::Instant;

const MINUTE: Duration = Duration::from_secs(60);

/// A server under TLS whose handler must never be called.
async fn strict(identity: &Identity) -> Server {
    let options = ServerOptions::new().tls(acceptor(identity.server()));
    let handler = |_, _| async { panic!("a client was let in") };
    options.serve("127.0.0.1:0", handler).await.unwrap()
}

fn options(identity: &Identity) -> ConnectOptions {
    ConnectOptions::new().tls(connector(identity.client()), name("localhost"))
}

/// Whoever comes in leaves by himself.
async fn all_leave(server: Server) {
    server.close();
    within(server.wait_closed()).await;
    assert_eq!(server.client_count(), 0);
}

#[filch::test]
async fn who_is_not_trusted_is_refused() {
    let (theirs, other) = (Identity::new("localhost"), Identity::new("localhost"));
    let elsewhere = Identity::new("elsewhere");
    for (server, client) in [(&theirs, &other), (&elsewhere, &elsewhere)] {
        let server = strict(server).await;
        let error = within(options(client).open(server.local_addrs()[0])).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidData);
        assert!(error.get_ref().unwrap().is::<filch::tls::rustls::Error>());
        all_leave(server).await;
    }
}

#[filch::test]
async fn on_a_live_connection_both_ends_tell_why() {
    let (theirs, other) = (Identity::new("localhost"), Identity::new("localhost"));
    let (mut near, mut far, _server) = pair().await;
    let both = async {
        let ours = StartTls::client(connector(other.client()), name("localhost"));
        let theirs = StartTls::server(acceptor(theirs.server()));
        filch::join!(near.1.start_tls(&mut near.0, ours), far.1.start_tls(&mut far.0, theirs))
    };
    let (ours, alert) = within(both).await;
    let (ours, alert) = (ours.unwrap_err().to_string(), alert.unwrap_err().to_string());
    assert!(ours.contains("certificate") && alert.contains("alert"), "{ours}; {alert}");
    assert_eq!(near.0.read(1).await.unwrap_err().to_string(), ours);
    assert_eq!(far.1.drain().await.unwrap_err().to_string(), alert);
    assert_lost(&mut near, ErrorKind::InvalidData).await;
    assert_lost(&mut far, ErrorKind::InvalidData).await;
}

#[filch::test]
async fn a_client_that_speaks_no_tls_is_not_let_in() {
    let server = strict(&Identity::new("localhost")).await;
    for nonsense in [&b"GET / HTTP/1.1\r\n\r\n"[..], &[0; 70_000], &[22, 3, 1, 255, 255], &[255; 5]]
    {
        let mut stream = TcpStream::connect(server.local_addrs()[0]).await.unwrap();
        let _ = stream.write_all(nonsense).await;
        let _ = stream.shutdown().await;
        let mut answer = Vec::new();
        // An alert, the end, or a reset: in any case it does not wait.
        let _ = within(stream.read_to_end(&mut answer)).await;
        assert!(!answer.starts_with(&[23]), "no data");
    }
    all_leave(server).await;
}

#[filch::test]
async fn a_server_that_speaks_no_tls_is_an_error() {
    let (server, mut clients) = listen(ServerOptions::new()).await;
    let greet = async {
        let (mut reader, mut writer) = clients.recv().await.unwrap();
        writer.write(&b"220 hello\r\n"[..]);
        let _ = reader.read_to_end().await;
    };
    let identity = Identity::new("localhost");
    let open = options(&identity).open(server.local_addrs()[0]);
    let error = within(async { filch::join!(open, greet) }).await.0.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidData);
}

#[filch::test(start_paused = true)]
async fn who_says_nothing_has_a_minute() {
    let identity = Identity::new("localhost");
    // Connections are made, and nobody accepts them.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let begin = Instant::now();
    let error = options(&identity).open(listener.local_addr().unwrap()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TimedOut);
    assert!(begin.elapsed() >= MINUTE);

    let server = strict(&identity).await;
    let begin = Instant::now();
    let mut silent = TcpStream::connect(server.local_addrs()[0]).await.unwrap();
    assert_eq!(silent.read(&mut [0; 8]).await.unwrap(), 0);
    assert!(begin.elapsed() >= MINUTE);
    server.close();
    server.wait_closed().await;
}

#[filch::test(start_paused = true)]
async fn another_time_may_be_said_where_it_is_asked_for() {
    let identity = Identity::new("localhost");
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let second = Duration::from_secs(1);

    let begin = Instant::now();
    let open = options(&identity).ssl_handshake_timeout(second).open(address);
    assert_eq!(open.await.unwrap_err().kind(), ErrorKind::TimedOut);
    assert!(begin.elapsed() >= second && begin.elapsed() < MINUTE);

    let begin = Instant::now();
    let connector = connector(identity.client()).handshake_timeout(2 * second);
    let open = ConnectOptions::new().tls(connector, name("localhost")).open(address);
    assert_eq!(open.await.unwrap_err().kind(), ErrorKind::TimedOut);
    assert!(begin.elapsed() >= 2 * second && begin.elapsed() < MINUTE);

    let (_near, mut far, _server) = pair().await;
    let begin = Instant::now();
    let theirs = StartTls::server(acceptor(identity.server())).ssl_handshake_timeout(second);
    let error = far.1.start_tls(&mut far.0, theirs).await.unwrap_err();
    assert_eq!((error.kind(), begin.elapsed()), (ErrorKind::TimedOut, second));
    assert_lost(&mut far, ErrorKind::TimedOut).await;

    let open = options(&identity).ssl_handshake_timeout(None).open(address);
    assert!(timeout(100 * MINUTE, open).await.is_err(), "as long as it takes");
}

#[filch::test]
async fn who_goes_meanwhile_is_an_error() {
    let identity = Identity::new("localhost");
    let (near, mut far, _server) = pair().await;
    drop(near);
    let theirs = StartTls::server(acceptor(identity.server()));
    let error = within(far.1.start_tls(&mut far.0, theirs)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnexpectedEof);
    assert_lost(&mut far, ErrorKind::UnexpectedEof).await;

    // Reset, in the midst of it.
    let (mut near, mut far, _server) = pair().await;
    near.1.write(&[22, 3, 1][..]);
    let theirs = StartTls::server(acceptor(identity.server()));
    let mut shaking = Box::pin(far.1.start_tls(&mut far.0, theirs));
    assert!(at_once(&mut shaking).is_none());
    near.1.as_tcp().unwrap().set_zero_linger().unwrap();
    near.1.abort();
    drop(near);
    let kind = within(shaking).await.unwrap_err().kind();
    assert!([ErrorKind::ConnectionReset, ErrorKind::UnexpectedEof].contains(&kind), "{kind:?}");
    assert_lost(&mut far, kind).await;
}

#[filch::test]
async fn a_server_that_ends_does_not_wait_for_handshakes() {
    let silent = async |end: fn(&Server)| {
        let server = strict(&Identity::new("localhost")).await;
        let mut stream = TcpStream::connect(server.local_addrs()[0]).await.unwrap();
        while server.client_count() == 0 {
            filch::task::yield_now().await;
        }
        server.close();
        end(&server);
        within(server.wait_closed()).await;
        let end = within(stream.read(&mut [0; 8])).await;
        assert!(matches!(end, Ok(0) | Err(_)), "{end:?}");
    };
    silent(Server::close_clients).await;
    silent(Server::abort_clients).await;

    let server = strict(&Identity::new("localhost")).await;
    let _silent = TcpStream::connect(server.local_addrs()[0]).await.unwrap();
    while server.client_count() == 0 {
        filch::task::yield_now().await;
    }
    assert!(!within(server.graceful_shutdown(Duration::from_millis(10))).await);
}
