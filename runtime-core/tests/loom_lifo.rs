//! The LIFO slot between its worker and the monitor: a task in it is taken by exactly one.
//!
//! `LifoSlot` holds real tasks of a real scheduler, which loom cannot run, so that its three steps are
//! written down here once more. The twin takes by a load and a store.
#![cfg(filch_loom)]
#![allow(clippy::disallowed_methods, clippy::disallowed_types, missing_docs, unsafe_code)]

mod support_loom;

use loom::cell::UnsafeCell;
use loom::sync::Arc;
use loom::sync::atomic::{AtomicUsize, Ordering};
use loom::thread;
use support_loom::fails;

struct Slot {
    /// 0, or one more than the number of a task.
    task: AtomicUsize,
    tasks: [UnsafeCell<u32>; 2],
    careless: bool,
}

// SAFETY: loom checks the accesses to the cells, which is what the model is for.
unsafe impl Send for Slot {}
// SAFETY: as above.
unsafe impl Sync for Slot {}

impl Slot {
    /// Only the worker puts, and only into an empty slot.
    fn put(&self, task: usize) -> bool {
        if self.task.load(Ordering::Relaxed) != 0 {
            return false;
        }
        self.poll(task);
        self.task.store(task + 1, Ordering::Release);
        true
    }

    fn take(&self) -> bool {
        if self.task.load(Ordering::Relaxed) == 0 {
            return false;
        }
        let task = match self.careless {
            false => self.task.swap(0, Ordering::AcqRel),
            true => {
                let task = self.task.load(Ordering::Acquire);
                self.task.store(0, Ordering::Release);
                task
            }
        };
        if task > 0 {
            self.poll(task - 1);
        }
        task > 0
    }

    fn poll(&self, task: usize) {
        // SAFETY: loom finds out whether it is.
        self.tasks[task].with_mut(|polls| unsafe { *polls += 1 });
    }
}

fn worker_and_monitor(careless: bool) {
    let tasks = [UnsafeCell::new(0), UnsafeCell::new(0)];
    let slot = Arc::new(Slot { task: AtomicUsize::new(0), tasks, careless });
    assert!(slot.put(0));
    let monitor = {
        let slot = slot.clone();
        thread::spawn(move || usize::from(slot.take()))
    };
    let put = slot.put(1);
    let mut taken = usize::from(slot.take());
    taken += monitor.join().unwrap();
    taken += usize::from(slot.take());
    assert_eq!(taken, 1 + usize::from(put), "a task is lost or doubled");
}

#[test]
fn a_task_in_the_slot_is_taken_once() {
    loom::model(|| worker_and_monitor(false));
}

#[test]
fn twin_that_takes_in_two_steps() {
    assert!(fails(|| worker_and_monitor(true)));
}
