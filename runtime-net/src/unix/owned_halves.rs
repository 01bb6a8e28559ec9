//! The halves of a Unix stream that own it together: a reader and a writer in two tasks.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use super::{SocketAddr, UnixStream};
use crate::stream::owned_halves;

owned_halves!(
    UnixStream,
    SocketAddr,
    "# use filch::net::UnixStream;
# #[filch::main]
# async fn main() -> std::io::Result<()> {
# let (stream, mut peer) = UnixStream::pair()?;"
);
