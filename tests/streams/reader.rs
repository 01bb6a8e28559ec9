//! `StreamReader`: lines, separators, counts, limits, ends, errors, and what a dropped read leaves.

use super::support::{panic_here, within};
use filch::io::{AsyncBufReadExt, AsyncReadExt};
use filch::net::TcpListener;
use filch::streams::{
    ConnectOptions, IncompleteReadError, LIMIT, ReadError, ServerOptions, StreamReader,
    open_connection,
};
use std::io::ErrorKind;

fn fed(bytes: &[u8], limit: usize) -> StreamReader {
    let (feeder, reader) = StreamReader::channel(limit);
    feeder.feed_data(bytes);
    reader
}

fn overrun(error: ReadError) -> (usize, bool) {
    match error {
        ReadError::LimitOverrun(error) => (error.consumed, error.separator_found()),
        other => panic!("{other:?}"),
    }
}

fn incomplete(error: ReadError) -> IncompleteReadError {
    match error {
        ReadError::Incomplete(error) => error,
        other => panic!("{other:?}"),
    }
}

#[filch::test]
async fn read_gives_what_there_is_up_to_its_count() {
    let mut reader = fed(b"abcdef", LIMIT);
    assert_eq!(reader.read(0).await.unwrap(), "");
    assert_eq!(reader.read(4).await.unwrap(), "abcd");
    assert_eq!(reader.read(4).await.unwrap(), "ef");
    assert_eq!(reader.read(4).await.unwrap(), "");
    assert!(reader.at_eof());
}

#[filch::test]
async fn the_last_line_needs_no_end() {
    let mut reader = fed(b"one\n\nthree", LIMIT);
    assert_eq!(reader.readline().await.unwrap(), "one\n");
    assert_eq!(reader.readline().await.unwrap(), "\n");
    assert!(!reader.at_eof());
    assert_eq!(reader.readline().await.unwrap(), "three");
    assert_eq!(reader.readline().await.unwrap(), "");
}

#[filch::test]
async fn a_line_beyond_the_limit_is_thrown_away() {
    let mut reader = fed(b"123456\nab\n", 5);
    assert_eq!(overrun(reader.readline().await.unwrap_err()), (6, true));
    assert_eq!(reader.readline().await.unwrap(), "ab\n");

    let (feeder, mut reader) = StreamReader::channel(5);
    feeder.feed_data(b"1234567");
    assert!(!overrun(reader.readline().await.unwrap_err()).1);
    feeder.feed_data(b"ab\n");
    assert_eq!(reader.readline().await.unwrap(), "ab\n");
}

#[filch::test]
async fn a_line_as_long_as_the_limit_is_read() {
    let mut reader = fed(b"12345\n12345", 5);
    assert_eq!(reader.readline().await.unwrap(), "12345\n");
    assert_eq!(reader.readline().await.unwrap(), "12345");
}

#[filch::test]
async fn beyond_the_limit_the_bytes_stay_and_may_be_read_otherwise() {
    let mut reader = fed(b"123456--rest", 4);
    let (consumed, found) = overrun(reader.readuntil(b"--").await.unwrap_err());
    assert_eq!((consumed, found), (6, true));
    assert_eq!(reader.readexactly(consumed).await.unwrap(), "123456");
    assert_eq!(reader.readuntil(b"--").await.unwrap(), "--");

    let (feeder, mut reader) = StreamReader::channel(4);
    feeder.feed_data(b"123456-");
    let (consumed, found) = overrun(reader.readuntil(b"--").await.unwrap_err());
    assert!(!found);
    reader.readexactly(consumed).await.unwrap();
    feeder.feed_data(b"-");
    assert_eq!(reader.readuntil(b"--").await.unwrap(), "--");
}

/// As in asyncio, and not only once a read has to wait.
#[filch::test]
async fn what_is_fed_by_hand_has_arrived() {
    let (feeder, mut reader) = StreamReader::channel(4);
    feeder.feed_data(b"1234567");
    assert_eq!(overrun(reader.readuntil("\n").await.unwrap_err()), (7, false));
    feeder.feed_data(b"89");
    assert_eq!(overrun(reader.readuntil("\n").await.unwrap_err()), (9, false));
    assert_eq!(reader.read(8).await.unwrap(), "12345678");
    feeder.feed_data(b"0ab");
    assert_eq!(reader.read(3).await.unwrap(), "90a");
    feeder.feed_data(b"cdef");
    assert_eq!(overrun(reader.readline().await.unwrap_err()), (5, false));
    feeder.feed_data(b"\n");
    assert_eq!(reader.readline().await.unwrap(), "\n", "all of the line was thrown away");
    feeder.feed_data(b"g");
    feeder.feed_eof();
    assert!(!reader.at_eof());
    assert_eq!(reader.read(1).await.unwrap(), "g");
    assert!(reader.at_eof());
}

#[filch::test]
async fn the_separator_that_ends_first_wins() {
    let mut reader = fed(b"a;b\r\nc\nd", LIMIT);
    let ends: [&[u8]; 3] = [b"\r\n", b"\n", b";"];
    for part in ["a;", "b\r\n", "c\n"] {
        assert_eq!(reader.readuntil_any(&ends).await.unwrap(), part);
    }
    let error = incomplete(reader.readuntil_any(&ends).await.unwrap_err());
    assert_eq!((&*error.partial, error.expected), (&b"d"[..], None));
    assert!(reader.at_eof());
}

#[filch::test]
async fn a_separator_may_arrive_in_pieces() {
    let (feeder, mut reader) = StreamReader::channel(LIMIT);
    let task = filch::spawn(async move { reader.readuntil("--END--").await.unwrap() });
    for piece in ["te", "xt-", "-E", "ND-", "-"] {
        filch::task::yield_now().await;
        feeder.feed_data(piece.as_bytes());
    }
    assert_eq!(task.await.unwrap(), "text--END--");
}

#[test]
fn an_empty_separator_is_a_mistake() {
    let mut reader = fed(b"a", LIMIT);
    let needed = "`readuntil` needs a separator of at least one byte";
    assert_eq!(panic_here(|| drop(reader.readuntil(""))), needed);
    assert_eq!(panic_here(|| drop(reader.readuntil_any(&[b"\n", b""]))), needed);
    assert_eq!(panic_here(|| drop(reader.readuntil_any(&[]))), needed);
}

#[test]
fn a_limit_of_nothing_is_a_mistake() {
    let message = panic_here(|| StreamReader::channel(0));
    assert_eq!(message, "the limit of a `StreamReader` must be at least one byte");
    let message = panic_here(|| ConnectOptions::new().limit(0));
    assert_eq!(message, "the limit of a `StreamReader` must be at least one byte");
    let message = panic_here(|| ServerOptions::new().limit(0));
    assert_eq!(message, "the limit of a `StreamReader` must be at least one byte");
}

#[filch::test]
async fn readexactly_ignores_the_limit_and_tells_what_is_missing() {
    let mut reader = fed(b"1234567890", 2);
    assert_eq!(reader.readexactly(0).await.unwrap(), "");
    assert_eq!(reader.readexactly(7).await.unwrap(), "1234567");
    let error = incomplete(reader.readexactly(5).await.unwrap_err());
    assert_eq!((&*error.partial, error.expected), (&b"890"[..], Some(5)));
    assert_eq!(error.to_string(), "3 bytes read on a total of 5 expected bytes");
    let error = std::io::Error::from(error);
    assert_eq!(error.kind(), ErrorKind::UnexpectedEof);
    assert!(error.get_ref().unwrap().downcast_ref::<IncompleteReadError>().is_some());
}

/// As in asyncio: whatever lies in the buffer, and whichever way one reads.
#[filch::test]
async fn an_error_comes_before_what_has_arrived() {
    let (feeder, mut reader) = StreamReader::channel(LIMIT);
    feeder.feed_data(b"one\ntwo\nthree\n");
    assert_eq!(reader.readline().await.unwrap(), "one\n");
    feeder.set_exception(ErrorKind::TimedOut.into());
    assert_eq!(reader.read(3).await.unwrap_err().kind(), ErrorKind::TimedOut);
    assert_eq!(reader.read(0).await.unwrap_err().kind(), ErrorKind::TimedOut);
    let is_told =
        |error| matches!(error, ReadError::Io(error) if error.kind() == ErrorKind::TimedOut);
    assert!(is_told(reader.readexactly(3).await.unwrap_err()));
    assert!(is_told(reader.readline().await.unwrap_err()));
    assert_eq!(reader.read_to_end().await.unwrap_err().kind(), ErrorKind::TimedOut);
    assert_eq!(reader.read_u8().await.unwrap_err().kind(), ErrorKind::TimedOut);
    assert_eq!(reader.fill_buf().await.unwrap_err().kind(), ErrorKind::TimedOut);
    assert_eq!(reader.buffer(), b"two\nthree\n");
}

#[filch::test]
async fn every_read_after_an_error_fails() {
    let (feeder, mut reader) = StreamReader::channel(LIMIT);
    feeder.set_exception(ErrorKind::TimedOut.into());
    for _ in 0..2 {
        assert_eq!(reader.read(1).await.unwrap_err().kind(), ErrorKind::TimedOut);
    }
    assert!(matches!(reader.readline().await, Err(ReadError::Io(_))));
}

#[filch::test]
async fn a_read_that_is_dropped_loses_nothing() {
    let (feeder, mut reader) = StreamReader::channel(LIMIT);
    for piece in ["ab", "cd", "ef\n"] {
        filch::select! {
            biased;
            line = reader.readline() => panic!("{line:?}"),
            () = filch::task::yield_now() => {}
        }
        feeder.feed_data(piece.as_bytes());
    }
    assert_eq!(reader.readline().await.unwrap(), "abcdef\n");
}

#[filch::test]
async fn it_is_a_byte_stream_too() {
    let mut reader = fed(b"abc\ndef", LIMIT);
    assert_eq!(reader.read(1).await.unwrap(), "a");
    let mut bytes = [0; 2];
    reader.read_exact(&mut bytes).await.unwrap();
    assert_eq!(&bytes, b"bc");
    let mut text = String::new();
    reader.read_line(&mut text).await.unwrap();
    assert_eq!(text, "\n");
    let mut rest = Vec::new();
    AsyncReadExt::read_to_end(&mut reader, &mut rest).await.unwrap();
    assert_eq!(rest, b"def");
}

#[filch::test]
async fn its_lines_are_a_stream() {
    let mut lines = fed(b"a\nb\nc", LIMIT).lines();
    let mut all = Vec::new();
    while let Some(line) = lines.next().await {
        all.push(line.unwrap());
    }
    assert_eq!(all, ["a\n", "b\n", "c"]);
    assert!(lines.into_inner().at_eof());
}

#[filch::test]
async fn a_peer_that_resets_is_an_error_for_reader_and_writer() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let opened = open_connection(listener.local_addr().unwrap()).await;
    let (mut reader, mut writer) = opened.unwrap();
    writer.write(&b"x"[..]);
    let (far, _) = listener.accept().await.unwrap();
    far.set_zero_linger().unwrap();
    drop(far);
    let error = within(reader.read(1)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    assert_eq!(writer.drain().await.unwrap_err().kind(), ErrorKind::ConnectionReset);
    assert_eq!(within(writer.wait_closed()).await.unwrap_err().kind(), ErrorKind::ConnectionReset);
}

#[filch::test]
async fn a_count_beyond_all_memory_costs_nothing_before_its_bytes_come() {
    let mut reader = fed(b"few", LIMIT);
    let error = incomplete(reader.readexactly(usize::MAX).await.unwrap_err());
    assert_eq!((&error.partial[..], error.expected), (&b"few"[..], Some(usize::MAX)));
}
