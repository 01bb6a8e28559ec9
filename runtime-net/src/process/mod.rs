//! Processes: starting them, talking with them, waiting for their ends.
//!
//! ```text
//!   command ──▶ child ──▶ stdio ──▶ pipe          (pipes on the reactor)
//!                 │
//!                 └─────▶ running ──▶ exit ──▶ pidfd, or SIGCHLD where there is none
//!                            │
//!                            └─ dropped ──▶ orphan
//! ```
//!
//! On Windows the handle of a process takes the place of its pidfd, and the pipes are on the blocking pool.
//! What else differs is in unix.rs and windows.rs.
//!
//! Every child is reaped: by who waits for it, or in the background when its [`Child`] is dropped.

mod child;
mod command;
#[cfg_attr(windows, path = "exit_windows.rs")]
mod exit;
mod orphan;
#[cfg(unix)]
#[cfg_attr(not(target_os = "linux"), path = "no_pidfd.rs")]
mod pidfd;
#[cfg_attr(windows, path = "pipe_windows.rs")]
mod pipe;
#[cfg(unix)]
#[expect(unsafe_code, reason = "std's `pre_exec` is unsafe")]
mod pre_exec;
mod running;
mod stdio;
mod subprocess;
#[cfg_attr(unix, path = "unix.rs")]
#[cfg_attr(windows, path = "windows.rs")]
mod system;
mod talk;

#[cfg(all(test, unix))]
mod exit_tests;

pub use child::Child;
pub use command::Command;
pub use stdio::{ChildStderr, ChildStdin, ChildStdout};
pub use subprocess::{create_subprocess_exec, create_subprocess_shell};
