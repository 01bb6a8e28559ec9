//! Datagrams of this machine: whole, in order, none lost.

use super::*;

#[filch::test]
async fn datagrams_go_from_one_path_to_another() {
    let (here, there) = (Place::new(), Place::new());
    let one = UnixDatagram::bind(&here).unwrap();
    let other = UnixDatagram::bind(&there).unwrap();
    one.send_to(b"hello", &there).await.unwrap();
    let mut bytes = [0; 32];
    let (count, sender) = within(other.recv_from(&mut bytes)).await.unwrap();
    assert_eq!(&bytes[..count], b"hello");
    assert_eq!(sender.as_pathname(), Some(here.as_ref()));
    let nobody = UnixDatagram::unbound().unwrap();
    nobody.connect(&there).unwrap();
    nobody.send(b"me").await.unwrap();
    let (count, sender) = within(other.recv_from(&mut bytes)).await.unwrap();
    assert_eq!(count, 2);
    assert!(sender.is_unnamed());
    assert_eq!(nobody.peer_addr().unwrap().as_pathname(), Some(there.as_ref()));
    assert!(one.peer_addr().is_err());
}

#[filch::test]
async fn each_kind_of_buffer_takes_one_datagram() {
    let (one, other) = UnixDatagram::pair().unwrap();
    for text in ["abc", "", "de", "fgh"] {
        one.send(text.as_bytes()).await.unwrap();
    }
    let mut bytes = Vec::with_capacity(64);
    assert_eq!(within(other.recv_buf(&mut bytes)).await.unwrap(), 3);
    assert_eq!(within(other.recv_buf_from(&mut bytes)).await.unwrap().0, 0);
    assert_eq!(other.try_recv_buf(&mut bytes).unwrap(), 2);
    assert_eq!(bytes, b"abcde");
    // The rest of what is too long is lost.
    let mut two = [0; 2];
    assert_eq!(other.try_recv(&mut two).unwrap(), 2);
    assert_eq!(&two, b"fg");
    assert_eq!(other.try_recv(&mut two).unwrap_err().kind(), ErrorKind::WouldBlock);
    // Also if there is no room at all.
    one.send(b"gone").await.unwrap();
    one.send(b"kept").await.unwrap();
    let mut none: &mut [u8] = &mut [];
    assert_eq!(within(other.recv_buf_from(&mut none)).await.unwrap().0, 0);
    assert_eq!(other.try_recv_buf_from(&mut bytes).unwrap().0, 4);
    assert_eq!(bytes, b"abcdekept");
}

#[filch::test]
async fn a_sender_waits_for_room_at_its_peer() {
    let (one, other) = UnixDatagram::pair().unwrap();
    let mut sent = 0u32;
    while one.try_send(&sent.to_be_bytes()).is_ok() {
        sent += 1;
    }
    let last = sent.to_be_bytes();
    let mut sending = pin!(one.send(&last));
    assert!(once(sending.as_mut()).await.is_pending());
    let mut bytes = [0; 4];
    for n in 0..sent {
        other.recv(&mut bytes).await.unwrap();
        assert_eq!(bytes, n.to_be_bytes());
    }
    within(sending).await.unwrap();
    within(other.recv(&mut bytes)).await.unwrap();
    assert_eq!(bytes, sent.to_be_bytes());
}

#[filch::test]
async fn a_sender_that_is_not_connected_finds_room_as_well() {
    let place = Place::new();
    let other = UnixDatagram::bind(&place).unwrap();
    let one = UnixDatagram::unbound().unwrap();
    let mut sent = 0u32;
    one.writable().await.unwrap();
    while one.try_send_to(&sent.to_be_bytes(), &place).is_ok() {
        sent += 1;
    }
    let last = sent.to_be_bytes();
    let mut sending = pin!(one.send_to(&last, &place));
    assert!(once(sending.as_mut()).await.is_pending());
    let mut bytes = [0; 4];
    for _ in 0..sent {
        other.recv(&mut bytes).await.unwrap();
    }
    within(sending).await.unwrap();
    within(other.recv(&mut bytes)).await.unwrap();
    assert_eq!(bytes, sent.to_be_bytes());
}

#[filch::test]
async fn errors_say_what_is_wrong() {
    let place = Place::new();
    let one = UnixDatagram::unbound().unwrap();
    let error = one.send_to(b"x", &place).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert_eq!(one.send(b"x").await.unwrap_err().kind(), ErrorKind::NotConnected);
    let other = UnixDatagram::bind(&place).unwrap();
    assert_eq!(UnixDatagram::bind(&place).unwrap_err().kind(), ErrorKind::AddrInUse);
    one.connect(&place).unwrap();
    drop(other);
    assert_eq!(one.send(b"x").await.unwrap_err().kind(), ErrorKind::ConnectionRefused);
    assert!(one.take_error().unwrap().is_none());
    let (one, other) = UnixDatagram::pair().unwrap();
    let mut bytes = [0; 8];
    let mut receiving = pin!(other.recv(&mut bytes));
    assert!(once(receiving.as_mut()).await.is_pending());
    other.shutdown(std::net::Shutdown::Read).unwrap();
    assert_eq!(within(receiving).await.unwrap(), 0);
    assert_eq!(one.send(b"x").await.unwrap_err().kind(), ErrorKind::BrokenPipe);
}

#[filch::test]
async fn std_and_back() {
    let (one, other) = UnixDatagram::pair().unwrap();
    let std = one.into_std().unwrap();
    assert_eq!(std.recv(&mut [0; 1]).unwrap_err().kind(), ErrorKind::WouldBlock);
    let one = UnixDatagram::from_std(std).unwrap();
    other.send(b"x").await.unwrap();
    within(one.readable()).await.unwrap();
    assert_eq!(one.try_recv_from(&mut [0; 4]).unwrap().0, 1);
    within(poll_fn(|cx| one.poll_send_ready(cx))).await.unwrap();
    within(poll_fn(|cx| one.poll_send(cx, b"y"))).await.unwrap();
    within(poll_fn(|cx| other.poll_recv_ready(cx))).await.unwrap();
    let mut bytes = [0; 4];
    let mut buf = filch::io::ReadBuf::new(&mut bytes);
    within(poll_fn(|cx| other.poll_recv_from(cx, &mut buf))).await.unwrap();
    assert_eq!(buf.filled(), b"y");
}

#[filch::test]
async fn after_the_end_there_is_nothing_time_and_again() {
    let (one, _other) = UnixDatagram::pair().unwrap();
    one.shutdown(std::net::Shutdown::Both).unwrap();
    let mut bytes = [0; 8];
    for _ in 0..3 {
        assert_eq!(within(one.recv(&mut bytes)).await.unwrap(), 0);
        let (count, sender) = within(one.recv_from(&mut bytes)).await.unwrap();
        assert!(count == 0 && sender.is_unnamed());
        assert_eq!(within(one.recv_buf(&mut Vec::new())).await.unwrap(), 0);
        assert_eq!(one.try_recv(&mut bytes).unwrap(), 0);
    }
    assert_eq!(within(one.send(b"x")).await.unwrap_err().kind(), ErrorKind::BrokenPipe);
}

#[filch::test]
async fn a_pair_takes_bytes_at_once() {
    let (one, _other) = UnixDatagram::pair().unwrap();
    assert_eq!(one.try_send(b"now").unwrap(), 3);
}
