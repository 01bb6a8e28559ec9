//! TCP on real loopback sockets, through the facade.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, missing_docs)]

use std::future::{Future, poll_fn};
use std::io::{self, ErrorKind, IoSlice, IoSliceMut, Read, Write};
use std::net::SocketAddr;
use std::os::fd::AsRawFd;
use std::pin::{Pin, pin};
use std::process::Command;
use std::task::Poll;
use std::time::{Duration, Instant};

use filch::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, Interest};
use filch::net::{TcpListener, TcpStream, lookup_host};
use filch::runtime::Runtime;
use filch::time::{sleep, timeout};

const MS: Duration = Duration::from_millis(1);

/// Nothing here takes long, unless it hangs.
async fn within<F: Future>(future: F) -> F::Output {
    timeout(Duration::from_secs(20), future).await.expect("hangs")
}

async fn listen() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

async fn pair() -> (TcpStream, TcpStream) {
    let (listener, address) = listen().await;
    let near = TcpStream::connect(address).await.unwrap();
    let (far, peer) = listener.accept().await.unwrap();
    assert_eq!(peer, near.local_addr().unwrap());
    (near, far)
}

async fn read_all(stream: &mut TcpStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    within(stream.read_to_end(&mut bytes)).await.unwrap();
    bytes
}

/// Polls a future once and returns what it said.
async fn once<F: Future + ?Sized>(mut future: Pin<&mut F>) -> Poll<F::Output> {
    poll_fn(|cx| Poll::Ready(future.as_mut().poll(cx))).await
}

/// Runs one test of this file as a program of its own, after `setup` in a shell.
fn in_child(test: &str, setup: &str) {
    let program = std::env::current_exe().unwrap();
    let script = format!("{setup} exec \"$0\" --exact {test} --nocapture --test-threads 1");
    let output = Command::new("sh")
        .args(["-c", &script, program.to_str().unwrap()])
        .env("FILCH_CHILD", test)
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}

fn is_child(test: &str) -> bool {
    std::env::var("FILCH_CHILD").is_ok_and(|name| name == test)
}

/// The descriptors of this process that are sockets.
fn socket_count() -> usize {
    let entries = std::fs::read_dir("/proc/self/fd").unwrap();
    entries
        .filter_map(|entry| std::fs::read_link(entry.ok()?.path()).ok())
        .filter(|target| target.to_string_lossy().starts_with("socket:"))
        .count()
}

async fn echo(mut stream: TcpStream) -> io::Result<()> {
    let mut bytes = [0; 1024];
    loop {
        let count = stream.read(&mut bytes).await?;
        if count == 0 {
            return stream.shutdown().await;
        }
        stream.write_all(&bytes[..count]).await?;
    }
}

#[filch::test]
async fn what_is_sent_comes_back() {
    let (listener, address) = listen().await;
    let clients = 32;
    let server = filch::spawn(async move {
        for _ in 0..clients {
            let (stream, _) = listener.accept().await.unwrap();
            filch::spawn(echo(stream));
        }
    });
    let mut handles = Vec::new();
    for client in 0..clients {
        handles.push(filch::spawn(async move {
            let mut stream = TcpStream::connect(address).await.unwrap();
            stream.set_nodelay(true).unwrap();
            for round in 0..50u32 {
                let message = format!("client {client} round {round}");
                stream.write_all(message.as_bytes()).await.unwrap();
                let mut answer = vec![0; message.len()];
                within(stream.read_exact(&mut answer)).await.unwrap();
                assert_eq!(answer, message.as_bytes());
            }
            stream.shutdown().await.unwrap();
            assert_eq!(read_all(&mut stream).await, b"");
        }));
    }
    for handle in handles {
        within(handle).await.unwrap();
    }
    within(server).await.unwrap();
}

#[filch::test]
async fn one_side_may_close_while_the_other_goes_on() {
    let (mut near, mut far) = pair().await;
    near.write_all(b"question").await.unwrap();
    near.shutdown().await.unwrap();
    assert_eq!(read_all(&mut far).await, b"question");
    far.write_all(b"answer").await.unwrap();
    far.shutdown().await.unwrap();
    assert_eq!(read_all(&mut near).await, b"answer");
    // The end stays the end.
    let mut bytes = [0; 4];
    for _ in 0..3 {
        assert_eq!(within(near.read(&mut bytes)).await.unwrap(), 0);
        assert_eq!(near.try_read(&mut bytes).unwrap(), 0);
    }
}

#[filch::test]
async fn writing_after_shutdown_is_an_error() {
    let (mut near, mut far) = pair().await;
    near.shutdown().await.unwrap();
    near.shutdown().await.unwrap();
    let error = within(near.write(b"late")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BrokenPipe);
    assert_eq!(read_all(&mut far).await, b"");
}

#[filch::test]
async fn a_reset_ends_a_read_that_waits() {
    let (mut near, far) = pair().await;
    let reader = filch::spawn(async move {
        let mut bytes = [0; 8];
        within(near.read(&mut bytes)).await.unwrap_err().kind()
    });
    sleep(5 * MS).await;
    far.set_zero_linger().unwrap();
    drop(far);
    assert_eq!(within(reader).await.unwrap(), ErrorKind::ConnectionReset);
}

#[filch::test]
async fn a_reset_ends_a_write_that_waits() {
    let (mut near, far) = pair().await;
    let writer = filch::spawn(async move {
        let bytes = vec![1; 64 * 1024];
        loop {
            if let Err(error) = within(near.write_all(&bytes)).await {
                return error.kind();
            }
        }
    });
    sleep(20 * MS).await;
    // What is unread makes closing a reset.
    drop(far);
    let kind = within(writer).await.unwrap();
    assert!(matches!(kind, ErrorKind::ConnectionReset | ErrorKind::BrokenPipe), "{kind:?}");
}

#[filch::test]
async fn a_reset_before_accept_or_before_the_first_read_is_found_out() {
    let (listener, address) = listen().await;
    let near = TcpStream::connect(address).await.unwrap();
    near.set_zero_linger().unwrap();
    drop(near);
    // The system may have taken the connection out of the line; then another one must do.
    let other = TcpStream::connect(address).await.unwrap();
    let (mut first, _) = within(listener.accept()).await.unwrap();
    if first.peer_addr().ok() != other.local_addr().ok() {
        let mut bytes = [0; 8];
        let error = within(first.read(&mut bytes)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    }
}

#[filch::test]
async fn what_came_before_a_close_is_read_to_its_end() {
    // Bytes and the end arrive together, before, or after the event: no end is ever missed.
    for round in 0..200usize {
        let (mut near, mut far) = pair().await;
        let length = 1 + round * 37 % 3000;
        let writer = filch::spawn(async move {
            far.write_all(&vec![7; length]).await.unwrap();
        });
        let mut got = 0;
        let mut bytes = [0; 512];
        loop {
            match within(near.read(&mut bytes)).await.unwrap() {
                0 => break,
                count => got += count,
            }
        }
        assert_eq!(got, length);
        within(writer).await.unwrap();
    }
}

#[filch::test]
async fn reads_and_writes_of_nothing_do_not_wait() {
    let (mut near, far) = pair().await;
    assert_eq!(within(near.read(&mut [])).await.unwrap(), 0);
    assert_eq!(within(near.write(&[])).await.unwrap(), 0);
    assert_eq!(within(near.write_vectored(&[])).await.unwrap(), 0);
    assert_eq!(within(near.write_vectored(&[IoSlice::new(&[])])).await.unwrap(), 0);
    within(near.read_exact(&mut [])).await.unwrap();
    within(near.write_all(&[])).await.unwrap();
    within(near.flush()).await.unwrap();
    drop(far);
}

#[filch::test]
async fn what_is_peeked_at_is_read_again() {
    let (near, mut far) = pair().await;
    let mut bytes = [0; 8];
    {
        let mut early = pin!(near.peek(&mut bytes));
        assert!(once(early.as_mut()).await.is_pending());
        far.write_all(b"abc").await.unwrap();
        assert_eq!(within(early).await.unwrap(), 3);
    }
    assert_eq!(within(near.peek(&mut bytes)).await.unwrap(), 3);
    assert_eq!(&bytes[..3], b"abc");
    assert_eq!(within(near.peek(&mut bytes[..1])).await.unwrap(), 1);
    let mut near = near;
    assert_eq!(within(near.read(&mut bytes)).await.unwrap(), 3);
    drop(far);
    assert_eq!(within(near.peek(&mut bytes)).await.unwrap(), 0);
}

#[filch::test]
async fn borrowed_halves_read_and_write_at_once() {
    let (mut near, far) = pair().await;
    let server = filch::spawn(echo(far));
    let message: Vec<u8> = (0..1_000_000u32).map(|number| number as u8).collect();
    let (mut read, mut write) = near.split();
    let mut got = Vec::new();
    {
        let mut writing = pin!(async {
            write.write_all(&message).await?;
            write.shutdown().await
        });
        let mut reading = pin!(read.read_to_end(&mut got));
        let mut written = false;
        within(poll_fn(|cx| {
            if !written && writing.as_mut().poll(cx)?.is_ready() {
                written = true;
            }
            reading.as_mut().poll(cx)
        }))
        .await
        .unwrap();
    }
    assert!(got == message);
    within(server).await.unwrap().unwrap();
}

#[filch::test]
async fn owned_halves_live_in_two_tasks_and_come_together_again() {
    let (near, mut far) = pair().await;
    let (read, mut write) = near.into_split();
    let writer = filch::spawn(async move {
        write.write_all(b"from the write half").await.unwrap();
        write
    });
    let reader = filch::spawn(async move {
        let mut read = BufReader::new(read);
        let mut line = String::new();
        within(read.read_line(&mut line)).await.unwrap();
        assert_eq!(line, "to the read half\n");
        read.into_inner()
    });
    far.write_all(b"to the read half\n").await.unwrap();
    let mut bytes = [0; 19];
    within(far.read_exact(&mut bytes)).await.unwrap();
    let (read, write) = (within(reader).await.unwrap(), within(writer).await.unwrap());
    let mut near = read.reunite(write).unwrap();
    near.write_all(b"!").await.unwrap();
    assert_eq!(within(far.read(&mut bytes)).await.unwrap(), 1);
}

#[filch::test]
async fn halves_of_different_streams_do_not_fit() {
    let (one, mut one_far) = pair().await;
    let (other, _other_far) = pair().await;
    let (read, _write) = one.into_split();
    let (_read, write) = other.into_split();
    let error = read.reunite(write).unwrap_err();
    assert_eq!(error.to_string(), "tried to reunite halves that are not from the same socket");
    let mut read = error.0;
    one_far.write_all(b"x").await.unwrap();
    assert_eq!(within(read.read(&mut [0; 4])).await.unwrap(), 1);
}

#[filch::test]
async fn dropping_the_write_half_ends_the_stream_and_forgetting_it_does_not() {
    let (near, mut far) = pair().await;
    let (read, write) = near.into_split();
    drop(write);
    assert_eq!(read_all(&mut far).await, b"");
    drop(read);

    let (near, mut far) = pair().await;
    let (read, write) = near.into_split();
    write.forget();
    let mut bytes = [0; 1];
    let end = timeout(20 * MS, far.read(&mut bytes)).await;
    assert!(end.is_err(), "the stream ended");
    drop(read);
    assert_eq!(within(far.read(&mut bytes)).await.unwrap(), 0);
}

#[filch::test]
async fn nobody_there_is_an_error() {
    let (listener, address) = listen().await;
    drop(listener);
    let error = within(TcpStream::connect(address)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
}

#[filch::test]
async fn addresses_are_tried_in_order() {
    let (gone, nobody) = listen().await;
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
    assert!(within(TcpStream::connect("no port here")).await.is_err());
    assert!(within(lookup_host("host.invalid:1")).await.is_err());
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
        let (listener, address) = listen().await;
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
            numbers.insert(stream.as_raw_fd());
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

#[filch::test]
async fn trying_never_waits_and_readiness_follows() {
    let (near, far) = pair().await;
    let mut bytes = [0; 4096];
    assert_eq!(near.try_read(&mut bytes).unwrap_err().kind(), ErrorKind::WouldBlock);

    let mut written = 0;
    within(near.writable()).await.unwrap();
    let error = loop {
        match near.try_write(&bytes) {
            Ok(count) => written += count,
            Err(error) => break error,
        }
    };
    assert_eq!(error.kind(), ErrorKind::WouldBlock);
    let ready = timeout(10 * MS, near.writable()).await;
    assert!(ready.is_err(), "writable although full");

    let mut read = Vec::new();
    while read.len() < written {
        within(far.readable()).await.unwrap();
        match far.try_read_buf(&mut read) {
            Ok(count) => assert!(count > 0),
            Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock),
        }
    }
    within(near.writable()).await.unwrap();
    let ready = within(near.ready(Interest::READABLE | Interest::WRITABLE)).await.unwrap();
    assert!(ready.is_writable() && !ready.is_readable());
}

#[filch::test]
async fn try_io_clears_a_readiness_that_was_wrong() {
    let (near, mut far) = pair().await;
    far.write_all(b"x").await.unwrap();
    within(near.readable()).await.unwrap();
    let outcome: io::Result<()> =
        near.try_io(Interest::READABLE, || Err(ErrorKind::WouldBlock.into()));
    assert_eq!(outcome.unwrap_err().kind(), ErrorKind::WouldBlock);
    assert!(timeout(10 * MS, near.readable()).await.is_err());
    far.write_all(b"y").await.unwrap();
    within(near.readable()).await.unwrap();
    let count = near.async_io(Interest::READABLE, || near.try_read(&mut [0; 8])).await.unwrap();
    assert_eq!(count, 2);
}

// Only Linux tells that the peer has closed before a read finds out.
#[cfg(target_os = "linux")]
#[filch::test]
async fn closing_is_seen_by_who_waits_for_readiness() {
    let (near, far) = pair().await;
    drop(far);
    let ready = within(near.ready(Interest::READABLE)).await.unwrap();
    assert!(ready.is_readable());
    within(async {
        while !near.ready(Interest::READABLE).await.unwrap().is_read_closed() {
            sleep(MS).await;
        }
    })
    .await;
    assert_eq!(near.try_read(&mut [0; 8]).unwrap(), 0);
}

#[filch::test]
async fn options_are_those_of_the_system() {
    let (near, _far) = pair().await;
    for nodelay in [true, false] {
        near.set_nodelay(nodelay).unwrap();
        assert_eq!(near.nodelay().unwrap(), nodelay);
    }
    near.set_ttl(42).unwrap();
    assert_eq!(near.ttl().unwrap(), 42);
    assert_eq!(near.linger().unwrap(), None);
    near.set_linger(Some(Duration::from_secs(3))).unwrap();
    assert_eq!(near.linger().unwrap(), Some(Duration::from_secs(3)));
    near.set_zero_linger().unwrap();
    assert_eq!(near.linger().unwrap(), Some(Duration::ZERO));
    #[cfg(target_os = "linux")]
    {
        near.set_quickack(true).unwrap();
        assert!(near.quickack().unwrap());
    }
    assert!(near.take_error().unwrap().is_none());
    let (listener, _) = listen().await;
    listener.set_ttl(43).unwrap();
    assert_eq!(listener.ttl().unwrap(), 43);
    assert!(format!("{listener:?}{near:?}").contains("127.0.0.1"));
}

#[cfg(target_os = "linux")]
#[filch::test]
async fn no_socket_is_inherited() {
    let (listener, _) = listen().await;
    let (near, far) = pair().await;
    for number in [listener.as_raw_fd(), near.as_raw_fd(), far.as_raw_fd()] {
        let info = std::fs::read_to_string(format!("/proc/self/fdinfo/{number}")).unwrap();
        let flags = info.lines().find_map(|line| line.strip_prefix("flags:")).unwrap();
        let flags = u32::from_str_radix(flags.trim(), 8).unwrap();
        assert_eq!(flags & 0o2_000_000, 0o2_000_000, "not closed on exec");
        assert_eq!(flags & 0o4_000, 0o4_000, "not non-blocking");
    }
}

#[cfg(target_os = "linux")]
#[filch::test]
async fn no_descriptor_is_left_behind() {
    const NAME: &str = "no_descriptor_is_left_behind";
    if !is_child(NAME) {
        return in_child(NAME, "");
    }
    drop(pair().await);
    let before = socket_count();
    for _ in 0..50 {
        let (near, far) = pair().await;
        let (read, write) = near.into_split();
        drop(read.reunite(write).unwrap().into_std().unwrap());
        drop(far);
        let (gone, address) = listen().await;
        drop(gone);
        TcpStream::connect(address).await.unwrap_err();
        // A connect that is given up, to a host that does not answer.
        let _ = timeout(MS / 10, TcpStream::connect(("192.0.2.1", 9))).await;
    }
    assert_eq!(socket_count(), before);
}

/// There is no descriptor left: the error goes to the caller, the loop does not spin, what is open
/// goes on, and the connection that waited is taken as soon as that is possible.
#[cfg(target_os = "linux")]
#[filch::test]
async fn no_descriptor_left_is_an_error_and_no_spin() {
    const NAME: &str = "no_descriptor_left_is_an_error_and_no_spin";
    if !is_child(NAME) {
        return in_child(NAME, "ulimit -n 64;");
    }
    let (listener, address) = listen().await;
    let mut near = TcpStream::connect(address).await.unwrap();
    let (mut far, _) = within(listener.accept()).await.unwrap();

    // The client's last descriptor, and then none for the server's side.
    let mut hoard = Vec::new();
    while let Ok(file) = std::fs::File::open("/dev/null") {
        hoard.push(file);
    }
    hoard.pop();
    let _waits = TcpStream::connect(address).await.unwrap();

    let start = Instant::now();
    let mut failures = 0;
    while start.elapsed() < 300 * MS {
        let error = within(listener.accept()).await.unwrap_err();
        assert_eq!(error.raw_os_error(), Some(24), "EMFILE");
        failures += 1;
        near.write_all(b"x").await.unwrap();
        within(far.read_exact(&mut [0; 1])).await.unwrap();
    }
    assert!((1..=16).contains(&failures), "{failures} failures in 300 ms");

    hoard.clear();
    let start = Instant::now();
    within(listener.accept()).await.unwrap();
    assert!(start.elapsed() < 200 * MS);
}

/// Streams may outlive their runtime: each operation then is an error, and nothing hangs.
#[test]
fn after_the_runtime_every_operation_is_an_error() {
    let runtime = Runtime::new().unwrap();
    let (mut near, far, listener) = runtime.block_on(async {
        let (listener, _) = listen().await;
        let (near, far) = pair().await;
        (near, far, listener)
    });
    drop(runtime);
    let other = Runtime::new().unwrap();
    let message = "the filch runtime that this descriptor was registered with has shut down";
    other.block_on(async {
        let errors = [
            within(near.read(&mut [0; 1])).await.unwrap_err(),
            within(near.write(b"x")).await.unwrap_err(),
            within(near.readable()).await.unwrap_err(),
            near.try_read(&mut [0; 1]).unwrap_err(),
            within(near.peek(&mut [0; 1])).await.unwrap_err(),
            within(listener.accept()).await.unwrap_err(),
        ];
        for error in errors {
            assert_eq!((error.kind(), error.to_string().as_str()), (ErrorKind::Other, message));
        }
        // The socket itself is as good as before, and may move to another runtime.
        let mut near = TcpStream::from_std(near.into_std().unwrap()).unwrap();
        let mut far = TcpStream::from_std(far.into_std().unwrap()).unwrap();
        near.write_all(b"moved").await.unwrap();
        let mut bytes = [0; 5];
        within(far.read_exact(&mut bytes)).await.unwrap();
        assert_eq!(&bytes, b"moved");
    });
}

#[test]
fn a_task_that_waits_for_a_socket_does_not_keep_the_runtime() {
    let runtime = Runtime::new().unwrap();
    let far = runtime.block_on(async {
        let (mut near, far) = pair().await;
        filch::spawn(async move { near.read(&mut [0; 1]).await });
        let (listener, _) = listen().await;
        filch::spawn(async move { listener.accept().await });
        sleep(MS).await;
        far
    });
    let start = Instant::now();
    drop(runtime);
    assert!(start.elapsed() < Duration::from_secs(5));
    drop(far);
}

#[test]
#[should_panic = "there is no filch runtime on this thread"]
fn sockets_need_a_runtime() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let _ = TcpListener::from_std(listener);
}
