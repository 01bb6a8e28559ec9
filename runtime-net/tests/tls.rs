//! TLS: both directions, whatever the pieces; ends that are told from cuts; peers that are not trusted.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, missing_docs)]

mod identity;
#[path = "../../tests/support/mod.rs"]
mod support;

use std::io::{self, ErrorKind};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Wake, Waker};

use filch::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use filch::net::{TcpListener, TcpStream};
use filch::time::Duration;
use filch::tls::rustls::server::WebPkiClientVerifier;
use filch::tls::rustls::{ClientConfig, ServerConfig};
use filch::tls::{client, server};
use identity::{Identity, acceptor, connector, name};
use proptest::prelude::*;
use support::{current, once, within};

type Client<S> = client::TlsStream<S>;
type Server<S> = server::TlsStream<S>;

async fn shake(
    client: ClientConfig,
    server: ServerConfig,
    room: usize,
) -> (io::Result<Client<DuplexStream>>, io::Result<Server<DuplexStream>>) {
    let (near, far) = duplex(room);
    let (connector, acceptor) = (connector(client), acceptor(server));
    let both =
        async { filch::join!(connector.connect(name("localhost"), near), acceptor.accept(far)) };
    within(both).await
}

/// Both ends of a connection over a pipe with so much room.
async fn pair(room: usize) -> (Client<DuplexStream>, Server<DuplexStream>) {
    let identity = Identity::new("localhost");
    let (client, server) = shake(identity.client(), identity.server(), room).await;
    (client.unwrap(), server.unwrap())
}

fn run<F: Future>(future: F) -> F::Output {
    current().block_on(future)
}

#[test]
fn bytes_go_both_ways_over_tcp() {
    run(async {
        let identity = Identity::new("localhost");
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let acceptor = acceptor(identity.server());
        let server = filch::spawn(async move {
            for _ in 0..20 {
                let (stream, _) = listener.accept().await?;
                let mut stream = acceptor.accept(stream).await?;
                let mut bytes = vec![0; 100_000];
                stream.read_exact(&mut bytes).await?;
                stream.write_all(&bytes).await?;
                stream.shutdown().await?;
            }
            io::Result::Ok(())
        });
        let connector = connector(identity.client());
        for round in 0..20_u8 {
            let stream = TcpStream::connect(address).await.unwrap();
            let mut stream = connector.connect(name("localhost"), stream).await.unwrap();
            let sent = vec![round; 100_000];
            stream.write_all(&sent).await.unwrap();
            stream.flush().await.unwrap();
            let mut back = Vec::new();
            stream.read_to_end(&mut back).await.unwrap();
            assert_eq!(back, sent);
            assert_eq!(stream.peer_certificates().unwrap()[0], identity.certificate);
            assert!(stream.protocol_version().is_some() && stream.cipher_suite().is_some());
        }
        server.await.unwrap().unwrap();
    });
}

#[test]
fn one_side_may_be_done_before_the_other() {
    run(async {
        let (mut client, mut server) = pair(4096).await;
        client.write_all(b"question").await.unwrap();
        client.shutdown().await.unwrap();
        let mut text = String::new();
        server.read_to_string(&mut text).await.unwrap();
        assert_eq!(text, "question");
        server.write_all(b"answer").await.unwrap();
        server.shutdown().await.unwrap();
        text.clear();
        client.read_to_string(&mut text).await.unwrap();
        assert_eq!(text, "answer");
        assert_eq!(client.write(b"x").await.unwrap_err().kind(), ErrorKind::BrokenPipe);
        assert_eq!(client.read(&mut [0]).await.unwrap(), 0);
    });
}

#[test]
fn a_stream_that_is_cut_is_no_end() {
    run(async {
        let (mut client, mut server) = pair(4096).await;
        server.write_all(b"half").await.unwrap();
        server.flush().await.unwrap();
        drop(server);
        let mut bytes = Vec::new();
        let error = client.read_to_end(&mut bytes).await.unwrap_err();
        assert_eq!((error.kind(), &*bytes), (ErrorKind::UnexpectedEof, &b"half"[..]));
    });
}

#[test]
fn who_is_not_who_he_should_be_is_refused_and_told() {
    run(async {
        let (server, other) = (Identity::new("elsewhere"), Identity::new("localhost"));
        for client in [&server, &other] {
            let (near, far) = shake(client.client(), server.server(), 4096).await;
            let error = near.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidData);
            assert!(error.get_ref().unwrap().is::<filch::tls::rustls::Error>());
            assert_eq!(far.unwrap_err().kind(), ErrorKind::InvalidData, "the alert arrives");
        }
    });
}

#[test]
fn both_may_show_who_they_are_and_agree_on_a_protocol() {
    run(async {
        let (server, client) = (Identity::new("localhost"), Identity::new("somebody"));
        let verifier = WebPkiClientVerifier::builder(client.roots()).build().unwrap();
        let chain = vec![server.certificate.clone()];
        let theirs = ServerConfig::builder().with_client_cert_verifier(verifier);
        let mut theirs = theirs.with_single_cert(chain, server.key.clone_key()).unwrap();
        theirs.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        let ours = ClientConfig::builder().with_root_certificates(server.roots());
        let chain = vec![client.certificate.clone()];
        let mut ours = ours.with_client_auth_cert(chain, client.key.clone_key()).unwrap();
        ours.alpn_protocols = vec![b"http/1.1".to_vec()];
        let (near, far) = shake(ours, theirs, 4096).await;
        let (near, far) = (near.unwrap(), far.unwrap());
        assert_eq!(far.peer_certificates().unwrap()[0], client.certificate);
        assert_eq!(near.alpn_protocol(), Some(&b"http/1.1"[..]));
        assert_eq!(far.alpn_protocol(), near.alpn_protocol());
    });
}

#[test]
fn a_peer_that_says_nothing_or_nonsense_or_goes_is_an_error() {
    let acceptor = || acceptor(Identity::new("localhost").server());
    run(async {
        let (near, far) = duplex(4096);
        let quick = acceptor().handshake_timeout(Duration::from_millis(10));
        assert_eq!(quick.accept(far).await.unwrap_err().kind(), ErrorKind::TimedOut);
        drop(near);

        let (mut near, far) = duplex(4096);
        near.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
        assert_eq!(acceptor().accept(far).await.unwrap_err().kind(), ErrorKind::InvalidData);

        let (near, far) = duplex(4096);
        drop(near);
        assert_eq!(acceptor().accept(far).await.unwrap_err().kind(), ErrorKind::UnexpectedEof);
    });
}

#[test]
fn a_read_that_is_dropped_loses_nothing() {
    run(async {
        let (mut client, mut server) = pair(100).await;
        let send = filch::spawn(async move {
            server.write_all(&[9; 10_000]).await?;
            server.shutdown().await
        });
        let (mut all, mut bytes) = (Vec::new(), [0; 77]);
        loop {
            filch::select! {
                biased;
                count = client.read(&mut bytes) => match count.unwrap() {
                    0 => break,
                    count => all.extend_from_slice(&bytes[..count]),
                },
                () = filch::task::yield_now() => {}
            }
        }
        assert_eq!(all, [9; 10_000]);
        send.await.unwrap().unwrap();
    });
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, ..ProptestConfig::default() })]
    #[test]
    fn both_directions_are_what_was_written_whatever_the_pieces(
        room in 20..3000_usize,
        there in proptest::collection::vec(1..20_000_usize, 0..4),
        back in proptest::collection::vec(1..20_000_usize, 0..4),
        piece in 1..5000_usize,
    ) {
        let contents = |sizes: &[usize], salt: u8| -> Vec<Vec<u8>> {
            let byte = |at: usize| (at as u8).wrapping_mul(31).wrapping_add(salt);
            sizes.iter().map(|&size| (0..size).map(byte).collect()).collect()
        };
        let (there, back) = (contents(&there, 1), contents(&back, 2));
        run(async {
            let (client, server) = pair(room).await;
            let (mut near_read, mut near_write) = filch::io::split(client);
            let (mut far_read, mut far_write) = filch::io::split(server);
            let write_there = async {
                for bytes in &there {
                    near_write.write_all(bytes).await.unwrap();
                }
                near_write.shutdown().await.unwrap();
            };
            let write_back = async {
                for bytes in &back {
                    far_write.write_all(bytes).await.unwrap();
                    far_write.flush().await.unwrap();
                }
                far_write.shutdown().await.unwrap();
            };
            let read_there = async {
                let (mut all, mut bytes) = (Vec::new(), vec![0; piece]);
                loop {
                    match far_read.read(&mut bytes).await.unwrap() {
                        0 => return all,
                        count => all.extend_from_slice(&bytes[..count]),
                    }
                }
            };
            let read_back = async {
                let mut all = Vec::new();
                near_read.read_to_end(&mut all).await.unwrap();
                all
            };
            let all = async { filch::join!(write_there, write_back, read_there, read_back) };
            let (_, _, got_there, got_back) = within(all).await;
            assert!(got_there == there.concat() && got_back == back.concat());
        });
    }
}

#[test]
fn a_writer_that_waits_is_not_forgotten_when_the_peer_talks_nonsense() {
    run(async {
        let (client, server) = pair(1024).await;
        let (mut raw, _session) = server.into_inner();
        let (mut reader, mut writer) = filch::io::split(client);
        let writing = filch::spawn(async move {
            let _ = writer.write_all(&[1; 100_000]).await;
            let _ = writer.flush().await;
        });
        let reading = filch::spawn(async move { reader.read(&mut [0; 10]).await });
        filch::task::yield_now().await;
        // A record that nobody has sealed.
        raw.write_all(&[0x17, 3, 3, 0, 20]).await.unwrap();
        raw.write_all(&[0; 20]).await.unwrap();
        let error = within(reading).await.unwrap().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidData);
        let drain = async { while raw.read(&mut [0; 1000]).await.is_ok_and(|count| count > 0) {} };
        // Ends when the writer is done, and the stream is dropped.
        filch::join!(within(writing), drain).0.unwrap();
    });
}

#[test]
fn what_a_peer_has_said_is_read_although_nothing_can_be_sent_any_more() {
    run(async {
        // Bytes that it did not want to hear.
        let (mut client, mut server) = pair(4096).await;
        server.write_all(&[0; 30_000]).await.unwrap();
        client.write_all(b"last words").await.unwrap();
        client.shutdown().await.unwrap();
        drop(client);
        let mut text = String::new();
        server.read_to_string(&mut text).await.unwrap();
        assert_eq!(text, "last words");
        assert_eq!(server.flush().await.unwrap_err().kind(), ErrorKind::BrokenPipe);

        // An answer that it has asked for: new keys.
        let (mut client, mut server) = pair(4096).await;
        client.get_mut().1.refresh_traffic_keys().unwrap();
        client.write_all(b"last words").await.unwrap();
        client.shutdown().await.unwrap();
        drop(client);
        text.clear();
        server.read_to_string(&mut text).await.unwrap();
        assert_eq!(text, "last words");
    });
}

/// The client has agreed, spoken and gone before the server has sent its tickets, for which it does not wait.
#[test]
fn a_peer_that_has_gone_by_the_end_of_the_handshake_is_heard() {
    run(async {
        let identity = Identity::new("localhost");
        let (near, far) = duplex(1 << 16);
        let mut accept = pin!(acceptor(identity.server()).accept(far));
        let mut client = pin!(async {
            let mut client = connector(identity.client()).connect(name("localhost"), near).await?;
            client.write_all(b"last words").await?;
            client.shutdown().await
        });
        assert!(once(client.as_mut()).await.is_pending(), "the server's word is missing");
        assert!(once(accept.as_mut()).await.is_pending(), "the client's word is missing");
        within(client).await.unwrap();
        let mut server = within(accept).await.unwrap();
        let mut text = String::new();
        server.read_to_string(&mut text).await.unwrap();
        assert_eq!(text, "last words");
        assert_eq!(server.write(b"x").await.unwrap_err().kind(), ErrorKind::BrokenPipe);
    });
}

/// What a flush that was given up had still to send.
#[test]
fn a_read_sends_what_a_flush_has_left() {
    run(async {
        for in_another_task in [false, true] {
            let (mut client, mut server) = pair(1000).await;
            client.write_all(&[7; 3000]).await.unwrap();
            assert!(once(pin!(client.flush())).await.is_pending(), "there is no room");
            let ask = async move {
                let mut answer = String::new();
                client.read_to_string(&mut answer).await.map(|_| answer)
            };
            let serve = async {
                server.read_exact(&mut [0; 3000]).await.unwrap();
                server.write_all(b"thanks").await.unwrap();
                server.shutdown().await.unwrap();
            };
            let (answer, ()) = match in_another_task {
                true => {
                    filch::join!(async { within(filch::spawn(ask)).await.unwrap() }, within(serve))
                }
                false => within(async { filch::join!(ask, serve) }).await,
            };
            assert_eq!(answer.unwrap(), "thanks");
        }
    });
}

#[test]
fn a_read_does_not_take_the_place_of_a_writer_that_waits() {
    run(async {
        let (client, mut server) = pair(1000).await;
        let (mut reader, mut writer) = filch::io::split(client);
        let writing = filch::spawn(async move {
            writer.write_all(&[7; 3000]).await.unwrap();
            writer.flush().await.unwrap();
        });
        filch::task::yield_now().await;
        assert!(once(pin!(reader.read_u8())).await.is_pending());
        within(server.read_exact(&mut [0; 3000])).await.unwrap();
        within(writing).await.unwrap();
    });
}

struct Bad;

impl Wake for Bad {
    fn wake(self: Arc<Bad>) {}
}

impl Drop for Bad {
    fn drop(&mut self) {
        panic!("on purpose");
    }
}

#[test]
fn streams_whose_writers_panic_as_they_are_let_go_end_no_process() {
    let mut clients = Vec::new();
    for _ in 0..2 {
        let (mut client, server) = run(pair(100));
        let waker = Waker::from(Arc::new(Bad));
        let mut cx = Context::from_waker(&waker);
        while pin!(client.write_all(&[0; 1 << 16])).poll(&mut cx).is_ready() {}
        // Nobody but the stream knows the writer from here on.
        drop((server, waker));
        clients.push(client);
    }
    assert!(catch_unwind(AssertUnwindSafe(|| drop(clients))).is_err(), "the first one's panic");
}
