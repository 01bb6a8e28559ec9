//! Which addresses are tried when, and what is told if all fail; on a clock that stands still.

use std::cell::RefCell;

use runtime_core::runtime::Builder;
use runtime_core::time::{Instant, sleep};

use super::*;

fn v4(number: u16) -> SocketAddr {
    ([127, 0, 0, 1], number).into()
}

fn v6(number: u16) -> SocketAddr {
    (std::net::Ipv6Addr::LOCALHOST, number).into()
}

#[test]
fn families_take_turns() {
    let mixed = interleave([v6(1), v6(2), v6(3), v4(4), v4(5)]);
    assert_eq!(mixed, [v6(1), v4(4), v6(2), v4(5), v6(3)]);
    assert_eq!(interleave([v4(1), v6(2), v6(3)]), [v4(1), v6(2), v6(3)]);
    assert_eq!(interleave([v4(1), v4(2)]), [v4(1), v4(2)]);
    assert!(interleave([]).is_empty());
}

#[test]
fn if_all_fail_the_last_failure_is_told() {
    let runtime = Builder::new_current_thread().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let start = Instant::now();
        let begun = RefCell::new(Vec::new());
        let fail = async |address: SocketAddr| {
            begun.borrow_mut().push((address.port(), start.elapsed().as_millis()));
            let after = if address.is_ipv6() { 400 } else { 10 };
            sleep(Duration::from_millis(after)).await;
            Err::<(), _>(io::Error::other(format!("{address} failed")))
        };
        let errors = connect_each([v6(1), v4(2)].into(), Some(STAGGER), fail).await.unwrap_err();
        assert_eq!(errors.0.iter().map(|(address, _)| address.port()).collect::<Vec<_>>(), [2, 1]);
        assert_eq!(errors.into_error(false).to_string(), "[::1]:1 failed");
        assert_eq!(*begun.borrow(), [(1, 0), (2, 250)]);
        let nothing = connect_each([].into(), Some(STAGGER), fail).await.unwrap_err();
        assert_eq!(nothing.into_error(false).kind(), io::ErrorKind::InvalidInput);
    });
}
