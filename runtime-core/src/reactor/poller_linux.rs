//! `Driver` on Linux: one `epoll_pwait2` per wait on the descriptor of a `polling::Poller`.
//!
//! `Poller::wait` of the `polling` crate sets a timer, drains its eventfd and arms both again at
//! every call: three to five system calls. Here descriptors are edge-triggered and registered
//! once, timeouts go along with the wait to the nanosecond, and the eventfd that ends a wait is
//! edge-triggered and never read, because each write to it is an edge of its own.
//!
//! Registration goes to the poller's descriptor directly as well. `Poller::add` never asks for
//! `EPOLLRDHUP`, without which a closed stream could not be told from a drained one.
//!
//! # Invariants
//!
//! - The epoll descriptor lives as long as `self.epoll`.
//! - The kernel writes at most as many events as it was told there is room for, and says how many.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::ptr;
use std::time::Duration;

use runtime_sync::primitives::atomic::{AtomicBool, Ordering};
use rustix::event::{EventfdFlags, eventfd};
use rustix::io::Errno;

use super::driver::{Driver, EVENTS_MAX, Events};
use super::ready::{Interest, Ready};
use super::source::ReadyEvent;

/// The token of the eventfd. No [`Token`](super::slots::Token) packs to it, and `polling` uses
/// the same number for its own two descriptors, which stay silent.
const WAKE: u64 = u64::MAX;

/// The kernel's answer to what happens outside.
#[derive(Debug)]
pub struct Poller {
    epoll: polling::Poller,
    alarm: OwnedFd,
    /// There is no `epoll_pwait2`: a kernel before 5.11, or a sandbox that does not know it.
    coarse: AtomicBool,
}

/// The kernel's timespec, whose fields have 64 bits on every architecture.
#[repr(C)]
struct KernelTimespec {
    seconds: i64,
    nanoseconds: i64,
}

impl Poller {
    /// Opens the descriptors. All of them are closed on `exec`.
    ///
    /// # Errors
    ///
    /// The process has no descriptor left, or the system offers no epoll or eventfd.
    pub fn new() -> io::Result<Poller> {
        let epoll = polling::Poller::new()?;
        let alarm = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        let poller = Poller { epoll, alarm, coarse: AtomicBool::new(false) };
        poller.control_add(poller.alarm.as_raw_fd(), WAKE, libc::EPOLLIN | libc::EPOLLET)?;
        Ok(poller)
    }

    /// Waits, and keeps what has happened. True: somebody asked for the wait to end.
    fn collect(&self, events: &mut Events, timeout: Option<Duration>) -> io::Result<bool> {
        events.clear();
        let mut room = [const { MaybeUninit::uninit() }; EVENTS_MAX];
        let count = match self.wait_raw(&mut room[..events.room()], timeout) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => 0,
            answer => answer?,
        };
        let mut woken = false;
        for event in &room[..count] {
            // SAFETY: the kernel has written the first `count` events.
            let event = unsafe { event.assume_init() };
            match event.u64 {
                WAKE => woken = true,
                token => events.push(token, ready(event.events as i32)),
            }
        }
        Ok(woken)
    }

    /// Waits by `epoll_pwait2`, or by `epoll_wait` where that is missing.
    fn wait_raw(
        &self,
        room: &mut [MaybeUninit<libc::epoll_event>],
        timeout: Option<Duration>,
    ) -> io::Result<usize> {
        // Relaxed: a thread that does not know yet finds out by itself.
        if !self.coarse.load(Ordering::Relaxed) {
            match self.wait_fine(room, timeout) {
                // Old sandboxes answer EPERM to calls that they do not know.
                Err(error) if matches!(error.raw_os_error(), Some(libc::ENOSYS | libc::EPERM)) => {
                    self.coarse.swap(true, Ordering::Relaxed);
                }
                answer => return answer,
            }
        }
        self.wait_coarse(room, timeout)
    }

    fn wait_fine(
        &self,
        room: &mut [MaybeUninit<libc::epoll_event>],
        timeout: Option<Duration>,
    ) -> io::Result<usize> {
        let timeout = timeout.map(|timeout| KernelTimespec {
            seconds: i64::try_from(timeout.as_secs()).unwrap_or(i64::MAX),
            nanoseconds: i64::from(timeout.subsec_nanos()),
        });
        let timeout = timeout.as_ref().map_or(ptr::null(), ptr::from_ref);
        // SAFETY: the descriptor is open, `room` holds as many events as is said, `timeout` is null or
        // points to a timespec that outlives the call, and no signal mask is passed.
        let count = unsafe {
            libc::syscall(
                libc::SYS_epoll_pwait2,
                self.epoll.as_raw_fd(),
                room.as_mut_ptr(),
                room.len() as libc::c_int,
                timeout,
                ptr::null::<libc::sigset_t>(),
                0usize,
            )
        };
        usize::try_from(count).map_err(|_| io::Error::last_os_error())
    }

    /// Milliseconds, rounded up: a wait must not end early again and again before a deadline.
    fn wait_coarse(
        &self,
        room: &mut [MaybeUninit<libc::epoll_event>],
        timeout: Option<Duration>,
    ) -> io::Result<usize> {
        let timeout = timeout.map_or(-1, whole_millis);
        // SAFETY: the descriptor is open, and `room` holds as many events as is said.
        let count = unsafe {
            libc::epoll_wait(
                self.epoll.as_raw_fd(),
                room.as_mut_ptr().cast(),
                room.len() as libc::c_int,
                timeout,
            )
        };
        usize::try_from(count).map_err(|_| io::Error::last_os_error())
    }

    fn control_add(&self, descriptor: RawFd, token: u64, flags: i32) -> io::Result<()> {
        let mut event = libc::epoll_event { events: flags as u32, u64: token };
        // SAFETY: the epoll descriptor is open and `event` is valid for the call. The kernel
        // itself refuses a `descriptor` that is not open.
        let answer = unsafe {
            libc::epoll_ctl(self.epoll.as_raw_fd(), libc::EPOLL_CTL_ADD, descriptor, &mut event)
        };
        if answer == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
    }
}

impl Driver for Poller {
    fn wait(&self, events: &mut Events, timeout: Option<Duration>) -> io::Result<()> {
        self.collect(events, timeout).map(|_| ())
    }

    fn glance_beside(&self, events: &mut Events) -> io::Result<()> {
        match self.collect(events, Some(Duration::ZERO))? {
            // It was meant for who waits, and an edge is reported once.
            true => self.wake(),
            false => Ok(()),
        }
    }

    fn wake(&self) -> io::Result<()> {
        let one = 1u64.to_ne_bytes();
        loop {
            match rustix::io::write(&self.alarm, &one) {
                Ok(_) => return Ok(()),
                Err(Errno::INTR) => {}
                // The counter is full, so the write made no edge. Emptied, it has room for one.
                Err(Errno::AGAIN) => match rustix::io::read(&self.alarm, &mut [0; 8]) {
                    Ok(_) | Err(Errno::INTR | Errno::AGAIN) => {}
                    Err(error) => return Err(error.into()),
                },
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn add(&self, descriptor: RawFd, token: u64, interest: Interest) -> io::Result<()> {
        let mut flags = libc::EPOLLET;
        if interest.is_readable() {
            // EPOLLPRI belongs to it: a read stops short at urgent data, see `clear_drained`.
            flags |= libc::EPOLLIN | libc::EPOLLRDHUP | libc::EPOLLPRI;
        }
        if interest.is_writable() {
            flags |= libc::EPOLLOUT;
        }
        if interest.is_priority() {
            flags |= libc::EPOLLPRI | libc::EPOLLRDHUP;
        }
        self.control_add(descriptor, token, flags)
    }

    fn delete(&self, descriptor: RawFd) -> io::Result<()> {
        // SAFETY: the epoll descriptor is open. The kernel ignores the null event and refuses a
        // `descriptor` that it does not watch.
        let answer = unsafe {
            libc::epoll_ctl(
                self.epoll.as_raw_fd(),
                libc::EPOLL_CTL_DEL,
                descriptor,
                ptr::null_mut(),
            )
        };
        if answer == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
    }

    fn reports_closing(&self) -> bool {
        true
    }
}

/// The system reports what is so anew by itself.
#[inline(always)]
pub(super) fn renew(_: &dyn Driver, _: RawFd, _: ReadyEvent) -> io::Result<()> {
    Ok(())
}

/// `timeout` for a call that knows milliseconds only. Zero stays zero, all else is at least one.
fn whole_millis(timeout: Duration) -> libc::c_int {
    let millis = timeout.as_nanos().div_ceil(1_000_000);
    libc::c_int::try_from(millis).unwrap_or(libc::c_int::MAX)
}

/// What epoll's flags mean.
///
/// An error makes both directions ready, as the next operation fetches it, but closes neither: a
/// datagram socket goes on after it.
fn ready(flags: i32) -> Ready {
    let mut ready = Ready::EMPTY;
    for (flag, meaning) in [
        (libc::EPOLLIN, Ready::READABLE),
        (libc::EPOLLOUT, Ready::WRITABLE),
        (libc::EPOLLPRI, Ready::PRIORITY),
        (libc::EPOLLRDHUP, Ready::READABLE | Ready::READ_CLOSED),
        (libc::EPOLLERR, Ready::READABLE | Ready::WRITABLE | Ready::ERROR),
        (
            libc::EPOLLHUP,
            Ready::READABLE | Ready::WRITABLE | Ready::READ_CLOSED | Ready::WRITE_CLOSED,
        ),
    ] {
        if flags & flag != 0 {
            ready |= meaning;
        }
    }
    ready
}

#[cfg(test)]
#[path = "poller_linux_tests.rs"]
mod tests;
