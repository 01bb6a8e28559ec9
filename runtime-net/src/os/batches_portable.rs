//! Several datagrams, one call each.

use std::io;

use socket2::SockAddr;

use super::OsSocket;
use crate::io::ReadBuf;
use crate::udp::{Incoming, Outgoing};

impl OsSocket {
    /// Sends the first datagrams and says how many.
    pub(crate) fn send_many(&self, datagrams: &[Outgoing<'_>]) -> io::Result<usize> {
        as_many(datagrams.iter(), |datagram| match datagram.target {
            Some(target) => self.send_to(datagram.bytes, &SockAddr::from(target)),
            None => self.send(datagram.bytes),
        })
    }

    /// Fills the first datagrams and says how many.
    pub(crate) fn recv_many(&self, datagrams: &mut [Incoming<'_>]) -> io::Result<usize> {
        as_many(datagrams.iter_mut(), |datagram| {
            let (length, sender) = self.recv_from(&mut ReadBuf::new(datagram.room))?;
            datagram.length = length;
            datagram.sender = sender.as_socket();
            datagram.is_truncated = false;
            datagram.segment = None;
            Ok(length)
        })
    }
}

/// Goes on until one fails, whose error counts only if it is the first.
fn as_many<T>(
    datagrams: impl Iterator<Item = T>,
    mut call: impl FnMut(T) -> io::Result<usize>,
) -> io::Result<usize> {
    let mut count = 0;
    for datagram in datagrams {
        match call(datagram) {
            Ok(_) => count += 1,
            Err(error) if count == 0 => return Err(error),
            Err(_) => break,
        }
    }
    Ok(count)
}
