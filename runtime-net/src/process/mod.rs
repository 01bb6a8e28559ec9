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
//! Every child is reaped: by who waits for it, or in the background when its [`Child`] is dropped.

mod child;
mod command;
mod exit;
mod orphan;
#[cfg_attr(not(target_os = "linux"), path = "no_pidfd.rs")]
mod pidfd;
#[expect(unsafe_code, reason = "the kernel fills buffers that are not initialized")]
mod pipe;
#[expect(unsafe_code, reason = "std's `pre_exec` is unsafe")]
mod pre_exec;
mod running;
mod stdio;
mod subprocess;
mod talk;

#[cfg(test)]
mod exit_tests;

pub use child::Child;
pub use command::Command;
pub use stdio::{ChildStderr, ChildStdin, ChildStdout};
pub use subprocess::{create_subprocess_exec, create_subprocess_shell};
