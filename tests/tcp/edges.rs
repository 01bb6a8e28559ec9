//! Readiness, options, descriptors that run out, and the end of the runtime.

use super::*;

#[filch::test]
async fn trying_never_waits_and_readiness_follows() {
    let (near, far) = pair().await;
    let mut bytes = [0; 4096];
    assert_eq!(near.try_read(&mut bytes).unwrap_err().kind(), ErrorKind::WouldBlock);

    let mut written = 0;
    within(near.writable()).await.unwrap();
    let error = loop {
        match near.try_write(&bytes) {
            Ok(count) => written += count,
            Err(error) => break error,
        }
    };
    assert_eq!(error.kind(), ErrorKind::WouldBlock);
    let ready = timeout(10 * MS, near.writable()).await;
    assert!(ready.is_err(), "writable although full");

    let mut read = Vec::new();
    while read.len() < written {
        within(far.readable()).await.unwrap();
        match far.try_read_buf(&mut read) {
            Ok(count) => assert!(count > 0),
            Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock),
        }
    }
    within(near.writable()).await.unwrap();
    let ready = within(near.ready(Interest::READABLE | Interest::WRITABLE)).await.unwrap();
    assert!(ready.is_writable() && !ready.is_readable());
}

#[filch::test]
async fn try_io_clears_a_readiness_that_was_wrong() {
    let (near, mut far) = pair().await;
    far.write_all(b"x").await.unwrap();
    within(near.readable()).await.unwrap();
    let outcome: io::Result<()> =
        near.try_io(Interest::READABLE, || Err(ErrorKind::WouldBlock.into()));
    assert_eq!(outcome.unwrap_err().kind(), ErrorKind::WouldBlock);
    // Windows is asked anew, and says what is so.
    #[cfg(unix)]
    assert!(timeout(10 * MS, near.readable()).await.is_err());
    far.write_all(b"y").await.unwrap();
    within(near.readable()).await.unwrap();
    let count = near.async_io(Interest::READABLE, || near.try_read(&mut [0; 8])).await.unwrap();
    assert_eq!(count, 2);
}

#[filch::test]
async fn calls_that_are_always_ready_let_others_in() {
    let (near, _far) = pair().await;
    within(near.writable()).await.unwrap();
    let other = filch::spawn(async {});
    // Without a budget this would keep the only thread for ever.
    while !other.is_finished() {
        near.async_io(Interest::WRITABLE, || Ok(())).await.unwrap();
    }
}

// Only Linux tells that the peer has closed before a read finds out.
#[cfg(target_os = "linux")]
#[filch::test]
async fn closing_is_seen_by_who_waits_for_readiness() {
    let (near, far) = pair().await;
    drop(far);
    let ready = within(near.ready(Interest::READABLE)).await.unwrap();
    assert!(ready.is_readable());
    within(async {
        while !near.ready(Interest::READABLE).await.unwrap().is_read_closed() {
            sleep(MS).await;
        }
    })
    .await;
    assert_eq!(near.try_read(&mut [0; 8]).unwrap(), 0);
}

#[filch::test]
async fn options_are_those_of_the_system() {
    let (near, _far) = pair().await;
    for nodelay in [true, false] {
        near.set_nodelay(nodelay).unwrap();
        assert_eq!(near.nodelay().unwrap(), nodelay);
    }
    near.set_ttl(42).unwrap();
    assert_eq!(near.ttl().unwrap(), 42);
    assert_eq!(near.linger().unwrap(), None);
    near.set_linger(Some(Duration::from_secs(3))).unwrap();
    assert_eq!(near.linger().unwrap(), Some(Duration::from_secs(3)));
    near.set_zero_linger().unwrap();
    assert_eq!(near.linger().unwrap(), Some(Duration::ZERO));
    #[cfg(target_os = "linux")]
    {
        near.set_quickack(true).unwrap();
        assert!(near.quickack().unwrap());
    }
    assert!(near.take_error().unwrap().is_none());
    let (listener, _) = listen().await;
    listener.set_ttl(43).unwrap();
    assert_eq!(listener.ttl().unwrap(), 43);
    assert!(format!("{listener:?}{near:?}").contains("127.0.0.1"));
}

#[cfg(target_os = "linux")]
#[filch::test]
async fn no_socket_is_inherited() {
    let (listener, _) = listen().await;
    let (near, far) = pair().await;
    for number in [listener.as_raw_fd(), near.as_raw_fd(), far.as_raw_fd()] {
        let info = std::fs::read_to_string(format!("/proc/self/fdinfo/{number}")).unwrap();
        let flags = info.lines().find_map(|line| line.strip_prefix("flags:")).unwrap();
        let flags = u32::from_str_radix(flags.trim(), 8).unwrap();
        assert_eq!(flags & 0o2_000_000, 0o2_000_000, "not closed on exec");
        assert_eq!(flags & 0o4_000, 0o4_000, "not non-blocking");
    }
}

#[cfg(target_os = "linux")]
#[filch::test]
async fn no_descriptor_is_left_behind() {
    const NAME: &str = "edges::no_descriptor_is_left_behind";
    if !crate::support::in_child(NAME, "") {
        return;
    }
    drop(pair().await);
    let before = socket_count();
    for _ in 0..50 {
        let (near, far) = pair().await;
        let (read, write) = near.into_split();
        drop(read.reunite(write).unwrap().into_std().unwrap());
        drop(far);
        let (gone, address) = listen_alone().await;
        drop(gone);
        TcpStream::connect(address).await.unwrap_err();
        // A connect that is given up, to a host that does not answer.
        let _ = timeout(MS / 10, TcpStream::connect(("192.0.2.1", 9))).await;
    }
    assert_eq!(socket_count(), before);
}

/// There is no descriptor left: the error goes to the caller, the loop does not spin, what is open
/// goes on, and the connection that waited is taken as soon as that is possible.
#[cfg(target_os = "linux")]
#[filch::test]
async fn no_descriptor_left_is_an_error_and_no_spin() {
    const NAME: &str = "edges::no_descriptor_left_is_an_error_and_no_spin";
    if !crate::support::in_child(NAME, "ulimit -n 64") {
        return;
    }
    let (listener, address) = listen().await;
    let mut near = TcpStream::connect(address).await.unwrap();
    let (mut far, _) = within(listener.accept()).await.unwrap();

    // The client's last descriptor, and then none for the server's side.
    let mut hoard = Vec::new();
    while let Ok(file) = std::fs::File::open("/dev/null") {
        hoard.push(file);
    }
    hoard.pop();
    let _waits = TcpStream::connect(address).await.unwrap();

    let start = std::time::Instant::now();
    let mut failures = 0;
    while failures == 0 || start.elapsed() < 300 * MS {
        let error = within(listener.accept()).await.unwrap_err();
        assert_eq!(error.raw_os_error(), Some(24), "EMFILE");
        failures += 1;
        near.write_all(b"x").await.unwrap();
        within(far.read_exact(&mut [0; 1])).await.unwrap();
    }
    assert!((1..=16).contains(&failures), "{failures} failures in 300 ms");

    hoard.clear();
    within(listener.accept()).await.unwrap();
}

/// Streams may outlive their runtime: each operation then is an error, and nothing hangs.
#[test]
fn after_the_runtime_every_operation_is_an_error() {
    let runtime = Runtime::new().unwrap();
    let (mut near, far, listener) = runtime.block_on(async {
        let (listener, _) = listen().await;
        let (near, far) = pair().await;
        (near, far, listener)
    });
    drop(runtime);
    let other = Runtime::new().unwrap();
    let message = "the filch runtime that this descriptor was registered with has shut down";
    other.block_on(async {
        let errors = [
            within(near.read(&mut [0; 1])).await.unwrap_err(),
            within(near.write(b"x")).await.unwrap_err(),
            within(near.readable()).await.unwrap_err(),
            near.try_read(&mut [0; 1]).unwrap_err(),
            within(near.peek(&mut [0; 1])).await.unwrap_err(),
            within(listener.accept()).await.unwrap_err(),
        ];
        for error in errors {
            assert_eq!((error.kind(), error.to_string().as_str()), (ErrorKind::Other, message));
        }
        // The socket itself is as good as before, and may move to another runtime.
        let mut near = TcpStream::from_std(near.into_std().unwrap()).unwrap();
        let mut far = TcpStream::from_std(far.into_std().unwrap()).unwrap();
        near.write_all(b"moved").await.unwrap();
        let mut bytes = [0; 5];
        within(far.read_exact(&mut bytes)).await.unwrap();
        assert_eq!(&bytes, b"moved");
    });
}

#[test]
fn after_the_runtime_what_has_come_can_still_be_taken() {
    let runtime = Runtime::new().unwrap();
    let (near, far) = runtime.block_on(pair());
    let far = far.into_std().unwrap();
    drop(runtime);
    std::io::Write::write_all(&mut &far, b"late").unwrap();
    let mut bytes = [0; 8];
    assert_eq!(near.try_read(&mut bytes).unwrap(), 4);
    assert_eq!(&bytes[..4], b"late");
    assert_eq!(near.try_write(b"yes").unwrap(), 3);
    // There is nothing more, and nobody would say when there is.
    let error = near.try_read(&mut bytes).unwrap_err();
    assert!(filch::runtime::is_rt_shutdown_err(&error), "{error}");
}

#[test]
fn a_task_that_waits_for_a_socket_does_not_keep_the_runtime() {
    let _watch = support::watch();
    let runtime = Runtime::new().unwrap();
    let far = runtime.block_on(async {
        let (mut near, far) = pair().await;
        filch::spawn(async move { near.read(&mut [0; 1]).await });
        let (listener, _) = listen().await;
        filch::spawn(async move { listener.accept().await });
        sleep(MS).await;
        far
    });
    drop(runtime);
    drop(far);
}

#[test]
#[should_panic = "there is no filch runtime on this thread"]
fn sockets_need_a_runtime() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let _ = TcpListener::from_std(listener);
}
