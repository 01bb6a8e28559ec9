//! TLS below a reader and a writer.
//!
//! | file | what |
//! |---|---|
//! | start.rs | `StreamWriter::start_tls`: how the layer comes between a connection and its socket |
//! | options.rs | `StartTls`, and what `ConnectOptions` and `ServerOptions` say about TLS |
//! | layer.rs | the layer: one session for who reads and who sends |
//! | wire.rs | the socket, as the session sees it |
//! | info.rs | `TlsInfo`: what the handshake has shown |
//!
//! `no_tls.rs` beside this folder has the same face without the feature.

mod info;
mod layer;
mod options;
mod start;
mod wire;

pub use info::TlsInfo;
pub(super) use layer::{Layer, Secure};
pub(super) use options::Wanted;
pub use options::{SHUTDOWN_TIMEOUT, StartTls};
