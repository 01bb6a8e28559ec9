//! What a signal breaks off is made again, where an operation goes on until all is done.

use std::io::{self, ErrorKind};
use std::pin::Pin;
use std::task::{Context, Poll};

use filch::io::*;

/// Bytes in memory, each other access to which is broken off by a signal.
#[derive(Default)]
struct Jumpy {
    given: Vec<u8>,
    taken: Vec<u8>,
    calm: bool,
}

impl Jumpy {
    fn giving(bytes: &[u8]) -> Jumpy {
        Jumpy { given: bytes.to_vec(), ..Jumpy::default() }
    }

    fn access(&mut self) -> io::Result<()> {
        self.calm = !self.calm;
        if self.calm { Err(ErrorKind::Interrupted.into()) } else { Ok(()) }
    }
}

impl AsyncRead for Jumpy {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.access()?;
        let count = self.given.len().min(buf.remaining()).min(3);
        buf.put_slice(&self.given.drain(..count).collect::<Vec<_>>());
        Poll::Ready(Ok(()))
    }
}

impl AsyncBufRead for Jumpy {
    fn poll_fill_buf(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<&[u8]>> {
        let this = self.get_mut();
        this.access()?;
        Poll::Ready(Ok(&this.given))
    }

    fn consume(mut self: Pin<&mut Self>, amt: usize) {
        self.given.drain(..amt);
    }
}

impl AsyncWrite for Jumpy {
    fn poll_write(
        mut self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.access()?;
        let count = buf.len().min(3);
        self.taken.extend_from_slice(&buf[..count]);
        Poll::Ready(Ok(count))
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[filch::test]
async fn reads_that_go_on_until_all_is_there() {
    let mut four = [0; 4];
    assert_eq!(Jumpy::giving(b"abcd").read_exact(&mut four).await.unwrap(), 4);
    assert_eq!(&four, b"abcd");
    assert_eq!(Jumpy::giving(&[1, 2, 3, 4]).read_u32().await.unwrap(), 0x0102_0304);

    let mut bytes = Vec::with_capacity(10);
    Jumpy::giving(b"ten bytes!").read_to_end(&mut bytes).await.unwrap();
    assert_eq!((bytes.as_slice(), bytes.capacity()), (&b"ten bytes!"[..], 10));
    let mut text = String::new();
    Jumpy::giving(b"ten bytes!").read_to_string(&mut text).await.unwrap();
    assert_eq!(text, "ten bytes!");
}

#[filch::test]
async fn reads_that_go_on_until_some_byte() {
    let mut jumpy = Jumpy::giving(b"one\ntwo\nthree");
    let mut line = String::new();
    jumpy.read_line(&mut line).await.unwrap();
    let mut bytes = Vec::new();
    jumpy.read_until(b'\n', &mut bytes).await.unwrap();
    assert_eq!((line.as_str(), bytes.as_slice()), ("one\n", &b"two\n"[..]));
    assert_eq!(jumpy.lines().next_line().await.unwrap().as_deref(), Some("three"));
}

#[filch::test]
async fn writes_that_go_on_until_all_is_gone() {
    let mut jumpy = Jumpy::default();
    jumpy.write_all(b"all").await.unwrap();
    jumpy.write_all_buf(&mut &b" of it"[..]).await.unwrap();
    jumpy.write_u16(0x2021).await.unwrap();
    let mut writer = BufWriter::new(jumpy);
    writer.write_all(b" held back").await.unwrap();
    writer.flush().await.unwrap();
    assert_eq!(writer.into_inner().taken, b"all of it ! held back");
}

#[filch::test]
async fn copies() {
    let mut sink = Jumpy::default();
    assert_eq!(copy(&mut Jumpy::giving(b"a copy"), &mut sink).await.unwrap(), 6);
    assert_eq!(copy_buf(&mut Jumpy::giving(b" more"), &mut sink).await.unwrap(), 5);
    assert_eq!(sink.taken, b"a copy more");
    let (mut one, mut other) = (Jumpy::giving(b"there"), Jumpy::giving(b"back"));
    assert_eq!(copy_bidirectional(&mut one, &mut other).await.unwrap(), (5, 4));
    assert_eq!((one.taken.as_slice(), other.taken.as_slice()), (&b"back"[..], &b"there"[..]));
}

#[filch::test]
async fn one_read_or_write_tells() {
    let mut jumpy = Jumpy::giving(b"x");
    let mut byte = [0];
    assert_eq!(jumpy.read(&mut byte).await.unwrap_err().kind(), ErrorKind::Interrupted);
    assert_eq!(jumpy.read(&mut byte).await.unwrap(), 1);
    assert_eq!(jumpy.write(&byte).await.unwrap_err().kind(), ErrorKind::Interrupted);
    assert_eq!(jumpy.write(&byte).await.unwrap(), 1);
}
