//! `Pidfd` where there is no such thing.

use std::convert::Infallible;
use std::io;
use std::process::{Child, ExitStatus};
use std::task::{Context, Poll};

/// Never there.
#[derive(Debug)]
pub(super) struct Pidfd(Infallible);

impl Pidfd {
    pub(super) fn open(_child: &Child) -> io::Result<Option<Pidfd>> {
        Ok(None)
    }

    pub(super) fn poll_exit(
        &mut self,
        _cx: &mut Context<'_>,
        _reap: impl FnMut() -> io::Result<Option<ExitStatus>>,
    ) -> Poll<io::Result<ExitStatus>> {
        match self.0 {}
    }
}
