//! Sends signals to processes.
//!
//! # Invariants
//!
//! - The call touches no memory of ours.

use std::io;

use super::kind::SignalKind;

/// Sends a signal to the process `pid`.
pub(crate) fn kill(pid: u32, kind: SignalKind) -> io::Result<()> {
    let pid = libc::pid_t::try_from(pid).ok().filter(|&pid| pid > 0);
    let pid = pid.ok_or_else(|| io::Error::from_raw_os_error(libc::ESRCH))?;
    // SAFETY: see the invariants.
    match unsafe { libc::kill(pid, kind.as_raw_value()) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}
