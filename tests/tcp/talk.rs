//! Bytes go both ways, and streams end and break as TCP has it.

use super::*;

#[filch::test]
async fn what_is_sent_comes_back() {
    let (listener, address) = listen().await;
    let clients = 32;
    let server = filch::spawn(async move {
        for _ in 0..clients {
            let (stream, _) = listener.accept().await.unwrap();
            filch::spawn(echo(stream));
        }
    });
    let mut handles = Vec::new();
    for client in 0..clients {
        handles.push(filch::spawn(async move {
            let mut stream = TcpStream::connect(address).await.unwrap();
            stream.set_nodelay(true).unwrap();
            for round in 0..50u32 {
                let message = format!("client {client} round {round}");
                stream.write_all(message.as_bytes()).await.unwrap();
                let mut answer = vec![0; message.len()];
                within(stream.read_exact(&mut answer)).await.unwrap();
                assert_eq!(answer, message.as_bytes());
            }
            stream.shutdown().await.unwrap();
            assert_eq!(read_all(&mut stream).await, b"");
        }));
    }
    for handle in handles {
        within(handle).await.unwrap();
    }
    within(server).await.unwrap();
}

#[filch::test]
async fn what_came_before_the_accept_is_read_without_a_look_at_the_poller() {
    let (near, mut far) = pair().await;
    near.try_write(b"first").unwrap();
    let system = copy_of(&far);
    while system.peek(&mut [0]).is_err() {
        std::thread::yield_now();
    }
    let mut bytes = [0; 5];
    at_once(far.read_exact(&mut bytes)).expect("the bytes are there").unwrap();
    assert_eq!(&bytes, b"first");
}

#[filch::test]
async fn one_side_may_close_while_the_other_goes_on() {
    let (mut near, mut far) = pair().await;
    near.write_all(b"question").await.unwrap();
    near.shutdown().await.unwrap();
    assert_eq!(read_all(&mut far).await, b"question");
    far.write_all(b"answer").await.unwrap();
    far.shutdown().await.unwrap();
    assert_eq!(read_all(&mut near).await, b"answer");
    // The end stays the end.
    let mut bytes = [0; 4];
    for _ in 0..3 {
        assert_eq!(within(near.read(&mut bytes)).await.unwrap(), 0);
        assert_eq!(near.try_read(&mut bytes).unwrap(), 0);
    }
}

#[filch::test]
async fn writing_after_shutdown_is_an_error() {
    let (mut near, mut far) = pair().await;
    near.shutdown().await.unwrap();
    near.shutdown().await.unwrap();
    let error = within(near.write(b"late")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BrokenPipe);
    assert_eq!(read_all(&mut far).await, b"");
}

#[filch::test]
async fn a_reset_ends_a_read_that_waits() {
    let (mut near, far) = pair().await;
    let reader = filch::spawn(async move {
        let mut bytes = [0; 8];
        within(near.read(&mut bytes)).await.unwrap_err().kind()
    });
    sleep(5 * MS).await;
    far.set_zero_linger().unwrap();
    drop(far);
    assert_eq!(within(reader).await.unwrap(), ErrorKind::ConnectionReset);
}

#[filch::test]
async fn a_reset_ends_a_write_that_waits() {
    let (mut near, far) = pair().await;
    let writer = filch::spawn(async move {
        let bytes = vec![1; 64 * 1024];
        loop {
            if let Err(error) = within(near.write_all(&bytes)).await {
                return error.kind();
            }
        }
    });
    sleep(20 * MS).await;
    // What is unread makes closing a reset.
    drop(far);
    let kind = within(writer).await.unwrap();
    assert!(matches!(kind, ErrorKind::ConnectionReset | ErrorKind::BrokenPipe), "{kind:?}");
}

#[filch::test]
async fn a_reset_before_accept_or_before_the_first_read_is_found_out() {
    let (listener, address) = listen().await;
    let near = TcpStream::connect(address).await.unwrap();
    near.set_zero_linger().unwrap();
    drop(near);
    // The system may have taken the connection out of the line; then another one must do.
    let other = TcpStream::connect(address).await.unwrap();
    let (mut first, _) = within(listener.accept()).await.unwrap();
    if first.peer_addr().ok() != other.local_addr().ok() {
        let mut bytes = [0; 8];
        let error = within(first.read(&mut bytes)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    }
}

#[filch::test]
async fn what_came_before_a_close_is_read_to_its_end() {
    // Bytes and the end arrive together, before, or after the event: no end is ever missed.
    for round in 0..200usize {
        let (mut near, mut far) = pair().await;
        let length = 1 + round * 37 % 3000;
        let writer = filch::spawn(async move {
            far.write_all(&vec![7; length]).await.unwrap();
        });
        let mut got = 0;
        let mut bytes = [0; 512];
        loop {
            match within(near.read(&mut bytes)).await.unwrap() {
                0 => break,
                count => got += count,
            }
        }
        assert_eq!(got, length);
        within(writer).await.unwrap();
    }
}

#[filch::test]
async fn reads_and_writes_of_nothing_do_not_wait() {
    let (mut near, far) = pair().await;
    assert_eq!(within(near.read(&mut [])).await.unwrap(), 0);
    assert_eq!(within(near.write(&[])).await.unwrap(), 0);
    assert_eq!(within(near.write_vectored(&[])).await.unwrap(), 0);
    assert_eq!(within(near.write_vectored(&[IoSlice::new(&[])])).await.unwrap(), 0);
    within(near.read_exact(&mut [])).await.unwrap();
    within(near.write_all(&[])).await.unwrap();
    within(near.flush()).await.unwrap();
    drop(far);
}

#[filch::test]
async fn what_is_peeked_at_is_read_again() {
    let (near, mut far) = pair().await;
    let mut bytes = [0; 8];
    {
        let mut early = pin!(near.peek(&mut bytes));
        assert!(once(early.as_mut()).await.is_pending());
        far.write_all(b"abc").await.unwrap();
        assert_eq!(within(early).await.unwrap(), 3);
    }
    assert_eq!(within(near.peek(&mut bytes)).await.unwrap(), 3);
    assert_eq!(&bytes[..3], b"abc");
    assert_eq!(within(near.peek(&mut bytes[..1])).await.unwrap(), 1);
    let mut near = near;
    assert_eq!(within(near.read(&mut bytes)).await.unwrap(), 3);
    drop(far);
    assert_eq!(within(near.peek(&mut bytes)).await.unwrap(), 0);
}

#[filch::test]
async fn borrowed_halves_read_and_write_at_once() {
    let (mut near, far) = pair().await;
    let server = filch::spawn(echo(far));
    let message: Vec<u8> = (0..1_000_000u32).map(|number| number as u8).collect();
    let (mut read, mut write) = near.split();
    let mut got = Vec::new();
    {
        let mut writing = pin!(async {
            write.write_all(&message).await?;
            write.shutdown().await
        });
        let mut reading = pin!(read.read_to_end(&mut got));
        let mut written = false;
        within(poll_fn(|cx| {
            if !written && writing.as_mut().poll(cx)?.is_ready() {
                written = true;
            }
            reading.as_mut().poll(cx)
        }))
        .await
        .unwrap();
    }
    assert!(got == message);
    within(server).await.unwrap().unwrap();
}

#[filch::test]
async fn owned_halves_live_in_two_tasks_and_come_together_again() {
    let (near, mut far) = pair().await;
    let (read, mut write) = near.into_split();
    let writer = filch::spawn(async move {
        write.write_all(b"from the write half").await.unwrap();
        write
    });
    let reader = filch::spawn(async move {
        let mut read = BufReader::new(read);
        let mut line = String::new();
        within(read.read_line(&mut line)).await.unwrap();
        assert_eq!(line, "to the read half\n");
        read.into_inner()
    });
    far.write_all(b"to the read half\n").await.unwrap();
    let mut bytes = [0; 19];
    within(far.read_exact(&mut bytes)).await.unwrap();
    let (read, write) = (within(reader).await.unwrap(), within(writer).await.unwrap());
    let mut near = read.reunite(write).unwrap();
    near.write_all(b"!").await.unwrap();
    assert_eq!(within(far.read(&mut bytes)).await.unwrap(), 1);
}

#[filch::test]
async fn halves_of_different_streams_do_not_fit() {
    let (one, mut one_far) = pair().await;
    let (other, _other_far) = pair().await;
    let (read, _write) = one.into_split();
    let (_read, write) = other.into_split();
    let error = read.reunite(write).unwrap_err();
    assert_eq!(error.to_string(), "tried to reunite halves that are not from the same socket");
    let mut read = error.0;
    one_far.write_all(b"x").await.unwrap();
    assert_eq!(within(read.read(&mut [0; 4])).await.unwrap(), 1);
}

#[filch::test]
async fn dropping_the_write_half_ends_the_stream_and_forgetting_it_does_not() {
    let (near, mut far) = pair().await;
    let (read, write) = near.into_split();
    drop(write);
    assert_eq!(read_all(&mut far).await, b"");
    drop(read);

    let (near, mut far) = pair().await;
    let (read, write) = near.into_split();
    write.forget();
    let mut bytes = [0; 1];
    let end = timeout(20 * MS, far.read(&mut bytes)).await;
    assert!(end.is_err(), "the stream ended");
    drop(read);
    assert_eq!(within(far.read(&mut bytes)).await.unwrap(), 0);
}
