//! Datagrams: whole, cut off, empty, looked at, refused.

use super::*;

#[filch::test]
async fn a_datagram_arrives_whole_and_says_whose_it_is() {
    let ((one, here), (other, there)) = (bound().await, bound().await);
    assert_eq!(one.send_to(b"hello", there).await.unwrap(), 5);
    let mut bytes = [0; 32];
    assert_eq!(within(other.recv_from(&mut bytes)).await.unwrap(), (5, here));
    assert_eq!(&bytes[..5], b"hello");
    assert!(one.peer_addr().is_err());
    one.connect(there).await.unwrap();
    assert_eq!(one.peer_addr().unwrap(), there);
    one.send(b"").await.unwrap();
    assert_eq!(within(other.recv_from(&mut bytes)).await.unwrap(), (0, here));
}

#[filch::test]
async fn a_fresh_socket_sends_at_once() {
    let ((one, here), (other, there)) = (bound().await, bound().await);
    assert_eq!(one.try_send_to(b"now", there).unwrap(), 3);
    let mut bytes = [0; 3];
    assert_eq!(within(other.recv_from(&mut bytes)).await.unwrap(), (3, here));
}

#[filch::test]
async fn what_is_longer_than_the_buffer_is_cut_off() {
    let (one, other) = pair().await;
    one.send(b"0123456789").await.unwrap();
    one.send(b"next").await.unwrap();
    let mut bytes = [0; 4];
    assert_eq!(within(other.recv(&mut bytes)).await.unwrap(), 4);
    assert_eq!(&bytes, b"0123");
    assert_eq!(within(other.recv(&mut bytes)).await.unwrap(), 4);
    assert_eq!(&bytes, b"next");
    // Without room at all it is gone as well, rather than received for ever.
    one.send(b"gone").await.unwrap();
    one.send(b"kept").await.unwrap();
    assert_eq!(within(other.recv(&mut [])).await.unwrap(), 0);
    let mut none: &mut [u8] = &mut [];
    assert_eq!(within(other.recv_buf(&mut none)).await.unwrap(), 0);
    assert_eq!(other.try_recv(&mut bytes).unwrap_err().kind(), ErrorKind::WouldBlock);
}

#[filch::test]
async fn what_no_datagram_can_hold_is_an_error() {
    let (one, other) = pair().await;
    let error = one.send(&vec![0; 70_000]).await.unwrap_err();
    #[cfg(target_os = "linux")]
    assert_eq!(error.raw_os_error(), Some(90), "{error}");
    one.send(&vec![7; 9000]).await.unwrap();
    let mut bytes = Vec::with_capacity(65_536);
    assert_eq!(within(other.recv_buf(&mut bytes)).await.unwrap(), 9000);
    drop(error);
}

#[filch::test]
async fn a_connected_socket_hears_its_peer_only() {
    let (one, other) = pair().await;
    let (stranger, _) = bound().await;
    stranger.send_to(b"psst", other.local_addr().unwrap()).await.unwrap();
    one.send(b"friend").await.unwrap();
    let mut bytes = Vec::with_capacity(64);
    let (count, sender) = within(other.recv_buf_from(&mut bytes)).await.unwrap();
    assert_eq!((count, sender), (6, one.local_addr().unwrap()));
    assert_eq!(bytes, b"friend");
}

#[cfg(target_os = "linux")]
#[filch::test]
async fn nobody_at_the_target_is_told_later_and_only_once() {
    let (one, _) = bound().await;
    one.connect(nobody().await).await.unwrap();
    one.send(b"anybody?").await.unwrap();
    let error = within(one.recv(&mut [0; 8])).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
    let mut bytes = [0; 8];
    let mut receiving = pin!(one.recv(&mut bytes));
    assert!(once(receiving.as_mut()).await.is_pending());
}

#[filch::test]
async fn peeking_leaves_it_there() {
    let (one, other) = pair().await;
    let here = one.local_addr().unwrap();
    assert_eq!(other.try_peek(&mut [0; 4]).unwrap_err().kind(), ErrorKind::WouldBlock);
    assert_eq!(other.try_peek_sender().unwrap_err().kind(), ErrorKind::WouldBlock);
    one.send(b"hello").await.unwrap();
    let mut bytes = [0; 3];
    assert_eq!(within(other.peek(&mut bytes)).await.unwrap(), 3);
    assert_eq!(&bytes, b"hel");
    assert_eq!(within(other.peek_from(&mut bytes)).await.unwrap(), (3, here));
    assert_eq!(within(other.peek_sender()).await.unwrap(), here);
    assert_eq!(other.try_peek_from(&mut bytes).unwrap(), (3, here));
    assert_eq!(other.try_peek_sender().unwrap(), here);
    assert_eq!(within(poll_fn(|cx| other.poll_peek_sender(cx))).await.unwrap(), here);
    let mut bytes = [0; 8];
    let mut buf = ReadBuf::new(&mut bytes);
    within(poll_fn(|cx| other.poll_peek(cx, &mut buf))).await.unwrap();
    assert_eq!(buf.filled(), b"hello");
    buf.clear();
    assert_eq!(within(poll_fn(|cx| other.poll_peek_from(cx, &mut buf))).await.unwrap(), here);
    assert_eq!(within(other.recv(&mut bytes)).await.unwrap(), 5);
    assert_eq!(other.try_peek(&mut bytes).unwrap_err().kind(), ErrorKind::WouldBlock);
}

#[filch::test]
async fn trying_never_waits_and_readiness_follows() {
    let (one, other) = pair().await;
    let here = one.local_addr().unwrap();
    let mut bytes = [0; 8];
    assert_eq!(other.try_recv(&mut bytes).unwrap_err().kind(), ErrorKind::WouldBlock);
    assert_eq!(other.try_recv_from(&mut bytes).unwrap_err().kind(), ErrorKind::WouldBlock);
    let mut readable = pin!(other.readable());
    assert!(once(readable.as_mut()).await.is_pending());
    within(one.writable()).await.unwrap();
    assert_eq!(one.try_send(b"a").unwrap(), 1);
    within(readable).await.unwrap();
    assert_eq!(other.try_recv_from(&mut bytes).unwrap(), (1, here));
    let there = other.local_addr().unwrap();
    let (free, _) = bound().await;
    within(free.writable()).await.unwrap();
    assert_eq!(free.try_send_to(b"b", one.local_addr().unwrap()).unwrap(), 1);
    assert_eq!(one.send_to(b"c", there).await.unwrap(), 1);
    within(poll_fn(|cx| other.poll_recv_ready(cx))).await.unwrap();
    let mut buf = ReadBuf::new(&mut bytes);
    assert_eq!(within(poll_fn(|cx| other.poll_recv_from(cx, &mut buf))).await.unwrap(), here);
    assert_eq!(buf.filled(), b"c");
    within(poll_fn(|cx| one.poll_send_ready(cx))).await.unwrap();
    assert_eq!(within(poll_fn(|cx| one.poll_send(cx, b"de"))).await.unwrap(), 2);
    let mut more = Vec::new();
    let count = other.async_io(Interest::READABLE, || other.try_recv_buf(&mut more)).await.unwrap();
    assert_eq!((count, &more[..]), (2, &b"de"[..]));
    assert_eq!(within(poll_fn(|cx| free.poll_send_to(cx, b"f", there))).await.unwrap(), 1);
}

#[filch::test]
async fn a_receive_that_is_given_up_loses_nothing() {
    let (one, other) = pair().await;
    let mut bytes = [0; 8];
    {
        let mut receiving = pin!(other.recv(&mut bytes));
        assert!(once(receiving.as_mut()).await.is_pending());
        one.send(b"kept").await.unwrap();
    }
    assert_eq!(within(other.recv(&mut bytes)).await.unwrap(), 4);
}

#[test]
fn many_tasks_share_a_socket() {
    let runtime = filch::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    runtime.block_on(async {
        let (server, address) = bound().await;
        let server = std::sync::Arc::new(server);
        let workers: Vec<_> = (0..4)
            .map(|_| {
                let server = server.clone();
                filch::spawn(async move {
                    let mut bytes = [0; 16];
                    loop {
                        let (count, sender) = server.recv_from(&mut bytes).await.unwrap();
                        server.send_to(&bytes[..count], sender).await.unwrap();
                    }
                })
            })
            .collect();
        let clients = (0..8u32).map(|n| {
            filch::spawn(async move {
                let (client, _) = bound().await;
                client.connect(address).await.unwrap();
                for round in 0..50 {
                    let ping = (n * 1000 + round).to_be_bytes();
                    client.send(&ping).await.unwrap();
                    let mut bytes = [0; 16];
                    assert_eq!(client.recv(&mut bytes).await.unwrap(), 4);
                    assert_eq!(bytes[..4], ping);
                }
            })
        });
        for client in clients.collect::<Vec<_>>() {
            within(client).await.unwrap();
        }
        workers.iter().for_each(|worker| worker.abort());
    });
}
