//! What runs when the console has something to say, and what the system is asked about it.
//!
//! The system calls the handler on a thread that it makes for this, so that nobody is interrupted and
//! locks may be taken. Who says that the event was handled keeps the system from ending the process;
//! after the console was closed, at a logoff and at a shutdown it ends as soon as the handler returns, and
//! a few seconds later in any case. So there the handler does not return, once somebody has heard.
//!
//! # Invariants
//!
//! - The handler is installed once, and stays: it is a function, which is always there.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, LazyLock, Weak};
use std::{io, thread};

use runtime_sync::primitives::Mutex;
use runtime_sync::waker_slot::WakerSlot;
use windows_sys::Win32::Foundation::STATUS_CONTROL_C_EXIT;
use windows_sys::Win32::System::Console::SetConsoleCtrlHandler;
use windows_sys::core::BOOL;

use super::kind::SignalKind;
use super::mark::Mark;

/// What the handler leaves behind for a listener: a mark, and a wake.
#[derive(Debug)]
pub(super) struct Heard {
    mark: Mark,
    bell: Arc<WakerSlot>,
}

impl Heard {
    pub(super) fn new(mark: Mark, bell: Arc<WakerSlot>) -> Heard {
        Heard { mark, bell }
    }

    pub(super) fn mark(&self) -> &Mark {
        &self.mark
    }
}

/// Who listens.
#[derive(Default)]
struct Audience {
    installed: bool,
    listeners: Vec<Weak<Heard>>,
    /// What somebody listened to who is no canceller: it does not end the process any more.
    kept: Vec<SignalKind>,
}

static AUDIENCE: LazyLock<Mutex<Audience>> = LazyLock::new(Mutex::default);

/// Has `heard` told of its event, as long as it lives.
///
/// # Errors
///
/// Those of the system.
pub(super) fn listen(heard: &Arc<Heard>) -> io::Result<()> {
    let mut audience = AUDIENCE.lock();
    if !audience.installed {
        // SAFETY: the handler is a function, and may be called on any thread at any time.
        if unsafe { SetConsoleCtrlHandler(Some(on_event), 1) } == 0 {
            return Err(io::Error::last_os_error());
        }
        audience.installed = true;
    }
    audience.listeners.retain(|listener| listener.strong_count() > 0);
    audience.listeners.push(Arc::downgrade(heard));
    Ok(())
}

/// Somebody listens who is no canceller: the event does not end the process any more.
pub(super) fn keep(kind: SignalKind) {
    let mut audience = AUDIENCE.lock();
    if !audience.kept.contains(&kind) {
        audience.kept.push(kind);
    }
}

/// Called by the system. Says whether the event was handled.
pub(super) extern "system" fn on_event(event: u32) -> BOOL {
    let Some(kind) = SignalKind::of_event(event) else { return 0 };
    let (listeners, kept) = {
        let audience = AUDIENCE.lock();
        let listeners: Vec<_> = audience.listeners.iter().filter_map(Weak::upgrade).collect();
        (listeners, audience.kept.contains(&kind))
    };
    let mut heard = false;
    for listener in listeners.iter().filter(|listener| listener.mark.kind() == kind) {
        if !listener.mark.set() {
            return 0;
        }
        heard = true;
        // What is thrown by a waker has nowhere to go.
        let _ = catch_unwind(AssertUnwindSafe(|| listener.bell.wake()));
    }
    while heard && kind.is_final() {
        thread::park();
    }
    BOOL::from(heard || kept)
}

/// Ends the process as `kind` does by default.
pub(super) fn end_process(_: SignalKind) -> ! {
    std::process::exit(STATUS_CONTROL_C_EXIT)
}
