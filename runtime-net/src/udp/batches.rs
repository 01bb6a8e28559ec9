//! Many datagrams at a time, which saves most of the system calls.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::slice;

use runtime_core::reactor::Interest;

use super::UdpSocket;

/// A datagram to send, see [`UdpSocket::send_many`].
#[derive(Debug, Clone, Copy)]
pub struct Outgoing<'a> {
    pub(crate) bytes: &'a [u8],
    pub(crate) target: Option<SocketAddr>,
}

impl<'a> Outgoing<'a> {
    /// For the peer that the socket is connected to.
    pub fn new(bytes: &'a [u8]) -> Outgoing<'a> {
        Outgoing { bytes, target: None }
    }

    /// For `target`.
    pub fn to(bytes: &'a [u8], target: SocketAddr) -> Outgoing<'a> {
        Outgoing { bytes, target: Some(target) }
    }
}

/// Room for a datagram, and what was received there, see [`UdpSocket::recv_many`].
pub struct Incoming<'a> {
    pub(crate) room: &'a mut [u8],
    pub(crate) length: usize,
    pub(crate) sender: Option<SocketAddr>,
    pub(crate) is_truncated: bool,
    pub(crate) segment: Option<usize>,
}

impl<'a> Incoming<'a> {
    /// Room in `buf`. Of a longer datagram, the rest is lost.
    pub fn new(buf: &'a mut [u8]) -> Incoming<'a> {
        Incoming { room: buf, length: 0, sender: None, is_truncated: false, segment: None }
    }

    /// What was received; several datagrams in a row after `UdpSocket::set_gro`.
    pub fn bytes(&self) -> &[u8] {
        &self.room[..self.length]
    }

    /// Who sent it. `None` if nothing was received here.
    pub fn sender(&self) -> Option<SocketAddr> {
        self.sender
    }

    /// Whether the datagram was longer and its rest is lost, where the system tells.
    pub fn is_truncated(&self) -> bool {
        self.is_truncated
    }

    /// The datagrams one by one: more than one only after `UdpSocket::set_gro`. An empty datagram
    /// gives none.
    pub fn segments(&self) -> slice::Chunks<'_, u8> {
        let size = self.segment.unwrap_or(self.length).max(1);
        self.bytes().chunks(size)
    }
}

impl fmt::Debug for Incoming<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Incoming")
            .field("length", &self.length)
            .field("sender", &self.sender)
            .field("is_truncated", &self.is_truncated)
            .finish_non_exhaustive()
    }
}

impl UdpSocket {
    /// Sends as many of the datagrams as there is room for, from the first on, and says how many:
    /// at least one, unless there are none. On Linux this is one system call for up to 32.
    ///
    /// # Errors
    ///
    /// As [`send_to`](UdpSocket::send_to), of the first datagram. That of a later one ends the batch
    /// before it, and comes when it is the first.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: nothing has been sent.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::net::{UdpSocket, udp::{Incoming, Outgoing}};
    ///
    /// # #[filch::main]
    /// # async fn main() -> std::io::Result<()> {
    /// let socket = UdpSocket::bind("127.0.0.1:0").await?;
    /// let myself = socket.local_addr()?;
    /// let batch = [Outgoing::to(b"one", myself), Outgoing::to(b"two", myself)];
    /// let mut sent = 0;
    /// while sent < batch.len() {
    ///     sent += socket.send_many(&batch[sent..]).await?;
    /// }
    ///
    /// let (mut first, mut second) = ([0; 1500], [0; 1500]);
    /// let mut batch = [Incoming::new(&mut first), Incoming::new(&mut second)];
    /// let count = socket.recv_many(&mut batch).await?;
    /// for datagram in &batch[..count] {
    ///     println!("{} bytes of {:?}", datagram.bytes().len(), datagram.sender());
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn send_many(&self, datagrams: &[Outgoing<'_>]) -> io::Result<usize> {
        if datagrams.is_empty() {
            return Ok(0);
        }
        let (registration, socket) = self.datagrams.parts();
        registration.io(Interest::WRITABLE, || socket.send_many(datagrams)).await
    }

    /// As [`send_many`](UdpSocket::send_many), without waiting.
    ///
    /// # Errors
    ///
    /// [`WouldBlock`](io::ErrorKind::WouldBlock) if there is no room, and those of `send_many`.
    pub fn try_send_many(&self, datagrams: &[Outgoing<'_>]) -> io::Result<usize> {
        if datagrams.is_empty() {
            return Ok(0);
        }
        let (registration, socket) = self.datagrams.parts();
        registration.try_io(Interest::WRITABLE, || socket.send_many(datagrams))
    }

    /// Waits for a datagram, takes as many as there are, and says how many: at least one, unless
    /// there is no room for any. On Linux this is one system call for up to 32.
    ///
    /// # Errors
    ///
    /// As [`recv`](UdpSocket::recv).
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: nothing has been received.
    pub async fn recv_many(&self, datagrams: &mut [Incoming<'_>]) -> io::Result<usize> {
        if datagrams.is_empty() {
            return Ok(0);
        }
        let socket = &self.datagrams;
        socket.registration.io(Interest::READABLE, || socket.recv_many(datagrams)).await
    }

    /// As [`recv_many`](UdpSocket::recv_many), without waiting.
    ///
    /// # Errors
    ///
    /// [`WouldBlock`](io::ErrorKind::WouldBlock) if there is none, and those of `recv_many`.
    pub fn try_recv_many(&self, datagrams: &mut [Incoming<'_>]) -> io::Result<usize> {
        if datagrams.is_empty() {
            return Ok(0);
        }
        let socket = &self.datagrams;
        socket.registration.try_io(Interest::READABLE, || socket.recv_many(datagrams))
    }

    /// Has the kernel cut up what is sent into datagrams of `size` bytes each, the last one perhaps
    /// shorter (`UDP_SEGMENT`). 0 ends that. One `send` may then take up to 64 segments.
    ///
    /// # Errors
    ///
    /// Those of the system, which may know nothing of it.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[filch::main]
    /// # async fn main() -> std::io::Result<()> {
    /// let socket = filch::net::UdpSocket::bind("127.0.0.1:0").await?;
    /// socket.set_gso_segment(1000)?;
    /// socket.send_to(&[7; 2500], socket.local_addr()?).await?;
    /// let mut bytes = [0; 1500];
    /// assert_eq!(socket.recv(&mut bytes).await?, 1000);
    /// assert_eq!(socket.recv(&mut bytes).await?, 1000);
    /// assert_eq!(socket.recv(&mut bytes).await?, 500);
    /// # Ok(())
    /// # }
    /// ```
    #[cfg(target_os = "linux")]
    pub fn set_gso_segment(&self, size: u16) -> io::Result<()> {
        self.datagrams.socket().set_gso_segment(size)
    }

    /// Lets the kernel put datagrams of one size together (`UDP_GRO`), which
    /// [`recv_many`](UdpSocket::recv_many) receives as one; [`Incoming::segments`] takes it apart.
    /// The other methods cannot tell them apart. Give them room: up to 64 KiB.
    ///
    /// # Errors
    ///
    /// Those of the system, which may know nothing of it.
    #[cfg(target_os = "linux")]
    pub fn set_gro(&self, on: bool) -> io::Result<()> {
        self.datagrams.socket().set_gro(on)
    }
}
