//! `Running`: a child that has not been reaped, and will be.

use std::io;
use std::process::{Child, ExitStatus};
use std::task::{Context, Poll};

use runtime_core::runtime::{Handle, is_rt_shutdown_err};

use super::exit::Exit;
use super::orphan;

/// A child that has not been reaped. Dropped before, it becomes an orphan.
#[derive(Debug)]
pub(super) struct Running {
    /// Both are there until this is dropped.
    child_and_exit: Option<(Child, Exit)>,
    kill_on_drop: bool,
    /// Where it is listened for, and where the orphan is reaped.
    handle: Handle,
}

impl Running {
    /// Begins to listen for the end of `child`. If that fails, the child is killed and reaped.
    #[track_caller]
    pub(super) fn new(mut child: Child, kill_on_drop: bool) -> io::Result<Running> {
        let handle = Handle::current();
        match Exit::of(&child) {
            Ok(exit) => Ok(Running { child_and_exit: Some((child, exit)), kill_on_drop, handle }),
            Err(error) => {
                end(&mut child);
                Err(error)
            }
        }
    }

    pub(super) fn id(&self) -> u32 {
        self.child().id()
    }

    /// Waits until it has ended, and reaps it.
    ///
    /// A child may outlive the runtime that it was spawned on: then the one that is here listens on.
    pub(super) fn poll_wait(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<ExitStatus>> {
        let (child, exit) = self.both();
        match exit.poll_wait(cx, child) {
            Poll::Ready(Err(error)) if is_rt_shutdown_err(&error) => self.move_here(error)?,
            answer => return answer,
        }
        let (child, exit) = self.both();
        exit.poll_wait(cx, child)
    }

    /// Listens on the runtime of this thread from now on. Without one the error stands.
    fn move_here(&mut self, error: io::Error) -> io::Result<()> {
        let Ok(handle) = Handle::try_current() else { return Err(error) };
        let (child, exit) = self.both();
        *exit = Exit::of(child)?;
        self.handle = handle;
        Ok(())
    }

    pub(super) fn try_wait(&mut self) -> io::Result<Option<ExitStatus>> {
        self.both().0.try_wait()
    }

    /// Kills and reaps it, on this thread.
    pub(super) fn end(&mut self) {
        end(&mut self.both().0);
    }

    pub(super) fn child(&self) -> &Child {
        &self.child_and_exit.as_ref().expect("it is here until the drop").0
    }

    pub(super) fn both(&mut self) -> &mut (Child, Exit) {
        self.child_and_exit.as_mut().expect("it is here until the drop")
    }
}

/// Kills and reaps a child. The wait is short, as the child does not run its own code any more.
fn end(child: &mut Child) {
    // Errors mean that it has been reaped.
    let _ = child.kill();
    let _ = child.wait();
}

impl Drop for Running {
    fn drop(&mut self) {
        let Some((mut child, exit)) = self.child_and_exit.take() else { return };
        // No system call if it has been reaped by us.
        if !orphan::is_running(child.try_wait()) {
            return;
        }
        if self.kill_on_drop {
            let _ = child.kill();
        }
        orphan::adopt(child, exit, &self.handle);
    }
}
