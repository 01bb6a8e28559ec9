//! What the handler makes of the events of the console.

use std::task::{Context, Poll, Waker};

use runtime_core::runtime::{Builder, Runtime};

use super::handler::on_event;
use super::kind::SignalKind;
use super::listener::Listener;
use super::mark::Later;

use windows_sys::Win32::System::Console::{CTRL_BREAK_EVENT, CTRL_C_EVENT, CTRL_LOGOFF_EVENT};

fn runtime() -> Runtime {
    Builder::new_current_thread().build().unwrap()
}

fn hears(listener: &mut Listener) -> Poll<Option<SignalKind>> {
    listener.poll_recv(&mut Context::from_waker(Waker::noop()))
}

#[test]
fn all_who_listen_hear_and_the_process_goes_on() {
    let runtime = runtime();
    let _entered = runtime.enter();
    let kinds = [SignalKind::terminate(), SignalKind::interrupt()];
    let mut one = Listener::new(kinds, Later::AreHeard).unwrap();
    let mut other = Listener::new([SignalKind::interrupt()], Later::AreHeard).unwrap();
    assert!(hears(&mut one).is_pending());
    // Two that nobody has taken yet are one.
    assert_eq!(on_event(CTRL_C_EVENT), 1);
    assert_eq!(on_event(CTRL_C_EVENT), 1);
    for listener in [&mut one, &mut other] {
        assert_eq!(hears(listener), Poll::Ready(Some(SignalKind::interrupt())));
        assert!(hears(listener).is_pending());
    }
    drop((one, other));
    assert_eq!(on_event(CTRL_C_EVENT), 1, "somebody has listened once");
}

#[test]
fn a_canceller_hears_once_and_borrows_the_default_action() {
    let runtime = runtime();
    let _entered = runtime.enter();
    assert_eq!(on_event(CTRL_BREAK_EVENT), 0);
    let mut canceller = Listener::new([SignalKind::quit()], Later::HaveDefaultAction).unwrap();
    assert_eq!(on_event(CTRL_BREAK_EVENT), 1);
    assert_eq!(hears(&mut canceller), Poll::Ready(Some(SignalKind::quit())));
    assert_eq!(on_event(CTRL_BREAK_EVENT), 0, "the second one ends the process");
    drop(canceller);
    assert_eq!(on_event(CTRL_BREAK_EVENT), 0, "nobody listens any more");

    let twice = [SignalKind::quit(), SignalKind::quit()];
    let mut canceller = Listener::new(twice, Later::HaveDefaultAction).unwrap();
    assert_eq!(on_event(CTRL_BREAK_EVENT), 1, "one event counts once");
    assert_eq!(hears(&mut canceller), Poll::Ready(Some(SignalKind::quit())));
    assert!(hears(&mut canceller).is_pending());
}

#[test]
fn a_listener_is_woken() {
    let runtime = runtime();
    let heard = runtime.block_on(async {
        let mut listener = Listener::new([SignalKind::hangup()], Later::AreHeard).unwrap();
        // The handler does not return from this one.
        let console = runtime_core::spawn::spawn(async {
            #[allow(clippy::disallowed_methods, reason = "as the system does")]
            drop(std::thread::spawn(|| on_event(CTRL_LOGOFF_EVENT)));
        });
        let heard = std::future::poll_fn(|cx| listener.poll_recv(cx)).await;
        console.await.unwrap();
        heard
    });
    assert_eq!(heard, Some(SignalKind::hangup()));
}
