//! To look at a datagram, or at its sender, and leave it where it is.

use std::io;
use std::net::SocketAddr;
use std::task::{Context, Poll, ready};

use runtime_core::reactor::{Direction, Interest};

use super::UdpSocket;
use crate::io::ReadBuf;
use crate::os::ip;

impl UdpSocket {
    /// Reads into `buf` the datagram that the next `recv` will give as well, or its beginning, and
    /// says how much that is.
    ///
    /// # Errors
    ///
    /// As [`recv`](UdpSocket::recv).
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: nothing is received.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[filch::main]
    /// # async fn main() -> std::io::Result<()> {
    /// let socket = filch::net::UdpSocket::bind("127.0.0.1:0").await?;
    /// socket.send_to(b"to me", socket.local_addr()?).await?;
    /// let mut bytes = [0; 2];
    /// assert_eq!(socket.peek(&mut bytes).await?, 2);
    /// let mut bytes = [0; 16];
    /// assert_eq!(socket.recv(&mut bytes).await?, 5);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn peek(&self, buf: &mut [u8]) -> io::Result<usize> {
        let datagrams = &self.datagrams;
        datagrams
            .registration
            .io(Interest::READABLE, || datagrams.peek(&mut ReadBuf::new(buf)))
            .await
    }

    /// As [`peek`](UdpSocket::peek). The last task that asked is woken.
    ///
    /// # Errors
    ///
    /// As [`recv`](UdpSocket::recv).
    pub fn poll_peek(&self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let datagrams = &self.datagrams;
        datagrams.registration.poll_io(cx, Direction::Read, || datagrams.peek(buf)).map_ok(drop)
    }

    /// As [`peek`](UdpSocket::peek), without waiting.
    ///
    /// # Errors
    ///
    /// [`WouldBlock`](io::ErrorKind::WouldBlock) if there is none, and those of
    /// [`recv`](UdpSocket::recv).
    pub fn try_peek(&self, buf: &mut [u8]) -> io::Result<usize> {
        let datagrams = &self.datagrams;
        datagrams.registration.try_io(Interest::READABLE, || datagrams.peek(&mut ReadBuf::new(buf)))
    }

    /// As [`peek`](UdpSocket::peek), and says who sent it.
    ///
    /// # Errors
    ///
    /// As [`recv`](UdpSocket::recv).
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: nothing is received.
    pub async fn peek_from(&self, buf: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        let datagrams = &self.datagrams;
        let peek = || datagrams.peek_from(&mut ReadBuf::new(buf));
        let (count, sender) = datagrams.registration.io(Interest::READABLE, peek).await?;
        Ok((count, ip(sender)?))
    }

    /// As [`peek_from`](UdpSocket::peek_from). The last task that asked is woken.
    ///
    /// # Errors
    ///
    /// As [`recv`](UdpSocket::recv).
    pub fn poll_peek_from(
        &self,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<SocketAddr>> {
        let datagrams = &self.datagrams;
        let peek = || datagrams.peek_from(buf);
        let (_, sender) = ready!(datagrams.registration.poll_io(cx, Direction::Read, peek))?;
        Poll::Ready(ip(sender))
    }

    /// As [`peek_from`](UdpSocket::peek_from), without waiting.
    ///
    /// # Errors
    ///
    /// [`WouldBlock`](io::ErrorKind::WouldBlock) if there is none, and those of
    /// [`recv`](UdpSocket::recv).
    pub fn try_peek_from(&self, buf: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        let datagrams = &self.datagrams;
        let peek = || datagrams.peek_from(&mut ReadBuf::new(buf));
        let (count, sender) = datagrams.registration.try_io(Interest::READABLE, peek)?;
        Ok((count, ip(sender)?))
    }

    /// Who sent the datagram that the next `recv` will give.
    ///
    /// # Errors
    ///
    /// As [`recv`](UdpSocket::recv).
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: nothing is received.
    pub async fn peek_sender(&self) -> io::Result<SocketAddr> {
        Ok(self.peek_from(&mut []).await?.1)
    }

    /// As [`peek_sender`](UdpSocket::peek_sender). The last task that asked is woken.
    ///
    /// # Errors
    ///
    /// As [`recv`](UdpSocket::recv).
    pub fn poll_peek_sender(&self, cx: &mut Context<'_>) -> Poll<io::Result<SocketAddr>> {
        self.poll_peek_from(cx, &mut ReadBuf::new(&mut []))
    }

    /// As [`peek_sender`](UdpSocket::peek_sender), without waiting.
    ///
    /// # Errors
    ///
    /// [`WouldBlock`](io::ErrorKind::WouldBlock) if there is none, and those of
    /// [`recv`](UdpSocket::recv).
    pub fn try_peek_sender(&self) -> io::Result<SocketAddr> {
        Ok(self.try_peek_from(&mut [])?.1)
    }
}
