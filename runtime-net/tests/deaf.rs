//! A socket of datagrams whose receiving has been shut down: whoever receives is told, rather than waits
//! for ever or keeps a core busy.
#![cfg(target_os = "linux")]
#![allow(clippy::disallowed_methods, clippy::disallowed_types, missing_docs)]

#[path = "../../tests/support/mod.rs"]
mod support;

use std::io::ErrorKind;
use std::net::Shutdown;

use filch::net::UdpSocket;
use filch::net::udp::Incoming;
use socket2::SockRef;
use support::within;

#[filch::test]
async fn who_receives_from_a_deaf_socket_is_told() {
    let one = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    one.connect(one.local_addr().unwrap()).await.unwrap();
    SockRef::from(&one).shutdown(Shutdown::Both).unwrap();
    let mut bytes = [0; 8];
    for _ in 0..3 {
        assert_eq!(within(one.recv(&mut bytes)).await.unwrap(), 0);
        let error = within(one.recv_from(&mut bytes)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotConnected);
        assert_eq!(within(one.peek(&mut bytes)).await.unwrap(), 0);
        let error = within(one.peek_sender()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotConnected);
        let mut incoming = [Incoming::new(&mut bytes)];
        let error = within(one.recv_many(&mut incoming)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotConnected);
    }
}
