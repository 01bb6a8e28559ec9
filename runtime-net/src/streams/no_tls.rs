//! TLS below a reader and a writer, where there is none.

use std::convert::Infallible;
use std::io;
use std::task::{Context, Poll};

use runtime_core::runtime::Handle;
use runtime_core::time::Duration;

use super::transport::Transport;
use super::{StreamReader, StreamWriter};
use crate::io::ReadBuf;

/// A connection's place for a layer: empty.
#[derive(Debug, Default)]
pub(super) struct Secure {}

impl Secure {
    pub(super) fn layer(&self) -> Option<&Layer> {
        None
    }
}

/// Never there.
#[derive(Debug)]
pub(super) struct Layer(Infallible);

impl Layer {
    pub(super) fn poll_recv(
        &self,
        _cx: &mut Context<'_>,
        _below: &Transport,
        _buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.0 {}
    }

    pub(super) fn try_send(&self, _below: &Transport, _bytes: &[u8]) -> io::Result<(usize, bool)> {
        match self.0 {}
    }

    pub(super) fn poll_send(
        &self,
        _cx: &mut Context<'_>,
        _below: &Transport,
        _bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.0 {}
    }

    pub(super) fn poll_flush(
        &self,
        _cx: &mut Context<'_>,
        _below: &Transport,
    ) -> Poll<io::Result<()>> {
        match self.0 {}
    }

    pub(super) fn try_goodbye(&self, _below: &Transport, _for_ever: bool) {
        match self.0 {}
    }

    pub(super) fn poll_goodbye(
        &self,
        _cx: &mut Context<'_>,
        _below: &Transport,
        _for_ever: bool,
    ) -> Poll<io::Result<()>> {
        match self.0 {}
    }

    pub(super) fn poll_gone(&self, _cx: &mut Context<'_>, _below: &Transport) -> Poll<()> {
        match self.0 {}
    }

    pub(super) fn shutdown_limit(&self) -> Option<Duration> {
        match self.0 {}
    }

    pub(super) fn runtime(&self) -> &Handle {
        match self.0 {}
    }
}

/// What the options of a server or a connection say about TLS: nothing.
#[derive(Clone, Debug, Default)]
pub(super) struct Wanted {}

impl Wanted {
    pub(super) fn check(&self) -> io::Result<()> {
        Ok(())
    }

    pub(super) async fn begin(
        &self,
        _reader: &mut StreamReader,
        _writer: &mut StreamWriter,
    ) -> io::Result<()> {
        Ok(())
    }
}
