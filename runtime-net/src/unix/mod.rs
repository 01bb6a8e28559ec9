//! Unix sockets: listeners, streams and their halves, datagrams, addresses; and pipes.
//!
//! | file | what |
//! |---|---|
//! | addr.rs | `SocketAddr`: a path, an abstract name, or none |
//! | ucred.rs | `UCred`: who is at the other end |
//! | socket.rs | `UnixSocket`: not yet bound or connected |
//! | listener.rs, stream.rs, datagram.rs | what one makes of it |
//! | halves.rs, owned_halves.rs | the halves of a stream |
//! | pipe/ | pipes, named and unnamed |

mod addr;
mod datagram;
mod halves;
mod listener;
mod owned_halves;
pub mod pipe;
mod socket;
mod stream;
mod ucred;

pub use addr::SocketAddr;
pub use datagram::UnixDatagram;
pub use halves::{ReadHalf, WriteHalf};
pub use listener::UnixListener;
pub use owned_halves::{OwnedReadHalf, OwnedWriteHalf, ReuniteError};
pub use socket::UnixSocket;
pub use stream::UnixStream;
pub use ucred::{UCred, gid_t, pid_t, uid_t};
