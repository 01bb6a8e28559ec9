//! What the system lets one set on a socket of datagrams.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr};

use super::UdpSocket;

impl UdpSocket {
    /// Whether datagrams may be sent to broadcast addresses (`SO_BROADCAST`).
    ///
    /// # Errors
    ///
    /// Those of the system.
    pub fn broadcast(&self) -> io::Result<bool> {
        self.datagrams.socket().broadcast()
    }

    /// Sets whether datagrams may be sent to broadcast addresses (`SO_BROADCAST`).
    ///
    /// # Errors
    ///
    /// Those of the system.
    pub fn set_broadcast(&self, on: bool) -> io::Result<()> {
        self.datagrams.socket().set_broadcast(on)
    }

    /// Whether what is sent to a group comes back to members on this machine
    /// (`IP_MULTICAST_LOOP`).
    ///
    /// # Errors
    ///
    /// Those of the system.
    pub fn multicast_loop_v4(&self) -> io::Result<bool> {
        self.datagrams.socket().multicast_loop_v4()
    }

    /// Sets whether what is sent to a group comes back to members on this machine
    /// (`IP_MULTICAST_LOOP`).
    ///
    /// # Errors
    ///
    /// Those of the system.
    pub fn set_multicast_loop_v4(&self, on: bool) -> io::Result<()> {
        self.datagrams.socket().set_multicast_loop_v4(on)
    }

    /// How far what is sent to a group goes (`IP_MULTICAST_TTL`). 1 is the local network.
    ///
    /// # Errors
    ///
    /// Those of the system.
    pub fn multicast_ttl_v4(&self) -> io::Result<u32> {
        self.datagrams.socket().multicast_ttl_v4()
    }

    /// Sets how far what is sent to a group goes (`IP_MULTICAST_TTL`). 1 is the local network.
    ///
    /// # Errors
    ///
    /// Those of the system.
    pub fn set_multicast_ttl_v4(&self, ttl: u32) -> io::Result<()> {
        self.datagrams.socket().set_multicast_ttl_v4(ttl)
    }

    /// Whether what is sent to a group comes back to members on this machine
    /// (`IPV6_MULTICAST_LOOP`).
    ///
    /// # Errors
    ///
    /// Those of the system.
    pub fn multicast_loop_v6(&self) -> io::Result<bool> {
        self.datagrams.socket().multicast_loop_v6()
    }

    /// Sets whether what is sent to a group comes back to members on this machine
    /// (`IPV6_MULTICAST_LOOP`).
    ///
    /// # Errors
    ///
    /// Those of the system.
    pub fn set_multicast_loop_v6(&self, on: bool) -> io::Result<()> {
        self.datagrams.socket().set_multicast_loop_v6(on)
    }

    /// The time to live of packets, which IPv6 calls the hop limit.
    ///
    /// # Errors
    ///
    /// Those of the system.
    pub fn ttl(&self) -> io::Result<u32> {
        self.datagrams.socket().ttl()
    }

    /// Sets the time to live of packets, which IPv6 calls the hop limit.
    ///
    /// # Errors
    ///
    /// Those of the system.
    pub fn set_ttl(&self, ttl: u32) -> io::Result<()> {
        self.datagrams.socket().set_ttl(ttl)
    }

    /// The type of service of packets (`IP_TOS`).
    ///
    /// # Errors
    ///
    /// Those of the system.
    pub fn tos_v4(&self) -> io::Result<u32> {
        self.datagrams.socket().tos_v4()
    }

    /// Sets the type of service of packets (`IP_TOS`).
    ///
    /// # Errors
    ///
    /// Those of the system.
    pub fn set_tos_v4(&self, tos: u32) -> io::Result<()> {
        self.datagrams.socket().set_tos_v4(tos)
    }

    /// The traffic class of packets (`IPV6_TCLASS`).
    ///
    /// # Errors
    ///
    /// Those of the system.
    #[cfg(unix)]
    pub fn tclass_v6(&self) -> io::Result<u32> {
        self.datagrams.socket().tclass_v6()
    }

    /// Sets the traffic class of packets (`IPV6_TCLASS`).
    ///
    /// # Errors
    ///
    /// Those of the system.
    #[cfg(unix)]
    pub fn set_tclass_v6(&self, tclass: u32) -> io::Result<()> {
        self.datagrams.socket().set_tclass_v6(tclass)
    }

    /// The type of service of packets, by its old name.
    ///
    /// # Errors
    ///
    /// Those of the system.
    #[deprecated(note = "use `tos_v4`")]
    pub fn tos(&self) -> io::Result<u32> {
        self.tos_v4()
    }

    /// Sets the type of service of packets, by its old name.
    ///
    /// # Errors
    ///
    /// Those of the system.
    #[deprecated(note = "use `set_tos_v4`")]
    pub fn set_tos(&self, tos: u32) -> io::Result<()> {
        self.set_tos_v4(tos)
    }

    /// The network device that the socket is bound to, if any (`SO_BINDTODEVICE`).
    ///
    /// # Errors
    ///
    /// Those of the system.
    #[cfg(target_os = "linux")]
    pub fn device(&self) -> io::Result<Option<Vec<u8>>> {
        self.datagrams.socket().device()
    }

    /// Binds the socket to a network device, or to none.
    ///
    /// # Errors
    ///
    /// Those of the system: there is no such device, or it is not allowed.
    #[cfg(target_os = "linux")]
    pub fn bind_device(&self, interface: Option<&[u8]>) -> io::Result<()> {
        self.datagrams.socket().bind_device(interface)
    }

    /// Joins a group on the device with the address `interface`, or on one that the system chooses
    /// if that is [`UNSPECIFIED`](Ipv4Addr::UNSPECIFIED).
    ///
    /// # Errors
    ///
    /// Those of the system: `multiaddr` is not the address of a group, there is no such device.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use std::net::Ipv4Addr;
    ///
    /// # #[filch::main]
    /// # async fn main() -> std::io::Result<()> {
    /// let socket = filch::net::UdpSocket::bind("0.0.0.0:5353").await?;
    /// socket.join_multicast_v4(Ipv4Addr::new(224, 0, 0, 251), Ipv4Addr::UNSPECIFIED)?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn join_multicast_v4(&self, multiaddr: Ipv4Addr, interface: Ipv4Addr) -> io::Result<()> {
        self.datagrams.socket().join_multicast_v4(&multiaddr, &interface)
    }

    /// Joins a group on the device with the number `interface`, or on one that the system chooses if
    /// that is 0.
    ///
    /// # Errors
    ///
    /// Those of the system: `multiaddr` is not the address of a group, there is no such device.
    pub fn join_multicast_v6(&self, multiaddr: &Ipv6Addr, interface: u32) -> io::Result<()> {
        self.datagrams.socket().join_multicast_v6(multiaddr, interface)
    }

    /// Leaves a group that was joined.
    ///
    /// # Errors
    ///
    /// Those of the system: it was not.
    pub fn leave_multicast_v4(&self, multiaddr: Ipv4Addr, interface: Ipv4Addr) -> io::Result<()> {
        self.datagrams.socket().leave_multicast_v4(&multiaddr, &interface)
    }

    /// Leaves a group that was joined.
    ///
    /// # Errors
    ///
    /// Those of the system: it was not.
    pub fn leave_multicast_v6(&self, multiaddr: &Ipv6Addr, interface: u32) -> io::Result<()> {
        self.datagrams.socket().leave_multicast_v6(multiaddr, interface)
    }
}
