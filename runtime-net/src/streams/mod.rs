//! asyncio's streams: a reader and a writer per connection, and servers that know their clients.
//!
//! | to | use |
//! |---|---|
//! | connect | [`open_connection`], `open_unix_connection`, [`ConnectOptions`] |
//! | serve | [`start_server`], `start_unix_server`, [`Server`], [`ServerOptions`] |
//! | read | [`StreamReader`]: by lines, by separators, by counts, within a limit |
//! | write | [`StreamWriter`]: at once if there is room, else in the background; [`drain`](StreamWriter::drain) waits |
//! | be secure | with the feature `tls`: `ConnectOptions::tls`, `ServerOptions::tls`, `StreamWriter::start_tls` |
//!
//! ```
//! use filch::streams::{open_connection, start_server};
//!
//! # #[filch::main]
//! # async fn main() -> std::io::Result<()> {
//! let server = start_server("127.0.0.1:0", |mut reader, mut writer| async move {
//!     while let Ok(line) = reader.readline().await
//!         && !line.is_empty()
//!     {
//!         writer.write(line);
//!         if writer.drain().await.is_err() {
//!             break;
//!         }
//!     }
//! })
//! .await?;
//!
//! let (mut reader, mut writer) = open_connection(server.local_addrs()[0]).await?;
//! writer.write(&b"hello\n"[..]);
//! assert_eq!(reader.readline().await?, "hello\n");
//! drop(writer);
//! server.close();
//! server.wait_closed().await;
//! # Ok(())
//! # }
//! ```
//!
//! # How it differs from asyncio
//!
//! Reading asks the system when somebody reads, so that a peer who sends more than is read is held
//! up by the system and nothing is read ahead beyond the limit. Two tasks cannot read at the same
//! time, since reading borrows the reader. Dropping the writer closes the connection, after what was
//! written has been sent.
//!
//! A connection that is lost has no proper end for its reader: reading fails as writing does. Under TLS
//! this includes a connection that is cut off without the peer's good-bye, which is an error of kind
//! [`UnexpectedEof`](std::io::ErrorKind::UnexpectedEof).

mod connect;
mod connection;
mod error;
mod feeder;
mod lines;
mod loss;
mod outbox;
mod reader;
mod separator;
mod server;
mod server_options;
#[cfg(unix)]
mod socket_file;
#[cfg_attr(not(feature = "tls"), path = "no_tls.rs")]
mod tls;
mod transport;
#[cfg_attr(not(unix), path = "no_unix.rs")]
mod unix;
mod writer;

pub(crate) use connect::ConnectErrors;
pub use connect::{ConnectOptions, open_connection};
pub use error::{IncompleteReadError, LimitOverrunError, ReadError};
pub use feeder::Feeder;
pub use lines::Lines;
pub use reader::StreamReader;
pub use server::{Server, start_server};
pub use server_options::ServerOptions;
#[cfg(feature = "tls")]
pub use tls::{SHUTDOWN_TIMEOUT, StartTls, TlsInfo};
#[cfg(unix)]
pub use unix::{open_unix_connection, start_unix_server};
pub use writer::{InvalidLimits, StreamWriter};

/// How many bytes a line or another part between separators may have unless an option says
/// otherwise: 64 KiB, as in asyncio.
pub const LIMIT: usize = 64 << 10;
