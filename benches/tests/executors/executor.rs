//! The executors, and how a test is run on each.

use std::{
    panic,
    pin::Pin,
    sync::{
        Arc,
        mpsc::{RecvTimeoutError, channel},
    },
    task::{Context, Poll},
    thread,
    time::Duration,
};

use futures_channel::oneshot;
use futures_lite::future;

type Boxed = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Where a test's tasks run.
#[derive(Clone)]
pub(crate) struct Spawner(Arc<dyn Fn(Boxed) + Send + Sync>);

impl Spawner {
    pub(crate) fn new(spawn: impl Fn(Boxed) + Send + Sync + 'static) -> Spawner {
        Spawner(Arc::new(spawn))
    }

    pub(crate) fn task<F>(&self, future: F) -> Task<F::Output>
    where
        F: Future<Output: Send + 'static> + Send + 'static,
    {
        let (send, output) = oneshot::channel();
        (self.0)(Box::pin(async move {
            // Nobody waits for it once the test has failed.
            let _ = send.send(future.await);
        }));
        Task(output)
    }

    /// A task for each number below `tasks`.
    pub(crate) fn tasks<F>(
        &self,
        tasks: usize,
        future: impl FnMut(usize) -> F,
    ) -> Vec<Task<F::Output>>
    where
        F: Future<Output: Send + 'static> + Send + 'static,
    {
        (0..tasks).map(future).map(|future| self.task(future)).collect()
    }
}

/// A task's output; the test fails if the task panicked.
pub(crate) struct Task<T>(oneshot::Receiver<T>);

impl<T> Future for Task<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        Pin::new(&mut self.0).poll(cx).map(|output| output.expect("the task does not panic"))
    }
}

/// The outputs in the order of the tasks.
pub(crate) async fn all<T>(tasks: Vec<Task<T>>) -> Vec<T> {
    let mut outputs = Vec::with_capacity(tasks.len());
    for task in tasks {
        outputs.push(task.await);
    }
    outputs
}

pub(crate) fn on_filch<F: Future<Output = ()> + 'static>(body: fn(Spawner) -> F) {
    under_watch(move || {
        let builder = filch::runtime::Builder::new_multi_thread().worker_threads(2).build();
        let runtime = builder.expect("the runtime starts");
        let handle = runtime.handle().clone();
        runtime.block_on(body(Spawner::new(move |task| drop(handle.spawn(task)))));
    });
}

pub(crate) fn on_filch_current_thread<F: Future<Output = ()> + 'static>(body: fn(Spawner) -> F) {
    under_watch(move || {
        let builder = filch::runtime::Builder::new_current_thread().build();
        let runtime = builder.expect("the runtime starts");
        let handle = runtime.handle().clone();
        runtime.block_on(body(Spawner::new(move |task| drop(handle.spawn(task)))));
    });
}

pub(crate) fn on_tokio<F: Future<Output = ()> + 'static>(body: fn(Spawner) -> F) {
    under_watch(move || {
        let builder = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build();
        let runtime = builder.expect("the runtime starts");
        let handle = runtime.handle().clone();
        runtime.block_on(body(Spawner::new(move |task| drop(handle.spawn(task)))));
    });
}

pub(crate) fn on_smol<F: Future<Output = ()> + 'static>(body: fn(Spawner) -> F) {
    under_watch(move || {
        let executor = Arc::new(smol::Executor::new());
        let (stops, threads): (Vec<_>, Vec<_>) = (0..2)
            .map(|_| {
                let (stop, stopped) = oneshot::channel::<()>();
                let executor = Arc::clone(&executor);
                let thread = thread::spawn(move || {
                    // That its sender is gone ends the thread.
                    let _ = smol::block_on(executor.run(stopped));
                });
                (stop, thread)
            })
            .unzip();
        let spawner = Spawner::new(move |task| executor.spawn(task).detach());
        smol::block_on(body(spawner));
        drop(stops);
        for thread in threads {
            thread.join().expect("tasks do not panic");
        }
    });
}

/// The least that an executor can be: a thread for each task.
pub(crate) fn on_threads<F: Future<Output = ()> + 'static>(body: fn(Spawner) -> F) {
    under_watch(move || {
        let spawner = Spawner::new(|task| drop(thread::spawn(move || future::block_on(task))));
        future::block_on(body(spawner));
    });
}

/// Fails a test that hangs, instead of hanging with it.
pub(crate) fn under_watch(test: impl FnOnce() + Send + 'static) {
    let (finish, finished) = channel::<()>();
    let thread = thread::spawn(move || {
        let _finish = finish;
        test();
    });
    if finished.recv_timeout(Duration::from_secs(60)) == Err(RecvTimeoutError::Timeout) {
        panic!("the test hangs");
    }
    if let Err(payload) = thread.join() {
        panic::resume_unwind(payload);
    }
}

/// A test for each of these functions on each executor.
macro_rules! on_every_executor {
    ($($test:ident),+ $(,)?) => {
        on_every_executor!(@ on_filch: $($test)+);
        on_every_executor!(@ on_filch_current_thread: $($test)+);
        on_every_executor!(@ on_tokio: $($test)+);
        on_every_executor!(@ on_smol: $($test)+);
        on_every_executor!(@ on_threads: $($test)+);
    };
    (@ $executor:ident: $($test:ident)+) => {
        mod $executor {
            $(
                #[test]
                fn $test() {
                    $crate::executor::$executor(super::$test);
                }
            )+
        }
    };
}
pub(crate) use on_every_executor;
