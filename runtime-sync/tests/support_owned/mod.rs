//! One end of a channel and a future that borrows it, polled by hand and given up at any point.
#![allow(dead_code, unreachable_pub, missing_docs)]

use std::cell::Cell;
use std::future::poll_fn;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};

use crate::support::Count;

type Local<'a, O> = Pin<Box<dyn Future<Output = O> + 'a>>;

/// An end that rests, or that is borrowed by a future which was polled.
pub struct Owned<E, O> {
    rests: Option<E>,
    waits: Option<Local<'static, (E, Option<O>)>>,
    gives_up: Rc<Cell<bool>>,
    task: Arc<Count>,
    /// How often the task had been woken when the future was polled the last time.
    woken_before: usize,
}

impl<E: 'static, O: 'static> Owned<E, O> {
    pub fn new(end: E) -> Owned<E, O> {
        Owned {
            rests: Some(end),
            waits: None,
            gives_up: Rc::default(),
            task: Count::new(),
            woken_before: 0,
        }
    }

    /// The end, unless a future borrows it.
    pub fn end(&mut self) -> Option<&mut E> {
        self.rests.as_mut()
    }

    pub fn is_waiting(&self) -> bool {
        self.waits.is_some()
    }

    /// Whether the task was woken since the last poll.
    pub fn is_woken(&self) -> bool {
        self.task.get() > self.woken_before
    }

    /// Polls the future, which `begin` makes if there is none.
    pub fn poll(
        &mut self,
        begin: impl for<'a> FnOnce(&'a mut E) -> Local<'a, O> + 'static,
    ) -> Poll<O> {
        if let Some(mut end) = self.rests.take() {
            let gives_up = Rc::clone(&self.gives_up);
            self.waits = Some(Box::pin(async move {
                let mut future = begin(&mut end);
                let output = poll_fn(|cx| match gives_up.take() {
                    true => Poll::Ready(None),
                    false => future.as_mut().poll(cx).map(Some),
                })
                .await;
                drop(future);
                (end, output)
            }));
        }
        self.step().map(|output| output.expect("it was not given up"))
    }

    /// Drops the future.
    pub fn give_up(&mut self) {
        if self.is_waiting() {
            self.gives_up.set(true);
            assert!(self.step().is_ready());
        }
    }

    fn step(&mut self) -> Poll<Option<O>> {
        self.woken_before = self.task.get();
        let future = self.waits.as_mut().expect("there is a future");
        let waker = self.task.waker();
        let polled = future.as_mut().poll(&mut Context::from_waker(&waker));
        polled.map(|(end, output)| {
            self.waits = None;
            self.rests = Some(end);
            output
        })
    }
}
