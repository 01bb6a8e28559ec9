//! UDP on real loopback sockets, through the facade.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, missing_docs)]

mod batches;
mod options;
#[path = "../support/mod.rs"]
mod support;
mod talk;

use std::future::{Future, poll_fn};
use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::Duration;

use filch::io::{Interest, ReadBuf};
use filch::net::UdpSocket;
use filch::time::timeout;

/// Nothing here takes long, unless it hangs.
pub(crate) async fn within<F: Future>(future: F) -> F::Output {
    timeout(Duration::from_secs(30), future).await.expect("hangs")
}

pub(crate) async fn bound() -> (UdpSocket, SocketAddr) {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    (socket, address)
}

/// The address of nobody, and of nobody else either.
#[cfg(target_os = "linux")]
pub(crate) async fn nobody() -> SocketAddr {
    let gone = UdpSocket::bind((support::own_host(), 0)).await.unwrap();
    gone.local_addr().unwrap()
}

pub(crate) async fn pair() -> (UdpSocket, UdpSocket) {
    let ((one, here), (other, there)) = (bound().await, bound().await);
    one.connect(there).await.unwrap();
    other.connect(here).await.unwrap();
    (one, other)
}

/// Polls a future once and returns what it said.
pub(crate) async fn once<F: Future + ?Sized>(mut future: Pin<&mut F>) -> Poll<F::Output> {
    poll_fn(|cx| Poll::Ready(future.as_mut().poll(cx))).await
}

#[test]
fn it_may_go_to_other_threads() {
    fn is_send_and_sync<T: Send + Sync + Unpin + std::fmt::Debug>() {}
    is_send_and_sync::<UdpSocket>();
}
