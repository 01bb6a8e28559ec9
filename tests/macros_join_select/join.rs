//! `join!`: who is polled when, and who is dropped.

use crate::*;

#[test]
fn all_outputs_come_in_the_order_of_the_futures() {
    let outputs = block_on(async { other::join!(ready_at(3), async { "a" }, ready_at(1),) });
    assert_eq!(outputs, (3, "a", 1));
}

#[test]
fn each_round_starts_one_further_on() {
    let log = RefCell::new(String::new());
    let futures =
        async { other::join!(logged('a', 4, &log), logged('b', 4, &log), logged('c', 4, &log)) };
    let mut futures = pin!(futures);
    while poll_once(futures.as_mut()).is_pending() {
        log.borrow_mut().push(' ');
    }
    assert_eq!(*log.borrow(), "abc bca cab abc");
}

#[test]
fn each_round_starts_at_the_first_if_biased() {
    let log = RefCell::new(String::new());
    block_on(async { other::join!(biased; logged('a', 3, &log), logged('b', 2, &log)) });
    assert_eq!(*log.borrow(), "ababa");
}

#[test]
fn a_completed_future_is_dropped_while_others_run() {
    let dropped = Cell::new(0);
    let witness = Witness(&dropped);
    let first = async move {
        let _witness = witness;
    };
    let futures = async { other::join!(first, pending::<()>()) };
    assert!(poll_once(pin!(futures)).is_pending());
    assert_eq!(dropped.get(), 1);
}

#[test]
fn futures_may_borrow_and_need_not_be_futures_yet() {
    let words = [String::from("a"), String::from("b")];
    let length = async |word: &str| word.len();
    let sum = block_on(async {
        let (a, b) = other::join!(length(&words[0]), ready(words[1].len()));
        a + b
    });
    assert_eq!(sum, 2);
}

#[test]
fn nothing_and_one_and_64_can_be_joined() {
    block_on(async {
        let () = other::join!();
        assert_eq!(other::try_join!(), Ok::<(), ()>(()));
        assert_eq!(other::gather!(), Ok::<(), ()>(()));
        assert_eq!(other::gather!(biased; async { Ok::<_, ()>(1) }), Ok((1,)));
        assert_eq!(other::join!(ready(1)), (1,));
        let biased = ready(1);
        assert_eq!(other::join!(biased), (1,));
        let one = || ready_at(2);
        let all = other::join!(
            one(),
            one(),
            one(),
            one(),
            one(),
            one(),
            one(),
            one(),
            one(),
            one(),
            one(),
            one(),
            one(),
            one(),
            one(),
            one(),
            one(),
            one(),
            one(),
            one(),
            one(),
            one(),
            one(),
            one(),
            one(),
            one(),
            one(),
            one(),
            one(),
            one(),
            one(),
            one(),
            one(),
            one(),
            one(),
            one(),
            one(),
            one(),
            one(),
            one(),
            one(),
            one(),
            one(),
            one(),
            one(),
            one(),
            one(),
            one(),
            one(),
            one(),
            one(),
            one(),
            one(),
            one(),
            one(),
            one(),
            one(),
            one(),
            one(),
            one(),
            one(),
            one(),
            one(),
            one(),
        );
        assert_eq!(all.63, 2);
    });
}

#[test]
fn a_join_can_move_to_another_thread() {
    fn assert_send<T: Send>(value: T) -> T {
        value
    }
    let future = assert_send(async { other::join!(ready_at(1), ready_at(2)) });
    assert_eq!(block_on(future), (1, 2));
}
