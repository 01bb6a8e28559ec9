//! Who watches a number that others own: a watch that begins against one that ends, or that is refused.
//!
//! Each model has a twin with a planted bug that must make it fail.
#![cfg(filch_loom)]
#![allow(clippy::disallowed_methods, clippy::disallowed_types, missing_docs)]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::time::Duration;

use loom::sync::{Arc, Mutex};
use loom::thread;
use runtime_core::reactor::{
    Driver, Events, Interest, Numbered, RawDescriptor, Reactor, Ready, Registration, Unowned,
};

const BOTH: Interest = Interest::READABLE.add(Interest::WRITABLE);

/// Runs a model and tells whether it failed by an assertion.
fn fails(model: impl Fn() + Send + Sync + 'static) -> bool {
    let model = std::panic::AssertUnwindSafe(|| loom::model(model));
    std::panic::catch_unwind(model).is_err()
}

/// A system: which file each number is, and which of them it watches, by number and file.
#[derive(Clone)]
struct System(Arc<Mutex<Table>>);

#[derive(Default)]
struct Table {
    files: BTreeMap<RawDescriptor, u32>,
    watched: BTreeMap<(RawDescriptor, u32), u64>,
    is_full: bool,
}

impl System {
    fn new() -> System {
        let system = System(Arc::new(Mutex::new(Table::default())));
        system.open(7, 1);
        system.open(8, 1);
        system
    }

    /// The number is that of `file` from now on. What it was before is closed.
    fn open(&self, number: RawDescriptor, file: u32) {
        let mut table = self.0.lock().unwrap();
        if let Some(before) = table.files.insert(number, file) {
            table.watched.remove(&(number, before));
        }
    }

    /// Has no memory for another watch.
    fn fill(&self) {
        self.0.lock().unwrap().is_full = true;
    }

    fn watches(&self) -> usize {
        self.0.lock().unwrap().watched.len()
    }
}

impl fmt::Debug for System {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("System")
    }
}

impl Driver for System {
    fn wait(&self, events: &mut Events, _timeout: Option<Duration>) -> io::Result<()> {
        events.clear();
        Ok(())
    }

    fn wake(&self) -> io::Result<()> {
        Ok(())
    }

    fn add(&self, number: RawDescriptor, token: u64, _interest: Interest) -> io::Result<()> {
        let mut table = self.0.lock().unwrap();
        let file = *table.files.get(&number).ok_or(io::ErrorKind::InvalidInput)?;
        if table.is_full {
            return Err(io::ErrorKind::OutOfMemory.into());
        }
        if table.watched.contains_key(&(number, file)) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        table.watched.insert((number, file), token);
        Ok(())
    }

    fn delete(&self, number: RawDescriptor) -> io::Result<()> {
        let mut table = self.0.lock().unwrap();
        let file = *table.files.get(&number).ok_or(io::ErrorKind::InvalidInput)?;
        table.watched.remove(&(number, file)).map(|_| ()).ok_or(io::ErrorKind::NotFound.into())
    }
}

/// Who keeps the book, and a watch that ends when it is dropped.
trait Book: Clone + Send + Sync + 'static {
    type Watch: Send + 'static;
    fn new(system: &System) -> Self;
    fn watch(&self, number: RawDescriptor) -> io::Result<Self::Watch>;
    /// What the one who watches has been told.
    fn told(watch: &Self::Watch) -> Ready;
}

#[derive(Clone)]
struct Real(runtime_sync::primitives::Arc<Reactor>);

impl Book for Real {
    type Watch = Registration;

    fn new(system: &System) -> Real {
        Real(runtime_sync::primitives::Arc::new(Reactor::with_driver(Box::new(system.clone()))))
    }

    fn watch(&self, number: RawDescriptor) -> io::Result<Registration> {
        Registration::new_with(&self.0, Unowned(number), BOTH)
    }

    fn told(watch: &Registration) -> Ready {
        watch.ready_now(BOTH).unwrap().ready()
    }
}

/// A book with a mistake: who watches a number, and who was told that he does no longer.
#[derive(Clone)]
struct Planted<const GREED: bool> {
    system: System,
    by: Arc<Mutex<BTreeMap<RawDescriptor, u64>>>,
    told: Arc<Mutex<BTreeSet<u64>>>,
}

struct PlantedWatch<const GREED: bool> {
    book: Planted<GREED>,
    number: RawDescriptor,
    token: u64,
}

impl<const GREED: bool> Book for Planted<GREED> {
    type Watch = PlantedWatch<GREED>;

    fn new(system: &System) -> Planted<GREED> {
        let (by, told) = (Arc::default(), Arc::default());
        Planted { system: system.clone(), by, told }
    }

    fn watch(&self, number: RawDescriptor) -> io::Result<PlantedWatch<GREED>> {
        static TOKENS: AtomicU64 = AtomicU64::new(0);
        let token = TOKENS.fetch_add(1, SeqCst);
        let before = self.by.lock().unwrap().insert(number, token);
        if let Err(error) = self.system.add(number, token, BOTH) {
            let mut by = self.by.lock().unwrap();
            if by.get(&number).is_none_or(|now| *now == token) {
                match before {
                    Some(before) => by.insert(number, before),
                    None => by.remove(&number),
                };
            }
            return Err(error);
        }
        self.told.lock().unwrap().extend(before);
        Ok(PlantedWatch { book: self.clone(), number, token })
    }

    fn told(watch: &PlantedWatch<GREED>) -> Ready {
        match watch.book.told.lock().unwrap().contains(&watch.token) {
            true => Ready::READ_CLOSED,
            false => Ready::EMPTY,
        }
    }
}

impl<const GREED: bool> Drop for PlantedWatch<GREED> {
    fn drop(&mut self) {
        let mut by = self.book.by.lock().unwrap();
        let watches = by.get(&self.number) == Some(&self.token);
        if watches {
            by.remove(&self.number);
        }
        drop(by);
        if watches || GREED {
            let _ = self.book.system.delete(self.number);
        }
    }
}

/// A book in which none waits until another one has told the system.
type Hasty = Planted<false>;
/// Whoever ends has the system forget the number, whoever watches it now.
type Greedy = Planted<true>;

/// A number that is open as long as it is watched.
struct Owned(RawDescriptor);

impl Numbered for Owned {
    fn number(&self) -> RawDescriptor {
        self.0
    }
}

/// One who watches 7 again is refused while the first watch ends: nothing of either is left.
fn refused_against_end<B: Book>() {
    let system = System::new();
    let book = B::new(&system);
    let first = book.watch(7).unwrap();
    let end = thread::spawn(move || drop(first));
    let second = book.watch(7);
    end.join().unwrap();
    assert_eq!(system.watches(), usize::from(second.is_ok()));
    drop(second);
    assert_eq!(system.watches(), 0);
}

#[test]
fn one_that_is_refused_leaves_nothing_of_the_first_watch() {
    loom::model(refused_against_end::<Real>);
}

#[test]
fn one_that_is_refused_in_a_hurry_does() {
    assert!(fails(refused_against_end::<Hasty>));
}

/// Two are refused at once: the first watch goes on, and ends.
fn two_refused<B: Book>() {
    let system = System::new();
    let book = B::new(&system);
    let first = book.watch(7).unwrap();
    let other = book.clone();
    let third = thread::spawn(move || assert!(other.watch(7).is_err()));
    assert!(book.watch(7).is_err());
    third.join().unwrap();
    assert_eq!(system.watches(), 1);
    drop(first);
    assert_eq!(system.watches(), 0);
}

#[test]
fn two_that_are_refused_leave_the_first_watch_in_place() {
    loom::model(two_refused::<Real>);
}

#[test]
fn two_that_are_refused_in_a_hurry_do_not() {
    assert!(fails(two_refused::<Hasty>));
}

/// A descriptor is closed too early and its number watched by two at once: one of them does watch, and
/// the first one is told.
fn two_enter<B: Book>() {
    let system = System::new();
    let book = B::new(&system);
    let first = book.watch(7).unwrap();
    system.open(7, 2);
    let other = book.clone();
    let second = thread::spawn(move || other.watch(7).ok());
    let third = book.watch(7).ok();
    let watch = match (second.join().unwrap(), third) {
        (Some(watch), None) | (None, Some(watch)) => watch,
        _ => panic!("one of two"),
    };
    assert!(B::told(&watch).is_empty());
    assert!(B::told(&first).is_read_closed());
    drop(first);
    assert_eq!(system.watches(), 1);
    drop(watch);
    assert_eq!(system.watches(), 0);
}

#[test]
fn the_first_is_told_also_if_one_of_two_is_refused() {
    loom::model(two_enter::<Real>);
}

#[test]
fn the_first_is_not_if_they_enter_in_a_hurry() {
    assert!(fails(two_enter::<Hasty>));
}

/// A watch whose descriptor was closed too early ends while its number is watched anew, and another one
/// gets its slot: neither is told anything, and both watch.
fn end_against_anew<B: Book>() {
    let system = System::new();
    let book = B::new(&system);
    let first = book.watch(7).unwrap();
    system.open(7, 2);
    let other = book.clone();
    let end = thread::spawn(move || {
        drop(first);
        other.watch(8).unwrap()
    });
    let anew = book.watch(7).unwrap();
    let stranger = end.join().unwrap();
    assert!(B::told(&anew).is_empty());
    assert!(B::told(&stranger).is_empty(), "it was told of the end of another one");
    assert_eq!(system.watches(), 2);
    drop((anew, stranger));
    assert_eq!(system.watches(), 0);
}

#[test]
fn a_watch_that_ends_late_harms_neither_its_number_nor_its_slot() {
    loom::model(end_against_anew::<Real>);
}

#[test]
fn a_watch_that_ends_whatever_there_is_does() {
    assert!(fails(end_against_anew::<Greedy>));
}

#[test]
fn an_owner_that_is_refused_leaves_nothing_of_the_watch_before() {
    loom::model(|| {
        let system = System::new();
        let Real(reactor) = &Real::new(&system);
        let first = Registration::new_with(reactor, Unowned(7), BOTH).unwrap();
        system.fill();
        let end = thread::spawn(move || drop(first));
        assert!(Registration::new_with(reactor, Owned(7), BOTH).is_err());
        end.join().unwrap();
        assert_eq!(system.watches(), 0);
    });
}

#[test]
fn an_owner_watches_a_number_that_another_one_lets_go_of() {
    loom::model(|| {
        let system = System::new();
        let Real(reactor) = &Real::new(&system);
        let first = Registration::new_with(reactor, Unowned(7), BOTH).unwrap();
        system.open(7, 2);
        let end = thread::spawn(move || drop(first));
        let owner = Registration::new_with(reactor, Owned(7), BOTH).unwrap();
        end.join().unwrap();
        assert_eq!(system.watches(), 1);
        assert!(owner.ready_now(BOTH).unwrap().ready().is_empty());
        drop(owner);
        assert_eq!(system.watches(), 0);
    });
}
