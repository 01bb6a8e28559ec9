//! Python's asyncio, rebuilt in Rust on a multi-threaded work-stealing runtime.
//!
//! ```no_run
//! use filch::io::{AsyncReadExt, AsyncWriteExt};
//! use filch::net::TcpListener;
//!
//! #[filch::main]
//! async fn main() -> std::io::Result<()> {
//!     let listener = TcpListener::bind("127.0.0.1:8080").await?;
//!     loop {
//!         let (mut client, _) = listener.accept().await?;
//!         filch::spawn(async move {
//!             let mut buffer = vec![0; 4096];
//!             while let Ok(count @ 1..) = client.read(&mut buffer).await {
//!                 if client.write_all(&buffer[..count]).await.is_err() {
//!                     break;
//!                 }
//!             }
//!         });
//!     }
//! }
//! ```
//!
//! | to | use |
//! |---|---|
//! | begin | [`main`], or [`runtime::Builder`] |
//! | run things at the same time | [`TaskGroup`], [`spawn`](fn@spawn), [`task::JoinSet`], [`join!`], [`try_join!`], [`gather!`], [`select!`] |
//! | wait for time to pass | [`time`] |
//! | end things early, in good order | [`cancel`]; not at all: [`shield`] |
//! | have functions called soon, later, when something is done | [`callback`] |
//! | promise a value to many | [`promise`] |
//! | talk to the world | [`net`], [`io`]; [`streams`] as in asyncio |
//! | call what blocks | [`to_thread`], [`task::spawn_blocking`], [`task::block_in_place`], [`executor`] |
//! | come from threads | [`from_thread`], [`portal`], [`task::JoinHandle::blocking_wait`] |
//! | hand values down to tasks | [`contextvars`]; [`task_local!`] as in tokio |
//! | keep a task on one thread | [`task::spawn_local`], [`task::LocalSet`], [`runtime::LocalRuntime`] |
//! | see what goes on | [`runtime::RuntimeMetrics`], the hooks of [`runtime::Builder`] |
//!
//! Where tokio has a thing, it has the same path, name, signature and meaning here, so that code
//! moves over by changing the crate's name. What only asyncio has goes by asyncio's name; the module
//! `from_asyncio` has a page of them.
//!
//! # Systems
//!
//! Linux is measured and tested. macOS and the BSDs have all of this but what is marked as Linux's; Windows
//! lacks what is named after Unix: its sockets, `io::unix`, `signal::unix` and what stands on them.
//! `signal::windows` is there instead.
//!
//! # Features
//!
//! | feature | what it adds | default |
//! |---|---|---|
//! | `net` | [`net`] and [`io`] | yes |
//! | `codec` | `codec`: frames on byte streams | no |
//! | `futures-io` | `io::FuturesCompat`, between these byte streams and those of futures-io | no |
//! | `fs` | `fs`: files and directories | no |
//! | `process` | `process`: children | no |
//! | `signal` | `signal`: listening to signals | no |
//! | `tls` | `tls`: TLS on byte streams, by rustls; `streams` under TLS | no |
//! | `full` | everything but TLS and the bridges to other crates | no |
//! | `macros` | `main`, `test`, `join!`, `try_join!`, `select!`, `pin!` | yes |
//!
#![cfg_attr(feature = "macros", doc = "[`main`]: macro@main")]
// What is not there leads to what brings it.
#![cfg_attr(not(feature = "macros"), doc = "[`main`]: #features")]
#![cfg_attr(not(feature = "macros"), doc = "[`join!`]: #features")]
#![cfg_attr(not(feature = "macros"), doc = "[`try_join!`]: #features")]
#![cfg_attr(not(feature = "macros"), doc = "[`gather!`]: #features")]
#![cfg_attr(not(feature = "macros"), doc = "[`select!`]: #features")]
#![cfg_attr(not(feature = "net"), doc = "[`net`]: #features")]
#![cfg_attr(not(feature = "net"), doc = "[`io`]: #features")]
#![cfg_attr(not(feature = "net"), doc = "[`streams`]: #features")]
#![forbid(unsafe_code)]

#[cfg(feature = "macros")]
mod gather;
#[cfg(feature = "macros")]
mod join;
#[cfg(feature = "macros")]
mod pin;
#[cfg(feature = "macros")]
mod select;

#[doc(inline)]
pub use runtime_core::callback;
#[doc(inline)]
pub use runtime_core::cancel;
#[doc(inline)]
pub use runtime_core::gather::{
    AsCompletedTimeout, Gather, GatherHandles, gather, gather_all, gather_handles, race, select_ok,
};
#[doc(inline)]
pub use runtime_core::many::{AsCompleted, as_completed};
#[doc(inline)]
pub use runtime_core::promise;
#[doc(inline)]
pub use runtime_core::shield::{Shielded, shield};
#[doc(inline)]
pub use runtime_core::spawn::spawn;
#[doc(inline)]
pub use runtime_core::staggered::{StaggeredRace, staggered_race};
#[doc(inline)]
pub use runtime_core::stream;
#[doc(inline)]
pub use runtime_core::task_group::{self, TaskGroup};
pub use runtime_core::task_local;
#[doc(inline)]
pub use runtime_core::threads::{from_thread, to_thread};
#[doc(inline)]
pub use runtime_core::time::{self, wait_for};
#[doc(inline)]
pub use runtime_core::wait::{ReturnWhen, Wait, WaitResult, wait};

#[cfg(feature = "codec")]
#[doc(inline)]
pub use runtime_net::codec;
#[cfg(feature = "fs")]
#[doc(inline)]
pub use runtime_net::fs;
#[cfg(feature = "process")]
#[doc(inline)]
pub use runtime_net::process;
#[cfg(feature = "signal")]
#[doc(inline)]
pub use runtime_net::signal;
#[cfg(feature = "tls")]
#[doc(inline)]
pub use runtime_net::tls;
#[cfg(feature = "net")]
#[doc(inline)]
pub use runtime_net::{io, net, runner::run, streams};

#[cfg(feature = "macros")]
pub use runtime_macros::{main, test};

// A page of the documentation, whose links go to what `full` and Unix bring.
#[cfg(all(any(doc, doctest), unix, feature = "full"))]
#[doc = include_str!("from_asyncio.md")]
pub mod from_asyncio {}

/// Runtimes: making them, referring to them, measuring them.
pub mod runtime {
    #[doc(inline)]
    pub use runtime_core::runtime::{
        Builder, EnterGuard, Handle, Id, LocalOptions, LocalRuntime, Metrics, Runtime,
        RuntimeFlavor, RuntimeMetrics, Stall, TaskInfo, TaskMeta, TryCurrentError, Unhandled,
        UnhandledKind, is_rt_shutdown_err, worker_index,
    };

    #[doc(inline)]
    pub use runtime_core::closing::ShutdownReport;
    #[cfg(feature = "net")]
    #[doc(inline)]
    pub use runtime_net::runner::{Interrupted, Runner, RunnerBuilder};
}

/// Locks, signals, channels and queues, for any executor.
pub mod sync {
    #[doc(inline)]
    pub use runtime_sync::channel::{broadcast, mpmc, mpsc, oneshot, watch};
    #[doc(inline)]
    pub use runtime_sync::lock::*;
    #[doc(inline)]
    pub use runtime_sync::queue;
    #[doc(inline)]
    pub use runtime_sync::queue::*;
}

/// Context variables: values that a task hands down to what it starts.
pub mod contextvars {
    #[doc(inline)]
    pub use runtime_core::context_var::*;
}

/// Threads of one's own for jobs, and whatever else runs jobs somewhere else.
pub mod executor {
    #[doc(inline)]
    pub use runtime_core::threads::{
        Executor, InExecutor, SubmitError, ThreadPoolExecutor, run_in_executor,
    };
}

/// From plain threads into a runtime.
pub mod portal {
    #[doc(inline)]
    pub use runtime_core::threads::{BlockingPortal, Portal, start_blocking_portal};
}

/// Tasks: spawning, joining, aborting, naming, yielding.
pub mod task {
    #[doc(inline)]
    pub use runtime_core::background::{Outcome, background};
    #[doc(inline)]
    pub use runtime_core::join_set::{JoinMap, JoinMapKeys, JoinQueue, JoinSet};
    #[doc(inline)]
    pub use runtime_core::local::{LocalEnterGuard, LocalSet, spawn_local};
    #[doc(inline)]
    pub use runtime_core::spawn::{
        Builder, YieldNow, block_in_place, id, spawn, spawn_blocking, try_id, yield_now,
    };
    #[doc(inline)]
    pub use runtime_core::task::{
        AbortHandle, AbortOnDrop, AbortOnDropHandle, Id, JoinError, JoinHandle,
    };
    #[doc(inline)]
    pub use runtime_core::task_local::{AccessError, LocalKey, TaskLocalFuture};
    #[doc(inline)]
    pub use runtime_core::task_tracker::*;
    #[doc(inline)]
    pub use runtime_core::threads::{ToThread, current_default_thread_limiter, to_thread};

    /// Futures of this module's, under tokio's path.
    pub mod futures {
        #[doc(inline)]
        pub use runtime_core::task_local::TaskLocalFuture;
    }

    #[doc(inline)]
    pub use self::coop::{Unconstrained, consume_budget, unconstrained};

    /// The cooperative budget: how much a task may do in one poll before it must let others in.
    pub mod coop {
        #[doc(inline)]
        pub use runtime_sync::budget::{
            Coop, RestoreOnPending, Unconstrained, consume_budget, cooperative,
            has_budget_remaining, poll_proceed, unconstrained,
        };
    }
}

/// What the code written by the macros calls; not for anybody else.
#[cfg(feature = "macros")]
#[doc(hidden)]
pub mod __private {
    pub use crate::join::{MaybeDone, Order};
    pub use crate::select::{
        all_branches_disabled, pattern_changed_its_mind, poll_budget, random, round,
    };
    pub use runtime_core::closing::Orderly;
    pub use runtime_core::siblings::{Parting, Sibling, Siblings};
    pub use runtime_macros::select_branches;
    pub use std::future::{Future, IntoFuture, poll_fn, ready};
    pub use std::option::Option::{None, Some};
    pub use std::pin::pin;
    pub use std::result::Result::{Err, Ok};
    pub use std::task::Poll;
    pub use std::{compile_error, concat, stringify};
}
