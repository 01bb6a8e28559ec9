//! A socket of datagrams whose receiving has been shut down: whoever receives is told, rather than waits
//! for ever or keeps a core busy.
#![cfg(target_os = "linux")]
#![allow(clippy::disallowed_methods, clippy::disallowed_types, missing_docs)]

use std::io::ErrorKind;
use std::net::Shutdown;
use std::time::Duration;

use filch::net::UdpSocket;
use filch::net::udp::Incoming;
use filch::time::timeout;
use socket2::SockRef;

#[filch::test]
async fn who_receives_from_a_deaf_socket_is_told() {
    let one = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    one.connect(one.local_addr().unwrap()).await.unwrap();
    SockRef::from(&one).shutdown(Shutdown::Both).unwrap();
    let limit = Duration::from_secs(5);
    let mut bytes = [0; 8];
    for _ in 0..3 {
        assert_eq!(timeout(limit, one.recv(&mut bytes)).await.unwrap().unwrap(), 0);
        let error = timeout(limit, one.recv_from(&mut bytes)).await.unwrap().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotConnected);
        assert_eq!(timeout(limit, one.peek(&mut bytes)).await.unwrap().unwrap(), 0);
        let error = timeout(limit, one.peek_sender()).await.unwrap().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotConnected);
        let mut incoming = [Incoming::new(&mut bytes)];
        let error = timeout(limit, one.recv_many(&mut incoming)).await.unwrap().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotConnected);
    }
}
