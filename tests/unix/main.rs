//! Unix sockets and pipes, real ones, through the facade.
#![cfg(unix)]
#![allow(clippy::disallowed_methods, clippy::disallowed_types, missing_docs)]

mod datagram;
mod pipes;
mod stream;
#[path = "../support/mod.rs"]
mod support;

use std::future::poll_fn;
use std::io::{self, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};

use filch::io::{AsyncReadExt, AsyncWriteExt, Interest};
use filch::net::unix::{SocketAddr, UCred, pipe};
use filch::net::{UnixDatagram, UnixListener, UnixSocket, UnixStream};
use support::{Bell, once, within};

/// A path that is nobody else's, and removed in the end.
pub(crate) struct Place(PathBuf);

impl Place {
    pub(crate) fn new() -> Place {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("filch-unix-{}-{number}", std::process::id());
        let place = Place(std::env::temp_dir().join(name));
        let _ = std::fs::remove_file(&place.0);
        place
    }
}

impl AsRef<Path> for Place {
    fn as_ref(&self) -> &Path {
        &self.0
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

fn is_send_and_sync<T: Send + Sync + Unpin + std::fmt::Debug>() {}

#[test]
fn everything_may_go_to_other_threads() {
    is_send_and_sync::<UnixStream>();
    is_send_and_sync::<UnixListener>();
    is_send_and_sync::<UnixDatagram>();
    is_send_and_sync::<UnixSocket>();
    is_send_and_sync::<SocketAddr>();
    is_send_and_sync::<UCred>();
    is_send_and_sync::<pipe::Sender>();
    is_send_and_sync::<pipe::Receiver>();
    is_send_and_sync::<pipe::OpenOptions>();
    is_send_and_sync::<filch::net::unix::ReadHalf<'_>>();
    is_send_and_sync::<filch::net::unix::OwnedWriteHalf>();
    fn is_send<T: Send>(_: T) {}
    is_send(UnixStream::connect("/nowhere"));
    is_send(UnixSocket::new_stream().unwrap().connect("/nowhere"));
}
