//! Which public types may be sent, shared and moved: checked by the compiler.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, missing_docs)]
// Some handles leave their block unawaited on purpose; a `()` fixes the type of what only panics.
#![allow(clippy::async_yields_async, clippy::let_unit_value)]

use filch::runtime::{
    Builder, EnterGuard, Handle, LocalOptions, LocalRuntime, Runtime, RuntimeFlavor,
    RuntimeMetrics, ShutdownReport, Stall, TaskInfo, TaskMeta, TryCurrentError, Unhandled,
    UnhandledKind,
};
use filch::stream::FromTask;
use filch::stream::wrappers::{
    BroadcastStream, IntervalStream, ReceiverStream, UnboundedReceiverStream, WatchStream,
};
use filch::task::coop::{Coop, RestoreOnPending, Unconstrained};
use filch::task::{
    AbortHandle, AbortOnDrop, AbortOnDropHandle, Id, JoinError, JoinHandle, JoinMap, JoinMapKeys,
    JoinQueue, LocalEnterGuard, LocalSet, YieldNow,
};
use filch::time::{Instant, Interval, MissedTickBehavior, Sleep, Timeout, error::Elapsed};
use filch::{
    AsCompleted, AsCompletedTimeout, Gather, GatherHandles, ReturnWhen, StaggeredRace, Wait,
    WaitResult,
};
use std::cell::Cell;
use std::rc::Rc;
use std::vec::IntoIter;

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
check!(EnterGuard<'static>: Sync Unpin, !Send);
check!(LocalRuntime: Unpin, !Send, !Sync);
check!(LocalOptions: Send Sync Unpin Default);
check!(filch::runtime::Id: Send Sync Unpin Copy Eq);
check!(RuntimeFlavor: Send Sync Unpin Copy Eq);
check!(RuntimeMetrics: Send Sync Unpin Clone);
check!(Stall: Send Sync Unpin Clone);
check!(TaskMeta: Send Sync Unpin);
check!(TaskInfo: Send Sync Unpin Clone);
check!(Unhandled: Send Sync Unpin);
check!(UnhandledKind: Send Sync Unpin Copy Eq);
check!(ShutdownReport: Send Sync Unpin Clone Default);
#[cfg(feature = "net")]
check!(filch::runtime::Interrupted: Send Sync Unpin Copy Eq);
#[cfg(feature = "net")]
check!(filch::runtime::Runner: Unpin, !Send);
#[cfg(feature = "net")]
check!(filch::runtime::RunnerBuilder: Send Sync Unpin);
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

check!(AbortOnDropHandle<SendOnly>: Send Sync Unpin);
check!(AbortOnDropHandle<Neither>: Unpin, !Send, !Sync);
check!(AbortOnDrop: Send Sync Unpin);
check!(JoinMap<Yes, SendOnly>: Send Sync Unpin Default);
check!(JoinMap<Neither, Yes>: Unpin, !Send, !Sync);
check!(JoinMap<Yes, Neither>: Unpin, !Send, !Sync);
check!(JoinMapKeys<'static, Yes, Yes>: Send Sync Unpin Clone);
check!(JoinMapKeys<'static, Neither, Yes>: Unpin Clone, !Send, !Sync);
check!(JoinQueue<SendOnly>: Send Sync Unpin Default);
check!(JoinQueue<Neither>: Unpin, !Send, !Sync);

check!(AsCompleted<YieldNow>: Send Sync Unpin);
check!(AsCompletedTimeout<YieldNow>: Send Sync Unpin);
check!(AsCompletedTimeout<JoinHandle<Neither>>: Unpin, !Send, !Sync);
check!(Gather<YieldNow, SendOnly, Yes>: Send Unpin, !Sync);
check!(GatherHandles<Yes>: Send Sync Unpin);
check!(GatherHandles<Neither>: Unpin, !Send, !Sync);
check!(StaggeredRace<IntoIter<YieldNow>, YieldNow, Yes, Yes>: Send Sync, !Unpin);
check!(StaggeredRace<IntoIter<YieldNow>, YieldNow, Neither, Yes>: , !Send, !Sync);
check!(Wait<'static, SendOnly>: Send Sync, !Unpin);
check!(Wait<'static, Neither>: , !Send, !Sync);
check!(WaitResult: Send Sync Unpin Clone Eq Default);
check!(ReturnWhen: Send Sync Unpin Copy Eq Default);
check!(filch::cancel::CancelScope: Send Sync Unpin Clone);
check!(filch::cancel::Run<YieldNow>: Send Sync, !Unpin);

check!(FromTask<SendOnly>: Send Sync Unpin);
check!(FromTask<Neither>: Unpin, !Send, !Sync);
check!(ReceiverStream<SendOnly>: Send Sync Unpin);
check!(UnboundedReceiverStream<SendOnly>: Send Sync Unpin);
check!(BroadcastStream<SendOnly>: Send Sync Unpin);
check!(WatchStream<Yes>: Send Sync Unpin);
check!(IntervalStream: Send Sync Unpin);

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

check!(filch::contextvars::Context: Send Sync Unpin Clone);
check!(filch::contextvars::ContextVar<Yes>: Send Sync Unpin);
check!(filch::contextvars::Token<Yes>: Send Sync Unpin);
check!(filch::contextvars::InContext<YieldNow>: Send Sync Unpin);
check!(filch::contextvars::InContext<JoinHandle<Neither>>: Unpin, !Send, !Sync);
check!(filch::contextvars::LookupError: Send Sync Unpin Copy Eq);

check!(filch::task::ToThread<fn() -> Yes, Yes>: Send Unpin);
check!(filch::task::ToThread<fn() -> Neither, Neither>: Unpin, !Send);
check!(filch::executor::ThreadPoolExecutor: Send Sync Unpin Default);
check!(filch::executor::InExecutor<Yes>: Send Sync Unpin);
check!(filch::executor::SubmitError: Send Sync Unpin);
check!(filch::portal::Portal: Send Sync Unpin Clone);
check!(filch::portal::BlockingPortal: Send Sync Unpin);

check!(filch::callback::CallHandle: Send Sync Unpin Clone);
check!(filch::callback::TimerHandle: Send Sync Unpin Clone);
check!(filch::callback::CallbackId: Send Sync Unpin Copy Ord);
check!(filch::callback::DoneTask: Send Sync Unpin Clone);
check!(filch::callback::Ending: Send Sync Unpin Copy Eq);
check!(filch::callback::RunFinished<fn()>: Send Sync Unpin Copy);
check!(filch::promise::Promise<Yes, Yes>: Send Sync Unpin);
check!(filch::promise::Promise<SendOnly, Yes>: Unpin, !Sync);
check!(filch::promise::SharedFuture<Yes, Yes>: Send Sync Unpin Clone);
check!(filch::promise::SharedFuture<SendOnly, Yes>: Unpin, !Send, !Sync);
check!(filch::promise::PromiseError<Yes>: Send Sync Unpin Clone Eq);
check!(filch::promise::InvalidState<Yes>: Send Sync Unpin Copy Eq);
check!(filch::promise::NotReady: Send Sync Unpin Copy Eq);
check!(filch::Shielded<SendOnly>: Send Sync Unpin);
check!(filch::Shielded<Neither>: Unpin, !Send, !Sync);

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

#[test]
fn futures_of_methods_are_shared_too() {
    fn check<F: Future + Send + Sync>(_: impl FnOnce() -> F) {}
    use filch::sync::mpsc::{Sender, UnboundedSender};
    let (sender, _receiver): (Sender<u8>, _) = filch::sync::mpsc::channel(1);
    check(|| sender.closed());
    check(|| sender.send_timeout(1, std::time::Duration::ZERO));
    let (sender, _receiver): (UnboundedSender<u8>, _) = filch::sync::mpsc::unbounded_channel();
    check(|| sender.closed());
    let (_sender, mut receiver) = filch::sync::broadcast::channel::<SendOnly>(1);
    check(|| receiver.recv());
}

#[test]
fn runtimes_pass_where_panics_are_caught() {
    use std::panic::{RefUnwindSafe, UnwindSafe};
    fn check<T: UnwindSafe + RefUnwindSafe>() {}
    check::<Runtime>();
    check::<Handle>();
    check::<AbortHandle>();
}

#[test]
fn sockets_and_pipes_pass_where_panics_are_caught() {
    use filch::net::{TcpListener, TcpStream, UdpSocket, tcp};
    #[cfg(unix)]
    use filch::net::{
        UnixDatagram, UnixListener, UnixStream,
        unix::{self, pipe},
    };
    use std::panic::{RefUnwindSafe, UnwindSafe};
    fn check<T: UnwindSafe + RefUnwindSafe>() {}
    check::<(TcpListener, TcpStream, UdpSocket)>();
    check::<(tcp::ReadHalf<'_>, tcp::WriteHalf<'_>, tcp::OwnedReadHalf, tcp::OwnedWriteHalf)>();
    #[cfg(unix)]
    check::<(UnixListener, UnixStream, UnixDatagram, pipe::Sender, pipe::Receiver)>();
    #[cfg(unix)]
    check::<(unix::ReadHalf<'_>, unix::WriteHalf<'_>, unix::OwnedReadHalf, unix::OwnedWriteHalf)>();
    #[cfg(feature = "process")]
    {
        use filch::process::{Child, ChildStderr, ChildStdin, ChildStdout};
        check::<(Child, ChildStdin, ChildStdout, ChildStderr)>();
    }
}

#[test]
fn streams_are_taken_where_something_like_them_is() {
    fn check<S: AsRef<S>>() {}
    check::<filch::net::TcpStream>();
    #[cfg(unix)]
    check::<filch::net::UnixStream>();
}
