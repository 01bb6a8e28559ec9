//! `start_tls`: in the midst of a dialogue, against who slips bytes in, misused, and given up.

use super::*;
use filch::streams::{StartTls, open_connection, start_server};
use std::sync::Arc;

fn client(identity: &Identity) -> StartTls {
    StartTls::client(connector(identity.client()), name("localhost"))
}

fn server(identity: &Identity) -> StartTls {
    StartTls::server(acceptor(identity.server()))
}

#[filch::test]
async fn a_dialogue_becomes_secure_in_its_midst() {
    let identity = Arc::new(Identity::new("localhost"));
    let theirs = identity.clone();
    let handler = move |mut reader: StreamReader, mut writer: StreamWriter| {
        let acceptor = acceptor(theirs.server());
        async move {
            writer.write(&b"220 ready\r\n"[..]);
            while let Ok(line) = reader.readline().await
                && !line.is_empty()
            {
                match &*line {
                    b"EHLO\r\n" => writer.writelines(match writer.tls_info() {
                        Some(_) => ["250-hello\r\n", "250 AUTH\r\n"],
                        None => ["250-hello\r\n", "250 STARTTLS\r\n"],
                    }),
                    b"STARTTLS\r\n" => {
                        writer.write(&b"220 go ahead\r\n"[..]);
                        writer.start_tls(&mut reader, acceptor.clone()).await.unwrap();
                    }
                    other => panic!("{other:?}"),
                }
            }
        }
    };
    let server = start_server("127.0.0.1:0", handler).await.unwrap();
    let dialogue = async {
        let (mut reader, mut writer) = open_connection(server.local_addrs()[0]).await.unwrap();
        assert_eq!(reader.readline().await.unwrap(), "220 ready\r\n");
        for secure in [false, true] {
            writer.write(&b"EHLO\r\n"[..]);
            assert_eq!(reader.readline().await.unwrap(), "250-hello\r\n");
            let offer = reader.readline().await.unwrap();
            assert_eq!(offer, if secure { "250 AUTH\r\n" } else { "250 STARTTLS\r\n" });
            if !secure {
                writer.write(&b"STARTTLS\r\n"[..]);
                assert_eq!(reader.readline().await.unwrap(), "220 go ahead\r\n");
                let tls = (connector(identity.client()), name("localhost"));
                writer.start_tls(&mut reader, tls).await.unwrap();
            }
        }
        writer.write_eof();
        assert_eq!(reader.read_to_end().await.unwrap(), "");
    };
    within(dialogue).await;
    server.close();
    within(server.wait_closed()).await;
}

#[filch::test]
async fn what_was_written_before_goes_in_plain_before_it() {
    let identity = Identity::new("localhost");
    let (mut near, mut far, _server) = pair().await;
    let ours = async {
        near.1.write(&*vec![1; MUCH]);
        near.1.start_tls(&mut near.0, client(&identity)).await.unwrap();
        near.1.write(&b"secret"[..]);
    };
    let theirs = async {
        let plain = far.0.readexactly(MUCH).await.unwrap();
        far.1.start_tls(&mut far.0, server(&identity)).await.unwrap();
        assert!(plain.iter().all(|&byte| byte == 1));
        assert_eq!(far.0.readexactly(6).await.unwrap(), "secret");
    };
    within(async { filch::join!(ours, theirs) }).await;
}

#[filch::test]
async fn a_server_refuses_commands_that_were_slipped_in() {
    let identity = Identity::new("localhost");
    let (mut near, mut far, _server) = pair().await;
    // Whoever sits in between has put the second line there, to be executed as if by the client.
    near.1.write(&b"STARTTLS\r\nMAIL FROM:<attacker>\r\n"[..]);
    assert_eq!(within(far.0.readline()).await.unwrap(), "STARTTLS\r\n");
    assert!(!far.0.buffer().is_empty(), "it was read ahead");
    let error = within(far.1.start_tls(&mut far.0, server(&identity))).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidData);
    assert!(error.to_string().contains("22 bytes in plain"), "{error}");
    assert!(far.0.buffer().is_empty());
    assert_lost(&mut far, ErrorKind::InvalidData).await;
    assert_eq!(within(near.0.read_to_end()).await.unwrap(), "", "nothing is answered");
}

#[filch::test]
async fn a_client_refuses_answers_that_were_slipped_in() {
    let identity = Identity::new("localhost");
    let (mut near, mut far, _server) = pair().await;
    far.1.write(&b"220 go\r\n250 NOAUTH\r\n"[..]);
    assert_eq!(within(near.0.readline()).await.unwrap(), "220 go\r\n");
    let error = within(near.1.start_tls(&mut near.0, client(&identity))).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidData);
    assert_lost(&mut near, ErrorKind::InvalidData).await;
    // Nothing of a handshake was sent.
    assert_eq!(within(far.0.read_to_end()).await.unwrap(), "");
}

#[filch::test]
async fn what_was_slipped_in_and_not_read_yet_is_refused_as_well() {
    let identity = Identity::new("localhost");
    let (mut near, mut far, _server) = pair().await;
    near.1.write(&b"MAIL FROM:<attacker>\r\n"[..]);
    let error = within(far.1.start_tls(&mut far.0, server(&identity))).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidData);
    assert_lost(&mut far, ErrorKind::InvalidData).await;

    let (mut near, mut far, _server) = pair().await;
    far.1.write(&b"250 NOAUTH\r\n"[..]);
    let error = within(near.1.start_tls(&mut near.0, client(&identity))).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidData);
    assert_lost(&mut near, ErrorKind::InvalidData).await;
}

#[filch::test]
async fn a_client_may_begin_before_it_is_asked_to() {
    let identity = Identity::new("localhost");
    let (mut near, mut far, _server) = pair().await;
    let ours = async {
        near.1.write(&b"PROXY\r\n"[..]);
        near.1.start_tls(&mut near.0, client(&identity)).await.unwrap();
        assert_eq!(near.0.readline().await.unwrap(), "welcome\n");
    };
    let theirs = async {
        // Until the handshake has begun to arrive behind the line.
        while far.1.as_tcp().unwrap().peek(&mut [0; 100]).await.unwrap() < 100 {
            filch::task::yield_now().await;
        }
        assert_eq!(far.0.readline().await.unwrap(), "PROXY\r\n");
        assert!(!far.0.buffer().is_empty(), "the handshake was read ahead");
        far.1.start_tls(&mut far.0, server(&identity)).await.unwrap();
        far.1.write(&b"welcome\n"[..]);
    };
    within(async { filch::join!(ours, theirs) }).await;
}

#[filch::test]
async fn misuse_is_told_and_changes_nothing() {
    let identity = Identity::new("localhost");
    let (mut near, mut far, _server) = pair().await;
    let (mut other, _, _other_server) = pair().await;
    let (_feeder, mut fed) = StreamReader::channel(10);
    for reader in [&mut other.0, &mut fed] {
        let error = within(near.1.start_tls(reader, client(&identity))).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
    }
    near.1.write(&b"in plain"[..]);
    assert_eq!(within(far.0.readexactly(8)).await.unwrap(), "in plain");

    let both = async {
        filch::join!(
            near.1.start_tls(&mut near.0, client(&identity)),
            far.1.start_tls(&mut far.0, server(&identity))
        )
    };
    assert!(matches!(within(both).await, (Ok(()), Ok(()))));
    let error = within(near.1.start_tls(&mut near.0, client(&identity))).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    near.1.write(&b"secret"[..]);
    assert_eq!(within(far.0.readexactly(6)).await.unwrap(), "secret");

    other.1.write_eof();
    let error = within(other.1.start_tls(&mut other.0, client(&identity))).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BrokenPipe);
    other.1.close();
    let error = within(other.1.start_tls(&mut other.0, client(&identity))).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BrokenPipe);
}

#[filch::test]
async fn given_up_in_the_midst_it_ends_the_connection() {
    let identity = Identity::new("localhost");
    let (mut near, mut far, _server) = pair().await;
    assert!(at_once(near.1.start_tls(&mut near.0, client(&identity))).is_none());
    assert!(near.1.is_closing());
    assert_eq!(near.1.drain().await.unwrap_err().kind(), ErrorKind::ConnectionAborted);
    assert_lost(&mut near, ErrorKind::ConnectionAborted).await;
    assert_eq!(
        near.0.readline().await.unwrap_err().to_string(),
        "the TLS handshake was broken off"
    );
    near.1.write(&b"ignored"[..]);
    let error = within(far.1.start_tls(&mut far.0, server(&identity))).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnexpectedEof);
    assert_lost(&mut far, ErrorKind::UnexpectedEof).await;
}

#[filch::test]
async fn given_up_what_the_peer_has_sent_meanwhile_is_not_taken() {
    let identity = Identity::new("localhost");
    let (mut near, mut far, _server) = pair().await;
    let tls = client(&identity);
    let client = filch::spawn(async move {
        near.1.start_tls(&mut near.0, tls).await.unwrap();
        near.1.write(&b"for whom?"[..]);
        near.1.flush().await.unwrap();
        near
    });
    {
        let mut accepting = Box::pin(far.1.start_tls(&mut far.0, server(&identity)));
        let answer = async {
            while !client.is_finished() {
                assert!(at_once(&mut accepting).is_none());
                filch::task::yield_now().await;
            }
        };
        within(answer).await;
    }
    // The last of the handshake, and bytes under TLS, have arrived by now.
    assert_lost(&mut far, ErrorKind::ConnectionAborted).await;
    let mut near = within(client).await.unwrap();
    assert!(within(near.0.read(1)).await.is_err());
}

#[filch::test]
async fn given_up_before_it_has_begun_it_changes_nothing() {
    let identity = Identity::new("localhost");
    let (mut near, mut far, _server) = pair().await;
    near.1.write(&*vec![1; MUCH]);
    assert!(at_once(near.1.start_tls(&mut near.0, client(&identity))).is_none());
    let both = async { filch::join!(near.1.flush(), far.0.readexactly(MUCH)) };
    let (flushed, read) = within(both).await;
    assert!(flushed.is_ok() && read.is_ok());
    near.1.write(&b"in plain"[..]);
    assert_eq!(within(far.0.readexactly(8)).await.unwrap(), "in plain");
}
