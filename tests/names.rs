//! Names are looked up on threads of their own; several addresses are raced.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, missing_docs)]

mod support;

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::time::Duration;

use filch::net::{STAGGER, TcpListener, TcpStream, connect_staggered, lookup_host};
use filch::runtime::Builder;
use support::{Gate, own_host, watch};

/// Opens its gate in the end, also when an assertion fails.
struct Hold(Gate);

impl Drop for Hold {
    fn drop(&mut self) {
        self.0.open();
    }
}

#[test]
fn a_blocking_pool_that_is_full_keeps_nobody_from_finding_a_host() {
    let _watch = watch();
    let runtime = Builder::new_current_thread().max_blocking_threads(1).build().unwrap();
    let hold = Hold(Gate::new());
    let wait = hold.0.clone();
    let job = runtime.spawn_blocking(move || wait.block());
    runtime.block_on(async {
        let found: Vec<_> = lookup_host(("localhost", 80)).await.unwrap().collect();
        assert!(!found.is_empty());
        assert!(found.iter().all(|address| address.ip().is_loopback() && address.port() == 80));
        assert!(!job.is_finished());
    });
    drop(hold);
    runtime.block_on(job).unwrap();
}

#[test]
fn more_lookups_than_threads_are_all_answered() {
    let _watch = watch();
    let runtime = Builder::new_multi_thread().worker_threads(2).build().unwrap();
    runtime.block_on(async {
        let lookups: Vec<_> = (0..100u16)
            .map(|port| {
                filch::spawn(async move {
                    lookup_host(("localhost", port)).await?.next().ok_or(ErrorKind::NotFound.into())
                })
            })
            .collect();
        for (port, lookup) in lookups.into_iter().enumerate() {
            let found: io::Result<SocketAddr> = lookup.await.unwrap();
            assert_eq!(usize::from(found.unwrap().port()), port);
        }
    });
    assert_eq!(runtime.metrics().num_blocking_threads(), 0, "the other pool was asked");
}

#[test]
fn time_that_stands_still_does_not_jump_over_a_lookup() {
    let _watch = watch();
    let runtime = Builder::new_current_thread().start_paused(true).build().unwrap();
    runtime.block_on(async {
        for _ in 0..50 {
            let lookup = filch::time::timeout(Duration::from_secs(1), lookup_host("localhost:1"));
            assert!(lookup.await.expect("time has jumped").unwrap().next().is_some());
        }
    });
}

#[test]
fn a_lookup_that_is_given_up_is_no_burden() {
    let _watch = watch();
    let runtime = Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        for _ in 0..50 {
            let mut lookup = Box::pin(lookup_host("localhost:1"));
            let polled = std::future::poll_fn(|cx| {
                std::task::Poll::Ready(lookup.as_mut().poll(cx).is_pending())
            });
            let _ = polled.await;
        }
        assert!(lookup_host("localhost:1").await.unwrap().next().is_some());
    });
    drop(runtime);
}

#[filch::test]
async fn a_host_that_is_none_is_an_error() {
    assert!(lookup_host("host.invalid:1").await.is_err());
    assert!(TcpStream::connect("host.invalid:1").await.is_err());
    assert!(connect_staggered(|| lookup_host("host.invalid:1"), STAGGER).await.is_err());
    assert_eq!(lookup_host("no port").await.err().unwrap().kind(), ErrorKind::InvalidInput);
}

#[filch::test]
async fn the_first_that_answers_wins_and_the_others_are_closed() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let somebody = listener.local_addr().unwrap();
    let gone = TcpListener::bind((own_host(), 0)).await.unwrap();
    let nobody = gone.local_addr().unwrap();
    drop(gone);
    let day = Duration::from_secs(24 * 60 * 60);
    // A refusal does not wait for the delay.
    let resolve = async || Ok(vec![nobody, somebody]);
    let stream = connect_staggered(resolve, day).await.unwrap();
    assert_eq!(stream.peer_addr().unwrap(), somebody);
    // Without a delay all begin at once, and one wins.
    let resolve = async || Ok(vec![somebody; 4]);
    let stream = connect_staggered(resolve, Duration::ZERO).await.unwrap();
    assert_eq!(stream.peer_addr().unwrap(), somebody);
    let resolve = async || Ok(vec![nobody, nobody]);
    let error = connect_staggered(resolve, Duration::ZERO).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
    let resolve = async || Ok(Vec::new());
    let error = connect_staggered(resolve, day).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    let resolve = async || Err::<Vec<SocketAddr>, _>(io::Error::other("no such host"));
    let error = connect_staggered(resolve, day).await.unwrap_err();
    assert_eq!(error.to_string(), "no such host");
}
