//! TCP: listeners, streams, and the halves of a stream.

mod attempt;
mod halves;
mod listener;
mod options;
mod owned_halves;
mod socket;
mod socket_options;
mod stream;

pub use halves::{ReadHalf, WriteHalf};
pub use listener::TcpListener;
pub use owned_halves::{OwnedReadHalf, OwnedWriteHalf, ReuniteError};
pub use socket::TcpSocket;
pub use stream::TcpStream;
