//! Callbacks run once, in order, one at a time, on the runtime; a panic in one ends nothing else.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, missing_docs)]

mod done;
mod later;
mod model;
mod post;
mod soon;
#[path = "../support/mod.rs"]
mod support;

use filch::callback::{DoneTask, call_soon};
use filch::sync::oneshot;
use std::sync::{Arc, Mutex};

/// What was called, in order.
#[derive(Clone)]
struct Log<T>(Arc<Mutex<Vec<T>>>);

impl<T: Clone + Send + 'static> Log<T> {
    fn new() -> Log<T> {
        Log(Arc::default())
    }

    fn add(&self, entry: T) {
        self.0.lock().unwrap().push(entry);
    }

    fn all(&self) -> Vec<T> {
        self.0.lock().unwrap().clone()
    }

    /// A callback that adds an entry.
    fn adds(&self, entry: T) -> impl FnOnce() + Send + 'static + use<T> {
        let log = self.clone();
        move || log.add(entry)
    }

    /// A callback of a task that adds an entry.
    fn adds_done(&self, entry: T) -> impl FnOnce(&DoneTask) + Send + 'static + use<T> {
        let add = self.adds(entry);
        move |_| add()
    }
}

/// Ready when all callbacks that wait now have been called.
async fn called() {
    let (tell, told) = oneshot::channel();
    call_soon(move || _ = tell.send(()));
    told.await.unwrap();
}
