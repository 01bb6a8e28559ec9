//! filch, in both flavours.

super::tokio_shaped::tokio_shaped!(::filch);

/// filch's work-stealing runtime.
pub(crate) type Filch = Shaped<true>;
/// filch on one thread: the one that waits in `block_on`.
pub(crate) type FilchCt = Shaped<false>;

/// What tokio does not have, or names differently.
mod own {
    use std::time::Duration;

    use filch::{TaskGroup, cancel, runtime::Builder, task::JoinHandle};

    /// Its scheduler measures polls by the clock: while that stands, it decides alike in each run.
    pub(super) fn freeze(builder: &mut Builder) {
        builder.start_paused(true);
    }

    pub(super) fn cancel<T>(task: &JoinHandle<T>) {
        task.cancel("the row is over");
    }

    pub(super) async fn group(children: usize) {
        let group = TaskGroup::<()>::scope(|group| async move {
            for child in 0..children {
                group.spawn(async move { Ok(child) });
            }
            Ok(())
        });
        group.await.expect("no child fails");
    }

    pub(super) fn gather<F>(futures: Vec<F>) -> impl Future<Output = Result<Vec<usize>, ()>> + Send
    where
        F: Future<Output = Result<usize, ()>> + Send,
    {
        filch::gather(futures)
    }

    pub(super) async fn timeout_scope<F: Future>(limit: Duration, body: F) -> Option<F::Output> {
        cancel::timeout_scope(limit, |_: &_| body).await.ok()
    }
}
