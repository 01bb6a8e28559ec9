//! Peers that break off at any moment, names and ports that cannot be had, reads and writes of nothing:
//! an error or an end each time, at once, and no descriptor is left behind.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, missing_docs)]
#![cfg(target_os = "linux")]

mod support;

use std::future::pending;
use std::io::{self, ErrorKind};
use std::pin::pin;
use std::task::Poll;

use filch::io::{AsyncReadExt, AsyncWriteExt};
use filch::net::{TcpListener, TcpStream, UdpSocket, UnixListener, UnixStream, lookup_host};
use support::{
    current, in_child, multi, once, own_host, threads_and_descriptors, until, watch, within,
};

/// Two ends, the second of which breaks off when it is dropped.
async fn fragile() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let near = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let (far, _) = listener.accept().await.unwrap();
    far.set_zero_linger().unwrap();
    (near, far)
}

fn is_broken<T: std::fmt::Debug>(outcome: io::Result<T>) {
    let kind = outcome.unwrap_err().kind();
    assert!(matches!(kind, ErrorKind::ConnectionReset | ErrorKind::BrokenPipe), "{kind}");
}

/// Writes until it has to wait.
async fn stuff(stream: &mut TcpStream) {
    loop {
        let mut writing = pin!(stream.write(&[7; 65_536]));
        match once(writing.as_mut()).await {
            Poll::Ready(outcome) => assert!(outcome.unwrap() > 0),
            Poll::Pending => return,
        }
    }
}

/// The peer resets: right after the connect, under a read, under a write, after our half-close, after
/// its own.
async fn resets() {
    let (mut near, far) = fragile().await;
    drop(far);
    is_broken(within(near.read(&mut [0; 8])).await);
    is_broken(within(near.write_all(b"x")).await);

    let (mut near, far) = fragile().await;
    let mut bytes = [0; 8];
    let mut reading = pin!(near.read(&mut bytes));
    assert!(once(reading.as_mut()).await.is_pending());
    drop(far);
    is_broken(within(reading).await);

    let (mut near, far) = fragile().await;
    stuff(&mut near).await;
    let mut writing = pin!(near.write_all(b"more"));
    assert!(once(writing.as_mut()).await.is_pending());
    drop(far);
    is_broken(within(writing).await);

    let (mut near, far) = fragile().await;
    near.shutdown().await.unwrap();
    drop(far);
    is_broken(within(near.read(&mut [0; 8])).await);
    assert_eq!(within(near.read(&mut [0; 8])).await.unwrap(), 0);

    let (mut near, mut far) = fragile().await;
    far.shutdown().await.unwrap();
    assert_eq!(within(near.read(&mut [0; 8])).await.unwrap(), 0);
    stuff(&mut near).await;
    drop(far);
    is_broken(
        within(async {
            while near.write(&[7; 65_536]).await? > 0 {}
            Ok(())
        })
        .await,
    );
    // A shutdown of what is gone is none.
    near.shutdown().await.unwrap();
}

/// What is opened and given up, or not to be had at all.
async fn places() {
    let listener = TcpListener::bind((own_host(), 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let error = TcpListener::bind(address).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AddrInUse);
    let datagrams = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let error = UdpSocket::bind(datagrams.local_addr().unwrap()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AddrInUse);
    drop(listener);
    let error = within(TcpStream::connect(address)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
    // An address that answers nobody: given up under way.
    {
        let mut connecting = pin!(TcpStream::connect("192.0.2.1:9"));
        let _ = once(connecting.as_mut()).await;
    }
    let error = within(TcpStream::connect("127.0.0.1:no port")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    // A label of more than 63 bytes is refused before anybody is asked.
    let name = format!("{}.invalid:80", "x".repeat(64));
    within(TcpStream::connect(&name)).await.unwrap_err();
    assert!(within(lookup_host(name)).await.is_err());
    UnixStream::connect("/no/such/place").await.unwrap_err();
    UnixListener::bind("/no/such/place").unwrap_err();
}

/// Reads and writes of nothing are done at once, and say nothing about the peer.
async fn nothing() {
    let (mut near, mut far) = fragile().await;
    for _ in 0..3 {
        assert_eq!(near.read(&mut []).await.unwrap(), 0);
        assert_eq!(near.read_exact(&mut []).await.unwrap(), 0);
        assert_eq!(near.write(&[]).await.unwrap(), 0);
        near.write_all(&[]).await.unwrap();
    }
    far.write_all(b"hi").await.unwrap();
    let mut bytes = [0; 2];
    within(near.read_exact(&mut bytes)).await.unwrap();
    stuff(&mut near).await;
    assert_eq!(near.write(&[]).await.unwrap(), 0);
    drop(far);
    assert_eq!(near.read(&mut []).await.unwrap(), 0);
}

#[test]
fn bad_peers_and_places_leave_no_descriptor() {
    let _watch = watch();
    if !in_child("bad_peers_and_places_leave_no_descriptor", "ulimit -n 64") {
        return;
    }
    for runtime in [current(), multi(2)] {
        let round = || {
            runtime.block_on(async {
                resets().await;
                places().await;
                nothing().await;
            });
        };
        // What is opened once, for looking up names, is open after the first round.
        round();
        let before = threads_and_descriptors().1;
        for _ in 0..10 {
            round();
        }
        assert_eq!(threads_and_descriptors().1, before);
    }
}

#[test]
fn tasks_that_are_aborted_at_any_wait_leave_no_descriptor() {
    let _watch = watch();
    if !in_child("tasks_that_are_aborted_at_any_wait_leave_no_descriptor", "ulimit -n 64") {
        return;
    }
    let runtime = multi(2);
    let before = threads_and_descriptors().1;
    for _ in 0..10 {
        runtime.block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let address = listener.local_addr().unwrap();
            let accepting = filch::spawn(async move {
                let mut streams = Vec::new();
                loop {
                    streams.push(listener.accept().await.unwrap());
                }
            });
            let waiting: Vec<_> = (0..8)
                .map(|n| {
                    filch::spawn(async move {
                        let mut stream = TcpStream::connect(address).await.unwrap();
                        match n % 4 {
                            0 => _ = stream.read(&mut [0; 1]).await,
                            1 => while stream.write(&[0; 65_536]).await.is_ok() {},
                            2 => _ = stream.into_split().0.readable().await,
                            _ => pending().await,
                        }
                    })
                })
                .collect();
            filch::task::yield_now().await;
            waiting.iter().for_each(|task| task.abort());
            for task in waiting {
                assert!(task.await.unwrap_err().is_cancelled());
            }
            // Not before: a peer that hangs up would end those that are being polled.
            accepting.abort();
            assert!(accepting.await.unwrap_err().is_cancelled());
        });
    }
    until(|| threads_and_descriptors().1 == before);
}
