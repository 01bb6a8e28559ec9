//! UDP on real loopback sockets, through the facade.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, missing_docs)]

mod batches;
mod options;
#[path = "../support/mod.rs"]
mod support;
mod talk;

use std::future::poll_fn;
use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::pin;

use filch::io::{Interest, ReadBuf};
use filch::net::UdpSocket;
use support::{once, within};

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

#[test]
fn it_may_go_to_other_threads() {
    fn is_send_and_sync<T: Send + Sync + Unpin + std::fmt::Debug>() {}
    is_send_and_sync::<UdpSocket>();
}
