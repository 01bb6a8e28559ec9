//! Requests to end a task, and the frames in it that answer them in their own way.
//!
//! Most tasks are never asked, and open no frame: for them nothing of this exists. The others have
//! an entry in a table from the first request or frame on until they complete, which the flag
//! `NOTED` of their state word tells.
//!
//! A task that sleeps, without a frame, has ended as soon as it is asked: nothing can answer any more. Its
//! reason is then left with the task itself ([`Told`](super::told::Told)), or, if somebody counts its end,
//! in a [brief](Brief) entry. Either becomes a full entry only if somebody asks again, or takes the request
//! back after all.
//!
//! Requests are numbered: a frame answers those that were not over when it was opened, unless a frame
//! further in has answered them, or they were withdrawn. A frame that passes one on leaves a mark for
//! as long as it is not dropped: no answer beside it takes the request from those around.

use super::cancel_reason::CancelReason;
use super::cell::Header;
use super::ending::Ending;
use super::id::Id;
use super::join::AbortHandle;
use super::polled;
use super::raw::TaskRef;
use super::state::{Ask, Wake};
use super::table::{Shard, Table};
use super::tally::Tally;
use crate::unwind::contain;
use runtime_sync::primitives::Mutex;
use runtime_sync::waker_slot::WakerSlot;
use std::any::Any;
use std::fmt;
use std::sync::{Arc, OnceLock};

/// What is asked of one task, or of a future that is no task's, and by which frames it is answered.
pub struct Requests {
    /// `None` for what is polled outside of tasks: only scopes in it are asked, or whoever drives it.
    task: Option<TaskRef>,
    book: Mutex<Book>,
    /// What a floor above keeps with the task until it completes: its context, if it has set a
    /// variable without having inherited any.
    kept: OnceLock<Arc<dyn Any + Send + Sync>>,
}

#[derive(Default)]
struct Book {
    /// How many requests there were; the number of the last one.
    last: u64,
    /// Up to which number a frame has answered: the task is not to end because of those. Frames in
    /// other branches of the task are told all the same.
    answered: u64,
    /// Up to which number they were taken back.
    withdrawn: u64,
    /// How many frames have passed a request on, and wait to be dropped: the task is to end because
    /// of those, whatever others answer.
    passed: usize,
    /// How many stand by asyncio's count: each request adds one, `uncancel` takes one.
    standing: usize,
    reason: Option<Arc<CancelReason>>,
    /// How many frames are open.
    open: usize,
    /// Who is to be woken when a request comes, here or in a scope inside.
    frames: Vec<Arc<WakerSlot>>,
    /// Who wants to know when the task has ended.
    tallies: Vec<Arc<Tally>>,
    /// The task has said that it failed, which its output does not tell.
    failed: bool,
}

impl Requests {
    /// For a future that is polled outside of tasks.
    fn of_nobody() -> Arc<Requests> {
        Arc::new(Requests { task: None, book: Mutex::default(), kept: OnceLock::new() })
    }

    /// Asks the task to end, and has `tally` told when it has. False: it has finished.
    fn ask(&self, reason: Arc<CancelReason>, tally: Option<&Arc<Tally>>) -> bool {
        let Some(task) = &self.task else { return false };
        let mut book = self.book.lock();
        let wake = match task.header().state.ask() {
            Ask::Complete => {
                drop(book);
                forget_late(task.header());
                return false;
            }
            Ask::Asked(wake) => wake,
        };
        if let Some(tally) = tally {
            tally.enter();
        }
        let before = book.note(Brief { reason, tally: tally.cloned() });
        let frames = book.frames.clone();
        drop(book);
        drop(before);
        task.follow(wake);
        wake_all(&frames);
        true
    }

    /// Asks what is polled outside of tasks to end: its frames, and whoever drives it.
    pub(crate) fn ask_nobody(&self, reason: Arc<CancelReason>) {
        let mut book = self.book.lock();
        let before = book.note(Brief { reason, tally: None });
        let frames = book.frames.clone();
        drop(book);
        drop(before);
        wake_all(&frames);
    }

    /// For what is being polled on this thread.
    pub(crate) fn here() -> Arc<Requests> {
        match polled::task() {
            Some(task) => {
                // The entry that this may make is taken out at completion.
                task.header().state.note();
                of(&task)
            }
            None => Requests::of_nobody(),
        }
    }

    /// What is asked of the task that is being polled on this thread, if anything ever was.
    pub(crate) fn find_here() -> Option<Arc<Requests>> {
        let entry = polled::id_of_noted().and_then(find);
        if let Some(Entry::Full(requests)) = entry {
            return Some(requests);
        }
        // Its future is being dropped.
        let task = if entry.is_some() { polled::task() } else { polled::told() }?;
        task.header().state.note();
        Some(of(&task))
    }

    /// Keeps something with the task, once; returns what is kept.
    pub(crate) fn keep(&self, it: Arc<dyn Any + Send + Sync>) -> Arc<dyn Any + Send + Sync> {
        self.kept.get_or_init(|| it).clone()
    }

    /// What is kept with the task.
    pub(crate) fn kept(&self) -> Option<Arc<dyn Any + Send + Sync>> {
        self.kept.get().cloned()
    }

    /// Whether the task is the one that is being polled on this thread.
    pub(crate) fn is_here(&self) -> bool {
        self.task.as_ref().map(TaskRef::id) == polled::id()
    }

    /// The last request and its number; with `over`, if it is above that and was not withdrawn.
    pub(crate) fn last(&self, over: Option<u64>) -> Option<(Arc<CancelReason>, u64)> {
        let book = self.book.lock();
        let stands = over.is_none_or(|over| book.last > over.max(book.withdrawn));
        Some((stands.then(|| book.reason.clone()).flatten()?, book.last))
    }

    /// The last request, if no frame has answered it.
    pub(crate) fn unanswered(&self) -> Option<Arc<CancelReason>> {
        let book = self.book.lock();
        book.stands().then(|| book.reason.clone()).flatten()
    }

    /// The number of the last request that is over: what came after it is the business of a frame
    /// that opens now, also if it came before the frame.
    pub(crate) fn over(&self) -> u64 {
        let book = self.book.lock();
        book.answered.max(book.withdrawn)
    }

    /// A frame has answered the requests up to `number`: the task is not to end because of them.
    pub(crate) fn answer(&self, number: u64) {
        let mut book = self.book.lock();
        book.answered = book.answered.max(number);
        self.tell_state(&book);
    }

    /// A frame passes a request on, whatever another frame or `uncancel` makes of it.
    pub(crate) fn pass_on(&self) {
        let mut book = self.book.lock();
        book.passed += 1;
        self.tell_state(&book);
    }

    /// A frame that has passed a request on is dropped.
    pub(crate) fn take_back(&self) {
        let mut book = self.book.lock();
        book.passed -= 1;
        self.tell_state(&book);
    }

    /// Tells the state word whether a request stands.
    fn tell_state(&self, book: &Book) {
        let Some(task) = &self.task else { return };
        match book.stands() {
            true => task.header().state.ask_again(),
            false => task.header().state.answer(),
        }
    }

    /// How many requests stand, by asyncio's count.
    fn standing(&self) -> usize {
        self.book.lock().standing
    }

    /// Takes one request back from the count; with the last one, what nobody has answered yet is
    /// withdrawn. Returns how many stand.
    fn withdraw(&self) -> usize {
        let mut book = self.book.lock();
        book.standing = book.standing.saturating_sub(1);
        if book.standing == 0 {
            book.withdrawn = book.last;
            self.tell_state(&book);
        }
        book.standing
    }

    /// A frame opens, to be woken by `frame`.
    pub(crate) fn open_frame(&self, frame: Arc<WakerSlot>) {
        let mut book = self.book.lock();
        book.open += 1;
        book.frames.push(frame);
        if book.open == 1
            && let Some(task) = &self.task
        {
            task.header().state.open_frames();
        }
    }

    /// A frame closes. If it was the last one, and a request stands, the task ends.
    pub(crate) fn close_frame(&self, frame: &Arc<WakerSlot>) {
        let mut book = self.book.lock();
        book.open -= 1;
        let place = book.frames.iter().position(|other| Arc::ptr_eq(other, frame));
        let gone = place.map(|place| book.frames.swap_remove(place));
        let wake = match &self.task {
            Some(task) if book.open == 0 => task.header().state.close_frames(),
            _ => Wake::Nothing,
        };
        drop(book);
        drop(gone);
        if let Some(task) = &self.task {
            task.follow(wake);
        }
    }

    /// Wakes every frame, so that each looks whether it is concerned.
    pub(crate) fn wake_frames(&self) {
        let frames = self.book.lock().frames.clone();
        wake_all(&frames);
    }
}

/// Wakes each of them, also if the waker of another one panics.
fn wake_all(frames: &[Arc<WakerSlot>]) {
    frames.iter().for_each(|frame| contain(|| frame.wake()));
}

impl Book {
    /// That of a task that was asked once.
    fn after(brief: Brief) -> Book {
        let mut book = Book::default();
        book.note(brief);
        book
    }

    /// One request more. Returns the reason of the one before.
    fn note(&mut self, request: Brief) -> Option<Arc<CancelReason>> {
        self.last += 1;
        self.standing += 1;
        self.tallies.extend(request.tally);
        self.reason.replace(request.reason)
    }

    /// Whether the task is to end because of the last request.
    fn stands(&self) -> bool {
        self.passed > 0 || self.last > self.answered.max(self.withdrawn)
    }
}

impl fmt::Debug for Requests {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let book = self.book.lock();
        f.debug_struct("Requests")
            .field("last", &book.last)
            .field("answered", &book.answered)
            .field("open", &book.open)
            .finish_non_exhaustive()
    }
}

impl TaskRef {
    /// Asks the task to end; see [`JoinHandle::cancel`](super::JoinHandle::cancel).
    pub(super) fn cancel(&self, reason: CancelReason) -> bool {
        !self.header().state.is_complete() && self.ask(reason.shared(), None)
    }

    fn ask(&self, reason: Arc<CancelReason>, tally: Option<&Arc<Tally>>) -> bool {
        let header = self.header();
        if !header.state.ask_asleep(tally.is_some()) {
            return of(self).ask(reason, tally);
        }
        // Nobody polls or completes it before this is done.
        let reason = match tally {
            None => header.told.tell(reason).err(),
            Some(_) => Some(reason),
        };
        if let Some(reason) = reason {
            header.state.note();
            self.ask_briefly(reason, tally);
        }
        self.follow(Wake::Schedule);
        true
    }

    /// Makes the entry of a task whose `Runnable` we hold.
    fn ask_briefly(&self, reason: Arc<CancelReason>, tally: Option<&Arc<Tally>>) {
        if let Some(tally) = tally {
            tally.enter();
        }
        let id = self.id();
        let mut brief = Some(Brief { reason, tally: tally.cloned() });
        let other = TABLE.with_shard(id, |shard| {
            match shard.entry(id).or_insert_with(|| Entry::Brief(brief.take().expect("made above")))
            {
                Entry::Brief(_) => None,
                // Somebody else asks at this moment.
                Entry::Full(requests) => Some(requests.clone()),
            }
        });
        if let (Some(requests), Some(brief)) = (other, brief) {
            let before = requests.book.lock().note(brief);
            drop(before);
        }
    }

    /// Whether it was asked once, and has not ended yet.
    fn is_told(&self) -> bool {
        self.header().told.is_told() && !self.header().state.is_complete()
    }

    /// How many requests stand.
    pub(super) fn cancelling(&self) -> usize {
        match find(self.id()) {
            None => usize::from(self.is_told()),
            Some(Entry::Brief(_)) => 1,
            Some(Entry::Full(requests)) => requests.standing(),
        }
    }

    /// Takes one request back.
    pub(super) fn uncancel(&self) -> usize {
        if find(self.id()).is_none() && !self.is_told() {
            return 0;
        }
        self.header().state.note();
        let standing = of(self).withdraw();
        if self.header().state.is_complete() {
            forget_late(self.header());
            return 0;
        }
        standing
    }
}

/// Asks a task to end, and has `tally` told when it has. False: it has finished.
pub fn cancel_for(task: &AbortHandle, reason: &Arc<CancelReason>, tally: &Arc<Tally>) -> bool {
    let task = task.task();
    !task.header().state.is_complete() && task.ask(reason.clone(), Some(tally))
}

/// Why the task ends, if somebody asked it to and nobody answered; asked by the holder of its `Runnable`,
/// before its future is dropped.
pub(super) fn reason(task: &Header) -> Option<Arc<CancelReason>> {
    let entry = if task.state.is_noted() { find(task.id()) } else { None };
    match entry {
        None => task.told.get(),
        Some(Entry::Brief(brief)) => Some(brief.reason),
        Some(Entry::Full(requests)) => requests.unanswered(),
    }
}

/// What the table knows of a task.
#[derive(Clone)]
enum Entry {
    Brief(Brief),
    Full(Arc<Requests>),
}

/// One request to a task that slept without frames. Never changed.
#[derive(Clone)]
struct Brief {
    reason: Arc<CancelReason>,
    tally: Option<Arc<Tally>>,
}

/// The entries of all tasks that have one, wherever they run.
static TABLE: Table<Entry> = Table::new();

fn find(task: Id) -> Option<Entry> {
    TABLE.find(task)
}

/// The requests of a task, which is not complete or whose entry the caller takes out again.
pub(super) fn of(task: &TaskRef) -> Arc<Requests> {
    let id = task.id();
    loop {
        let brief = match find(id) {
            Some(Entry::Full(requests)) => return requests,
            Some(Entry::Brief(brief)) => Some(brief),
            None => None,
        };
        // Made out here, and dropped out here if another thread was faster: a reference to a task
        // must not be the last one under the lock.
        let known = brief.is_some();
        let told = || Some(Brief { reason: task.header().told.carry_over()?, tally: None });
        let brief = brief.or_else(told);
        let book = Mutex::new(brief.map(Book::after).unwrap_or_default());
        let fresh = Arc::new(Requests { task: Some(task.clone()), book, kept: OnceLock::new() });
        let settled = TABLE.with_shard(id, |shard| settle(shard, id, known, &fresh));
        if let Some((requests, _before)) = settled {
            return requests;
        }
    }
}

/// Puts `fresh` in, which knows the brief entry if that was `known`, unless there is a full entry. `None`:
/// a brief entry has come or gone meanwhile. What was there before comes out, to be dropped elsewhere.
fn settle(
    shard: &mut Shard<Entry>,
    task: Id,
    known: bool,
    fresh: &Arc<Requests>,
) -> Option<(Arc<Requests>, Option<Entry>)> {
    match (shard.get(&task), known) {
        (Some(Entry::Full(requests)), _) => Some((requests.clone(), None)),
        (Some(Entry::Brief(_)), true) | (None, false) => {
            Some((fresh.clone(), shard.insert(task, Entry::Full(fresh.clone()))))
        }
        // It is to be carried over; or whoever completed the task took it out, and has told its tally.
        (Some(Entry::Brief(_)), false) | (None, true) => None,
    }
}

/// Takes the entry of a complete task out, and tells those who wait for its end.
pub(super) fn forget(task: Id, panicked: bool) {
    match TABLE.forget(task) {
        None => {}
        Some(Entry::Brief(brief)) => brief.tally.iter().for_each(|tally| tally.end(panicked)),
        Some(Entry::Full(requests)) => {
            let mut book = requests.book.lock();
            let failed = panicked || book.failed;
            let tallies = std::mem::take(&mut book.tallies);
            drop(book);
            tallies.iter().for_each(|tally| tally.end(failed));
        }
    }
}

/// As [`forget`], for who finds that the task has completed meanwhile: whoever completed it may have looked
/// for the entry before it was made, or may be about to.
#[cold]
fn forget_late(task: &Header) {
    forget(task.id(), task.state.ending() == Some(Ending::Panicked));
}

/// The task that is being polled has failed, which its output will not tell.
pub fn fail_here() {
    if let Some(requests) = Requests::find_here() {
        requests.book.lock().failed = true;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::number_map;
    use crate::task::{self, Dead, Ran, Runnable, Schedule};
    use std::future::poll_fn;
    use std::panic::{Location, resume_unwind};
    use std::task::Poll;

    /// Home of tasks that are run by hand.
    struct Nowhere;

    impl Schedule for Nowhere {
        fn schedule(_: Runnable<Nowhere>) {
            unreachable!("nobody wakes it");
        }

        fn reclaim(self, _: Dead) {
            unreachable!("none of them has a home");
        }
    }

    #[test]
    fn a_panic_is_counted_as_one_also_by_who_asks_too_late() {
        let panics = poll_fn(|_| -> Poll<()> { resume_unwind(Box::new("on purpose")) });
        let (runnable, handle) = task::new::<_, Nowhere>(panics, None, None, Location::caller());
        assert!(matches!(runnable.run(|| false), Ran::Complete));
        // As if whoever has completed it had not yet come to take its entry out.
        let (requests, tally) = (of(handle.task()), Arc::new(Tally::new()));
        tally.enter();
        requests.book.lock().tallies.push(tally.clone());
        assert!(!requests.ask(Arc::default(), None));
        assert_eq!((tally.count().ended, tally.count().failed), (0, 1));
    }

    fn brief() -> Entry {
        Entry::Brief(Brief { reason: Arc::default(), tally: None })
    }

    #[test]
    fn a_brief_entry_is_carried_over_and_one_that_is_gone_is_not_brought_back() {
        let (task, mut shard) = (Id::next(), number_map::new());
        assert!(settle(&mut shard, task, true, &Requests::of_nobody()).is_none());
        assert!(shard.is_empty(), "the tally of a task that has ended would be told again");
        shard.insert(task, brief());
        assert!(settle(&mut shard, task, false, &Requests::of_nobody()).is_none());
        assert!(matches!(shard.get(&task), Some(Entry::Brief(_))));
        let fresh = Requests::of_nobody();
        let (full, before) = settle(&mut shard, task, true, &fresh).expect("it was known");
        assert!(Arc::ptr_eq(&full, &fresh) && matches!(before, Some(Entry::Brief(_))));
        for known in [false, true] {
            let other = Requests::of_nobody();
            let (full, _) = settle(&mut shard, task, known, &other).expect("a full one is there");
            assert!(Arc::ptr_eq(&full, &fresh));
        }
    }
}
