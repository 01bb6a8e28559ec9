//! Listeners and streams: talk, ends, addresses, descriptors that come and go.

use super::*;

async fn connected(place: &Place) -> (UnixListener, UnixStream, UnixStream) {
    let listener = UnixListener::bind(place).unwrap();
    let near = UnixStream::connect(place).await.unwrap();
    let (far, _) = within(listener.accept()).await.unwrap();
    (listener, near, far)
}

#[filch::test]
async fn what_is_written_is_read_and_the_end_is_the_end() {
    let place = Place::new();
    let (_listener, mut near, mut far) = connected(&place).await;
    let bytes: Vec<u8> = (0..1_000_000u32).map(|n| n as u8).collect();
    let sent = bytes.clone();
    let writer = filch::spawn(async move {
        near.write_all(&sent).await.unwrap();
        near.shutdown().await.unwrap();
        // A half-close: the other direction goes on.
        let mut answer = String::new();
        near.read_to_string(&mut answer).await.unwrap();
        assert_eq!(near.write(b"x").await.unwrap_err().kind(), ErrorKind::BrokenPipe);
        answer
    });
    let mut read = Vec::new();
    within(far.read_to_end(&mut read)).await.unwrap();
    assert!(read == bytes);
    far.write_all(b"thanks").await.unwrap();
    drop(far);
    assert_eq!(within(writer).await.unwrap(), "thanks");
}

#[filch::test]
async fn nothing_to_read_or_write_is_done_at_once() {
    let (mut near, mut far) = UnixStream::pair().unwrap();
    assert_eq!(near.read(&mut []).await.unwrap(), 0);
    assert_eq!(near.write(&[]).await.unwrap(), 0);
    near.write_all(b"x").await.unwrap();
    assert_eq!(within(far.read(&mut [0; 4])).await.unwrap(), 1);
}

#[filch::test]
async fn addresses_are_paths_or_none() {
    let place = Place::new();
    let (listener, near, far) = connected(&place).await;
    assert_eq!(listener.local_addr().unwrap().as_pathname(), Some(place.as_ref()));
    assert_eq!(near.peer_addr().unwrap().as_pathname(), Some(place.as_ref()));
    assert!(near.local_addr().unwrap().is_unnamed());
    assert!(far.peer_addr().unwrap().is_unnamed());
    let std: std::os::unix::net::SocketAddr = near.peer_addr().unwrap().into();
    assert_eq!(std.as_pathname(), Some(place.as_ref()));
    assert!(format!("{near:?}").contains("filch-unix"), "{near:?}");
    assert!(SocketAddr::from(std).as_pathname().is_some());
}

#[cfg(target_os = "linux")]
#[filch::test]
async fn an_abstract_name_is_in_no_file_system() {
    let name = format!("\0filch-abstract-{}", std::process::id());
    let listener = UnixListener::bind(&name).unwrap();
    let near = UnixStream::connect(&name).await.unwrap();
    within(listener.accept()).await.unwrap();
    let address = near.peer_addr().unwrap();
    assert_eq!(address.as_abstract_name(), Some(&name.as_bytes()[1..]));
    assert!(address.as_pathname().is_none() && !address.is_unnamed());
    drop((listener, near));
    let error = UnixStream::connect(&name).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
}

#[cfg(target_os = "linux")]
#[filch::test]
async fn the_peer_is_who_it_is() {
    use std::os::unix::fs::MetadataExt as _;
    let me = std::fs::metadata("/proc/self").unwrap();
    let (near, far) = UnixStream::pair().unwrap();
    for stream in [&near, &far] {
        let peer = stream.peer_cred().unwrap();
        assert_eq!((peer.uid(), peer.gid()), (me.uid(), me.gid()));
        assert_eq!(peer.pid(), Some(std::process::id() as i32));
    }
    assert_eq!(near.peer_cred().unwrap(), far.peer_cred().unwrap());
}

#[filch::test]
async fn what_cannot_be_is_an_error() {
    let place = Place::new();
    let error = UnixStream::connect(&place).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    let listener = UnixListener::bind(&place).unwrap();
    assert_eq!(UnixListener::bind(&place).unwrap_err().kind(), ErrorKind::AddrInUse);
    drop(listener);
    let error = UnixStream::connect(&place).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
    let long = "x".repeat(200);
    assert_eq!(UnixListener::bind(&long).unwrap_err().kind(), ErrorKind::InvalidInput);
    let error = UnixStream::connect(&long).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert!(UnixSocket::new_datagram().unwrap().listen(1).is_err());
    assert!(UnixSocket::new_datagram().unwrap().connect(&place).await.is_err());
    assert!(UnixSocket::new_stream().unwrap().datagram().is_err());
}

/// The kernel takes what stands before it for the path: another one than the caller has checked.
#[filch::test]
async fn a_path_with_a_zero_byte_within_is_refused() {
    let place = Place::new();
    let longer = format!("{}\0.sock", place.as_ref().display());
    let (one, _other) = UnixDatagram::pair().unwrap();
    let errors = [
        UnixListener::bind(&longer).unwrap_err(),
        UnixStream::connect(&longer).await.unwrap_err(),
        UnixDatagram::bind(&longer).unwrap_err(),
        one.connect(&longer).unwrap_err(),
        one.send_to(b"x", &longer).await.unwrap_err(),
        one.try_send_to(b"x", &longer).unwrap_err(),
        UnixSocket::new_stream().unwrap().bind(&longer).unwrap_err(),
        UnixSocket::new_stream().unwrap().connect(&longer).await.unwrap_err(),
    ];
    for error in errors {
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
    }
    assert!(!place.as_ref().exists());
}

#[filch::test]
async fn a_socket_becomes_what_one_wants() {
    let (place, mine) = (Place::new(), Place::new());
    let socket = UnixSocket::new_stream().unwrap();
    socket.bind(&place).unwrap();
    let listener = socket.listen(u32::MAX).unwrap();
    let socket = UnixSocket::new_stream().unwrap();
    socket.bind(&mine).unwrap();
    let near = socket.connect(&place).await.unwrap();
    let (_far, peer) = within(listener.accept()).await.unwrap();
    assert_eq!(peer.as_pathname(), Some(mine.as_ref()));
    assert_eq!(near.local_addr().unwrap().as_pathname(), Some(mine.as_ref()));
    let datagram = UnixSocket::new_datagram().unwrap().datagram().unwrap();
    assert!(datagram.local_addr().unwrap().is_unnamed());
}

/// The kernel ends a read behind the bytes that a descriptor came with, whatever follows.
#[cfg(target_os = "linux")]
#[filch::test]
async fn a_read_that_a_descriptor_has_cut_short_is_not_the_last() {
    let (near, far) = UnixStream::pair().unwrap();
    let mut near = near;
    for bytes in [b"one", b"two"] {
        send_with_descriptor(&far, bytes);
    }
    far.try_write(b"three").unwrap();
    for bytes in ["one", "two", "three"] {
        let mut room = [0; 64];
        let count = within(near.read(&mut room)).await.unwrap();
        assert_eq!(&room[..count], bytes.as_bytes());
    }
    assert!(once(pin!(near.read(&mut [0; 64]))).await.is_pending());
    far.try_write(b"four").unwrap();
    assert_eq!(within(near.read(&mut [0; 64])).await.unwrap(), 4);
}

/// As above, through a reader that asyncio's streams have made.
#[cfg(target_os = "linux")]
#[filch::test]
async fn a_stream_reader_goes_on_behind_a_descriptor() {
    let place = Place::new();
    let listener = UnixListener::bind(&place).unwrap();
    let (mut reader, _writer) = filch::streams::open_unix_connection(&place).await.unwrap();
    let (far, _) = within(listener.accept()).await.unwrap();
    send_with_descriptor(&far, b"one");
    far.try_write(b"two\n").unwrap();
    assert_eq!(&within(reader.readline()).await.unwrap()[..], b"onetwo\n");
}

#[cfg(target_os = "linux")]
fn send_with_descriptor(stream: &UnixStream, bytes: &[u8]) {
    use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};
    use std::os::fd::AsFd as _;
    let mut space = [std::mem::MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut aside = SendAncillaryBuffer::new(&mut space);
    let descriptors = [stream.as_fd()];
    assert!(aside.push(SendAncillaryMessage::ScmRights(&descriptors)));
    let sent = sendmsg(stream, &[io::IoSlice::new(bytes)], &mut aside, SendFlags::empty());
    assert_eq!(sent, Ok(bytes.len()));
}

#[filch::test]
async fn a_peer_that_goes_with_unread_bytes_resets() {
    let (mut near, mut far) = UnixStream::pair().unwrap();
    near.write_all(b"never read").await.unwrap();
    drop(far.read(&mut [0; 1]).await);
    drop(far);
    let error = within(near.read(&mut [0; 8])).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    assert_eq!(near.write(b"x").await.unwrap_err().kind(), ErrorKind::BrokenPipe);
}

#[filch::test]
async fn trying_never_waits_and_readiness_follows() {
    let (near, mut far) = UnixStream::pair().unwrap();
    assert_eq!(near.try_read(&mut [0; 8]).unwrap_err().kind(), ErrorKind::WouldBlock);
    let mut reading = pin!(near.readable());
    assert!(once(reading.as_mut()).await.is_pending());
    far.write_all(b"abc").await.unwrap();
    within(reading).await.unwrap();
    let mut bytes = Vec::new();
    assert_eq!(near.try_read_buf(&mut bytes).unwrap(), 3);
    assert_eq!(bytes, b"abc");
    assert_eq!(near.try_read(&mut [0; 8]).unwrap_err().kind(), ErrorKind::WouldBlock);
    while near.try_write(&[0; 4096]).is_ok() {}
    let mut writing = pin!(near.writable());
    assert!(once(writing.as_mut()).await.is_pending(), "writable although full");
    let drain = async {
        let mut room = vec![0; 1 << 20];
        far.read(&mut room).await.unwrap()
    };
    assert!(within(drain).await > 0);
    within(writing).await.unwrap();
    let ready = near.ready(Interest::READABLE | Interest::WRITABLE).await.unwrap();
    assert!(ready.is_writable() && !ready.is_readable());
}

#[filch::test]
async fn halves_talk_apart_and_come_together() {
    let (near, mut far) = UnixStream::pair().unwrap();
    let (mut read, mut write) = near.into_split();
    let writer = filch::spawn(async move {
        write.write_all(b"ping").await.unwrap();
        write
    });
    let mut bytes = [0; 4];
    within(far.read_exact(&mut bytes)).await.unwrap();
    far.write_all(b"pong").await.unwrap();
    within(read.read_exact(&mut bytes)).await.unwrap();
    assert_eq!(&bytes, b"pong");
    let write = within(writer).await.unwrap();
    let (_, other) = UnixStream::pair().unwrap().0.into_split();
    let error = read.reunite(other).unwrap_err();
    assert!(error.to_string().contains("not from the same socket"));
    let mut near = error.0.reunite(write).unwrap();
    {
        let (mut read, mut write) = near.split();
        write.write_all(b"x").await.unwrap();
        assert_eq!(read.try_read(&mut [0; 1]).unwrap_err().kind(), ErrorKind::WouldBlock);
        far.write_all(b"yz").await.unwrap();
        assert_eq!(within(read.read(&mut bytes)).await.unwrap(), 2);
    }
    let (read, write) = near.into_split();
    drop(write);
    let mut rest = Vec::new();
    within(far.read_to_end(&mut rest)).await.unwrap();
    assert_eq!(rest, b"x");
    drop(read);
}

#[filch::test]
async fn std_and_back_and_again() {
    let (near, mut far) = UnixStream::pair().unwrap();
    let mut std = near.into_std().unwrap();
    // Still non-blocking.
    assert_eq!(std.read(&mut [0; 1]).unwrap_err().kind(), ErrorKind::WouldBlock);
    let mut near = UnixStream::from_std(std).unwrap();
    let mut reading = pin!(near.read_u8());
    assert!(once(reading.as_mut()).await.is_pending());
    far.write_all(b"z").await.unwrap();
    assert_eq!(within(reading).await.unwrap(), b'z');
    let place = Place::new();
    let listener = UnixListener::bind(&place).unwrap().into_std().unwrap();
    assert_eq!(listener.accept().unwrap_err().kind(), ErrorKind::WouldBlock);
    let listener = UnixListener::try_from(listener).unwrap();
    let _near = UnixStream::connect(&place).await.unwrap();
    within(poll_fn(|cx| listener.poll_accept(cx))).await.unwrap();
}

#[filch::test]
async fn an_accept_that_is_given_up_loses_no_connection() {
    let place = Place::new();
    let listener = UnixListener::bind(&place).unwrap();
    {
        let mut accept = pin!(listener.accept());
        assert!(once(accept.as_mut()).await.is_pending());
        let mut other = pin!(listener.accept());
        assert!(once(other.as_mut()).await.is_pending());
    }
    let _near = UnixStream::connect(&place).await.unwrap();
    within(listener.accept()).await.unwrap();
}

#[cfg(target_os = "linux")]
#[filch::test]
async fn a_queue_that_is_full_is_an_error_at_once() {
    let place = Place::new();
    let socket = UnixSocket::new_stream().unwrap();
    socket.bind(&place).unwrap();
    let listener = socket.listen(0).unwrap();
    let _first = within(UnixStream::connect(&place)).await.unwrap();
    let error = within(UnixStream::connect(&place)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::WouldBlock);
    within(listener.accept()).await.unwrap();
    within(UnixStream::connect(&place)).await.unwrap();
}

#[cfg(debug_assertions)]
#[filch::test]
#[should_panic(expected = "call `set_nonblocking(true)` before `from_std`")]
async fn a_blocking_stream_is_refused_while_one_looks_for_bugs() {
    let (near, _far) = std::os::unix::net::UnixStream::pair().unwrap();
    let _ = UnixStream::from_std(near);
}

#[filch::test]
#[cfg(target_os = "linux")]
async fn an_address_serves_as_well_as_a_path() {
    let listener = UnixListener::bind_addr(&unnamed()).unwrap();
    let chosen = listener.local_addr().unwrap();
    assert!(chosen.as_abstract_name().is_some_and(|name| !name.is_empty()));
    let (accepted, connected) = filch::join!(listener.accept(), UnixStream::connect_addr(&chosen));
    accepted.unwrap();
    connected.unwrap();

    let error = UnixStream::connect_addr(&unnamed()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);

    let place = Place::new();
    let address = std::os::unix::net::SocketAddr::from_pathname(&place).unwrap().into();
    let listener = UnixListener::bind_addr(&address).unwrap();
    let (accepted, connected) = filch::join!(listener.accept(), UnixStream::connect_addr(&address));
    accepted.unwrap();
    connected.unwrap();
}

#[cfg(target_os = "linux")]
fn unnamed() -> SocketAddr {
    UnixDatagram::unbound().unwrap().local_addr().unwrap()
}
