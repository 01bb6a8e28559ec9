//! Options of sockets, answered by the kernel.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use super::OsSocket;

/// Options that are socket2's, by our name and its name.
macro_rules! options {
    ($($(#[$attribute:meta])* fn $name:ident($($argument:ident: $kind:ty),*) -> $answer:ty = $call:ident;)*) => {
        impl OsSocket {
            $(
                $(#[$attribute])*
                pub(crate) fn $name(&self $(, $argument: $kind)*) -> io::Result<$answer> {
                    self.0.$call($($argument),*)
                }
            )*
        }
    };
}

options! {
    fn nodelay() -> bool = tcp_nodelay;
    fn set_nodelay(on: bool) -> () = set_tcp_nodelay;
    #[cfg(target_os = "linux")]
    fn quickack() -> bool = tcp_quickack;
    #[cfg(target_os = "linux")]
    fn set_quickack(on: bool) -> () = set_tcp_quickack;
    fn keepalive() -> bool = keepalive;
    fn set_keepalive(on: bool) -> () = set_keepalive;
    fn linger() -> Option<Duration> = linger;
    fn set_linger(linger: Option<Duration>) -> () = set_linger;
    fn reuseaddr() -> bool = reuse_address;
    fn set_reuseaddr(on: bool) -> () = set_reuse_address;
    #[cfg(unix)]
    fn reuseport() -> bool = reuse_port;
    #[cfg(unix)]
    fn set_reuseport(on: bool) -> () = set_reuse_port;
    fn set_only_v6(on: bool) -> () = set_only_v6;
    fn send_buffer_size() -> usize = send_buffer_size;
    fn set_send_buffer_size(size: usize) -> () = set_send_buffer_size;
    fn recv_buffer_size() -> usize = recv_buffer_size;
    fn set_recv_buffer_size(size: usize) -> () = set_recv_buffer_size;
    fn ttl_v4() -> u32 = ttl_v4;
    fn set_ttl_v4(ttl: u32) -> () = set_ttl_v4;
    fn hops_v6() -> u32 = unicast_hops_v6;
    fn set_hops_v6(hops: u32) -> () = set_unicast_hops_v6;
    fn tos_v4() -> u32 = tos_v4;
    fn set_tos_v4(tos: u32) -> () = set_tos_v4;
    #[cfg(unix)]
    fn tclass_v6() -> u32 = tclass_v6;
    #[cfg(unix)]
    fn set_tclass_v6(class: u32) -> () = set_tclass_v6;
    #[cfg(target_os = "linux")]
    fn device() -> Option<Vec<u8>> = device;
    #[cfg(target_os = "linux")]
    fn bind_device(interface: Option<&[u8]>) -> () = bind_device;
    fn broadcast() -> bool = broadcast;
    fn set_broadcast(on: bool) -> () = set_broadcast;
    fn multicast_loop_v4() -> bool = multicast_loop_v4;
    fn set_multicast_loop_v4(on: bool) -> () = set_multicast_loop_v4;
    fn multicast_ttl_v4() -> u32 = multicast_ttl_v4;
    fn set_multicast_ttl_v4(ttl: u32) -> () = set_multicast_ttl_v4;
    fn multicast_loop_v6() -> bool = multicast_loop_v6;
    fn set_multicast_loop_v6(on: bool) -> () = set_multicast_loop_v6;
    fn join_multicast_v4(group: &Ipv4Addr, interface: &Ipv4Addr) -> () = join_multicast_v4;
    fn leave_multicast_v4(group: &Ipv4Addr, interface: &Ipv4Addr) -> () = leave_multicast_v4;
    fn join_multicast_v6(group: &Ipv6Addr, interface: u32) -> () = join_multicast_v6;
    fn leave_multicast_v6(group: &Ipv6Addr, interface: u32) -> () = leave_multicast_v6;
}

impl OsSocket {
    /// The time to live of packets, which IPv6 calls the hop limit.
    pub(crate) fn ttl(&self) -> io::Result<u32> {
        match self.local_addr()?.is_ipv6() {
            false => self.ttl_v4(),
            true => self.hops_v6(),
        }
    }

    pub(crate) fn set_ttl(&self, ttl: u32) -> io::Result<()> {
        match self.local_addr()?.is_ipv6() {
            false => self.set_ttl_v4(ttl),
            true => self.set_hops_v6(ttl),
        }
    }
}
