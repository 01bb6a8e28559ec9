//! `SocketAddr`: where a Unix socket is, a path or an abstract name or nowhere.

#[cfg(any(target_os = "linux", target_os = "android"))]
use std::ffi::OsStr;
use std::fmt;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net;
use std::path::Path;

use socket2::SockAddr;

/// The address of a Unix socket. The semantics are those of tokio's type.
///
/// # Examples
///
/// ```
/// # #[filch::main]
/// # async fn main() -> std::io::Result<()> {
/// let (one, _other) = filch::net::UnixStream::pair()?;
/// assert!(one.local_addr()?.is_unnamed());
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct SocketAddr(net::SocketAddr);

impl SocketAddr {
    /// Whether there is no name: nobody can connect to this socket.
    pub fn is_unnamed(&self) -> bool {
        self.0.is_unnamed()
    }

    /// The path, if it is one.
    pub fn as_pathname(&self) -> Option<&Path> {
        self.0.as_pathname()
    }

    /// The abstract name, which is in no file system, if it is one.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::net::UnixListener;
    ///
    /// # #[filch::main]
    /// # async fn main() -> std::io::Result<()> {
    /// # let number = std::process::id();
    /// let listener = UnixListener::bind(format!("\0an example {number}"))?;
    /// assert!(listener.local_addr()?.as_abstract_name().unwrap().starts_with(b"an example"));
    /// # Ok(())
    /// # }
    /// ```
    #[cfg(any(target_os = "linux", target_os = "android"))]
    pub fn as_abstract_name(&self) -> Option<&[u8]> {
        #[cfg(target_os = "android")]
        use std::os::android::net::SocketAddrExt as _;
        #[cfg(target_os = "linux")]
        use std::os::linux::net::SocketAddrExt as _;
        self.0.as_abstract_name()
    }
}

/// What the kernel told, as an address of ours.
pub(super) fn told(address: SockAddr) -> io::Result<SocketAddr> {
    crate::os::unix(address).map(SocketAddr)
}

/// For the kernel. On Linux, a path that begins with a zero byte is an abstract name.
///
/// # Errors
///
/// `InvalidInput` if the path is too long, or has a zero byte anywhere else: the kernel would take what
/// stands before it for the path, and not the one that the caller has looked at.
pub(super) fn for_kernel(path: impl AsRef<Path>) -> io::Result<SockAddr> {
    let bytes = path.as_ref().as_os_str().as_bytes();
    if bytes.first() != Some(&0) && bytes.contains(&0) {
        let message = "a path of a socket has no zero byte within";
        return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
    }
    SockAddr::unix(path)
}

impl SocketAddr {
    /// The same address, for the kernel. One without a name has the kernel choose one.
    pub(super) fn for_kernel(&self) -> io::Result<SockAddr> {
        if let Some(path) = self.as_pathname() {
            return SockAddr::unix(path);
        }
        #[cfg(any(target_os = "linux", target_os = "android"))]
        if let Some(name) = self.as_abstract_name() {
            let name = [b"\0", name].concat();
            return SockAddr::unix(OsStr::from_bytes(&name));
        }
        SockAddr::unix("")
    }
}

impl From<net::SocketAddr> for SocketAddr {
    fn from(address: net::SocketAddr) -> SocketAddr {
        SocketAddr(address)
    }
}

impl From<SocketAddr> for net::SocketAddr {
    fn from(address: SocketAddr) -> net::SocketAddr {
        address.0
    }
}

impl fmt::Debug for SocketAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
