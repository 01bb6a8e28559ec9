//! Datagrams, answered by the kernel.

use std::io;
use std::mem::MaybeUninit;

use socket2::SockAddr;

use super::calls::NO_SIGNAL;
use super::{OsSocket, again, answers};
use crate::io::ReadBuf;

type Receive = fn(&socket2::Socket, &mut [MaybeUninit<u8>]) -> io::Result<(usize, SockAddr)>;

impl OsSocket {
    /// Appends a datagram to `buf`, or its beginning, and says how long that is and whose it is.
    pub(crate) fn recv_from(&self, buf: &mut ReadBuf<'_>) -> io::Result<(usize, SockAddr)> {
        self.receive_from(buf, answers::recv_from)
    }

    /// As `recv_from`, and leaves it to be received again.
    pub(crate) fn peek_from(&self, buf: &mut ReadBuf<'_>) -> io::Result<(usize, SockAddr)> {
        self.receive_from(buf, answers::peek_from)
    }

    fn receive_from(&self, buf: &mut ReadBuf<'_>, call: Receive) -> io::Result<(usize, SockAddr)> {
        // SAFETY: the calls write bytes from the socket only, so what is initialized stays so.
        let room = unsafe { buf.unfilled_mut() };
        let (count, address) = again(|| call(&self.0, room))?;
        // SAFETY: the kernel has written that many bytes.
        unsafe { buf.assume_init(count) };
        buf.advance(count);
        Ok((count, address))
    }

    pub(crate) fn send_to(&self, buf: &[u8], target: &SockAddr) -> io::Result<usize> {
        again(|| self.0.send_to_with_flags(buf, target, NO_SIGNAL))
    }
}
