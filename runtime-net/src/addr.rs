//! Names to addresses, off the worker threads.

use std::io;
use std::net::ToSocketAddrs as StdToSocketAddrs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::vec;

use crate::pool::on_lookup_thread;

/// What can be turned into addresses: an address, a host and a port, `"host:port"`.
///
/// Addresses, and strings that spell one out, are taken as they are. Host names are looked up by
/// the system on a thread that may block. The trait is sealed: it promises nothing but that the
/// functions of [`net`](crate::net) take its implementors.
///
/// # Examples
///
/// ```no_run
/// use filch::net::TcpStream;
///
/// # #[filch::main]
/// # async fn main() -> std::io::Result<()> {
/// let by_name = TcpStream::connect("localhost:80").await?;
/// let by_number = TcpStream::connect(([127, 0, 0, 1], 80)).await?;
/// # Ok(())
/// # }
/// ```
pub trait ToSocketAddrs: sealed::Target {}

impl<T: sealed::Target + ?Sized> ToSocketAddrs for T {}

/// The addresses of a host.
///
/// The system is asked on threads that are for this alone: at most sixteen names are looked up at a
/// time, and blocking work of the program does not come in between. Otherwise the semantics are those
/// of `tokio::net::lookup_host`.
///
/// # Errors
///
/// There is no such host, the system cannot tell at this moment, or a string has no port.
///
/// # Panics
///
/// `host` is a name, and there is no runtime on this thread.
///
/// # Cancel safety
///
/// Cancel safe. The thread that asks the system goes on until it has the answer.
///
/// # Examples
///
/// ```
/// # #[filch::main]
/// # async fn main() -> std::io::Result<()> {
/// for address in filch::net::lookup_host("127.0.0.1:80").await? {
///     println!("{address}");
/// }
/// # Ok(())
/// # }
/// ```
pub async fn lookup_host<T: ToSocketAddrs>(
    host: T,
) -> io::Result<impl Iterator<Item = SocketAddr>> {
    resolve(host).await
}

/// Turns `host` into addresses, in the order in which to try them.
pub(crate) async fn resolve<T: ToSocketAddrs>(host: T) -> io::Result<Addrs> {
    let target = host.target();
    // Not across the await: a future that holds the caller's type is only as `Send` as that.
    drop(host);
    match target {
        Target::Known(addrs) => Ok(addrs),
        Target::Named(host, port) => look_up(host, port).await,
        Target::Nowhere(text) => {
            let why = format!("{text:?} has no port: write host:port");
            Err(io::Error::new(io::ErrorKind::InvalidInput, why))
        }
    }
}

/// The error of who found nothing to try.
pub(crate) fn no_address() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, "could not resolve to any address")
}

async fn look_up(host: String, port: u16) -> io::Result<Addrs> {
    let ask = move || {
        let found = (host.as_str(), port).to_socket_addrs();
        found.map_err(|error| match error.raw_os_error() {
            // That of the system says which it is by its number.
            Some(number) if !is_of_resolver(number) => error,
            _ => io::Error::new(error.kind(), format!("cannot look up {host:?}: {error}")),
        })
    };
    let answer = on_lookup_thread(ask)?.await;
    Ok(Addrs::Many(answer.map_err(io::Error::other)??))
}

/// Whether an error with that number is about the name. Only Windows has such numbers: `WSAHOST_NOT_FOUND`,
/// `WSATRY_AGAIN`, `WSANO_RECOVERY` and `WSANO_DATA`.
fn is_of_resolver(number: i32) -> bool {
    cfg!(windows) && (11001..=11004).contains(&number)
}

/// Addresses to try.
#[derive(Debug)]
pub enum Addrs {
    /// One, or none when it has been tried.
    One(Option<SocketAddr>),
    /// Several.
    Many(vec::IntoIter<SocketAddr>),
}

/// What is known of the addresses before the system is asked.
#[derive(Debug)]
pub enum Target {
    /// All that one needs.
    Known(Addrs),
    /// A host and its port.
    Named(String, u16),
    /// What is no address, as it has no port.
    Nowhere(String),
}

impl Iterator for Addrs {
    type Item = SocketAddr;

    fn next(&mut self) -> Option<SocketAddr> {
        match self {
            Addrs::One(address) => address.take(),
            Addrs::Many(addresses) => addresses.next(),
        }
    }
}

impl Target {
    fn one(address: impl Into<SocketAddr>) -> Target {
        Target::Known(Addrs::One(Some(address.into())))
    }
}

mod sealed {
    /// Says how to find the addresses.
    pub trait Target {
        #[doc(hidden)]
        fn target(&self) -> super::Target;
    }
}

impl<T: sealed::Target + ?Sized> sealed::Target for &T {
    fn target(&self) -> Target {
        (**self).target()
    }
}

impl sealed::Target for SocketAddr {
    fn target(&self) -> Target {
        Target::one(*self)
    }
}

impl sealed::Target for SocketAddrV4 {
    fn target(&self) -> Target {
        Target::one(*self)
    }
}

impl sealed::Target for SocketAddrV6 {
    fn target(&self) -> Target {
        Target::one(*self)
    }
}

impl<I: Into<IpAddr> + Copy> sealed::Target for (I, u16)
where
    I: Numeric,
{
    fn target(&self) -> Target {
        Target::one((self.0.into(), self.1))
    }
}

/// Hosts that need no lookup.
pub trait Numeric {}
impl Numeric for IpAddr {}
impl Numeric for Ipv4Addr {}
impl Numeric for Ipv6Addr {}
impl Numeric for [u8; 4] {}
impl Numeric for [u16; 8] {}
impl Numeric for [u8; 16] {}

impl sealed::Target for [SocketAddr] {
    fn target(&self) -> Target {
        Target::Known(Addrs::Many(Vec::from(self).into_iter()))
    }
}

impl sealed::Target for str {
    fn target(&self) -> Target {
        if let Ok(address) = self.parse::<SocketAddr>() {
            return Target::one(address);
        }
        let parts = self.rsplit_once(':').and_then(|(host, port)| Some((host, port.parse().ok()?)));
        match parts {
            Some((host, port)) => Target::Named(host.to_owned(), port),
            None => Target::Nowhere(self.to_owned()),
        }
    }
}

impl sealed::Target for String {
    fn target(&self) -> Target {
        self.as_str().target()
    }
}

impl sealed::Target for (&str, u16) {
    fn target(&self) -> Target {
        match self.0.parse::<IpAddr>() {
            Ok(host) => Target::one((host, self.1)),
            Err(_) => Target::Named(self.0.to_owned(), self.1),
        }
    }
}

impl sealed::Target for (String, u16) {
    fn target(&self) -> Target {
        (self.0.as_str(), self.1).target()
    }
}
