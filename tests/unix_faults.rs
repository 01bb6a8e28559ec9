//! No descriptor is left: every way to a socket says so, nothing spins, and nothing is left behind.
#![cfg(unix)]
#![allow(clippy::disallowed_methods, clippy::disallowed_types, missing_docs)]
#![cfg(target_os = "linux")]

mod support;

use std::fs::File;
use std::io;

use filch::net::unix::pipe;
use filch::net::{
    TcpListener, TcpSocket, TcpStream, UdpSocket, UnixDatagram, UnixListener, UnixSocket,
    UnixStream,
};
use filch::time::{Duration, timeout};
use support::{current, in_child, threads_and_descriptors, until, watch};

/// Takes every descriptor that is left.
fn all() -> Vec<File> {
    std::iter::from_fn(|| File::open("/dev/null").ok()).collect()
}

fn is_exhausted<T: std::fmt::Debug>(outcome: io::Result<T>) {
    assert_eq!(outcome.unwrap_err().raw_os_error(), Some(24));
}

#[test]
fn without_descriptors_everything_is_an_error_and_works_again_afterwards() {
    let _watch = watch();
    let name = "without_descriptors_everything_is_an_error_and_works_again_afterwards";
    if !in_child(name, "ulimit -n 64") {
        return;
    }
    let runtime = current();
    runtime.block_on(async {
        let path = format!("\0filch-faults-{}", std::process::id());
        let unix = UnixListener::bind(&path).unwrap();
        let tcp = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = tcp.local_addr().unwrap();
        // One connection waits at each listener.
        let near = UnixStream::connect(&path).await.unwrap();
        let also_near = TcpStream::connect(address).await.unwrap();
        let before = threads_and_descriptors();
        let taken = all();
        for _ in 0..3 {
            is_exhausted(UnixListener::bind(format!("{path}-2")));
            is_exhausted(UnixStream::connect(&path).await);
            is_exhausted(UnixStream::pair());
            is_exhausted(UnixDatagram::unbound());
            is_exhausted(UnixDatagram::pair());
            is_exhausted(UnixSocket::new_stream());
            is_exhausted(pipe::pipe());
            is_exhausted(TcpSocket::new_v4());
            is_exhausted(TcpStream::connect(address).await);
            is_exhausted(TcpListener::bind("127.0.0.1:0").await);
            is_exhausted(UdpSocket::bind("127.0.0.1:0").await);
            is_exhausted(unix.accept().await);
            is_exhausted(tcp.accept().await);
        }
        // A loop that only looks at errors does not spin: each round begins with a pause.
        let mut rounds = 0;
        let looping = async {
            while unix.accept().await.is_err() {
                rounds += 1;
            }
        };
        assert!(timeout(Duration::from_millis(200), looping).await.is_err());
        assert!(rounds < 100, "{rounds} rounds");
        drop(taken);
        // The connections are still there.
        drop(unix.accept().await.unwrap());
        drop(tcp.accept().await.unwrap());
        assert_eq!(threads_and_descriptors(), before);
        drop((near, also_near, unix, tcp));
        UnixListener::bind(&path).unwrap();
    });
}

#[test]
fn no_descriptor_is_left_behind() {
    let _watch = watch();
    if !in_child("no_descriptor_is_left_behind", "ulimit -n 256") {
        return;
    }
    let runtime = current();
    let before = threads_and_descriptors();
    runtime.block_on(async {
        let path = format!("\0filch-leaks-{}", std::process::id());
        for round in 0..300 {
            let listener = UnixListener::bind(&path).unwrap();
            let near = UnixStream::connect(&path).await.unwrap();
            let (far, _) = listener.accept().await.unwrap();
            assert!(UnixListener::bind(&path).is_err());
            let (read, write) = near.into_split();
            match round % 3 {
                0 => drop(read.reunite(write).unwrap()),
                1 => write.forget(),
                _ => drop(far.into_std().unwrap()),
            }
            let (one, _other) = UnixDatagram::pair().unwrap();
            drop(UnixDatagram::from_std(one.into_std().unwrap()).unwrap());
            let (sender, receiver) = pipe::pipe().unwrap();
            drop(sender.into_blocking_fd().unwrap());
            assert!(pipe::Sender::from_owned_fd(receiver.into_nonblocking_fd().unwrap()).is_err());
            let udp = UdpSocket::bind("127.0.0.1:0").await.unwrap();
            assert!(UdpSocket::bind(udp.local_addr().unwrap()).await.is_err());
            drop(TcpSocket::new_v4().unwrap());
            let gone = UnixStream::connect("/no/such/socket").await;
            assert!(gone.is_err());
        }
    });
    until(|| threads_and_descriptors() == before);
}
