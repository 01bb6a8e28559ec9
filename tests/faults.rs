//! The system refuses threads and descriptors: errors come back, nothing is lost or left behind.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, missing_docs)]
// Some handles leave their block unawaited on purpose; a `()` fixes the type of what only panics.
#![allow(clippy::async_yields_async, clippy::let_unit_value)]
#![cfg(target_os = "linux")]

mod support;

use filch::runtime::{Builder, Runtime};
use filch::task;
use filch::time::{Duration, sleep};
use std::future::pending;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use support::{Census, Gate, in_child, multi, panic_here, threads_and_descriptors, until, watch};

/// Room for a few stacks of this size, and no more.
const STACK: usize = 256 << 20;
/// Allocator arenas, which take and give back half a stack's room each, are left out of it.
const LIMIT: &str = "ulimit -v 2400000; export MALLOC_ARENA_MAX=1";

fn greedy() -> Builder {
    let mut builder = Builder::new_multi_thread();
    builder.worker_threads(1).thread_stack_size(STACK);
    builder
}

// Bugs 32 and tokio #4485.
#[test]
fn without_threads_for_its_workers_a_runtime_is_an_error_and_leaves_nothing() {
    let _watch = watch();
    if !in_child("without_threads_for_its_workers_a_runtime_is_an_error_and_leaves_nothing", LIMIT)
    {
        return;
    }
    let before = threads_and_descriptors();
    for _ in 0..20 {
        let error = greedy().worker_threads(64).build().unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::WouldBlock, "{error}");
        let said = error.to_string();
        assert!(said.starts_with("cannot start worker ") && said.contains(" of 64: "), "{said}");
        assert!(said.contains("`ulimit -u`") && said.contains("`pids.max`"), "{said}");
        let cause = error.get_ref().unwrap().source().unwrap();
        let cause = cause.downcast_ref::<std::io::Error>().unwrap();
        assert!(cause.raw_os_error().is_some(), "{cause}");
        until(|| threads_and_descriptors() == before);
    }
    // There is room for a modest one.
    multi(2).block_on(async { filch::spawn(async {}).await.unwrap() });
}

#[test]
fn the_blocking_pool_goes_on_with_the_threads_it_has() {
    let _watch = watch();
    if !in_child("the_blocking_pool_goes_on_with_the_threads_it_has", LIMIT) {
        return;
    }
    let runtime = greedy().build().unwrap();
    let hold = Gate::new();
    let jobs: Vec<_> = (0..64)
        .map(|n| {
            let wait = hold.clone();
            runtime.spawn_blocking(move || {
                wait.block();
                n
            })
        })
        .collect();
    let threads = runtime.metrics().num_blocking_threads();
    assert!((1..16).contains(&threads), "{threads} threads");
    hold.open();
    for (n, job) in jobs.into_iter().enumerate() {
        assert_eq!(runtime.block_on(job).unwrap(), n);
    }
}

/// Opens its gate in the end, also when an assertion fails: what it holds would not let the runtime go.
struct Hold(Gate);

impl Drop for Hold {
    fn drop(&mut self) {
        self.0.open();
    }
}

/// Takes all the room there is for stacks.
fn fill(runtime: &Runtime) -> Hold {
    let (hold, begun) = (Gate::new(), Arc::new(AtomicUsize::new(0)));
    for _ in 0..64 {
        let (wait, begun) = (hold.clone(), begun.clone());
        drop(runtime.spawn_blocking(move || {
            begun.fetch_add(1, SeqCst);
            wait.block();
        }));
    }
    // A thread tries to start the next one before its job begins.
    let metrics = runtime.metrics();
    until(|| begun.load(SeqCst) == metrics.num_blocking_threads());
    Hold(hold)
}

#[test]
fn a_pool_that_cannot_have_a_single_thread_says_so() {
    let _watch = watch();
    if !in_child("a_pool_that_cannot_have_a_single_thread_says_so", LIMIT) {
        return;
    }
    let (other, runtime) = (greedy().build().unwrap(), greedy().build().unwrap());
    let hold = fill(&other);
    let census = Census::default();
    for _ in 0..3 {
        let guard = census.guard();
        let error = runtime.block_on(async {
            task::Builder::new().spawn_blocking(move || drop(guard)).unwrap_err()
        });
        assert_eq!(error.kind(), std::io::ErrorKind::WouldBlock, "{error}");
        let said = panic_here(|| runtime.spawn_blocking(|| ()));
        assert!(said.starts_with("cannot start a thread for blocking work: "), "{said}");
        assert!(said.contains("`ulimit -u`"), "{said}");
    }
    assert_eq!(census.dead(), 3);
    // Tasks go on, and the pool works again when there is room.
    runtime.block_on(runtime.spawn(async { sleep(Duration::from_nanos(1)).await })).unwrap();
    hold.0.open();
    drop(other);
    assert_eq!(runtime.block_on(runtime.spawn_blocking(|| 1)).unwrap(), 1);
}

/// What is an `io::Result` anyway does not panic, nor does it say `WouldBlock`, as the system does: who hears
/// that waits for a readiness which never comes.
#[cfg(feature = "fs")]
#[test]
fn files_names_and_standard_streams_without_a_thread_are_errors() {
    use filch::io::{AsyncReadExt, AsyncWriteExt};
    let _watch = watch();
    if !in_child("files_names_and_standard_streams_without_a_thread_are_errors", LIMIT) {
        return;
    }
    let (other, runtime) = (greedy().build().unwrap(), greedy().build().unwrap());
    let path = std::env::temp_dir().join(format!("filch-faults-{}", std::process::id()));
    let mut file = filch::fs::File::from_std(std::fs::File::create(&path).unwrap());
    let mut stdout = filch::io::stdout();
    let hold = fill(&other);
    runtime.block_on(async {
        let mut stdin = filch::io::stdin();
        let refused = [
            filch::fs::read_dir("/").await.map(drop),
            filch::fs::write(&path, "text").await,
            filch::fs::remove_file(&path).await,
            file.write_all(b"text").await,
            stdin.read(&mut [0]).await.map(drop),
            stdout.write_all(b"lost").await,
            filch::net::lookup_host("localhost:80").await.map(drop),
        ];
        for error in refused.map(Result::unwrap_err) {
            assert_eq!(error.kind(), std::io::ErrorKind::Other, "{error}");
            let said = error.to_string();
            assert!(said.starts_with("cannot start a thread for "), "{said}");
            assert_eq!(said.matches("cannot start").count(), 1, "{said}");
        }
    });
    hold.0.open();
    drop(other);
    runtime.block_on(async {
        file.write_all(b"text").await.unwrap();
        file.flush().await.unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"text");
        stdout.write_all(b"\n").await.unwrap();
        stdout.flush().await.unwrap();
        filch::fs::write(&path, "text").await.unwrap();
        filch::fs::remove_file(&path).await.unwrap();
        drop(filch::net::lookup_host("localhost:80").await.unwrap());
    });
}

/// Its cursor is where it was, and what was read ahead is there.
#[cfg(feature = "fs")]
#[test]
fn a_file_that_had_no_thread_for_a_while_has_lost_nothing() {
    use filch::io::{AsyncReadExt, AsyncSeekExt, AsyncWriteExt, SeekFrom};
    let _watch = watch();
    if !in_child("a_file_that_had_no_thread_for_a_while_has_lost_nothing", LIMIT) {
        return;
    }
    let other = greedy().build().unwrap();
    let mut builder = greedy();
    builder.max_blocking_threads(1).thread_keep_alive(Duration::from_nanos(1));
    let runtime = builder.build().unwrap();
    let path = std::env::temp_dir().join(format!("filch-faults-ahead-{}", std::process::id()));
    std::fs::write(&path, "hello world").unwrap();
    let std = std::fs::File::options().read(true).write(true).open(&path).unwrap();
    let mut file = filch::fs::File::from_std(std);
    let mut two = [0; 2];
    runtime.block_on(async {
        let gate = Gate::new();
        let wait = gate.clone();
        let before = task::spawn_blocking(move || wait.block());
        // A read that is given up leaves what it brings.
        assert!(support::once(pin!(file.read(&mut [0; 9]))).await.is_pending());
        gate.open();
        before.await.unwrap();
        file.read_exact(&mut two).await.unwrap();
    });
    assert_eq!(&two, b"he");
    until(|| runtime.metrics().num_blocking_threads() == 0);
    let hold = fill(&other);
    runtime.block_on(async {
        for _ in 0..2 {
            assert!(file.write_all(b"text").await.is_err());
            assert!(file.set_len(3).await.is_err());
            assert!(file.sync_all().await.is_err());
        }
        file.read_exact(&mut two).await.unwrap();
    });
    assert_eq!(&two, b"ll");
    hold.0.open();
    drop(other);
    runtime.block_on(async {
        file.write_all(b"_").await.unwrap();
        file.flush().await.unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"hell_ world");
        assert_eq!(file.seek(SeekFrom::Current(1)).await.unwrap(), 6);
        file.read_exact(&mut two).await.unwrap();
        filch::fs::remove_file(&path).await.unwrap();
    });
    assert_eq!(&two, b"wo");
}

#[cfg(feature = "fs")]
#[test]
fn a_directory_that_had_no_thread_for_a_while_has_all_its_entries() {
    let _watch = watch();
    if !in_child("a_directory_that_had_no_thread_for_a_while_has_all_its_entries", LIMIT) {
        return;
    }
    const ENTRIES: usize = 100;
    let other = greedy().build().unwrap();
    let runtime = greedy().thread_keep_alive(Duration::from_nanos(1)).build().unwrap();
    let path = std::env::temp_dir().join(format!("filch-faults-many-{}", std::process::id()));
    std::fs::create_dir(&path).unwrap();
    (0..ENTRIES).for_each(|n| std::fs::write(path.join(n.to_string()), "").unwrap());
    let mut directory = runtime.block_on(filch::fs::read_dir(&path)).unwrap();
    until(|| runtime.metrics().num_blocking_threads() == 0);
    let hold = fill(&other);
    let mut seen = 0;
    runtime.block_on(async {
        // Some have been read ahead.
        while let Ok(entry) = directory.next_entry().await {
            assert!(entry.is_some(), "it ends after {seen}");
            seen += 1;
        }
        assert!(directory.next_entry().await.is_err(), "as before");
    });
    hold.0.open();
    drop(other);
    runtime.block_on(async {
        while directory.next_entry().await.unwrap().is_some() {
            seen += 1;
        }
    });
    std::fs::remove_dir_all(&path).unwrap();
    assert_eq!(seen, ENTRIES);
}

#[test]
fn block_in_place_does_without_a_substitute() {
    let _watch = watch();
    if !in_child("block_in_place_does_without_a_substitute", LIMIT) {
        return;
    }
    let (other, runtime) = (greedy().build().unwrap(), greedy().worker_threads(2).build().unwrap());
    // Tasks that are at home with a substitute, which cannot come back later.
    let census = Census::default();
    let guard = census.guard();
    let orphan = runtime.spawn(async move {
        task::block_in_place(|| {
            let gate = Gate::new();
            let open = gate.clone();
            let orphan = filch::spawn(async move {
                let _guard = guard;
                open.open();
                pending::<()>().await;
            });
            gate.block();
            orphan
        })
    });
    let orphan = runtime.block_on(orphan).unwrap();
    let hold = fill(&other);
    for _ in 0..600 {
        let task = runtime.spawn(async {
            task::block_in_place(|| {
                let handle = filch::runtime::Handle::current();
                handle.block_on(filch::spawn(async { 1 })).unwrap()
            })
        });
        assert_eq!(runtime.block_on(task).unwrap(), 1);
    }
    hold.0.open();
    drop(runtime);
    assert!(orphan.is_finished());
    assert_eq!(census.dead(), 1);
}

#[test]
fn without_descriptors_a_runtime_is_an_error_and_leaves_nothing() {
    let _watch = watch();
    if !in_child("without_descriptors_a_runtime_is_an_error_and_leaves_nothing", "ulimit -n 16") {
        return;
    }
    let mut runtimes = Vec::new();
    let build = || Builder::new_current_thread().build();
    let error = loop {
        match build() {
            Ok(runtime) => runtimes.push(runtime),
            Err(error) => break error,
        }
    };
    assert_eq!(error.raw_os_error(), Some(24), "{error}");
    for runtime in &runtimes {
        runtime.block_on(runtime.spawn(async {})).unwrap();
    }
    // Each failure gives back what it took.
    for _ in 0..50 {
        assert!(build().is_err());
    }
    let count = runtimes.len();
    runtimes.clear();
    let again: Vec<_> = (0..count).map(|_| build().unwrap()).collect();
    assert_eq!(again.len(), count);
}
