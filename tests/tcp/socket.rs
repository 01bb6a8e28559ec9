//! `TcpSocket`: options before the connection, bound addresses, sockets that others made.

use super::descriptors::Owned;
use super::*;
use filch::net::TcpSocket;

fn here() -> SocketAddr {
    "127.0.0.1:0".parse().unwrap()
}

#[filch::test]
async fn options_are_set_before_and_hold_after() {
    let (listener, address) = listen().await;
    let socket = TcpSocket::new_v4().unwrap();
    for on in [false, true] {
        socket.set_keepalive(on).unwrap();
        assert_eq!(socket.keepalive().unwrap(), on);
        socket.set_reuseaddr(on).unwrap();
        assert_eq!(socket.reuseaddr().unwrap(), on);
        #[cfg(unix)]
        {
            socket.set_reuseport(on).unwrap();
            assert_eq!(socket.reuseport().unwrap(), on);
        }
        socket.set_nodelay(on).unwrap();
        assert_eq!(socket.nodelay().unwrap(), on);
    }
    socket.set_send_buffer_size(50_000).unwrap();
    assert!(socket.send_buffer_size().unwrap() >= 50_000);
    socket.set_recv_buffer_size(50_000).unwrap();
    assert!(socket.recv_buffer_size().unwrap() >= 50_000);
    socket.set_linger(Some(Duration::from_secs(2))).unwrap();
    assert_eq!(socket.linger().unwrap(), Some(Duration::from_secs(2)));
    socket.set_zero_linger().unwrap();
    assert_eq!(socket.linger().unwrap(), Some(Duration::ZERO));
    socket.set_tos_v4(0x10).unwrap();
    assert_eq!(socket.tos_v4().unwrap(), 0x10);
    assert!(socket.take_error().unwrap().is_none());
    #[cfg(target_os = "linux")]
    assert_eq!(socket.device().unwrap(), None);
    socket.bind(here()).unwrap();
    let own = socket.local_addr().unwrap();
    let near = within(socket.connect(address)).await.unwrap();
    let (_far, peer) = within(listener.accept()).await.unwrap();
    assert_eq!(peer, own);
    assert!(near.nodelay().unwrap());
    assert_eq!(near.linger().unwrap(), Some(Duration::ZERO));
}

#[cfg(unix)]
#[filch::test]
async fn several_listeners_share_a_port_if_all_agree() {
    let bound = |address| {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_reuseport(true).unwrap();
        socket.bind(address).unwrap();
        socket.listen(16).unwrap()
    };
    let one = bound(here());
    let address = one.local_addr().unwrap();
    let other = bound(address);
    for _ in 0..4 {
        let _near = within(TcpStream::connect(address)).await.unwrap();
        within(async {
            filch::select! { it = one.accept() => it, it = other.accept() => it }
        })
        .await
        .unwrap();
    }
    let error = TcpSocket::new_v4().unwrap().bind(address).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AddrInUse);
}

#[filch::test]
async fn an_unconnected_socket_of_another_library_connects() {
    let (listener, address) = listen_alone().await;
    // As hyper-util does it: made elsewhere, non-blocking, in the clothes of a stream of std.
    let socket = TcpSocket::new_v4().unwrap();
    let std = std::net::TcpStream::from(Owned::from(socket));
    let mut near = within(TcpSocket::from_std_stream(std).connect(address)).await.unwrap();
    let (mut far, _) = within(listener.accept()).await.unwrap();
    near.write_all(b"hi").await.unwrap();
    assert_eq!(within(far.read(&mut [0; 4])).await.unwrap(), 2);
    drop(listener);
    let socket = TcpSocket::from_std_stream(TcpSocket::new_v4().map(Owned::from).unwrap().into());
    let error = within(socket.connect(address)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
}

#[cfg(unix)]
#[filch::test]
async fn ipv6_has_its_class_where_there_is_ipv6() {
    let Ok(socket) = TcpSocket::new_v6() else { return };
    socket.set_tclass_v6(0x20).unwrap();
    assert_eq!(socket.tclass_v6().unwrap(), 0x20);
    assert!(socket.connect("127.0.0.1:1".parse().unwrap()).await.is_err());
}

#[filch::test]
async fn a_connect_that_is_given_up_closes_its_socket() {
    // Nobody answers there, as the queue of who listens is full.
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind((own_host(), 0).into()).unwrap();
    let listener = socket.listen(0).unwrap();
    let address = listener.local_addr().unwrap();
    let mut attempts: Vec<_> = (0..4).map(|_| Box::pin(TcpStream::connect(address))).collect();
    let mut waits = 0;
    for attempt in &mut attempts {
        waits += usize::from(once(attempt.as_mut()).await.is_pending());
    }
    assert!(waits > 0);
    drop(attempts);
    drop(listener);
    let error = within(TcpStream::connect(address)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
}
