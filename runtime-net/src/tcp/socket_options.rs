//! What the system lets one set on a socket before it connects or listens.

use std::io;
use std::time::Duration;

use super::TcpSocket;

impl TcpSocket {
    /// Sets whether the peer is asked from time to time if it is still there (`SO_KEEPALIVE`).
    ///
    /// # Errors
    ///
    /// Those of the system.
    pub fn set_keepalive(&self, keepalive: bool) -> io::Result<()> {
        self.socket.set_keepalive(keepalive)
    }

    /// Whether the peer is asked from time to time if it is still there (`SO_KEEPALIVE`).
    ///
    /// # Errors
    ///
    /// Those of the system.
    pub fn keepalive(&self) -> io::Result<bool> {
        self.socket.keepalive()
    }

    /// Sets whether the port may be taken over from connections that linger (`SO_REUSEADDR`).
    ///
    /// # Errors
    ///
    /// Those of the system.
    pub fn set_reuseaddr(&self, reuseaddr: bool) -> io::Result<()> {
        self.socket.set_reuseaddr(reuseaddr)
    }

    /// Whether the port may be taken over from connections that linger (`SO_REUSEADDR`).
    ///
    /// # Errors
    ///
    /// Those of the system.
    pub fn reuseaddr(&self) -> io::Result<bool> {
        self.socket.reuseaddr()
    }

    /// Sets whether several sockets may listen at one address and share its connections
    /// (`SO_REUSEPORT`).
    ///
    /// # Errors
    ///
    /// Those of the system.
    #[cfg(unix)]
    pub fn set_reuseport(&self, reuseport: bool) -> io::Result<()> {
        self.socket.set_reuseport(reuseport)
    }

    /// Whether several sockets may listen at one address and share its connections
    /// (`SO_REUSEPORT`).
    ///
    /// # Errors
    ///
    /// Those of the system.
    #[cfg(unix)]
    pub fn reuseport(&self) -> io::Result<bool> {
        self.socket.reuseport()
    }

    /// Sets the size of the buffer for what is to be sent (`SO_SNDBUF`). The system may double or
    /// bound it.
    ///
    /// # Errors
    ///
    /// Those of the system.
    pub fn set_send_buffer_size(&self, size: u32) -> io::Result<()> {
        self.socket.set_send_buffer_size(size as usize)
    }

    /// The size of the buffer for what is to be sent (`SO_SNDBUF`). The system may double or
    /// bound it.
    ///
    /// # Errors
    ///
    /// Those of the system.
    pub fn send_buffer_size(&self) -> io::Result<u32> {
        Ok(u32::try_from(self.socket.send_buffer_size()?).unwrap_or(u32::MAX))
    }

    /// Sets the size of the buffer for what was received (`SO_RCVBUF`). The system may double or
    /// bound it.
    ///
    /// # Errors
    ///
    /// Those of the system.
    pub fn set_recv_buffer_size(&self, size: u32) -> io::Result<()> {
        self.socket.set_recv_buffer_size(size as usize)
    }

    /// The size of the buffer for what was received (`SO_RCVBUF`). The system may double or bound
    /// it.
    ///
    /// # Errors
    ///
    /// Those of the system.
    pub fn recv_buffer_size(&self) -> io::Result<u32> {
        Ok(u32::try_from(self.socket.recv_buffer_size()?).unwrap_or(u32::MAX))
    }

    /// Sets how long closing waits for what was written to be sent (`SO_LINGER`).
    ///
    /// # Errors
    ///
    /// Those of the system.
    pub fn set_linger(&self, dur: Option<Duration>) -> io::Result<()> {
        self.socket.set_linger(dur)
    }

    /// How long closing waits for what was written to be sent (`SO_LINGER`).
    ///
    /// # Errors
    ///
    /// Those of the system.
    pub fn linger(&self) -> io::Result<Option<Duration>> {
        self.socket.linger()
    }

    /// Sets whether small writes are sent at once (`TCP_NODELAY`).
    ///
    /// # Errors
    ///
    /// Those of the system.
    pub fn set_nodelay(&self, nodelay: bool) -> io::Result<()> {
        self.socket.set_nodelay(nodelay)
    }

    /// Whether small writes are sent at once (`TCP_NODELAY`).
    ///
    /// # Errors
    ///
    /// Those of the system.
    pub fn nodelay(&self) -> io::Result<bool> {
        self.socket.nodelay()
    }

    /// Sets the type of service of packets (`IP_TOS`).
    ///
    /// # Errors
    ///
    /// Those of the system.
    pub fn set_tos_v4(&self, tos: u32) -> io::Result<()> {
        self.socket.set_tos_v4(tos)
    }

    /// The type of service of packets (`IP_TOS`).
    ///
    /// # Errors
    ///
    /// Those of the system.
    pub fn tos_v4(&self) -> io::Result<u32> {
        self.socket.tos_v4()
    }

    /// Sets the traffic class of packets (`IPV6_TCLASS`).
    ///
    /// # Errors
    ///
    /// Those of the system.
    #[cfg(unix)]
    pub fn set_tclass_v6(&self, tclass: u32) -> io::Result<()> {
        self.socket.set_tclass_v6(tclass)
    }

    /// The traffic class of packets (`IPV6_TCLASS`).
    ///
    /// # Errors
    ///
    /// Those of the system.
    #[cfg(unix)]
    pub fn tclass_v6(&self) -> io::Result<u32> {
        self.socket.tclass_v6()
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

    /// Makes closing break the connection off: what was not sent is dropped and the peer gets an
    /// error.
    ///
    /// # Errors
    ///
    /// Those of the system.
    pub fn set_zero_linger(&self) -> io::Result<()> {
        self.set_linger(Some(Duration::ZERO))
    }

    /// The network device that the socket is bound to, if any (`SO_BINDTODEVICE`).
    ///
    /// # Errors
    ///
    /// Those of the system.
    #[cfg(target_os = "linux")]
    pub fn device(&self) -> io::Result<Option<Vec<u8>>> {
        self.socket.device()
    }

    /// Binds the socket to a network device, or to none.
    ///
    /// # Errors
    ///
    /// Those of the system: there is no such device, or it is not allowed.
    #[cfg(target_os = "linux")]
    pub fn bind_device(&self, interface: Option<&[u8]>) -> io::Result<()> {
        self.socket.bind_device(interface)
    }
}
