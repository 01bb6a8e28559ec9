//! Pipes with a name and without.

use super::*;
use std::fs::File;
use std::os::fd::OwnedFd;
use std::process::Command;

fn named() -> Place {
    let place = Place::new();
    assert!(Command::new("mkfifo").arg(place.as_ref()).status().unwrap().success());
    place
}

#[filch::test]
async fn bytes_flow_and_the_end_is_the_end() {
    let (mut sender, mut receiver) = pipe::pipe().unwrap();
    let bytes: Vec<u8> = (0..500_000u32).map(|n| n as u8).collect();
    let sent = bytes.clone();
    let writer = filch::spawn(async move { sender.write_all(&sent).await });
    let mut read = Vec::new();
    within(receiver.read_to_end(&mut read)).await.unwrap();
    assert!(read == bytes);
    within(writer).await.unwrap().unwrap();
}

#[filch::test]
async fn writing_what_nobody_reads_is_an_error_also_for_who_waits() {
    let (mut sender, receiver) = pipe::pipe().unwrap();
    sender.writable().await.unwrap();
    while sender.try_write(&[0; 4096]).is_ok() {}
    let mut writing = pin!(sender.write_all(b"x"));
    assert!(once(writing.as_mut()).await.is_pending());
    drop(receiver);
    assert_eq!(within(writing).await.unwrap_err().kind(), ErrorKind::BrokenPipe);
    // Shutting down does nothing, as a pipe has one direction only.
    sender.shutdown().await.unwrap();
}

#[filch::test]
async fn trying_never_waits() {
    let (mut sender, receiver) = pipe::pipe().unwrap();
    assert_eq!(receiver.try_read(&mut [0; 1]).unwrap_err().kind(), ErrorKind::WouldBlock);
    let mut readable = pin!(receiver.readable());
    assert!(once(readable.as_mut()).await.is_pending());
    let slices = [io::IoSlice::new(b"ab"), io::IoSlice::new(b"cd")];
    assert_eq!(sender.write_vectored(&slices).await.unwrap(), 4);
    within(readable).await.unwrap();
    let mut bytes = Vec::new();
    assert_eq!(receiver.try_read_buf(&mut bytes).unwrap(), 4);
    assert_eq!(bytes, b"abcd");
    drop(sender);
    assert!(within(receiver.ready(Interest::READABLE)).await.unwrap().is_readable());
    assert_eq!(receiver.try_read(&mut [0; 1]).unwrap(), 0);
}

#[filch::test]
async fn a_name_joins_two_that_open_it() {
    let place = named();
    let options = pipe::OpenOptions::new();
    let error = options.open_sender(&place).unwrap_err();
    assert_eq!(error.raw_os_error(), Some(6), "nobody reads: {error}");
    let mut receiver = options.open_receiver(&place).unwrap();
    let mut sender = options.open_sender(&place).unwrap();
    sender.write_all(b"hi").await.unwrap();
    drop(sender);
    let mut text = String::new();
    within(receiver.read_to_string(&mut text)).await.unwrap();
    assert_eq!(text, "hi");
    // And another one may come.
    let mut sender = options.open_sender(&place).unwrap();
    sender.write_all(b"!").await.unwrap();
    assert_eq!(within(receiver.read_u8()).await.unwrap(), b'!');
}

#[cfg(target_os = "linux")]
#[filch::test]
async fn who_opens_both_directions_sees_no_end() {
    let place = named();
    let mut sender = pipe::OpenOptions::new().read_write(true).open_sender(&place).unwrap();
    sender.write_all(b"a").await.unwrap();
    let mut receiver = pipe::OpenOptions::new().read_write(true).open_receiver(&place).unwrap();
    drop(sender);
    assert_eq!(within(receiver.read_u8()).await.unwrap(), b'a');
    let mut reading = pin!(receiver.read_u8());
    assert!(once(reading.as_mut()).await.is_pending());
}

#[filch::test]
async fn what_is_no_pipe_is_refused() {
    let place = Place::new();
    std::fs::write(&place, b"text").unwrap();
    let options = pipe::OpenOptions::new();
    assert_eq!(options.open_receiver(&place).unwrap_err().kind(), ErrorKind::InvalidInput);
    assert_eq!(options.open_sender(&place).unwrap_err().kind(), ErrorKind::InvalidInput);
    let file = File::open(&place).unwrap();
    assert_eq!(pipe::Receiver::from_file(file).unwrap_err().kind(), ErrorKind::InvalidInput);
    let (read, write) = io::pipe().unwrap();
    let wrong = pipe::Sender::from_owned_fd(OwnedFd::from(read)).unwrap_err();
    assert_eq!(wrong.kind(), ErrorKind::InvalidInput);
    let wrong = pipe::Receiver::from_owned_fd(OwnedFd::from(write)).unwrap_err();
    assert_eq!(wrong.kind(), ErrorKind::InvalidInput);
}

#[filch::test]
async fn descriptors_come_and_go() {
    let (read, write) = io::pipe().unwrap();
    let receiver = pipe::Receiver::from_owned_fd(OwnedFd::from(read)).unwrap();
    let mut sender = pipe::Sender::from_owned_fd(OwnedFd::from(write)).unwrap();
    sender.write_all(b"abc").await.unwrap();
    let mut read = File::from(receiver.into_nonblocking_fd().unwrap());
    let mut bytes = [0; 3];
    read.read_exact(&mut bytes).unwrap();
    assert_eq!(read.read(&mut bytes).unwrap_err().kind(), ErrorKind::WouldBlock);
    let mut receiver = pipe::Receiver::from_file_unchecked(read).unwrap();
    let mut write = File::from(sender.into_blocking_fd().unwrap());
    let mut reading = pin!(receiver.read_u8());
    assert!(once(reading.as_mut()).await.is_pending());
    write.write_all(b"d").unwrap();
    assert_eq!(within(reading).await.unwrap(), b'd');
    // A blocking end waits until there is something.
    let mut read = File::from(receiver.into_blocking_fd().unwrap());
    let reader = std::thread::spawn(move || {
        let mut byte = [0; 1];
        read.read_exact(&mut byte).unwrap();
        byte[0]
    });
    write.write_all(b"e").unwrap();
    assert_eq!(reader.join().unwrap(), b'e');
}

#[filch::test]
async fn calls_of_ones_own_are_made_when_they_are_worth_it() {
    let (sender, receiver) = pipe::pipe().unwrap();
    let early = receiver.try_io(|| -> io::Result<()> { panic!("nothing is there") });
    assert_eq!(early.unwrap_err().kind(), ErrorKind::WouldBlock);

    sender.writable().await.unwrap();
    sender.try_io(|| sender.try_write(b"bytes")).unwrap();
    receiver.readable().await.unwrap();
    let blocked = receiver.try_io(|| -> io::Result<()> { Err(ErrorKind::WouldBlock.into()) });
    assert_eq!(blocked.unwrap_err().kind(), ErrorKind::WouldBlock);
    let forgotten =
        receiver.try_io(|| -> io::Result<()> { panic!("it was not readable any more") });
    assert_eq!(forgotten.unwrap_err().kind(), ErrorKind::WouldBlock);
}

async fn told_to_be_closed(receiver: &pipe::Receiver) {
    while !within(receiver.ready(Interest::READABLE)).await.unwrap().is_read_closed() {
        filch::task::yield_now().await;
    }
}

#[filch::test]
async fn a_reader_whose_writer_is_gone_sleeps_once_there_is_another_one() {
    let place = named();
    let options = pipe::OpenOptions::new();
    let mut receiver = options.open_receiver(&place).unwrap();
    let mut first = options.open_sender(&place).unwrap();
    first.write_all(b"1").await.unwrap();
    let mut byte = [0];
    assert_eq!(within(receiver.read(&mut byte)).await.unwrap(), 1);
    drop(first);
    told_to_be_closed(&receiver).await;
    assert_eq!(within(receiver.read(&mut byte)).await.unwrap(), 0);
    let mut second = options.open_sender(&place).unwrap();
    let (bell, waker) = Bell::new();
    {
        let mut reading = pin!(receiver.read(&mut byte));
        let mut cx = std::task::Context::from_waker(&waker);
        assert!(reading.as_mut().poll(&mut cx).is_pending());
        assert_eq!(bell.rang(), 0, "it asks for another poll, though nothing can be read");
        second.write_all(b"2").await.unwrap();
        assert_eq!(within(reading).await.unwrap(), 1);
    }
    assert_eq!(byte, *b"2");
    drop(second);
    told_to_be_closed(&receiver).await;
    assert_eq!(within(receiver.read(&mut byte)).await.unwrap(), 0);
    // And so it is for who tries first and waits then.
    let mut third = options.open_sender(&place).unwrap();
    assert_eq!(receiver.try_read(&mut byte).unwrap_err().kind(), ErrorKind::WouldBlock);
    let mut readable = pin!(receiver.readable());
    assert!(once(readable.as_mut()).await.is_pending());
    third.write_all(b"3").await.unwrap();
    within(readable).await.unwrap();
    assert_eq!((receiver.try_read(&mut byte).unwrap(), byte), (1, *b"3"));
}

/// Whose writes are packets: a read takes one, however much room it has.
#[cfg(target_os = "linux")]
#[filch::test]
async fn a_read_that_stops_at_the_end_of_a_packet_leaves_the_next_ones() {
    use rustix::pipe::{PipeFlags, pipe_with};
    let (near, far) = pipe_with(PipeFlags::DIRECT | PipeFlags::CLOEXEC).unwrap();
    let mut far = std::fs::File::from(far);
    ["one", "two", "three"].iter().for_each(|it| far.write_all(it.as_bytes()).unwrap());
    let mut near = pipe::Receiver::from_owned_fd(near).unwrap();
    let mut buf = [0; 64];
    let mut all = Vec::new();
    while all.len() < 11 {
        let count = within(near.read(&mut buf)).await.unwrap();
        all.extend_from_slice(&buf[..count]);
    }
    assert_eq!(all, b"onetwothree");
}
