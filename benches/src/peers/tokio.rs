//! tokio, in both flavours.

super::tokio_shaped::tokio_shaped!(::tokio);

/// tokio's work-stealing runtime.
pub(crate) type Tokio = Shaped<true>;
/// tokio on one thread: the one that waits in `block_on`.
pub(crate) type TokioCt = Shaped<false>;

/// What stands in for the names that only filch has.
mod own {
    use std::{pin::pin, time::Duration};

    use futures_lite::future;
    use tokio::{runtime::Builder, task::JoinHandle, task::JoinSet, time};

    /// Nothing: its scheduler counts polls and asks no clock.
    pub(super) fn freeze(_: &mut Builder) {}

    pub(super) fn cancel<T>(task: &JoinHandle<T>) {
        task.abort();
    }

    pub(super) async fn group(children: usize) {
        let mut set = JoinSet::new();
        for child in 0..children {
            set.spawn(async move { child });
        }
        while let Some(ended) = set.join_next().await {
            ended.expect("no child fails");
        }
    }

    pub(super) fn gather<F>(futures: Vec<F>) -> impl Future<Output = Result<Vec<usize>, ()>> + Send
    where
        F: Future<Output = Result<usize, ()>> + Send,
    {
        futures_util::future::try_join_all(futures)
    }

    pub(super) async fn timeout_scope<F: Future>(limit: Duration, body: F) -> Option<F::Output> {
        // A sleep that can be reset while the body runs.
        let mut sleep = pin!(time::sleep(limit));
        let done = async { Some(body.await) };
        let late = async {
            sleep.as_mut().await;
            None
        };
        future::or(done, late).await
    }
}
