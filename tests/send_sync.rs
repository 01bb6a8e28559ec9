//! Which public types may be sent, shared and moved: checked by the compiler.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, missing_docs)]
// Some handles leave their block unawaited on purpose; a `()` fixes the type of what only panics.
#![allow(clippy::async_yields_async, clippy::let_unit_value)]

use filch::runtime::{
    Builder, EnterGuard, Handle, LocalOptions, LocalRuntime, Runtime, RuntimeFlavor,
    RuntimeMetrics, Stall, TaskMeta, TryCurrentError,
};
use filch::task::coop::{Coop, RestoreOnPending, Unconstrained};
use filch::task::{AbortHandle, Id, JoinError, JoinHandle, LocalEnterGuard, LocalSet, YieldNow};
use filch::time::{Instant, Interval, MissedTickBehavior, Sleep, Timeout, error::Elapsed};
use std::cell::Cell;
use std::rc::Rc;

/// Asserts that a type has traits, or that it has not: for one that has it, `Check` would be
/// implemented twice and the call be ambiguous.
macro_rules! check {
    ($type:ty: $($trait:ident)* $(, !$missing:ident)*) => {
        const _: fn() = || {
            $({
                fn has<T: ?Sized + $trait>() {}
                has::<$type>();
            })*
            $({
                trait Check<A> {
                    fn check() {}
                }
                impl<T: ?Sized> Check<()> for T {}
                struct HasIt;
                impl<T: ?Sized + $missing> Check<HasIt> for T {}
                <$type as Check<_>>::check();
            })*
        };
    };
}

type Yes = u8;
/// Send, not Sync.
type SendOnly = Cell<u8>;
/// Neither.
type Neither = Rc<u8>;

check!(Builder: Send Sync Unpin);
check!(Runtime: Send Sync Unpin);
check!(Handle: Send Sync Unpin Clone);
check!(EnterGuard<'static>: Unpin, !Send);
check!(LocalRuntime: Unpin, !Send, !Sync);
check!(LocalOptions: Send Sync Unpin Default);
check!(RuntimeFlavor: Send Sync Unpin Copy Eq);
check!(RuntimeMetrics: Send Sync Unpin Clone);
check!(Stall: Send Sync Unpin Clone);
check!(TaskMeta: Send Sync Unpin);
check!(TryCurrentError: Send Sync Unpin Clone Eq);

check!(JoinHandle<Yes>: Send Sync Unpin);
check!(JoinHandle<SendOnly>: Send Sync Unpin);
check!(JoinHandle<Neither>: Unpin, !Send, !Sync);
check!(JoinError: Send Sync Unpin);
check!(AbortHandle: Send Sync Unpin Clone);
check!(Id: Send Sync Unpin Copy Ord);
check!(YieldNow: Send Sync Unpin);
check!(LocalSet: Unpin, !Send, !Sync);
check!(LocalEnterGuard: Unpin, !Send, !Sync);

check!(Unconstrained<YieldNow>: Send Sync Unpin);
check!(Coop<YieldNow>: Send Sync Unpin);
check!(Unconstrained<JoinHandle<Neither>>: Unpin, !Send, !Sync);
check!(RestoreOnPending: Unpin, !Sync);

check!(Sleep: Send Sync, !Unpin);
check!(Timeout<YieldNow>: Send Sync, !Unpin);
check!(Timeout<JoinHandle<Neither>>: , !Send, !Sync);
check!(Interval: Send Sync Unpin);
check!(Instant: Send Sync Unpin Copy Ord);
check!(MissedTickBehavior: Send Sync Unpin Copy);
check!(Elapsed: Send Sync Unpin);

check!(filch::net::TcpListener: Send Sync Unpin);
check!(filch::net::TcpStream: Send Sync Unpin);
check!(filch::net::tcp::OwnedReadHalf: Send Sync Unpin);
check!(filch::net::tcp::OwnedWriteHalf: Send Sync Unpin);
check!(filch::net::tcp::ReadHalf<'static>: Send Sync Unpin);
check!(filch::net::tcp::WriteHalf<'static>: Send Sync Unpin);
check!(filch::streams::StreamReader: Send Sync Unpin);
check!(filch::streams::StreamWriter: Send Sync Unpin);
check!(filch::streams::Server: Send Sync Unpin);
check!(filch::io::ReadBuf<'static>: Send Sync Unpin);

#[test]
fn the_futures_of_async_functions_may_be_sent() {
    fn sent<F: Send + Sync>(_: impl FnOnce() -> F) {}
    sent(filch::task::coop::consume_budget);
    sent(filch::task::yield_now);
    sent(|| filch::net::TcpListener::bind("127.0.0.1:0"));
    sent(|| filch::net::TcpStream::connect("127.0.0.1:0"));
}
