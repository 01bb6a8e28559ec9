//! The steps of `cell.rs`, `raw.rs` and `join.rs` upon any state word, with cells that loom watches.
//!
//! The future is a count of polls, the output the count of its drops. The future is ready once both
//! halves of `data` are there.

use super::word::Word;
use loom::cell::UnsafeCell;
use loom::sync::atomic::{AtomicUsize, Ordering};
use loom::sync::{Arc, Mutex};
use runtime_core::task::state::{Ask, Begin, Detach, Pend, Wake};

pub struct Task<W> {
    pub word: W,
    /// How many `Runnable`s wait.
    queue: Mutex<usize>,
    stage: UnsafeCell<Stage>,
    join_waker: UnsafeCell<Option<Arc<AtomicUsize>>>,
    freed: UnsafeCell<bool>,
    data: [AtomicUsize; 2],
    watchers: Mutex<Watchers>,
    /// For a task with a frame: whether it was asked to end.
    book: Option<Mutex<bool>>,
}

/// Who waits to be told of the end, and who was.
#[derive(Default)]
pub struct Watchers {
    wait: Vec<u32>,
    pub told: Vec<u32>,
}

impl Watchers {
    fn tell(&mut self) {
        self.told.append(&mut self.wait);
    }
}

#[derive(Default)]
pub struct Stage {
    pub polls: usize,
    pub cancelled: bool,
    pub cleaned: bool,
    pub output: bool,
    pub outputs_gone: usize,
}

#[allow(unsafe_code)]
// SAFETY: threads of a model run in turns, and loom watches the cells.
unsafe impl<W: Send> Send for Task<W> {}
#[allow(unsafe_code)]
// SAFETY: as above.
unsafe impl<W: Sync> Sync for Task<W> {}

#[allow(unsafe_code)]
fn edit<T, R>(cell: &UnsafeCell<T>, edit: impl FnOnce(&mut T) -> R) -> R {
    // SAFETY: loom finds out whether it is.
    cell.with_mut(|cell| edit(unsafe { &mut *cell }))
}

#[allow(unsafe_code)]
fn look<T, R>(cell: &UnsafeCell<T>, look: impl FnOnce(&T) -> R) -> R {
    // SAFETY: loom finds out whether it is.
    cell.with(|cell| look(unsafe { &*cell }))
}

impl<W: Word> Task<W> {
    /// A task that waits in the queue for its first poll, with a handle, that wants `halves` of data.
    pub fn new(word: W, halves: usize) -> Arc<Task<W>> {
        Task::with_book(word, halves, None)
    }

    /// A task that never has its data, with a frame that cleans up when it is asked to end.
    pub fn framed(word: W) -> Arc<Task<W>> {
        Task::with_book(word, 2, Some(Mutex::new(false)))
    }

    fn with_book(word: W, halves: usize, book: Option<Mutex<bool>>) -> Arc<Task<W>> {
        let half = |n| AtomicUsize::new(usize::from(n >= halves));
        Arc::new(Task {
            word,
            queue: Mutex::new(1),
            stage: UnsafeCell::new(Stage::default()),
            join_waker: UnsafeCell::new(None),
            freed: UnsafeCell::new(false),
            data: [half(0), half(1)],
            watchers: Mutex::default(),
            book,
        })
    }

    /// Touches the memory, as whoever has a reference or the `Runnable` may.
    fn touch(&self) {
        look(&self.freed, |&freed| assert!(!freed, "used after it was freed"));
    }

    fn free(&self) {
        edit(&self.freed, |freed| assert!(!std::mem::replace(freed, true), "freed twice"));
    }

    pub fn is_freed(&self) -> bool {
        look(&self.freed, |&freed| freed)
    }

    pub fn stage<R>(&self, f: impl FnOnce(&Stage) -> R) -> R {
        look(&self.stage, f)
    }

    /// Brings one half of what the future waits for. Relaxed: the wake is what must carry it.
    pub fn bring(&self, half: usize) {
        self.data[half].store(1, Ordering::Relaxed);
    }

    fn follow(&self, wake: Wake) {
        match wake {
            Wake::Nothing => {}
            Wake::Schedule => *self.queue.lock().unwrap() += 1,
            Wake::Free => self.free(),
        }
    }

    pub fn wake(&self) {
        self.touch();
        self.follow(self.word.wake());
    }

    pub fn wake_by_value(&self) {
        self.touch();
        self.follow(self.word.wake_by_value());
    }

    pub fn abort(&self) {
        self.touch();
        self.follow(self.word.abort());
    }

    pub fn ask(&self) {
        self.touch();
        let mut asked = self.book.as_ref().expect("a task with a frame").lock().unwrap();
        let Ask::Asked(wake) = self.word.ask() else { return };
        *asked = true;
        drop(asked);
        self.follow(wake);
    }

    /// What the frame does in a poll.
    fn poll_frame(&self) {
        let Some(book) = &self.book else { return };
        if self.stage(|stage| stage.cleaned) {
            return;
        }
        if self.stage(|stage| stage.polls == 1) {
            let _book = book.lock().unwrap();
            self.word.open_frames();
        }
        let asked = book.lock().unwrap();
        if *asked {
            edit(&self.stage, |stage| stage.cleaned = true);
            let wake = self.word.close_frames();
            drop(asked);
            self.follow(wake);
        }
    }

    /// Somebody wants to be told of the end.
    pub fn on_end(&self, watcher: u32) {
        self.touch();
        self.watchers.lock().unwrap().wait.push(watcher);
        if !self.word.watch() {
            self.watchers.lock().unwrap().tell();
        }
    }

    pub fn told(&self) -> Vec<u32> {
        self.watchers.lock().unwrap().told.clone()
    }

    pub fn drop_ref(&self) {
        self.touch();
        if self.word.drop_ref() {
            self.free();
        }
    }

    pub fn is_queued(&self) -> bool {
        *self.queue.lock().unwrap() > 0
    }

    /// Runs what waits in the queue.
    pub fn run_all(&self) {
        while self.pop() {
            while !self.run() {}
        }
    }

    fn pop(&self) -> bool {
        let mut queue = self.queue.lock().unwrap();
        let some = *queue > 0;
        *queue -= usize::from(some);
        some
    }

    /// One poll. False: it is to be polled again.
    fn run(&self) -> bool {
        self.touch();
        if self.word.begin() == Begin::Abort {
            edit(&self.stage, |stage| stage.cancelled = true);
            self.complete();
            return true;
        }
        edit(&self.stage, |stage| {
            assert!(!stage.output, "polled after it was complete");
            stage.polls += 1;
        });
        self.poll_frame();
        if self.data.iter().all(|half| half.load(Ordering::Relaxed) == 1) {
            self.complete();
            return true;
        }
        self.word.pend() == Pend::Idle
    }

    fn complete(&self) {
        edit(&self.stage, |stage| stage.output = true);
        let left = self.word.complete();
        if left.watched {
            self.watchers.lock().unwrap().tell();
        }
        if !left.holds_ref {
            return;
        }
        if left.drop_output {
            self.drop_output();
        }
        if left.wake_joiner {
            self.touch();
            let waker = edit(&self.join_waker, Option::take);
            waker.expect("a join waker that was announced").fetch_add(1, Ordering::AcqRel);
        }
        self.drop_ref();
    }

    fn drop_output(&self) {
        self.touch();
        edit(&self.stage, |stage| {
            assert!(stage.output, "an output that is not there");
            stage.outputs_gone += 1;
        });
    }

    /// The handle asks for the output, and leaves a waker that counts if it is not there.
    pub fn poll_join(&self, waker: &Arc<AtomicUsize>) -> bool {
        if !self.word.is_complete() && (!self.word.has_join_waker() || self.word.unset_join_waker())
        {
            edit(&self.join_waker, |place| *place = Some(waker.clone()));
            if self.word.set_join_waker() {
                return false;
            }
            edit(&self.join_waker, Option::take);
        }
        assert!(look(&self.stage, |stage| stage.output), "an output that is not there");
        true
    }

    pub fn drop_handle(&self) {
        self.touch();
        match self.word.detach() {
            Detach::Done => return,
            Detach::DropWaker => drop(edit(&self.join_waker, Option::take)),
            Detach::DropOutput => self.drop_output(),
        }
        self.drop_ref();
    }
}
