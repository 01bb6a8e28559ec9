//! Addresses, numbers, sizes and cancellation.

use super::*;

#[filch::test]
async fn nobody_there_is_an_error() {
    let (listener, address) = listen_alone().await;
    drop(listener);
    let error = within(TcpStream::connect(address)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
}

#[filch::test]
async fn addresses_are_tried_in_order() {
    let (gone, nobody) = listen_alone().await;
    drop(gone);
    let (_listener, somebody) = listen().await;
    let stream = within(TcpStream::connect(&[nobody, somebody][..])).await.unwrap();
    assert_eq!(stream.peer_addr().unwrap(), somebody);
    let error = within(TcpStream::connect(&[nobody, nobody][..])).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
    let error = within(TcpStream::connect(&[][..])).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    let error = TcpListener::bind(&[][..]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
}

#[filch::test]
async fn names_and_numbers_name_hosts() {
    let (_listener, address) = listen().await;
    let port = address.port();
    let ip = [127, 0, 0, 1];
    for stream in [
        TcpStream::connect(address).await,
        TcpStream::connect((ip, port)).await,
        TcpStream::connect(("127.0.0.1", port)).await,
        TcpStream::connect(format!("127.0.0.1:{port}")).await,
        TcpStream::connect((std::net::Ipv4Addr::LOCALHOST, port)).await,
    ] {
        assert_eq!(stream.unwrap().peer_addr().unwrap(), address);
    }
    let found: Vec<_> = within(lookup_host(("localhost", port))).await.unwrap().collect();
    assert!(found.iter().all(|address| address.ip().is_loopback() && address.port() == port));
    assert!(within(lookup_host("host.invalid:1")).await.is_err());
}

#[filch::test]
async fn a_bad_address_is_named_in_its_error() {
    // A label of more than 63 bytes is refused before anybody is asked.
    let long = format!("{}.invalid", "x".repeat(64));
    for (address, said) in [
        ("localhost", "\"localhost\" has no port: write host:port"),
        ("localhost:http", "\"localhost:http\" has no port: write host:port"),
        ("localhost:65536", "\"localhost:65536\" has no port: write host:port"),
        (&format!("{long}:80"), &format!("cannot look up {long:?}: ")),
    ] {
        let error = within(TcpStream::connect(address)).await.unwrap_err();
        assert!(error.to_string().starts_with(said), "{error}");
        let invalid = error.kind() == ErrorKind::InvalidInput;
        assert_eq!(invalid, said.contains("port"), "{error:?}");
    }
}

#[filch::test]
async fn a_port_is_taken_once() {
    let (_listener, address) = listen().await;
    let error = TcpListener::bind(address).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AddrInUse);
}

#[filch::test]
async fn a_server_may_start_again_at_once() {
    for _ in 0..5 {
        let (listener, address) = listen_alone().await;
        let mut near = TcpStream::connect(address).await.unwrap();
        let (far, _) = listener.accept().await.unwrap();
        drop((listener, far));
        assert_eq!(within(near.read(&mut [0; 1])).await.unwrap(), 0);
        TcpListener::bind(address).await.unwrap();
    }
}

#[filch::test]
async fn streams_go_to_std_and_come_back() {
    let (near, mut far) = pair().await;
    let mut std = near.into_std().unwrap();
    // It stays non-blocking.
    assert_eq!(std.read(&mut [0; 1]).unwrap_err().kind(), ErrorKind::WouldBlock);
    std.write_all(b"from std").unwrap();
    let mut near = TcpStream::from_std(std).unwrap();
    let mut bytes = [0; 8];
    within(far.read_exact(&mut bytes)).await.unwrap();
    far.write_all(b"to filch").await.unwrap();
    within(near.read_exact(&mut bytes)).await.unwrap();
    assert_eq!(&bytes, b"to filch");

    // What was ready before the stream came is told as well.
    let std = near.into_std().unwrap();
    far.write_all(b"already!").await.unwrap();
    sleep(5 * MS).await;
    let mut near = TcpStream::from_std(std).unwrap();
    within(near.read_exact(&mut bytes)).await.unwrap();

    let (listener, address) = listen().await;
    let std = listener.into_std().unwrap();
    assert_eq!(std.accept().unwrap_err().kind(), ErrorKind::WouldBlock);
    let listener = TcpListener::from_std(std).unwrap();
    let _near = TcpStream::connect(address).await.unwrap();
    within(listener.accept()).await.unwrap();
}

#[filch::test]
async fn std_streams_connect_to_filch() {
    let (listener, address) = listen().await;
    let thread = std::thread::spawn(move || {
        let mut stream = std::net::TcpStream::connect(address).unwrap();
        stream.write_all(b"hello").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    });
    let (mut stream, _) = within(listener.accept()).await.unwrap();
    let mut bytes = [0; 5];
    within(stream.read_exact(&mut bytes)).await.unwrap();
    stream.write_all(b"world").await.unwrap();
    drop(stream);
    assert_eq!(thread.join().unwrap(), "world");
}

/// Descriptors are closed and their numbers used again while events of the old ones are on their
/// way. No stream may take the events, or the bytes, of the one before it.
#[filch::test]
async fn a_number_that_is_used_again_brings_no_event_along() {
    let (listener, address) = listen().await;
    let server = filch::spawn(async move {
        loop {
            let Ok((mut stream, _)) = listener.accept().await else { return };
            filch::spawn(async move {
                let mut byte = [0; 1];
                while let Ok(1) = stream.read(&mut byte).await {
                    if byte[0] == 0 || stream.write_all(&byte).await.is_err() {
                        return;
                    }
                }
            });
        }
    });
    let mut numbers = std::collections::BTreeSet::new();
    for round in 0..300u32 {
        let mut streams = Vec::new();
        for _ in 0..4 {
            let mut stream = TcpStream::connect(address).await.unwrap();
            numbers.insert(number_of(&stream));
            stream.write_all(&[1 + (round % 250) as u8]).await.unwrap();
            streams.push(stream);
        }
        // Close two while their answers arrive, and open others with the same numbers.
        streams.truncate(2);
        let mut quiet = Vec::new();
        for _ in 0..2 {
            let stream = TcpStream::connect(address).await.unwrap();
            let mut byte = [0; 1];
            let error = stream.try_read(&mut byte).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::WouldBlock);
            quiet.push(stream);
        }
        for stream in &mut streams {
            let mut byte = [0; 1];
            within(stream.read_exact(&mut byte)).await.unwrap();
            assert_eq!(byte[0], 1 + (round % 250) as u8);
        }
    }
    assert!(numbers.len() < 100, "the system did not use numbers again");
    server.abort();
}

#[filch::test]
async fn many_slices_are_written_and_read_in_order() {
    let (mut near, far) = pair().await;
    let parts: Vec<Vec<u8>> = (0..3000u32).map(|part| vec![part as u8; 3]).collect();
    let slices: Vec<IoSlice<'_>> = parts.iter().map(|part| IoSlice::new(part)).collect();
    let written = within(near.write_vectored(&slices)).await.unwrap();
    assert!(written > 0 && written % 3 == 0);
    far.readable().await.unwrap();
    let (mut left, mut right) = ([0; 4], [0; 5]);
    let mut room = [IoSliceMut::new(&mut left), IoSliceMut::new(&mut right)];
    assert_eq!(far.try_read_vectored(&mut room).unwrap(), 9);
    assert_eq!((left, right), ([0, 0, 0, 1], [1, 1, 2, 2, 2]));
    let slices = [IoSlice::new(b"ab"), IoSlice::new(b"c")];
    assert_eq!(near.try_write_vectored(&slices).unwrap(), 3);
}

#[filch::test]
async fn ten_megabytes_pass_with_back_pressure() {
    let (mut near, mut far) = pair().await;
    let length = 10 * 1024 * 1024;
    let pattern = |place: usize| (place * 31 + place / 251) as u8;
    let writer = filch::spawn(async move {
        let bytes: Vec<u8> = (0..length).map(pattern).collect();
        near.write_all(&bytes).await.unwrap();
        near.shutdown().await.unwrap();
        near
    });
    // The writer fills what the system holds, and waits.
    sleep(20 * MS).await;
    let mut place = 0;
    let mut bytes = vec![0; 100_000];
    loop {
        let room = 1 + place * 7 % 100_000;
        let count = within(far.read(&mut bytes[..room])).await.unwrap();
        if count == 0 {
            break;
        }
        for &byte in &bytes[..count] {
            assert_eq!(byte, pattern(place), "at {place}");
            place += 1;
        }
    }
    assert_eq!(place, length);
    within(writer).await.unwrap();
}

#[filch::test]
async fn a_read_that_is_cancelled_loses_nothing() {
    let (mut near, mut far) = pair().await;
    let writer = filch::spawn(async move {
        for number in 0..200u8 {
            far.write_all(&[number]).await.unwrap();
            if number % 8 == 0 {
                sleep(MS).await;
            }
        }
        far
    });
    let mut got = Vec::new();
    let mut cancelled = 0;
    while got.len() < 200 {
        let mut bytes = [0; 3];
        let mut read = Box::pin(near.read(&mut bytes));
        match once(read.as_mut()).await {
            Poll::Ready(count) => {
                let count = count.unwrap();
                drop(read);
                got.extend_from_slice(&bytes[..count]);
            }
            Poll::Pending => {
                cancelled += 1;
                drop(read);
                within(near.readable()).await.unwrap();
            }
        }
    }
    assert!(got.iter().copied().eq(0..200));
    assert!(cancelled > 0);
    within(writer).await.unwrap();
}

#[filch::test]
async fn an_accept_that_is_cancelled_loses_no_connection() {
    let (listener, address) = listen().await;
    for _ in 0..20 {
        let mut accept = Box::pin(listener.accept());
        assert!(once(accept.as_mut()).await.is_pending());
        drop(accept);
        let near = TcpStream::connect(address).await.unwrap();
        let (_, peer) = within(listener.accept()).await.unwrap();
        assert_eq!(peer, near.local_addr().unwrap());
    }
}

#[filch::test]
async fn any_number_of_tasks_may_accept() {
    let (listener, address) = listen().await;
    let listener = std::sync::Arc::new(listener);
    let tasks: Vec<_> = (0..8)
        .map(|_| {
            let listener = listener.clone();
            filch::spawn(async move { within(listener.accept()).await.unwrap() })
        })
        .collect();
    let mut streams = Vec::new();
    for _ in 0..8 {
        streams.push(TcpStream::connect(address).await.unwrap());
    }
    for task in tasks {
        within(task).await.unwrap();
    }
    let near = TcpStream::connect(address).await.unwrap();
    let (_, peer) = within(poll_fn(|cx| listener.poll_accept(cx))).await.unwrap();
    assert_eq!(peer, near.local_addr().unwrap());
}
