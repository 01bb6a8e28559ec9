//! To connect to whichever of several addresses answers first: happy eyeballs, RFC 8305.

use std::collections::VecDeque;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use runtime_core::staggered::staggered_race;

use crate::streams::ConnectErrors;
use crate::tcp::TcpStream;

/// How long an attempt is alone before the next one joins it, as RFC 8305 recommends.
pub const STAGGER: Duration = Duration::from_millis(250);

/// Connects to whichever of the addresses that `resolve` finds answers first.
///
/// The addresses are tried in order, but IPv6 and IPv4 take turns. When an attempt fails, or has not
/// succeeded after `delay`, most often [`STAGGER`], the next one begins beside it. The first that
/// succeeds wins, and the others are broken off. [`TcpStream::connect`] tries one after the other
/// instead. The counterpart of `happy_eyeballs_delay` in `asyncio.open_connection`.
///
/// # Errors
///
/// That of `resolve`; that of the attempt which failed last, if all do; or
/// [`InvalidInput`](io::ErrorKind::InvalidInput) if there is no address.
///
/// # Panics
///
/// There is no runtime on this thread.
///
/// # Cancel safety
///
/// Cancel safe: the connections under way are broken off.
///
/// # Examples
///
/// ```
/// use filch::net::{STAGGER, connect_staggered, lookup_host};
///
/// # #[filch::main]
/// # async fn main() -> std::io::Result<()> {
/// # let listener = filch::net::TcpListener::bind("127.0.0.1:0").await?;
/// # let port = listener.local_addr()?.port();
/// let stream = connect_staggered(|| lookup_host(("127.0.0.1", port)), STAGGER).await?;
/// # Ok(())
/// # }
/// ```
pub async fn connect_staggered<R, F, A>(resolve: R, delay: Duration) -> io::Result<TcpStream>
where
    R: FnOnce() -> F,
    F: Future<Output = io::Result<A>>,
    A: IntoIterator<Item = SocketAddr>,
{
    let addresses = resolve().await?.into_iter().collect();
    let connected = connect_each(addresses, Some(delay), TcpStream::connect_addr).await;
    connected.map_err(|errors| errors.into_error(false))
}

/// As [`connect_staggered`], by `attempt`; and every error, in the order in which they came.
pub(crate) async fn connect_each<A, F, R>(
    addresses: VecDeque<SocketAddr>,
    delay: Option<Duration>,
    attempt: A,
) -> Result<R, ConnectErrors>
where
    A: Fn(SocketAddr) -> F,
    F: Future<Output = io::Result<R>>,
{
    let attempts = interleave(addresses).into_iter().map(|address| {
        let connected = attempt(address);
        async move { connected.await.map_err(|error| (address, error)) }
    });
    staggered_race(attempts, delay).await.map_err(ConnectErrors)
}

/// The addresses, of which each family has every second one as long as there are both.
fn interleave(addresses: impl IntoIterator<Item = SocketAddr>) -> VecDeque<SocketAddr> {
    let all: Vec<SocketAddr> = addresses.into_iter().collect();
    let first_is_v6 = all.first().is_some_and(SocketAddr::is_ipv6);
    let (first, second): (Vec<_>, Vec<_>) =
        all.into_iter().partition(|address| address.is_ipv6() == first_is_v6);
    let (mut first, mut second) = (first.into_iter(), second.into_iter());
    let mut mixed = VecDeque::new();
    loop {
        let pair = [first.next(), second.next()];
        if pair == [None, None] {
            return mixed;
        }
        mixed.extend(pair.into_iter().flatten());
    }
}

#[cfg(test)]
#[path = "staggered_tests.rs"]
mod tests;
