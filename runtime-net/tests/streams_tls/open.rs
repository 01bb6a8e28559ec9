//! Connections and servers that speak TLS from the start.

use super::*;
use filch::streams::{StreamReader, StreamWriter};
use filch::tls::rustls::ProtocolVersion;
use filch::tls::rustls::server::WebPkiClientVerifier;

async fn echo(mut reader: StreamReader, mut writer: StreamWriter) {
    while let Ok(line) = reader.readline().await
        && !line.is_empty()
    {
        writer.write(line);
        if writer.drain().await.is_err() {
            return;
        }
    }
}

#[filch::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_clients_are_answered() {
    let identity = Identity::new("localhost");
    let options = ServerOptions::new().tls(acceptor(identity.server()));
    let server = options.serve("127.0.0.1:0", echo).await.unwrap();
    let address = server.local_addrs()[0];
    let options = ConnectOptions::new().tls(connector(identity.client()), name("localhost"));
    let clients: Vec<_> = (0..20)
        .map(|number| {
            let options = options.clone();
            filch::spawn(async move {
                let (mut reader, mut writer) = options.open(address).await.unwrap();
                for round in 0..10 {
                    let line = format!("{number} {round}\n");
                    writer.write(line.as_bytes());
                    assert_eq!(reader.readline().await.unwrap(), line);
                }
                writer.close();
                writer.wait_closed().await.unwrap();
            })
        })
        .collect();
    for client in clients {
        within(client).await.unwrap();
    }
    server.close();
    within(server.wait_closed()).await;
    assert_eq!(server.client_count(), 0);
}

#[filch::test]
async fn over_unix_sockets_too() {
    let path = std::env::temp_dir().join(format!("filch-streams-tls-{}", std::process::id()));
    let identity = Identity::new("localhost");
    let options = ServerOptions::new().tls(acceptor(identity.server()));
    let server = options.serve_unix(&path, echo).unwrap();
    let options = ConnectOptions::new().tls(connector(identity.client()), name("localhost"));
    let (mut reader, mut writer) = within(options.open_unix(&path)).await.unwrap();
    assert!(writer.as_unix().is_some());
    writer.write(&b"hi\n"[..]);
    assert_eq!(within(reader.readline()).await.unwrap(), "hi\n");
    drop((reader, writer));
    server.close();
    within(server.wait_closed()).await;
    assert!(!path.exists());
}

#[filch::test]
async fn both_know_with_whom_and_how_they_speak() {
    let (server, client) = (Identity::new("localhost"), Identity::new("somebody"));
    let verifier = WebPkiClientVerifier::builder(client.roots()).build().unwrap();
    let chain = vec![server.certificate.clone()];
    let theirs = ServerConfig::builder().with_client_cert_verifier(verifier);
    let mut theirs = theirs.with_single_cert(chain, server.key.clone_key()).unwrap();
    theirs.alpn_protocols = vec![b"smtp".to_vec()];
    let ours = ClientConfig::builder().with_root_certificates(server.roots());
    let chain = vec![client.certificate.clone()];
    let mut ours = ours.with_client_auth_cert(chain, client.key.clone_key()).unwrap();
    ours.alpn_protocols = vec![b"lmtp".to_vec(), b"smtp".to_vec()];

    let ((_, near), (_, far), _server) = secure_with(ours, theirs).await;
    let (near, far) = (near.tls_info().unwrap(), far.tls_info().unwrap());
    assert_eq!(near.peer_certificates().unwrap(), [server.certificate]);
    assert_eq!(far.peer_certificates().unwrap(), [client.certificate]);
    for side in [near, far] {
        assert_eq!(side.alpn_protocol(), Some(&b"smtp"[..]));
        assert_eq!(side.protocol_version(), Some(ProtocolVersion::TLSv1_3));
        assert_eq!(side.cipher_suite(), near.cipher_suite());
        assert!(side.cipher_suite().is_some());
    }
    assert_eq!((near.server_name(), far.server_name()), (None, Some("localhost")));

    let ((_, near), _far, _server) = pair().await;
    assert!(near.tls_info().is_none());
}

#[filch::test]
async fn limits_without_tls_are_an_error() {
    let second = Duration::from_secs(1);
    let options = ConnectOptions::new().ssl_handshake_timeout(second);
    let error = options.open("127.0.0.1:1").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    let options = ConnectOptions::new().ssl_shutdown_timeout(None);
    let error = options.open_unix("/nowhere").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    let options = ServerOptions::new().ssl_shutdown_timeout(second);
    let error = options.serve("127.0.0.1:0", echo).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    let options = ServerOptions::new().ssl_handshake_timeout(second);
    let error = options.serve_unix("/nowhere/at/all", echo).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
}

#[filch::test(flavor = "multi_thread", worker_threads = 2)]
async fn much_goes_both_ways_at_once_though_nobody_drains() {
    let (near, far, _server) = secure().await;
    let talk = |(mut reader, mut writer): Ends, byte: u8| async move {
        let reading = filch::spawn(async move {
            let bytes = reader.readexactly(MUCH).await.unwrap();
            (bytes, reader)
        });
        for _ in 0..64 {
            writer.write(&*vec![byte; MUCH / 64]);
        }
        writer.flush().await.unwrap();
        assert_eq!(writer.write_buffer_size(), 0);
        let (bytes, reader) = reading.await.unwrap();
        (bytes, reader, writer)
    };
    let near = filch::spawn(talk(near, 1));
    let far = filch::spawn(talk(far, 2));
    let (got_near, _near_reader, _near_writer) = within(near).await.unwrap();
    let (got_far, _far_reader, _far_writer) = within(far).await.unwrap();
    assert!(got_near.iter().all(|&byte| byte == 2) && got_far.iter().all(|&byte| byte == 1));
}

#[filch::test]
async fn drain_waits_while_too_much_is_left() {
    let ((_, mut writer), (mut reader, _far), _server) = secure().await;
    writer.drain().await.unwrap();
    writer.write(&*vec![1; MUCH]);
    assert!(at_once(writer.drain()).is_none());
    let read = async { reader.readexactly(MUCH).await.unwrap() };
    let (_, outcome) = within(async { filch::join!(read, writer.drain()) }).await;
    outcome.unwrap();
    assert!(writer.write_buffer_size() <= writer.write_buffer_limits().1);
}

#[filch::test]
async fn nothing_is_a_write_too_and_a_line_may_not_be_endless() {
    let ((_, mut writer), (mut reader, _far), _server) = secure().await;
    writer.write(&b""[..]);
    writer.writelines::<[&str; 0]>([]);
    assert!(reader.read(0).await.unwrap().is_empty());
    writer.write(&*vec![b'x'; 1 << 20]);
    let error = within(reader.readline()).await.unwrap_err();
    assert!(matches!(error, filch::streams::ReadError::LimitOverrun(_)), "{error:?}");
    assert!(reader.buffer().len() < 1 << 20, "it was not read to its end");
}
