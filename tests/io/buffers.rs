//! Buffered streams, against std's and against plain memory.

use std::io::{self as std_io, BufRead, Cursor, IoSlice, Read, Seek, SeekFrom};
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

use filch::io::{
    AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncSeek, AsyncSeekExt, AsyncWrite, AsyncWriteExt,
    BufReader, BufStream, BufWriter, ReadBuf, duplex,
};
use proptest::prelude::*;

/// A file in memory that makes its task come back now and then, and moves some bytes at a time.
#[derive(Debug)]
struct Moody {
    file: Cursor<Vec<u8>>,
    moods: Vec<u8>,
    next: usize,
    vectored: bool,
}

impl Moody {
    fn new(bytes: &[u8], moods: &[u8]) -> Moody {
        let file = Cursor::new(bytes.to_vec());
        Moody { file, moods: moods.to_vec(), next: 0, vectored: false }
    }

    /// How many bytes to move this time. `None`: come back.
    fn mood(&mut self, cx: &Context<'_>) -> Option<usize> {
        let mood = self.moods[self.next % self.moods.len()];
        self.next += 1;
        if mood == 0 {
            cx.waker().wake_by_ref();
            return None;
        }
        Some(usize::from(mood))
    }
}

impl AsyncRead for Moody {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<std_io::Result<()>> {
        let Some(most) = self.mood(cx) else { return Poll::Pending };
        let mut bytes = vec![0; most.min(buf.remaining())];
        let count = Read::read(&mut self.file, &mut bytes)?;
        buf.put_slice(&bytes[..count]);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Moody {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<std_io::Result<usize>> {
        let Some(most) = self.mood(cx) else { return Poll::Pending };
        let part = &buf[..most.min(buf.len())];
        write(&mut self.file, part);
        Poll::Ready(Ok(part.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<std_io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<std_io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn is_write_vectored(&self) -> bool {
        self.vectored
    }
}

impl AsyncSeek for Moody {
    fn start_seek(mut self: Pin<&mut Self>, position: SeekFrom) -> std_io::Result<()> {
        Seek::seek(&mut self.file, position).map(drop)
    }

    fn poll_complete(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std_io::Result<u64>> {
        match self.mood(cx) {
            None => Poll::Pending,
            Some(_) => Poll::Ready(Ok(self.file.position())),
        }
    }
}

/// Writes as to a file: a cursor would fill the gap up to its place even with nothing to write.
fn write(file: &mut Cursor<Vec<u8>>, bytes: &[u8]) {
    if !bytes.is_empty() {
        std_io::Write::write_all(file, bytes).unwrap();
    }
}

/// Polls to the end; whoever waits here has been woken already.
fn drive<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            return output;
        }
    }
}

fn moods() -> impl Strategy<Value = Vec<u8>> {
    // A mood that is never 0 at the end, so that everything comes to an end.
    proptest::collection::vec(0u8..6, 0..6).prop_map(|mut moods| {
        moods.push(4);
        moods
    })
}

#[derive(Debug, Clone)]
enum Step {
    Read(usize),
    Line,
    Seek(SeekFrom),
    Where,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (0usize..20).prop_map(Step::Read),
        Just(Step::Line),
        (0u64..60).prop_map(|to| Step::Seek(SeekFrom::Start(to))),
        (-60i64..60).prop_map(|by| Step::Seek(SeekFrom::Current(by))),
        (-60i64..10).prop_map(|by| Step::Seek(SeekFrom::End(by))),
        Just(Step::Seek(SeekFrom::Current(i64::MIN))),
        Just(Step::Where),
    ]
}

proptest! {
    #[test]
    fn a_buf_reader_reads_and_seeks_like_the_bare_file(
        bytes in proptest::collection::vec(prop_oneof![Just(b'\n'), Just(b'x')], 0..50),
        capacity in 1usize..12,
        moods in moods(),
        steps in proptest::collection::vec(step(), 0..20),
    ) {
        let mut model = Cursor::new(bytes.clone());
        let mut reader = BufReader::with_capacity(capacity, Moody::new(&bytes, &moods));
        for step in steps {
            match step {
                Step::Read(count) => {
                    let mut got = vec![0; count];
                    let count = drive(reader.read(&mut got)).unwrap();
                    let mut expected = vec![0; count];
                    Read::read_exact(&mut model, &mut expected).unwrap();
                    prop_assert_eq!(&got[..count], &expected);
                    if count == 0 && !got.is_empty() {
                        prop_assert!(model.position() >= bytes.len() as u64);
                    }
                }
                Step::Line => {
                    let (mut got, mut expected) = (String::new(), String::new());
                    drive(reader.read_line(&mut got)).unwrap();
                    BufRead::read_line(&mut model, &mut expected).unwrap();
                    prop_assert_eq!(got, expected);
                }
                Step::Seek(to) => {
                    let got = drive(reader.seek(to)).ok();
                    prop_assert_eq!(got, Seek::seek(&mut model, to).ok());
                }
                Step::Where => {
                    prop_assert_eq!(drive(reader.stream_position()).unwrap(), model.position());
                }
            }
        }
    }

    #[test]
    fn a_buf_writer_writes_what_a_bare_file_gets(
        capacity in 0usize..12,
        vectored in any::<bool>(),
        moods in moods(),
        writes in proptest::collection::vec(
            (proptest::collection::vec(0usize..9, 1..4), 0u8..8, 0u64..40), 0..20
        ),
    ) {
        let mut model = Cursor::new(Vec::new());
        let mut file = Moody::new(&[], &moods);
        file.vectored = vectored;
        let mut writer = BufWriter::with_capacity(capacity, file);
        for (number, (lengths, what, place)) in writes.into_iter().enumerate() {
            let parts: Vec<_> = lengths.iter().map(|&length| vec![number as u8; length]).collect();
            let slices: Vec<_> = parts.iter().map(|part| IoSlice::new(part)).collect();
            match what {
                0 => drive(writer.flush()).unwrap(),
                1 => {
                    let place = SeekFrom::Start(place);
                    prop_assert_eq!(drive(writer.seek(place)).unwrap(), Seek::seek(&mut model, place).unwrap());
                }
                2..5 => {
                    let count = drive(writer.write_vectored(&slices)).unwrap();
                    let all = parts.concat();
                    prop_assert!(count > 0 || all.is_empty());
                    write(&mut model, &all[..count]);
                }
                _ => {
                    let all = parts.concat();
                    drive(writer.write_all(&all)).unwrap();
                    write(&mut model, &all);
                }
            }
            prop_assert!(writer.buffer().len() <= capacity);
        }
        drive(writer.shutdown()).unwrap();
        prop_assert_eq!(writer.into_inner().file.into_inner(), model.into_inner());
    }

    #[test]
    fn lines_are_those_of_the_whole_text_however_it_comes(
        text in "[ab\r\n]{0,40}",
        capacity in 1usize..12,
        moods in moods(),
        drops in proptest::collection::vec(0usize..4, 0..10),
    ) {
        let mut lines =
            BufReader::with_capacity(capacity, Moody::new(text.as_bytes(), &moods)).lines();
        let mut drops = drops.into_iter();
        let mut got = Vec::new();
        'all: loop {
            // A future that is dropped after some polls, then another one.
            let polls = drops.next().unwrap_or(usize::MAX);
            let mut next = pin!(lines.next_line());
            for _ in 0..polls {
                let mut cx = Context::from_waker(Waker::noop());
                if let Poll::Ready(line) = next.as_mut().poll(&mut cx) {
                    match line.unwrap() {
                        Some(line) => got.push(line),
                        None => break 'all,
                    }
                    break;
                }
            }
        }
        let expected: Vec<_> = BufRead::lines(text.as_bytes()).map(Result::unwrap).collect();
        prop_assert_eq!(got, expected);
    }
}

#[filch::test]
async fn a_seek_that_fails_keeps_what_was_read_ahead() {
    let mut reader = BufReader::new(Cursor::new(b"abcdef"));
    assert_eq!(reader.read_u8().await.unwrap(), b'a');
    assert!(reader.seek(SeekFrom::Current(-2)).await.is_err());
    assert_eq!(reader.read_u8().await.unwrap(), b'b');
}

fn poll_once<F: Future>(future: F) -> Poll<F::Output> {
    pin!(future).poll(&mut Context::from_waker(Waker::noop()))
}

#[test]
fn a_seek_that_was_given_up_under_way_leaves_what_was_read_ahead() {
    // The read that reads ahead, the look whether an earlier seek is over, the seek, the read.
    let file = Moody::new(b"abcdefgh", &[8, 8, 0, 8]);
    let mut reader = BufReader::new(file);
    assert_eq!(drive(reader.read_u8()).unwrap(), b'a');
    assert!(poll_once(reader.seek(SeekFrom::Start(6))).is_pending());
    assert_eq!(drive(reader.read_u8()).unwrap(), b'g');
    assert_eq!(drive(reader.stream_position()).unwrap(), 7);
}

#[test]
fn a_seek_that_was_given_up_before_it_set_out_does_not_come_after_a_write() {
    // The look whether an earlier seek is over, then the write before the seek.
    let mut writer = BufWriter::new(Moody::new(b"", &[8, 0, 8, 8, 8]));
    drive(writer.write_all(b"ab")).unwrap();
    assert!(poll_once(writer.seek(SeekFrom::Start(6))).is_pending());
    drive(writer.write_all(b"cd")).unwrap();
    assert_eq!(drive(writer.stream_position()).unwrap(), 4);
    assert_eq!(writer.into_inner().file.into_inner(), b"abcd");
}

#[filch::test]
async fn without_a_seek_a_buf_reader_says_where_its_user_stands() {
    let mut reader = BufReader::new(Cursor::new(b"abcdef"));
    reader.read_u16().await.unwrap();
    let place = std::future::poll_fn(|cx| Pin::new(&mut reader).poll_complete(cx)).await;
    assert_eq!(place.unwrap(), 2);
}

#[filch::test]
async fn a_buf_stream_is_both_and_keeps_what_the_parts_hold() {
    let (near, mut far) = duplex(64);
    let mut reader = BufReader::new(near);
    far.write_all(b"ab").await.unwrap();
    assert_eq!(reader.read_u8().await.unwrap(), b'a');
    let mut writer = BufWriter::new(reader);
    writer.write_all(b"held ").await.unwrap();

    let mut stream = BufStream::from(writer);
    stream.write_all(b"back").await.unwrap();
    assert_eq!(stream.read_u8().await.unwrap(), b'b');
    stream.shutdown().await.unwrap();
    let mut text = String::new();
    far.read_to_string(&mut text).await.unwrap();
    assert_eq!(text, "held back");

    let mut stream = BufStream::with_capacity(4, 4, Cursor::new(b"one\ntwo\n".to_vec()));
    assert!(stream.is_write_vectored());
    let mut line = String::new();
    stream.read_line(&mut line).await.unwrap();
    stream.seek(SeekFrom::Start(4)).await.unwrap();
    stream.write_all(b"2").await.unwrap();
    stream.rewind().await.unwrap();
    stream.read_to_string(&mut line).await.unwrap();
    assert_eq!(line, "one\none\n2wo\n");
    assert_eq!(stream.into_inner().into_inner(), b"one\n2wo\n");
}

#[test]
#[should_panic(expected = "a capacity of at least 1")]
fn a_reader_without_room_would_end_at_once() {
    let _ = BufReader::with_capacity(0, &b"never read"[..]);
}
