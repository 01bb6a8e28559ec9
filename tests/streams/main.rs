//! asyncio's streams and servers, on real sockets, through the facade.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, missing_docs)]

mod bad_peers;
mod model;
mod places;
mod reader;
mod server;
#[path = "../support/mod.rs"]
mod support;
mod writer;
