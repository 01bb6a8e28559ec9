//! What the kernel copies from socket to socket arrives as what a buffer copies: all of it, in order, with
//! its end and its errors, and no descriptor is left.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, missing_docs)]
#![cfg(target_os = "linux")]

mod support;

use std::fs::File;
use std::future::{Future, poll_fn};
use std::io::ErrorKind;
use std::pin::pin;
use std::task::Poll;

use filch::io::{self, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, duplex};
use filch::net::unix::pipe;
use filch::net::{TcpListener, TcpStream, UnixStream};
use support::{current, in_child, multi, threads_and_descriptors, watch};

async fn tcp() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let near = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    (near, listener.accept().await.unwrap().0)
}

/// Bytes that are different everywhere.
fn bytes(count: u32) -> Vec<u8> {
    (0..count).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect()
}

/// How many ends of pipes this process has.
fn pipes() -> usize {
    let links = std::fs::read_dir("/proc/self/fd").unwrap();
    let targets = links.filter_map(|entry| std::fs::read_link(entry.unwrap().path()).ok());
    targets.filter(|target| target.to_string_lossy().starts_with("pipe:")).count()
}

/// Writes and reads at the same time, as what lies between need not have room for all.
async fn exchange<S>(stream: S, question: &[u8]) -> Vec<u8>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let (mut reader, mut writer) = io::split(stream);
    let mut writing = pin!(async {
        writer.write_all(question).await.unwrap();
        writer.shutdown().await.unwrap();
    });
    let mut answer = Vec::new();
    let mut reading = pin!(reader.read_to_end(&mut answer));
    let (mut written, mut read) = (false, false);
    poll_fn(|cx| {
        written = written || writing.as_mut().poll(cx).is_ready();
        read = read || reading.as_mut().poll(cx).map(|outcome| outcome.unwrap()).is_ready();
        if written && read { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    answer
}

#[test]
fn much_goes_both_ways_at_once_and_arrives_as_it_was() {
    let _watch = watch();
    if !in_child("much_goes_both_ways_at_once_and_arrives_as_it_was", ":") {
        return;
    }
    for runtime in [current(), multi(2)] {
        runtime.block_on(async {
            let before = threads_and_descriptors();
            for _ in 0..3 {
                let (client, mut near) = tcp().await;
                let (mut far, server) = tcp().await;
                let proxy =
                    filch::spawn(async move { io::copy_bidirectional(&mut near, &mut far).await });
                let (question, answer) = (bytes(5_000_003), bytes(3_000_001));
                let said = answer.clone();
                let server = filch::spawn(async move { exchange(server, &said).await });
                assert!(exchange(client, &question).await == answer);
                assert!(server.await.unwrap() == question);
                assert_eq!(proxy.await.unwrap().unwrap(), (5_000_003, 3_000_001));
            }
            assert_eq!(threads_and_descriptors(), before);
        });
    }
}

#[test]
fn a_pipe_is_there_while_there_is_much_and_not_for_messages() {
    let _watch = watch();
    if !in_child("a_pipe_is_there_while_there_is_much_and_not_for_messages", ":") {
        return;
    }
    current().block_on(async {
        let before = pipes();
        let (mut client, mut near) = tcp().await;
        let (mut far, mut server) = UnixStream::pair().unwrap();
        let proxy = filch::spawn(async move {
            // Through references, boxes and halves as well.
            let (reader, writer) = (&mut near, &mut far);
            let mut boxed: Box<&mut UnixStream> = Box::new(writer);
            io::copy_bidirectional(reader, &mut boxed).await
        });
        let (mut ask, mut heard) = (bytes(100), [0; 100]);
        for round in 0..200 {
            ask[0] = round;
            client.write_all(&ask).await.unwrap();
            server.read_exact(&mut heard).await.unwrap();
            assert_eq!(heard[..], ask[..]);
            server.write_all(&heard[..50]).await.unwrap();
            client.read_exact(&mut heard[..50]).await.unwrap();
        }
        assert_eq!(pipes(), before);

        let much = bytes(1_000_000);
        let sent = much.clone();
        let client = filch::spawn(async move {
            client.write_all(&sent).await.unwrap();
            client
        });
        let mut heard = vec![0; much.len()];
        server.read_exact(&mut heard).await.unwrap();
        assert!(heard == much);
        assert_eq!(pipes(), before + 2, "one pipe for the direction that had much");

        // And messages again.
        let mut client = client.await.unwrap();
        client.write_all(b"last words").await.unwrap();
        server.read_exact(&mut heard[..10]).await.unwrap();
        assert_eq!(&heard[..10], b"last words");
        client.shutdown().await.unwrap();
        assert_eq!(server.read(&mut heard).await.unwrap(), 0);
        drop(server);
        assert_eq!(proxy.await.unwrap().unwrap(), (20_000 + 1_000_010, 10_000));
        assert_eq!(pipes(), before);
    });
}

#[test]
fn one_direction_alone_and_through_halves_and_pipes() {
    let _watch = watch();
    let much = bytes(2_000_000);
    let sent = much.clone();
    multi(2).block_on(async {
        let (client, near) = tcp().await;
        let (far, mut server) = UnixStream::pair().unwrap();
        let (inlet, outlet) = pipe::pipe().unwrap();
        let (_client_reader, mut client) = client.into_split();
        let client = filch::spawn(async move { client.write_all(&sent).await });
        let into_pipe = filch::spawn(async move {
            let (mut reader, mut writer) = (near.into_split().0, inlet);
            io::copy(&mut reader, &mut writer).await
        });
        let out_of_pipe = filch::spawn(async move {
            let (mut reader, mut far) = (outlet, far);
            let count = io::copy(&mut reader, &mut far.split().1).await;
            far.shutdown().await.unwrap();
            count
        });
        let mut heard = Vec::new();
        server.read_to_end(&mut heard).await.unwrap();
        client.await.unwrap().unwrap();
        assert!(heard == much);
        assert_eq!(into_pipe.await.unwrap().unwrap(), 2_000_000);
        assert_eq!(out_of_pipe.await.unwrap().unwrap(), 2_000_000);
    });
}

/// A proxy of which much is under way to a server that does not read.
async fn stuffed() -> (TcpStream, TcpStream, filch::task::JoinHandle<io::Result<(u64, u64)>>) {
    let ((mut client, mut near), (mut far, server)) = (tcp().await, tcp().await);
    let proxy = filch::spawn(async move { io::copy_bidirectional(&mut near, &mut far).await });
    let (before, block) = (pipes(), bytes(65_536));
    while pipes() == before {
        client.write_all(&block).await.unwrap();
    }
    // As much as goes in.
    let stuffing = async { while client.write(&block).await.is_ok() {} };
    let pause = filch::time::Duration::from_millis(50);
    assert!(filch::time::timeout(pause, stuffing).await.is_err());
    (client, server, proxy)
}

#[test]
fn a_peer_that_breaks_off_is_an_error_and_nothing_is_left() {
    let _watch = watch();
    if !in_child("a_peer_that_breaks_off_is_an_error_and_nothing_is_left", ":") {
        return;
    }
    current().block_on(async {
        drop(tcp().await);
        let before = threads_and_descriptors();
        for server_breaks in [false, true] {
            let (client, mut server, proxy) = stuffed().await;
            let _stays = if server_breaks {
                server.set_zero_linger().unwrap();
                drop(server);
                client
            } else {
                client.set_zero_linger().unwrap();
                drop(client);
                // Noticed by who reads there, once the server has made room.
                let _ = server.read_to_end(&mut Vec::new()).await;
                server
            };
            let error = proxy.await.unwrap().unwrap_err();
            let kinds = [ErrorKind::ConnectionReset, ErrorKind::BrokenPipe];
            assert!(kinds.contains(&error.kind()), "{error}");
        }
        assert_eq!(threads_and_descriptors(), before);
    });
}

#[test]
fn given_up_it_leaves_whole_bytes_and_no_descriptor() {
    let _watch = watch();
    if !in_child("given_up_it_leaves_whole_bytes_and_no_descriptor", ":") {
        return;
    }
    current().block_on(async {
        let ((client, mut near), (mut far, mut server)) = (tcp().await, tcp().await);
        let before = threads_and_descriptors();
        // A prime, so that no two places look alike; and without end.
        let block = bytes(65_537);
        let sent = block.clone();
        let is_from = |place: usize, bytes: &[u8]| {
            bytes.iter().eq(sent.iter().cycle().skip(place % sent.len()).take(bytes.len()))
        };
        let (mut client_reader, mut client) = client.into_split();
        let client = filch::spawn(async move { while client.write_all(&block).await.is_ok() {} });
        {
            let mut copying = pin!(io::copy_bidirectional(&mut near, &mut far));
            let mut heard = vec![0; 1_000_000];
            let mut reading = pin!(server.read_exact(&mut heard));
            poll_fn(|cx| {
                assert!(copying.as_mut().poll(cx).is_pending());
                reading.as_mut().poll(cx).map(|count| count.unwrap())
            })
            .await;
            assert!(is_from(0, &heard));
        }
        assert_eq!(threads_and_descriptors(), before);
        // The streams go on. What was on its way between them is lost, as documented.
        let far = filch::spawn(async move {
            far.write_all(b"end").await.unwrap();
            far.shutdown().await.unwrap();
            far
        });
        let mut rest = Vec::new();
        server.read_to_end(&mut rest).await.unwrap();
        assert!(rest.ends_with(b"end"));
        drop(far.await.unwrap());
        let whole = rest.len() - 3;
        assert!(is_from(1_000_000, &rest[..whole]));
        near.write_all(b"end").await.unwrap();
        near.shutdown().await.unwrap();
        let mut answer = Vec::new();
        client_reader.read_to_end(&mut answer).await.unwrap();
        assert_eq!(answer, b"end");
        client.abort();
    });
}

#[test]
fn without_descriptors_a_buffer_does_it() {
    let _watch = watch();
    if !in_child("without_descriptors_a_buffer_does_it", "ulimit -n 64") {
        return;
    }
    current().block_on(async {
        let ((client, mut near), (mut far, server)) = (tcp().await, tcp().await);
        let taken: Vec<_> = std::iter::from_fn(|| File::open("/dev/null").ok()).collect();
        let proxy = filch::spawn(async move { io::copy_bidirectional(&mut near, &mut far).await });
        let server = filch::spawn(async move { exchange(server, &bytes(1_000_000)).await });
        assert!(exchange(client, &bytes(1_000_001)).await == bytes(1_000_000));
        assert!(server.await.unwrap() == bytes(1_000_001));
        assert_eq!(proxy.await.unwrap().unwrap(), (1_000_001, 1_000_000));
        drop(taken);
    });
}

#[test]
fn a_stream_that_looks_at_its_bytes_sees_them_all() {
    let _watch = watch();
    current().block_on(async {
        let (mut client, near) = tcp().await;
        let (mut far, mut server) = tcp().await;
        let (mut inside, mut outside) = duplex(1024);
        let sent = bytes(300_000);
        let copying = sent.clone();
        let writer = filch::spawn(async move {
            client.write_all(&copying).await.unwrap();
            client.shutdown().await.unwrap();
        });
        // Limited, buffered, through memory: none of them is a descriptor and nothing else.
        let first = filch::spawn(async move {
            let mut limited = io::BufReader::new(near).take(250_000);
            let count = io::copy(&mut limited, &mut inside).await.unwrap();
            inside.shutdown().await.unwrap();
            count
        });
        let second = filch::spawn(async move {
            let count = io::copy(&mut outside, &mut far).await.unwrap();
            far.shutdown().await.unwrap();
            count
        });
        let mut heard = Vec::new();
        server.read_to_end(&mut heard).await.unwrap();
        assert!(heard == sent[..250_000]);
        assert_eq!((first.await.unwrap(), second.await.unwrap()), (250_000, 250_000));
        drop(writer);
    });
}
