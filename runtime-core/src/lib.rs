//! Tasks, timers, reactor and scheduler: the heart of filch. Floors 2 to 7 of `ARCHITECTURE.md`.
//!
//! Users depend on the crate `filch`, which re-exports what is public here and documents nothing of
//! its own.
//!
//! | floor | modules |
//! |---|---|
//! | 2 leaves | `callback_list`, [`clock`], [`not_started`], `number_map`, `pinned`, [`rng`], [`unwind`] |
//! | 3 mechanisms, strangers to each other | [`task`], [`timer`] |
//! | 4 the outside world, threads for those who block, parts of tasks, what is inherited | [`reactor`], `blocking`, `frame`, [`context_var`] |
//! | 5 who runs what | [`scheduler`], [`runtime`] |
//! | 6 what users await | [`spawn`], [`local`], [`task_tracker`], [`time`] |
//! | 7 what stands on tasks and time | [`cancel`], [`task_group`], [`join_set`], [`gather`], [`staggered`], [`wait`], [`stream`], [`callback`], [`promise`], [`shield`], [`threads`], [`background`], [`closing`] |
#![deny(unsafe_code)]

#[cfg(not(any(unix, windows)))]
compile_error!("filch needs Unix or Windows: its reactor waits for descriptors or sockets");

pub mod background;
mod blocking;
pub mod callback;
mod callback_list;
pub mod cancel;
pub mod clock;
pub mod closing;
pub mod context_var;
mod frame;
pub mod gather;
pub mod join_set;
#[expect(unsafe_code, reason = "tasks that are not Send, and a thread-local pointer to their line")]
pub mod local;
pub mod many;
pub mod not_started;
mod number_map;
#[expect(unsafe_code, reason = "what is pinned in a piece of memory")]
mod pinned;
pub mod promise;
pub mod reactor;
pub mod rng;
pub mod runtime;
pub mod scheduler;
pub mod shield;
pub mod siblings;
pub mod spawn;
pub mod staggered;
pub mod stream;
pub mod task;
pub mod task_group;
pub mod task_local;
pub mod task_tracker;
pub mod threads;
pub mod time;
pub mod timer;
pub mod unwind;
pub mod wait;
