//! TCP on real loopback sockets, through the facade.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, missing_docs)]

mod edges;
mod places;
mod resets;
mod socket;
#[path = "../support/mod.rs"]
mod support;
mod talk;

use std::future::{Future, poll_fn};
use std::io::{self, ErrorKind, IoSlice, IoSliceMut, Read, Write};
use std::net::SocketAddr;
use std::os::fd::AsRawFd;
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::{Duration, Instant};

use filch::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, Interest};
use filch::net::{TcpListener, TcpStream, lookup_host};
use filch::runtime::Runtime;
use filch::time::{sleep, timeout};

const MS: Duration = Duration::from_millis(1);

/// Nothing here takes long, unless it hangs.
pub(crate) async fn within<F: Future>(future: F) -> F::Output {
    timeout(Duration::from_secs(20), future).await.expect("hangs")
}

pub(crate) async fn listen() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

/// As [`listen`], at a host of its own: when the listener is gone, nobody comes in its place.
pub(crate) async fn listen_alone() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind((support::own_host(), 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

pub(crate) async fn pair() -> (TcpStream, TcpStream) {
    let (listener, address) = listen().await;
    let near = TcpStream::connect(address).await.unwrap();
    let (far, peer) = listener.accept().await.unwrap();
    assert_eq!(peer, near.local_addr().unwrap());
    (near, far)
}

pub(crate) async fn read_all(stream: &mut TcpStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    within(stream.read_to_end(&mut bytes)).await.unwrap();
    bytes
}

/// Polls a future once and returns what it said.
pub(crate) async fn once<F: Future + ?Sized>(mut future: Pin<&mut F>) -> Poll<F::Output> {
    poll_fn(|cx| Poll::Ready(future.as_mut().poll(cx))).await
}

/// Runs one test of this file as a program of its own, after `setup` in a shell.
#[cfg(target_os = "linux")]
pub(crate) fn in_child(test: &str, setup: &str) {
    let program = std::env::current_exe().unwrap();
    let script = format!("{setup} exec \"$0\" --exact {test} --nocapture --test-threads 1");
    let output = std::process::Command::new("sh")
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
    assert!(
        String::from_utf8_lossy(&output.stdout).contains("1 passed"),
        "no test is called {test}"
    );
}

#[cfg(target_os = "linux")]
pub(crate) fn is_child(test: &str) -> bool {
    std::env::var("FILCH_CHILD").is_ok_and(|name| name == test)
}

/// The descriptors of this process that are sockets.
#[cfg(target_os = "linux")]
pub(crate) fn socket_count() -> usize {
    let entries = std::fs::read_dir("/proc/self/fd").unwrap();
    entries
        .filter_map(|entry| std::fs::read_link(entry.ok()?.path()).ok())
        .filter(|target| target.to_string_lossy().starts_with("socket:"))
        .count()
}

pub(crate) async fn echo(mut stream: TcpStream) -> io::Result<()> {
    let mut bytes = [0; 1024];
    loop {
        let count = stream.read(&mut bytes).await?;
        if count == 0 {
            return stream.shutdown().await;
        }
        stream.write_all(&bytes[..count]).await?;
    }
}
