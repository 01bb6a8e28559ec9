//! What a runtime must offer to be measured, and the runtimes that are.
//!
//! A row is one generic function over [`Peer`]: every peer runs the same code and differs only in
//! the names behind this trait. Channels, gates and latches of the rows belong to no peer.

mod smol;
mod tokio;
mod tokio_shaped;

mod filch;

use std::{
    io,
    net::SocketAddr,
    path::Path,
    time::{Duration, Instant},
};

use crate::{foreign, rows::Ctx};

pub(crate) use self::filch::{Filch, FilchCt};
pub(crate) use self::{
    smol::{Smol, SmolStatic},
    tokio::{Tokio, TokioCt},
};

/// A runtime under measurement. Implementors are markers; all state is in `Runtime`.
pub(crate) trait Peer: Send + Sync + 'static {
    /// Owns the threads; ends them when dropped.
    type Runtime;
    /// Spawns from a thread outside of the runtime.
    type Remote: Clone + Send + 'static;
    /// Awaits a task's output.
    type Join<T: Send + 'static>: Future<Output = T> + Send + Unpin + 'static;
    type Interval: Send + 'static;
    type Listener: Send + 'static;
    type Stream: Send + 'static;
    type Datagrams: Send + 'static;
    /// Whatever number of threads is asked for, it has no more.
    const THREADS_MAX: usize = usize::MAX;

    fn start(ctx: &Ctx) -> Self::Runtime;
    fn remote(runtime: &Self::Runtime) -> Self::Remote;
    /// Runs `future` as a task of the runtime while this thread waits for it.
    fn run<F>(runtime: &Self::Runtime, future: F) -> F::Output
    where
        F: Future<Output: Send + 'static> + Send + 'static;
    fn detach_from<F>(remote: &Self::Remote, future: F)
    where
        F: Future<Output = ()> + Send + 'static;

    // From here on: called within a task of the runtime.
    fn spawn<F>(future: F) -> Self::Join<F::Output>
    where
        F: Future<Output: Send + 'static> + Send + 'static;
    fn detach<F>(future: F)
    where
        F: Future<Output = ()> + Send + 'static;
    fn spawn_blocking<T, F>(work: F) -> Self::Join<T>
    where
        T: Send + 'static,
        F: FnOnce() -> T + Send + 'static;
    fn yield_now() -> impl Future<Output = ()> + Send;
    /// Asks a task to end, and does not wait until it has.
    fn cancel<T: Send + 'static>(task: Self::Join<T>);
    /// Spawns so many children that belong together, and waits until all have ended.
    fn group(children: usize) -> impl Future<Output = ()> + Send;
    /// Awaits all futures in this task, and gives their outputs in order.
    fn gather<F>(futures: Vec<F>) -> impl Future<Output = Vec<usize>> + Send
    where
        F: Future<Output = Result<usize, ()>> + Send;

    fn sleep(duration: Duration) -> impl Future<Output = ()> + Send;
    fn sleep_until(deadline: Instant) -> impl Future<Output = ()> + Send;
    fn timeout<F>(duration: Duration, future: F) -> impl Future<Output = Option<F::Output>> + Send
    where
        F: Future<Output: Send> + Send;
    /// A timeout that can be moved meanwhile; where there is none, a timer beside the body.
    fn timeout_scope<F>(limit: Duration, body: F) -> impl Future<Output = Option<F::Output>> + Send
    where
        F: Future<Output: Send> + Send;
    fn interval(period: Duration) -> Self::Interval;
    fn tick(interval: &mut Self::Interval) -> impl Future<Output = ()> + Send;

    /// Listens on a free port of the loopback.
    fn bind() -> impl Future<Output = io::Result<(Self::Listener, SocketAddr)>> + Send;
    /// Accepts a connection and turns Nagle's algorithm off.
    fn accept(listener: &Self::Listener) -> impl Future<Output = io::Result<Self::Stream>> + Send;
    /// Connects and turns Nagle's algorithm off.
    fn connect(addr: SocketAddr) -> impl Future<Output = io::Result<Self::Stream>> + Send;
    fn read<'a>(
        stream: &'a mut Self::Stream,
        buffer: &'a mut [u8],
    ) -> impl Future<Output = io::Result<usize>> + Send + 'a;
    fn read_exact<'a>(
        stream: &'a mut Self::Stream,
        buffer: &'a mut [u8],
    ) -> impl Future<Output = io::Result<()>> + Send + 'a;
    fn write_all<'a>(
        stream: &'a mut Self::Stream,
        bytes: &'a [u8],
    ) -> impl Future<Output = io::Result<()>> + Send + 'a;

    /// Copies both ways until both sides have ended.
    fn relay(one: Self::Stream, other: Self::Stream)
    -> impl Future<Output = io::Result<()>> + Send;

    /// Two sockets of datagrams on the loopback, connected to one another.
    fn datagrams() -> impl Future<Output = io::Result<[Self::Datagrams; 2]>> + Send;
    fn send<'a>(
        socket: &'a Self::Datagrams,
        bytes: &'a [u8],
    ) -> impl Future<Output = io::Result<usize>> + Send + 'a;
    fn recv<'a>(
        socket: &'a Self::Datagrams,
        buffer: &'a mut [u8],
    ) -> impl Future<Output = io::Result<usize>> + Send + 'a;
    fn read_file(path: &Path) -> impl Future<Output = io::Result<Vec<u8>>> + Send;
    /// Runs a program to its end, and says whether that was a good one.
    fn run_program(program: &'static str) -> impl Future<Output = io::Result<bool>> + Send;
    /// Spawns so many empty tasks into a set and joins them as they finish.
    fn join_set(tasks: usize) -> impl Future<Output = usize> + Send;
}

/// A peer by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PeerId {
    Filch,
    FilchCt,
    Tokio,
    TokioCt,
    Smol,
    SmolStatic,
    /// tokio's locks and channels on filch's runtime; as all libraries, in the rows about those.
    TokioSync,
    /// What smol's users take for locks and channels, on filch's runtime.
    SmolSync,
    /// flume's channel on filch's runtime.
    Flume,
    /// kanal's channel on filch's runtime.
    Kanal,
    /// Goroutines; as all peers in other languages, a program of its own.
    Go,
    /// asyncio on uvloop.
    Uvloop,
    /// asyncio on its own loop.
    Asyncio,
    /// The bare epoll loop: what the machine allows, in the rows of the loaded server only.
    Bare,
}

impl PeerId {
    pub(crate) const ALL: &[PeerId] = &[
        PeerId::Filch,
        PeerId::FilchCt,
        PeerId::Tokio,
        PeerId::TokioCt,
        PeerId::Smol,
        PeerId::SmolStatic,
        PeerId::TokioSync,
        PeerId::SmolSync,
        PeerId::Flume,
        PeerId::Kanal,
        PeerId::Go,
        PeerId::Uvloop,
        PeerId::Asyncio,
        PeerId::Bare,
    ];

    /// Who is measured unless `--peers` says otherwise.
    pub(crate) const DEFAULT: &[PeerId] = &[
        PeerId::Filch,
        PeerId::Tokio,
        PeerId::TokioCt,
        PeerId::Smol,
        PeerId::Go,
        PeerId::Uvloop,
        PeerId::Asyncio,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            PeerId::Filch => "filch",
            PeerId::FilchCt => "filch-ct",
            PeerId::Tokio => "tokio",
            PeerId::TokioCt => "tokio-ct",
            PeerId::Smol => "smol",
            PeerId::SmolStatic => "smol-static",
            PeerId::TokioSync => "tokio-sync",
            PeerId::SmolSync => "smol-sync",
            PeerId::Flume => "flume",
            PeerId::Kanal => "kanal",
            PeerId::Go => "go",
            PeerId::Uvloop => "uvloop",
            PeerId::Asyncio => "asyncio",
            PeerId::Bare => "bare",
        }
    }

    /// How the peer is set up, for the header of the table.
    pub(crate) fn settings(self) -> &'static str {
        match self {
            PeerId::Filch => "Builder::new_multi_thread, defaults",
            PeerId::FilchCt => "Builder::new_current_thread, defaults",
            PeerId::Tokio => "Builder::new_multi_thread, defaults, feature parking_lot",
            PeerId::TokioCt => "Builder::new_current_thread, defaults, feature parking_lot",
            PeerId::Smol => "one Executor in a static, as smol::spawn has it",
            PeerId::SmolStatic => "async_executor::StaticExecutor, lock-free spawn",
            PeerId::TokioSync => "tokio::sync on filch's runtime",
            PeerId::SmolSync => "async-channel, async-lock, async-broadcast on filch's runtime",
            PeerId::Flume => "its channel on filch's runtime, feature async",
            PeerId::Kanal => "its channel on filch's runtime, defaults",
            PeerId::Go => "a program of its own, GOMAXPROCS as many as the others have workers",
            PeerId::Uvloop => "a program of its own, one thread, asyncio on uvloop's loop",
            PeerId::Asyncio => "a program of its own, one thread, asyncio on its own loop",
            PeerId::Bare => "one thread, epoll in edge mode, no runtime",
        }
    }

    /// A library alone, measured on filch's runtime.
    pub(crate) fn is_library(self) -> bool {
        matches!(self, PeerId::TokioSync | PeerId::SmolSync | PeerId::Flume | PeerId::Kanal)
    }

    /// A program in another language, which [`foreign`] starts.
    pub(crate) fn is_foreign(self) -> bool {
        matches!(self, PeerId::Go | PeerId::Uvloop | PeerId::Asyncio)
    }

    /// The package whose version stands beside the name.
    fn package(self) -> Option<&'static str> {
        match self {
            PeerId::Filch | PeerId::FilchCt => Some("filch"),
            PeerId::Tokio | PeerId::TokioCt | PeerId::TokioSync => Some("tokio"),
            PeerId::Smol => Some("smol"),
            PeerId::SmolStatic => Some("async-executor"),
            PeerId::SmolSync => Some("async-channel"),
            PeerId::Flume => Some("flume"),
            PeerId::Kanal => Some("kanal"),
            PeerId::Go | PeerId::Uvloop | PeerId::Asyncio | PeerId::Bare => None,
        }
    }

    /// The peer's version as it was locked when this was built.
    pub(crate) fn version(self) -> Option<&'static str> {
        if self.is_foreign() {
            return foreign::version(self);
        }
        let wanted = format!("name = \"{}\"", self.package()?);
        let mut lines = include_str!("../../../Cargo.lock").lines();
        lines.find(|line| *line == wanted)?;
        lines.next()?.strip_prefix("version = \"")?.strip_suffix('"')
    }
}

impl std::str::FromStr for PeerId {
    type Err = String;

    fn from_str(name: &str) -> Result<PeerId, String> {
        PeerId::ALL.iter().copied().find(|peer| peer.name() == name).ok_or_else(|| {
            let names: Vec<_> = PeerId::ALL.iter().map(|peer| peer.name()).collect();
            format!("no peer is named `{name}`; there are {}", names.join(", "))
        })
    }
}

/// A function from `(PeerId, &Ctx)` that runs the generic row `$row` on the peer of that name.
macro_rules! on_each_peer {
    ($($row:ident)::+) => {
        |peer: $crate::peers::PeerId, ctx: &$crate::rows::Ctx| {
            use $crate::peers::PeerId;
            match peer {
                PeerId::Filch => $($row)::+::<$crate::peers::Filch>(ctx),
                PeerId::FilchCt => $($row)::+::<$crate::peers::FilchCt>(ctx),
                PeerId::Tokio => $($row)::+::<$crate::peers::Tokio>(ctx),
                PeerId::TokioCt => $($row)::+::<$crate::peers::TokioCt>(ctx),
                PeerId::Smol => $($row)::+::<$crate::peers::Smol>(ctx),
                PeerId::SmolStatic => $($row)::+::<$crate::peers::SmolStatic>(ctx),
                PeerId::TokioSync | PeerId::SmolSync | PeerId::Flume | PeerId::Kanal => {
                    unreachable!("a library runs no tasks")
                }
                PeerId::Go | PeerId::Uvloop | PeerId::Asyncio => {
                    unreachable!("other languages have programs of their own")
                }
                PeerId::Bare => unreachable!("the bare loop serves, it runs no tasks"),
            }
        }
    };
}
pub(crate) use on_each_peer;
