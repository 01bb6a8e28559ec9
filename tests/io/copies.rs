//! From here to there, and both ways.

use std::io::ErrorKind;
use std::pin::pin;
use std::task::{Context, Waker};

use filch::io::{self, AsyncReadExt, AsyncWriteExt, BufReader, BufWriter, copy_buf, duplex};

use filch::net::{TcpListener, TcpStream};

use crate::support::{panic_here, watch};
use crate::{Narrow, Slow};

#[filch::test]
async fn copy_buf_goes_to_the_end_and_flushes() {
    let mut writer = Narrow::new(1000);
    let mut reader = BufReader::with_capacity(4, Slow::new(b"hello world"));
    assert_eq!(copy_buf(&mut reader, &mut writer).await.unwrap(), 11);
    assert_eq!(writer.bytes, b"hello world");
    assert!(writer.flushes > 0);

    let mut reader: &[u8] = b"hello";
    let error = copy_buf(&mut reader, &mut Narrow::new(2)).await.unwrap_err();
    assert_eq!((error.kind(), reader), (ErrorKind::WriteZero, &b"llo"[..]));
}

#[filch::test]
async fn a_copy_of_nothing_sends_what_the_writer_held_back() {
    let mut writer = BufWriter::new(Vec::new());
    writer.write_all(b"head").await.unwrap();
    assert_eq!(io::copy(&mut io::empty(), &mut writer).await.unwrap(), 0);
    assert_eq!(writer.get_ref(), b"head");

    writer.write_all(b"er").await.unwrap();
    assert_eq!(copy_buf(&mut io::empty(), &mut writer).await.unwrap(), 0);
    assert_eq!(writer.get_ref(), b"header");
}

#[filch::test]
async fn a_silent_reader_has_its_copy_flush_once() {
    let (mut tell, silent) = duplex(16);
    let mut writer = Narrow::new(1000);
    {
        let mut reader = BufReader::new(silent);
        let mut copy = pin!(copy_buf(&mut reader, &mut writer));
        let mut look = || copy.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending();
        assert!(look() && look(), "it has written nothing");
        tell.write_all(b"ab").await.unwrap();
        // The writer takes something at each second try only.
        assert!((0..4).all(|_| look()));
    }
    assert_eq!((&writer.bytes[..], writer.flushes), (&b"ab"[..], 1));
}

#[filch::test]
async fn both_directions_are_copied_until_both_have_ended() {
    let _watch = watch();
    for sizes in [None, Some((1, 7)), Some((100_000, 3))] {
        let (mut client, mut near) = duplex(16);
        let (mut far, mut server) = duplex(16);
        let proxy = filch::spawn(async move {
            match sizes {
                None => io::copy_bidirectional(&mut near, &mut far).await,
                Some((there, back)) => {
                    io::copy_bidirectional_with_sizes(&mut near, &mut far, there, back).await
                }
            }
        });
        let server = filch::spawn(async move {
            let mut question = Vec::new();
            server.read_to_end(&mut question).await.unwrap();
            // The other direction is still open after the first one has ended.
            question.reverse();
            server.write_all(&question).await.unwrap();
            server.write_all(b"!").await.unwrap();
        });
        let question: Vec<u8> = (0..5000).map(|n| n as u8).collect();
        client.write_all(&question).await.unwrap();
        client.shutdown().await.unwrap();
        let mut answer = Vec::new();
        client.read_to_end(&mut answer).await.unwrap();
        server.await.unwrap();
        assert_eq!(proxy.await.unwrap().unwrap(), (5000, 5001));
        assert_eq!(answer.pop(), Some(b'!'));
        assert!(answer.iter().rev().eq(&question));
    }
}

#[filch::test]
async fn a_proxy_keeps_connections_that_are_closed_halfway() {
    let _watch = watch();
    let front = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let back = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (front_address, back_address) = (front.local_addr().unwrap(), back.local_addr().unwrap());
    let proxy = filch::spawn(async move {
        let (mut near, _) = front.accept().await.unwrap();
        let mut far = TcpStream::connect(back_address).await.unwrap();
        io::copy_bidirectional(&mut near, &mut far).await
    });
    let server = filch::spawn(async move {
        let (mut stream, _) = back.accept().await.unwrap();
        let mut question = Vec::new();
        stream.read_to_end(&mut question).await.unwrap();
        stream.write_all(&question).await.unwrap();
    });
    let client = TcpStream::connect(front_address).await.unwrap();
    let (mut reader, mut writer) = client.into_split();
    let question: Vec<u8> = (0..1_000_000u32).map(|n| (n % 253) as u8).collect();
    writer.write_all(&question).await.unwrap();
    writer.shutdown().await.unwrap();
    let mut answer = Vec::new();
    reader.read_to_end(&mut answer).await.unwrap();
    assert!(answer == question);
    server.await.unwrap();
    assert_eq!(proxy.await.unwrap().unwrap(), (1_000_000, 1_000_000));
}

#[filch::test]
async fn a_peer_that_resets_ends_a_copy_with_an_error() {
    let _watch = watch();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let (mut stream, _) = listener.accept().await.unwrap();
    let (mut near, mut far) = duplex(16);
    client.set_zero_linger().unwrap();
    drop(client);
    let copying = io::copy_bidirectional(&mut stream, &mut near);
    assert_eq!(copying.await.unwrap_err().kind(), ErrorKind::ConnectionReset);
    drop(near);
    assert_eq!(far.read(&mut [0; 1]).await.unwrap(), 0);
}

#[filch::test]
async fn an_error_in_one_direction_ends_both() {
    let _watch = watch();
    let (mut client, mut near) = duplex(16);
    let (mut far, server) = duplex(16);
    drop(server);
    client.write_all(b"x").await.unwrap();
    let error = io::copy_bidirectional(&mut near, &mut far).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BrokenPipe);
}

#[test]
fn a_copy_without_a_buffer_is_refused() {
    let (mut a, mut b) = (io::empty(), io::empty());
    let message = panic_here(|| drop(io::copy_bidirectional_with_sizes(&mut a, &mut b, 0, 1)));
    assert!(message.contains("at least one byte"), "{message}");
}
