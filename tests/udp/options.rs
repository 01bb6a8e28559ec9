//! Options are those of the system; groups; std and back.

use super::*;

#[filch::test]
async fn options_are_those_of_the_system() {
    let (socket, _) = bound().await;
    for on in [true, false] {
        socket.set_broadcast(on).unwrap();
        assert_eq!(socket.broadcast().unwrap(), on);
        socket.set_multicast_loop_v4(on).unwrap();
        assert_eq!(socket.multicast_loop_v4().unwrap(), on);
    }
    socket.set_multicast_ttl_v4(3).unwrap();
    assert_eq!(socket.multicast_ttl_v4().unwrap(), 3);
    socket.set_ttl(42).unwrap();
    assert_eq!(socket.ttl().unwrap(), 42);
    socket.set_tos_v4(0x10).unwrap();
    assert_eq!(socket.tos_v4().unwrap(), 0x10);
    assert!(socket.take_error().unwrap().is_none());
    #[cfg(target_os = "linux")]
    assert_eq!(socket.device().unwrap(), None);
}

#[filch::test]
async fn a_group_is_joined_once_and_left_once() {
    let (socket, _) = bound().await;
    let group = Ipv4Addr::new(224, 0, 0, 123);
    socket.join_multicast_v4(group, Ipv4Addr::LOCALHOST).unwrap();
    let error = socket.join_multicast_v4(group, Ipv4Addr::LOCALHOST).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AddrInUse);
    socket.leave_multicast_v4(group, Ipv4Addr::LOCALHOST).unwrap();
    assert!(socket.leave_multicast_v4(group, Ipv4Addr::LOCALHOST).is_err());
    assert!(socket.join_multicast_v4(Ipv4Addr::LOCALHOST, Ipv4Addr::LOCALHOST).is_err());
}

#[filch::test]
async fn std_and_back_and_again() {
    let (socket, address) = bound().await;
    let (other, _) = bound().await;
    let std = socket.into_std().unwrap();
    // Still non-blocking.
    assert_eq!(std.recv(&mut [0; 1]).unwrap_err().kind(), ErrorKind::WouldBlock);
    let socket = UdpSocket::try_from(std).unwrap();
    let mut bytes = [0; 8];
    let mut receiving = pin!(socket.recv(&mut bytes));
    assert!(once(receiving.as_mut()).await.is_pending());
    other.send_to(b"hi", address).await.unwrap();
    assert_eq!(within(receiving).await.unwrap(), 2);
}

#[filch::test]
async fn the_port_in_use_and_the_host_that_is_none() {
    let (_socket, address) = bound().await;
    let error = UdpSocket::bind(address).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AddrInUse);
    // The next address is tried.
    let free = "127.0.0.1:0".parse().unwrap();
    UdpSocket::bind(&[address, free][..]).await.unwrap();
    let none: &[SocketAddr] = &[];
    assert_eq!(UdpSocket::bind(none).await.unwrap_err().kind(), ErrorKind::InvalidInput);
    let (socket, _) = bound().await;
    assert_eq!(socket.connect(none).await.unwrap_err().kind(), ErrorKind::InvalidInput);
    assert_eq!(socket.send_to(b"", none).await.unwrap_err().kind(), ErrorKind::InvalidInput);
}

#[cfg(all(unix, debug_assertions))]
#[filch::test]
#[should_panic(expected = "call `set_nonblocking(true)` before `from_std`")]
async fn a_blocking_socket_is_refused_while_one_looks_for_bugs() {
    let _ = UdpSocket::from_std(std::net::UdpSocket::bind("127.0.0.1:0").unwrap());
}
