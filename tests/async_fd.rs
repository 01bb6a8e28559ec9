//! Descriptors of the user's own, through the facade.
#![cfg(unix)]
#![allow(clippy::disallowed_methods, clippy::disallowed_types, missing_docs)]

mod support;

use std::fs::File;
use std::future::{Future, poll_fn};
use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};
use std::os::unix::net::UnixStream;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use filch::io::unix::AsyncFd;
use filch::io::{AsyncReadExt as _, Interest, Ready};
use filch::net::unix::pipe::Receiver;
use filch::time::timeout;
use support::{once, within};

const MS: Duration = Duration::from_millis(1);

fn pair() -> (UnixStream, UnixStream) {
    let (near, far) = UnixStream::pair().unwrap();
    near.set_nonblocking(true).unwrap();
    far.set_nonblocking(true).unwrap();
    (near, far)
}

fn read(fd: &AsyncFd<UnixStream>) -> io::Result<usize> {
    fd.get_ref().read(&mut [0; 64])
}

#[filch::test]
async fn a_guard_tells_and_takes_back() {
    let (near, mut far) = pair();
    let near = AsyncFd::new(near).unwrap();
    {
        let mut waits = pin!(near.readable());
        assert!(once(waits.as_mut()).await.is_pending());
        far.write_all(b"abc").unwrap();
        let mut guard = within(waits).await.unwrap();
        assert!(guard.ready().is_readable());
        assert_eq!(guard.try_io(read).unwrap().unwrap(), 3);
    }
    // A read that worked keeps the readiness; the one that would block takes it back.
    let mut guard = within(near.readable()).await.unwrap();
    assert!(guard.try_io(read).is_err());
    assert!(guard.ready().is_empty());
    assert!(timeout(10 * MS, near.readable()).await.is_err());
    within(near.writable()).await.unwrap().retain_ready();
    within(near.writable()).await.unwrap().retain_ready();
}

#[filch::test]
async fn an_event_between_the_try_and_the_clear_is_kept() {
    let (near, mut far) = pair();
    let near = AsyncFd::new(near).unwrap();
    far.write_all(b"a").unwrap();
    let mut guard = within(near.readable()).await.unwrap();
    assert_eq!(read(&near).unwrap(), 1);
    assert_eq!(read(&near).unwrap_err().kind(), ErrorKind::WouldBlock);
    far.write_all(b"b").unwrap();
    // Long enough for the second event to be seen, which the guard has not.
    filch::time::sleep(10 * MS).await;
    guard.clear_ready();
    drop(guard);
    // Whether the event came before or after the clear, the byte is there to be read.
    let mut guard = within(near.readable()).await.unwrap();
    assert_eq!(guard.try_io(read).unwrap().unwrap(), 1);
}

#[filch::test]
async fn both_kinds_of_guard_may_clear_a_part() {
    let (near, mut far) = pair();
    let mut near = AsyncFd::new(near).unwrap();
    far.write_all(b"a").unwrap();
    within(near.readable()).await.unwrap().retain_ready();
    let mut guard = within(near.ready_mut(Interest::READABLE | Interest::WRITABLE)).await.unwrap();
    guard.clear_ready_matching(Ready::WRITABLE);
    assert!(!guard.ready().is_writable());
    drop(guard);
    assert!(timeout(10 * MS, near.writable()).await.is_err());
    let mut guard = within(near.readable_mut()).await.unwrap();
    guard.get_inner_mut().set_nonblocking(true).unwrap();
    assert_eq!(guard.try_io(|fd| fd.get_mut().read(&mut [0; 8])).unwrap().unwrap(), 1);
}

#[filch::test]
async fn any_number_of_tasks_may_wait() {
    let (near, mut far) = pair();
    let near = Arc::new(AsyncFd::new(near).unwrap());
    let tasks: Vec<_> = (0..50)
        .map(|_| {
            let near = near.clone();
            filch::spawn(async move { near.readable().await.unwrap().retain_ready() })
        })
        .collect();
    filch::time::sleep(5 * MS).await;
    far.write_all(b"x").unwrap();
    for task in tasks {
        within(task).await.unwrap();
    }
}

#[filch::test]
async fn polling_wakes_the_task_that_asked_last() {
    let (near, mut far) = pair();
    let mut near = AsyncFd::with_interest(near, Interest::READABLE).unwrap();
    let pending = poll_fn(|cx| Poll::Ready(near.poll_read_ready(cx).is_pending())).await;
    assert!(pending);
    far.write_all(b"x").unwrap();
    let mut guard = within(poll_fn(|cx| near.poll_read_ready(cx))).await.unwrap();
    guard.clear_ready();
    drop(guard);
    far.write_all(b"y").unwrap();
    within(near.readable()).await.unwrap().retain_ready();
    let mut cx = Context::from_waker(Waker::noop());
    let Poll::Ready(guard) = near.poll_read_ready_mut(&mut cx) else { panic!("not ready") };
    let mut guard = guard.unwrap();
    assert_eq!(guard.try_io(|fd| fd.get_mut().read(&mut [0; 8])).unwrap().unwrap(), 2);
}

#[filch::test]
async fn async_io_tries_until_it_is_done() {
    let (near, far) = pair();
    let near = AsyncFd::new(near).unwrap();
    let mut far = AsyncFd::new(far).unwrap();
    let writer = async {
        let bytes = vec![1; 1_000_000];
        let mut rest = &bytes[..];
        while !rest.is_empty() {
            let write = |stream: &mut UnixStream| stream.write(rest);
            let count = far.async_io_mut(Interest::WRITABLE, write).await.unwrap();
            rest = &rest[count..];
        }
        drop(far);
    };
    let reader = async {
        let mut got = 0;
        let mut room = vec![0; 10_000];
        loop {
            let read = |mut stream: &UnixStream| stream.read(&mut room);
            match near.async_io(Interest::READABLE, read).await.unwrap() {
                0 => return got,
                count => got += count,
            }
        }
    };
    let mut writer = pin!(writer);
    let mut reader = pin!(reader);
    let mut written = false;
    let got = within(poll_fn(|cx| {
        written = written || writer.as_mut().poll(cx).is_ready();
        reader.as_mut().poll(cx)
    }))
    .await;
    assert_eq!(got, 1_000_000);
}

// Only Linux tells that the peer has closed before a read finds out.
#[cfg(target_os = "linux")]
#[filch::test]
async fn closing_is_told() {
    let (near, far) = pair();
    let near = AsyncFd::new(near).unwrap();
    drop(far);
    within(async {
        loop {
            let guard = near.readable().await.unwrap();
            if guard.ready().is_read_closed() {
                return;
            }
            filch::task::yield_now().await;
        }
    })
    .await;
    // What is closed stays ready, whatever a guard says.
    within(near.readable()).await.unwrap().clear_ready();
    within(near.readable()).await.unwrap().clear_ready();
}

#[filch::test]
async fn what_cannot_be_watched_is_given_back() {
    let file = File::open("/proc/self/exe").unwrap();
    let number = file.as_raw_fd();
    let error = AsyncFd::try_new(file).unwrap_err();
    assert_eq!(error.to_string(), io::Error::from_raw_os_error(1).to_string());
    let (file, cause) = error.into_parts();
    assert_eq!(file.as_raw_fd(), number);
    assert_eq!(cause.kind(), ErrorKind::PermissionDenied);

    assert!(AsyncFd::new(1_000_000 as RawFd).is_err());
    let (near, _far) = pair();
    let watched = AsyncFd::new(near.as_raw_fd()).unwrap();
    let error = AsyncFd::new(near.as_raw_fd()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AlreadyExists);
    drop(watched);
    drop(AsyncFd::new(near.as_raw_fd()).unwrap());
}

/// Notes when it is closed.
struct Watched(UnixStream, Arc<AtomicBool>);

impl AsRawFd for Watched {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.1.store(true, Ordering::SeqCst);
    }
}

#[filch::test]
async fn the_owner_is_dropped_with_it_or_given_back() {
    let dropped = Arc::new(AtomicBool::new(false));
    let fd = AsyncFd::new(Watched(pair().0, dropped.clone())).unwrap();
    let owner = fd.into_inner();
    assert!(!dropped.load(Ordering::SeqCst));
    let fd = AsyncFd::new(owner).unwrap();
    drop(fd);
    assert!(dropped.load(Ordering::SeqCst));

    let (near, _far) = pair();
    let fd = AsyncFd::new(near).unwrap();
    assert_eq!(fd.as_fd().as_raw_fd(), fd.as_raw_fd());
    assert!(format!("{fd:?}").starts_with("AsyncFd"));
}

#[filch::test]
async fn registrations_come_and_go_without_end() {
    for round in 0..2000 {
        let (near, mut far) = pair();
        let near = AsyncFd::new(near).unwrap();
        far.write_all(b"x").unwrap();
        if round % 2 == 0 {
            let mut guard = within(near.readable()).await.unwrap();
            assert_eq!(guard.try_io(read).unwrap().unwrap(), 1);
        }
    }
}

/// An owner that knows its number and nothing else, as those of before `AsFd` do.
struct Number(UnixStream);

impl AsRawFd for Number {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}

#[filch::test]
async fn whoever_knows_the_number_may_be_borrowed_from() {
    let (near, _far) = pair();
    let near = AsyncFd::new(Number(near)).unwrap();
    let copy = near.as_fd().try_clone_to_owned().unwrap();
    assert_ne!(copy.as_raw_fd(), near.as_raw_fd());
    assert_eq!(near.as_fd().as_raw_fd(), near.get_ref().as_raw_fd());
}

/// The reading end of a pipe under the number `number`, which is to be free, or a larger one; and the other end.
fn pipe_at(number: RawFd) -> (OwnedFd, File) {
    let (reader, writer) = rustix::pipe::pipe().unwrap();
    (rustix::io::fcntl_dupfd_cloexec(&reader, number).unwrap(), File::from(writer))
}

/// Numbers that the other tests of this process do not come to, of which each test has its own.
const FREE: RawFd = 700;

#[filch::test]
async fn a_number_that_was_closed_too_early_is_watched_anew() {
    let (old, _old_writer) = pipe_at(FREE);
    let number = old.as_raw_fd();
    let before = AsyncFd::new(number).unwrap();
    drop(old);
    let (new, mut writer) = pipe_at(FREE);
    assert_eq!(new.as_raw_fd(), number);
    let now = AsyncFd::new(number).unwrap();
    // This ends its own watch, and not that of the one that has the number now.
    drop(before);
    {
        let mut waits = pin!(now.readable());
        assert!(once(waits.as_mut()).await.is_pending());
        writer.write_all(b"x").unwrap();
        assert!(within(waits).await.unwrap().ready().is_readable());
    }
    // Nor is anything left of it afterwards.
    drop(now);
    drop(AsyncFd::new(number).unwrap());
}

#[filch::test]
async fn a_number_that_was_closed_too_early_is_its_new_owners() {
    let (old, _old_writer) = pipe_at(FREE + 100);
    let number = old.as_raw_fd();
    let before = AsyncFd::new(number).unwrap();
    drop(old);
    let (new, mut writer) = pipe_at(FREE + 100);
    assert_eq!(new.as_raw_fd(), number);
    let mut now = Receiver::from_owned_fd(new).unwrap();
    assert!(within(before.readable()).await.unwrap().ready().is_read_closed());
    drop(before);
    let mut byte = [0];
    let mut reads = pin!(now.read(&mut byte));
    assert!(once(reads.as_mut()).await.is_pending());
    writer.write_all(b"x").unwrap();
    assert_eq!(within(reads).await.unwrap(), 1);
}

#[filch::test]
async fn who_waits_for_a_number_that_others_have_got_is_told_that_its_own_is_closed() {
    let (old, _old_writer) = pipe_at(FREE + 50);
    let number = old.as_raw_fd();
    let before = AsyncFd::new(number).unwrap();
    let mut waits = pin!(before.readable());
    assert!(once(waits.as_mut()).await.is_pending());
    drop(old);
    let (_new, mut writer) = pipe_at(FREE + 50);
    let now = AsyncFd::new(number).unwrap();
    assert!(within(waits).await.unwrap().ready().is_read_closed());
    // What comes for the new one is not for it.
    within(before.readable()).await.unwrap().clear_ready();
    let mut waits = pin!(now.readable());
    assert!(once(waits.as_mut()).await.is_pending());
    writer.write_all(b"x").unwrap();
    assert!(!within(waits).await.unwrap().ready().is_read_closed());
}

/// An owner that can lose its descriptor.
struct Loses(Option<UnixStream>);

impl AsRawFd for Loses {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_ref().map_or(-1, AsRawFd::as_raw_fd)
    }
}

#[filch::test]
#[should_panic(expected = "has none any more")]
async fn an_owner_that_has_lost_its_descriptor_lends_none() {
    let (near, _far) = pair();
    let mut near = AsyncFd::new(Loses(Some(near))).unwrap();
    near.get_mut().0 = None;
    let _ = near.as_fd();
}
