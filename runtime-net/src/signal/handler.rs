//! What runs in signal handlers, and what the system is asked about signals.
//!
//! # Invariants
//!
//! - What is called in a handler takes no lock and allocates nothing: the thread that was
//!   interrupted may hold any lock, that of the allocator among them.

use std::ffi::c_int;
use std::io::{self, Write as _};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

pub(super) use signal_hook_registry::SigId;

use super::kind::SignalKind;
use super::mark::Mark;

/// What a handler leaves behind for a listener: a mark, and a byte that wakes.
#[derive(Debug)]
pub(super) struct Heard {
    mark: Mark,
    /// Never blocks.
    bell: Arc<UnixStream>,
    /// A process that was forked off has our handlers and our sockets, but not our reactor.
    home: u32,
}

impl Heard {
    pub(super) fn new(mark: Mark, bell: Arc<UnixStream>) -> Heard {
        Heard { mark, bell, home: std::process::id() }
    }

    pub(super) fn mark(&self) -> &Mark {
        &self.mark
    }

    /// Runs in the handler: it makes three system calls at most and touches atomics.
    fn ring(&self) {
        if std::process::id() != self.home {
            return;
        }
        if !self.mark.set() {
            return default_action(self.mark.kind());
        }
        // A full socket holds bytes enough, and nobody is there to be told of an error.
        let _ = (&*self.bell).write(&[0]);
    }
}

/// Has `heard` told of its signal, until [`forget`].
///
/// # Errors
///
/// `InvalidInput` for a signal that no program can listen to, or those of the system.
pub(super) fn listen(heard: Arc<Heard>) -> io::Result<SigId> {
    let number = heard.mark.kind().as_raw_value();
    if heard.mark.kind().is_forbidden() {
        let message = format!("a program cannot listen to signal {number}");
        return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
    }
    // SAFETY: `ring` takes no lock and allocates nothing.
    unsafe { signal_hook_registry::register(number, move || heard.ring()) }
}

/// Ends what [`listen`] has begun. The signal is ignored from then on, unless others listen, or there
/// was a [`Loan`].
pub(super) fn forget(id: SigId) {
    signal_hook_registry::unregister(id);
}

/// Who listens to one signal, so that it gets its default action back when only cancellers did.
struct Listeners {
    /// How many cancellers listen.
    cancellers: AtomicUsize,
    /// Whether anybody else ever did: the signal has no default action from then on.
    others: AtomicBool,
    /// Whether the action was registered that looks at the other two.
    guarded: AtomicBool,
}

/// One for each signal, by its number.
static LISTENERS: [Listeners; 65] = [const {
    Listeners {
        cancellers: AtomicUsize::new(0),
        others: AtomicBool::new(false),
        guarded: AtomicBool::new(false),
    }
}; 65];

fn listeners(kind: SignalKind) -> Option<&'static Listeners> {
    LISTENERS.get(usize::try_from(kind.as_raw_value()).ok()?)
}

/// Somebody listens who is no canceller: the signal does not end the process any more.
pub(super) fn keep(kind: SignalKind) {
    if let Some(listeners) = listeners(kind) {
        // Relaxed, as all of these: nothing else is told by them.
        listeners.others.store(true, Ordering::Relaxed);
    }
}

/// A canceller listens; when it is dropped, and nobody else ever listened, the signal has its default
/// action again.
#[derive(Debug)]
pub(super) struct Loan(SignalKind);

impl Loan {
    /// # Errors
    ///
    /// Those of [`listen`].
    pub(super) fn new(kind: SignalKind) -> io::Result<Loan> {
        let loan = Loan(kind);
        let Some(listeners) = listeners(kind) else { return Ok(loan) };
        listeners.cancellers.fetch_add(1, Ordering::Relaxed);
        // A signal that is ignored by default is so by having no other action.
        if kind.ends_by_default() && !listeners.guarded.swap(true, Ordering::Relaxed) {
            let guard = move || {
                let free = !listeners.others.load(Ordering::Relaxed);
                if free && listeners.cancellers.load(Ordering::Relaxed) == 0 {
                    default_action(kind);
                }
            };
            // SAFETY: the action reads atomics, and does what a handler may do.
            unsafe { signal_hook_registry::register(kind.as_raw_value(), guard) }?;
        }
        Ok(loan)
    }
}

impl Drop for Loan {
    fn drop(&mut self) {
        if let Some(listeners) = listeners(self.0) {
            listeners.cancellers.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

/// Ends the process as `kind` does by default.
pub(super) fn end_process(kind: SignalKind) -> ! {
    default_action(kind);
    // The signal is ignored by default, or blocked. Shells report such an end like this.
    std::process::exit(128 + kind.as_raw_value())
}

/// Does what the system does with a signal that nobody listens to; in a handler, as soon as that
/// has returned.
pub(super) fn default_action(kind: SignalKind) {
    let number: c_int = kind.as_raw_value();
    // SAFETY: the call is allowed in handlers, and touches no memory of ours.
    unsafe { libc::signal(number, libc::SIG_DFL) };
    // SAFETY: as above.
    unsafe { libc::raise(number) };
}
