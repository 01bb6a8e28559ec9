//! Random programs of those who watch numbers, their own and those that others close under them, against a
//! plain list of who watches what.
#![allow(clippy::disallowed_methods, clippy::disallowed_types)]

use std::collections::BTreeMap;
use std::io::{self, ErrorKind};
use std::os::fd::RawFd;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Wake, Waker};
use std::time::Duration;

use proptest::prelude::*;
use runtime_sync::wake_batch::WakeBatch;

use super::driver::{Driver, Events};
use super::{Interest, Numbered, Reactor, Ready, Registration, Turn};

const BOTH: Interest = Interest::READABLE.add(Interest::WRITABLE);
const NUMBERS: RawFd = 3;
const PLACES: usize = 5;

/// A system that knows a watch by its number and the file that this is the number of.
#[derive(Debug, Clone, Default)]
struct System(Arc<Mutex<Table>>);

#[derive(Debug, Default)]
struct Table {
    files: BTreeMap<RawFd, usize>,
    /// How many files there were ever.
    last: usize,
    watched: BTreeMap<(RawFd, usize), u64>,
    events: Vec<u64>,
    is_full: bool,
}

impl Table {
    fn close(&mut self, number: RawFd) {
        if let Some(file) = self.files.remove(&number) {
            self.watched.remove(&(number, file));
        }
    }

    fn file(&self, number: RawFd) -> io::Result<usize> {
        self.files.get(&number).copied().ok_or(ErrorKind::InvalidInput.into())
    }
}

impl Driver for System {
    fn wait(&self, events: &mut Events, _timeout: Option<Duration>) -> io::Result<()> {
        events.clear();
        let mut table = self.0.lock().unwrap();
        table.events.drain(..).for_each(|token| events.push(token, Ready::READABLE));
        Ok(())
    }

    fn wake(&self) -> io::Result<()> {
        Ok(())
    }

    fn add(&self, number: RawFd, token: u64, _interest: Interest) -> io::Result<()> {
        let mut table = self.0.lock().unwrap();
        let watch = (number, table.file(number)?);
        if table.is_full {
            return Err(ErrorKind::OutOfMemory.into());
        }
        if table.watched.contains_key(&watch) {
            return Err(ErrorKind::AlreadyExists.into());
        }
        table.watched.insert(watch, token);
        Ok(())
    }

    fn delete(&self, number: RawFd) -> io::Result<()> {
        let mut table = self.0.lock().unwrap();
        let watch = (number, table.file(number)?);
        table.watched.remove(&watch).map(|_| ()).ok_or(ErrorKind::NotFound.into())
    }
}

#[derive(Debug, Clone)]
enum Step {
    /// The number is that of a new file from now on, whoever watches it.
    Open(RawFd),
    Close(RawFd),
    /// Watches a number at this place, as its owner or not, with or without memory for it.
    Watch {
        place: usize,
        number: RawFd,
        owned: bool,
        full: bool,
    },
    /// Ends the watch, by its drop or in words.
    End {
        place: usize,
        in_words: bool,
    },
    Wait(usize),
    /// Bytes come to the file of this number.
    Come(RawFd),
}

fn step() -> impl Strategy<Value = Step> {
    let number = 0..NUMBERS;
    let place = 0..PLACES;
    prop_oneof![
        4 => number.clone().prop_map(Step::Open),
        1 => number.clone().prop_map(Step::Close),
        6 => (place.clone(), number.clone(), prop::bool::weighted(0.3), prop::bool::weighted(0.2))
            .prop_map(|(place, number, owned, full)| Step::Watch { place, number, owned, full }),
        4 => (place.clone(), any::<bool>()).prop_map(|(place, in_words)| Step::End { place, in_words }),
        4 => place.prop_map(Step::Wait),
        4 => number.prop_map(Step::Come),
    ]
}

/// What is watched: a number, owned or not.
#[derive(Clone, Copy)]
struct Named {
    number: RawFd,
    owned: bool,
}

impl Numbered for Named {
    fn number(&self) -> RawFd {
        self.number
    }

    fn is_owned(&self) -> bool {
        self.owned
    }
}

#[derive(Default)]
struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// One who watches, and what it is to know.
struct Watch {
    registration: Registration<Named>,
    named: Named,
    file: usize,
    ready: Ready,
    /// How often it was to be woken, and was.
    wakes: usize,
    count: Arc<Count>,
    waits: bool,
}

impl Watch {
    fn tell(&mut self, ready: Ready) {
        self.ready |= ready;
        self.wakes += usize::from(std::mem::take(&mut self.waits));
    }
}

struct Run {
    system: System,
    reactor: Arc<Reactor>,
    places: [Option<Watch>; PLACES],
}

impl Run {
    fn new() -> Run {
        let system = System::default();
        let reactor = Arc::new(Reactor::with_driver(Box::new(system.clone())));
        Run { system, reactor, places: [const { None }; PLACES] }
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Open(number) | Step::Close(number) if self.is_owned(number) => {}
            Step::Open(number) => {
                let table = &mut *self.system.0.lock().unwrap();
                table.close(number);
                table.last += 1;
                table.files.insert(number, table.last);
            }
            Step::Close(number) => self.system.0.lock().unwrap().close(number),
            Step::Watch { place, .. } if self.places[place].is_some() => {}
            Step::Watch { place, number, owned, full } => {
                self.watch(place, Named { number, owned }, full);
            }
            Step::End { place, in_words } => self.end(place, in_words),
            Step::Wait(place) => self.wait(place),
            Step::Come(number) => self.come(number),
        }
        self.check();
    }

    /// Whether somebody who watches it keeps it open.
    fn is_owned(&self, number: RawFd) -> bool {
        self.places.iter().flatten().any(|w| w.named.owned && w.named.number == number)
    }

    fn watch(&mut self, place: usize, named: Named, full: bool) {
        let file = self.system.0.lock().unwrap().file(named.number);
        let others = self.places.iter().flatten().filter(|w| w.named.number == named.number);
        let expected = match &file {
            Err(_) => Err(ErrorKind::InvalidInput),
            Ok(_) if full => Err(ErrorKind::OutOfMemory),
            Ok(file) if others.clone().any(|w| w.file == *file) => Err(ErrorKind::AlreadyExists),
            Ok(file) => Ok(*file),
        };
        self.system.0.lock().unwrap().is_full = full;
        let outcome = Registration::new_with(&self.reactor, named, BOTH);
        assert_eq!(outcome.as_ref().map_err(io::Error::kind).err(), expected.err());
        let (Ok(registration), Ok(file)) = (outcome, file) else { return };
        for other in self.places.iter_mut().flatten() {
            if other.named.number == named.number {
                other.tell(super::HANG_UP);
            }
        }
        self.places[place] = Some(Watch {
            registration,
            named,
            file,
            ready: Ready::EMPTY,
            wakes: 0,
            count: Arc::default(),
            waits: false,
        });
    }

    fn end(&mut self, place: usize, in_words: bool) {
        let Some(watch) = self.places[place].take() else { return };
        let is_there =
            self.system.0.lock().unwrap().file(watch.named.number).ok() == Some(watch.file);
        match in_words {
            true => assert_eq!(watch.registration.deregister().is_ok(), is_there),
            false => drop(watch.registration),
        }
    }

    fn wait(&mut self, place: usize) {
        let Some(watch) = &mut self.places[place] else { return };
        let waker = Waker::from(watch.count.clone());
        let poll = watch.registration.poll_read_ready(&mut Context::from_waker(&waker));
        assert_eq!(poll.is_pending(), watch.ready.is_empty());
        watch.waits = poll.is_pending();
    }

    fn come(&mut self, number: RawFd) {
        let table = &mut *self.system.0.lock().unwrap();
        let Ok(file) = table.file(number) else { return };
        table.events.extend(table.watched.get(&(number, file)));
        for watch in self.places.iter_mut().flatten() {
            if (watch.named.number, watch.file) == (number, file) {
                watch.tell(Ready::READABLE);
            }
        }
    }

    fn check(&self) {
        let mut wakes = WakeBatch::new();
        self.reactor.turn(&mut Turn::new(), Some(Duration::ZERO), &mut wakes).unwrap();
        wakes.wake_all();
        for watch in self.places.iter().flatten() {
            assert_eq!(watch.registration.ready_now(BOTH).unwrap().ready(), watch.ready);
            assert_eq!(watch.count.0.load(Ordering::SeqCst), watch.wakes);
        }
        let table = self.system.0.lock().unwrap();
        let alive = self.places.iter().flatten();
        let alive = alive.filter(|w| table.files.get(&w.named.number) == Some(&w.file)).count();
        let watched = table.watched.len();
        drop(table);
        assert_eq!(watched, alive, "what nobody watches is not watched");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(1000) })]
    #[test]
    fn each_watches_its_own_file_and_is_told_when_it_is_gone(
        steps in prop::collection::vec(step(), 1..60),
    ) {
        let mut run = Run::new();
        for step in steps {
            run.step(step);
        }
        for place in 0..PLACES {
            run.step(Step::End { place, in_words: false });
        }
        prop_assert_eq!(run.reactor.registered_count(), run.reactor.deregistered_count());
    }
}
