//! Several datagrams in one call, and large ones that are cut up or put together: as Linux does it.
//!
//! # Invariants
//!
//! - What a header points to is alive and stays where it is until the call is over, and is exclusively
//!   ours if the kernel writes there: the arrays are beside the header, and the bytes are borrowed.

use std::io;
use std::mem::size_of;
use std::os::fd::AsRawFd as _;
use std::ptr::null_mut;

use socket2::{SockAddr, SockAddrStorage};

use super::{NO_SIGNAL, OsSocket, again};
use crate::udp::{Incoming, Outgoing};

/// How many datagrams one call moves at most; the others are left for the next one.
const BATCH: usize = 32;

/// Control data, aligned as the kernel's headers are.
#[derive(Clone, Copy, Default)]
#[repr(C)]
struct Control([u64; 8]);

impl OsSocket {
    /// Sends the first datagrams and says how many.
    pub(crate) fn send_many(&self, datagrams: &[Outgoing<'_>]) -> io::Result<usize> {
        let count = datagrams.len().min(BATCH);
        let targets: [Option<SockAddr>; BATCH] =
            std::array::from_fn(|index| datagrams.get(index)?.target.map(SockAddr::from));
        let mut vectors = [libc::iovec { iov_base: null_mut(), iov_len: 0 }; BATCH];
        let mut headers = [no_header(); BATCH];
        for (index, datagram) in datagrams[..count].iter().enumerate() {
            vectors[index].iov_base = datagram.bytes.as_ptr().cast_mut().cast();
            vectors[index].iov_len = datagram.bytes.len();
            let header = &mut headers[index].msg_hdr;
            header.msg_iov = &raw mut vectors[index];
            header.msg_iovlen = 1;
            if let Some(target) = &targets[index] {
                header.msg_name = target.as_ptr().cast_mut().cast();
                header.msg_namelen = target.len();
            }
        }
        again(|| {
            let (fd, all) = (self.0.as_raw_fd(), headers.as_mut_ptr());
            // SAFETY: `count` headers are filled in, and what they point to is only read and lives on.
            done(unsafe { libc::sendmmsg(fd, all, count as u32, NO_SIGNAL as _) })
        })
    }

    /// Fills the first datagrams and says how many.
    pub(crate) fn recv_many(&self, datagrams: &mut [Incoming<'_>]) -> io::Result<usize> {
        let count = datagrams.len().min(BATCH);
        let mut senders: [SockAddrStorage; BATCH] =
            std::array::from_fn(|_| SockAddrStorage::zeroed());
        let mut controls = [Control::default(); BATCH];
        let mut vectors = [libc::iovec { iov_base: null_mut(), iov_len: 0 }; BATCH];
        let mut headers = [no_header(); BATCH];
        for (index, datagram) in datagrams[..count].iter_mut().enumerate() {
            vectors[index].iov_base = datagram.room.as_mut_ptr().cast();
            vectors[index].iov_len = datagram.room.len();
            let header = &mut headers[index].msg_hdr;
            header.msg_iov = &raw mut vectors[index];
            header.msg_iovlen = 1;
            header.msg_name = (&raw mut senders[index]).cast();
            header.msg_namelen = senders[index].size_of();
            header.msg_control = (&raw mut controls[index]).cast();
            header.msg_controllen = size_of::<Control>() as _;
        }
        let received = again(|| {
            let (fd, all) = (self.0.as_raw_fd(), headers.as_mut_ptr());
            // SAFETY: `count` headers are filled in, and what they point to is ours alone and lives on.
            done(unsafe {
                libc::recvmmsg(fd, all, count as u32, libc::MSG_DONTWAIT as _, null_mut())
            })
        })?;
        let told = headers.iter().zip(senders).take(received);
        for (datagram, (header, sender)) in datagrams.iter_mut().zip(told) {
            let length = header.msg_hdr.msg_namelen;
            // SAFETY: the kernel has written an address of that length.
            let sender = unsafe { SockAddr::new(sender, length) };
            datagram.length = header.msg_len as usize;
            datagram.sender = sender.as_socket();
            datagram.is_truncated = header.msg_hdr.msg_flags & libc::MSG_TRUNC != 0;
            datagram.segment = segment(&header.msg_hdr);
        }
        Ok(received)
    }

    /// Has what is sent cut up into datagrams of this size; 0 ends it.
    pub(crate) fn set_gso_segment(&self, size: u16) -> io::Result<()> {
        self.set_udp(libc::UDP_SEGMENT, size.into())
    }

    /// Lets the kernel put datagrams of one size together.
    pub(crate) fn set_gro(&self, on: bool) -> io::Result<()> {
        self.set_udp(libc::UDP_GRO, on.into())
    }

    fn set_udp(&self, option: i32, value: i32) -> io::Result<()> {
        let (fd, size) = (self.0.as_raw_fd(), size_of::<i32>() as libc::socklen_t);
        // SAFETY: the value is one of that size, and is only read.
        let outcome =
            unsafe { libc::setsockopt(fd, libc::SOL_UDP, option, (&raw const value).cast(), size) };
        done(outcome).map(drop)
    }
}

/// The size of the datagrams that were put together, if the kernel tells one.
fn segment(header: &libc::msghdr) -> Option<usize> {
    // SAFETY: the header is one that the kernel has filled, with its control data.
    let mut control = unsafe { libc::CMSG_FIRSTHDR(header) };
    while !control.is_null() {
        // SAFETY: not null, so it is within the control data.
        let (level, kind) = unsafe { ((*control).cmsg_level, (*control).cmsg_type) };
        if level == libc::SOL_UDP && kind == libc::UDP_GRO {
            // SAFETY: the same; its data follow it.
            let size = unsafe { libc::CMSG_DATA(control) }.cast::<i32>();
            // SAFETY: the data of this kind are one number, perhaps not aligned.
            return usize::try_from(unsafe { size.read_unaligned() }).ok();
        }
        // SAFETY: both are of the same control data.
        control = unsafe { libc::CMSG_NXTHDR(header, control) };
    }
    None
}

fn no_header() -> libc::mmsghdr {
    // SAFETY: all zeros is a header that points to nothing.
    unsafe { std::mem::zeroed() }
}

fn done(outcome: i32) -> io::Result<usize> {
    usize::try_from(outcome).map_err(|_| io::Error::last_os_error())
}
