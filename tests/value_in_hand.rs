//! A value that has been taken out of its channel reaches who waits for it, whatever panics as that is left.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, missing_docs)]

mod support;

use std::future::Future;
use std::mem::ManuallyDrop;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::atomic::Ordering::SeqCst;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use filch::cancel::{
    CancelScope, catch_cancel, fail_after, move_on_after, timeout_scope, with_cleanup,
};
use filch::io::{self, AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf, WriteHalf};
use filch::streams::open_connection;
use filch::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use filch::task::{LocalSet, yield_now};
use filch::time::{Duration, Instant, timeout, timeout_at};
use filch::{
    TaskGroup, as_completed, gather, gather_all, race, select_ok, staggered_race, wait_for,
};
use support::bad_waker::{Act, BadWaker};
use support::{Gate, current, multi, once, until, watch};

type Takes = Pin<Box<dyn Future<Output = Option<i32>>>>;

const LONG: Duration = Duration::from_secs(3600);

/// Has each of them wait for a value with a waker that panics whenever a clone of it is dropped from then on, gives
/// it the value, and asks for it. Names those that have lost theirs.
fn lose(takers: Vec<(&'static str, UnboundedSender<i32>, Takes)>) -> Vec<&'static str> {
    let mut losers = Vec::new();
    for (name, send, mut takes) in takers {
        let (bad, waker) = BadWaker::make(Act::Drop);
        // Its own drop is nobody's business here.
        let waker = ManuallyDrop::new(waker);
        let mut cx = Context::from_waker(&waker);
        assert!(takes.as_mut().poll(&mut cx).is_pending(), "{name}");
        send.send(7).unwrap();
        bad.armed.store(usize::MAX, SeqCst);
        let taken = catch_unwind(AssertUnwindSafe(|| takes.as_mut().poll(&mut cx)));
        bad.armed.store(0, SeqCst);
        if !matches!(taken, Ok(Poll::Ready(Some(7)))) {
            losers.push(name);
        }
    }
    losers
}

/// One who takes a value out of a channel.
macro_rules! taker {
    ($name:literal, |$receive:ident| $takes:expr) => {{
        let (send, mut $receive): (_, UnboundedReceiver<i32>) = unbounded_channel();
        let takes: Takes = Box::pin(async move { $takes });
        ($name, send, takes)
    }};
}

#[test]
fn a_deadline_that_is_left_does_not_take_the_value_along() {
    let _watch = watch();
    let runtime = current();
    let _inside = runtime.enter();
    let losers = lose(vec![
        taker!("timeout", |receive| timeout(LONG, receive.recv()).await.unwrap()),
        taker!("timeout_at", |receive| {
            timeout_at(Instant::now() + LONG, receive.recv()).await.unwrap()
        }),
        taker!("wait_for", |receive| wait_for(receive.recv(), LONG).await.unwrap()),
        taker!("timeout_scope", |receive| {
            timeout_scope(LONG, async |_: &_| receive.recv().await).await.unwrap()
        }),
        taker!("move_on_after", |receive| move_on_after(LONG, receive.recv()).await.unwrap()),
        taker!("fail_after", |receive| fail_after(LONG, receive.recv()).await.unwrap()),
        taker!("CancelScope", |receive| {
            CancelScope::after(LONG).run(receive.recv()).await.unwrap()
        }),
        taker!("CancelScope::shielded", |receive| {
            CancelScope::shielded(LONG, receive.recv()).await.unwrap()
        }),
        taker!("as_completed, timeout", |receive| {
            let mut completed = as_completed([receive.recv()]).timeout(LONG);
            let next = completed.next().await;
            drop(completed);
            next.unwrap().unwrap().1
        }),
    ]);
    assert_eq!(losers, Vec::<&str>::new());
}

#[test]
fn a_frame_that_is_left_does_not_take_the_value_along() {
    let _watch = watch();
    let runtime = current();
    let _inside = runtime.enter();
    let losers = lose(vec![
        taker!("catch_cancel", |receive| catch_cancel(receive.recv()).await.unwrap()),
        taker!("with_cleanup", |receive| with_cleanup(receive.recv(), async {}).await),
        taker!("CancelScope", |receive| CancelScope::new().run(receive.recv()).await.unwrap()),
        taker!("all three", |receive| {
            let caught = catch_cancel(with_cleanup(receive.recv(), async {}));
            CancelScope::new().run(caught).await.unwrap().unwrap()
        }),
        taker!("TaskGroup", |receive| {
            let mut kept = None;
            let value = TaskGroup::<()>::scope(|group| {
                kept = Some(group);
                async { Ok(receive.recv().await) }
            });
            value.await.unwrap()
        }),
        taker!("LocalSet", |receive| {
            let set = LocalSet::new();
            let value = set.run_until(receive.recv()).await;
            drop(set);
            value
        }),
    ]);
    assert_eq!(losers, Vec::<&str>::new());
}

/// It ends just as its handle leaves a waker with it.
#[test]
fn a_handle_that_is_left_does_not_take_the_output_along() {
    let _watch = watch();
    let runtime = multi(1);
    let gate = Gate::new();
    let pass = gate.clone();
    let task = runtime.spawn(async move {
        pass.pass().await;
        Some(7)
    });
    let ends = task.abort_handle();
    let (bad, waker) = BadWaker::make(Act::Drop);
    let waker = ManuallyDrop::new(waker);
    *bad.on_clone.lock().unwrap() = Some(Box::new(move || {
        gate.open();
        until(|| ends.is_finished());
    }));
    bad.armed.store(usize::MAX, SeqCst);
    let mut awaits = Box::pin(async { task.await.unwrap() });
    let joined = awaits.as_mut().poll(&mut Context::from_waker(&waker));
    assert_eq!(joined, Poll::Ready(Some(7)));
    assert!(bad.on_clone.lock().unwrap().is_none());
}

/// Each of them is woken while it is being polled, so that its waker is left where it waits.
#[test]
fn one_of_many_that_is_ready_keeps_its_value() {
    async fn first(receive: &mut UnboundedReceiver<i32>) -> Result<Option<i32>, ()> {
        yield_now().await;
        Ok(receive.recv().await)
    }
    let _watch = watch();
    let runtime = current();
    let _inside = runtime.enter();
    let losers = lose(vec![
        taker!("race", |receive| race([first(&mut receive)]).await.unwrap()),
        taker!("select_ok", |receive| select_ok([first(&mut receive)]).await.unwrap()),
        taker!("gather", |receive| gather([first(&mut receive)]).await.unwrap()[0]),
        taker!("gather_all", |receive| gather_all([first(&mut receive)]).await[0].unwrap()),
        taker!("staggered_race", |receive| {
            staggered_race([first(&mut receive)], LONG).await.unwrap()
        }),
        taker!("as_completed", |receive| {
            let mut completed = as_completed([first(&mut receive)]);
            let next = completed.next().await;
            drop(completed);
            next.unwrap().1.unwrap()
        }),
    ]);
    assert_eq!(losers, Vec::<&str>::new());
}

#[test]
fn a_wait_for_a_writer_that_is_left_does_not_take_the_value_along() {
    let _watch = watch();
    let runtime = current();
    let _inside = runtime.enter();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (_reader, writer) = runtime.block_on(open_connection(address)).unwrap();
    let losers = lose(vec![taker!("wait_closed", |receive| {
        // Two of them would end the process.
        let mut closed = [(); 2].map(|()| Box::pin(writer.wait_closed()));
        for closed in &mut closed {
            assert!(once(closed.as_mut()).await.is_pending());
        }
        let value = receive.recv().await;
        drop(closed);
        value
    })]);
    assert_eq!(losers, Vec::<&str>::new());
}

/// While it is read from, somebody else wants to write.
struct Crowded {
    waker: Waker,
    other_half: Arc<Mutex<Option<WriteHalf<Crowded>>>>,
}

impl AsyncRead for Crowded {
    fn poll_read(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let mut half = self.other_half.lock().unwrap().take().expect("it was put there");
        let mut cx = Context::from_waker(&self.waker);
        assert!(Pin::new(&mut half).poll_flush(&mut cx).is_pending(), "it is not his turn");
        buf.put_slice(b"value");
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Crowded {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[test]
fn what_one_half_has_read_is_not_lost_with_the_other_ones_waker() {
    let _watch = watch();
    let (bad, waker) = BadWaker::make(Act::Wake);
    let other_half = Arc::new(Mutex::new(None));
    let crowded = Crowded { waker, other_half: other_half.clone() };
    let (mut read, write) = io::split(crowded);
    *other_half.lock().unwrap() = Some(write);
    bad.armed.store(1, SeqCst);
    let mut bytes = [0; 8];
    let count = current().block_on(read.read(&mut bytes)).unwrap();
    assert_eq!(&bytes[..count], b"value");
    assert_eq!(bad.armed.load(SeqCst), 0, "the other half was woken");
}
