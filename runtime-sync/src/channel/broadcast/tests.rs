//! A channel whose numbers begin anew.

use super::error::TryRecvError;
use super::position::Position;
use super::sender::Sender;

#[test]
fn positions_compare_across_the_last_number() {
    let last = Position::new(u64::MAX);
    let first = last.plus(1);
    assert_eq!(first, Position::new(0));
    assert_eq!(first.minus(1), last);
    assert!(last.is_before(first) && !first.is_before(last) && !first.is_before(first));
    assert_eq!(first.plus(4).since(last), 5);
    assert_eq!(Position::of(last.word() | 5), last);
}

#[test]
fn values_go_through_when_the_numbers_begin_anew() {
    for start in 0..12 {
        let sender = Sender::starting_at(4, Position::new(0).minus(start));
        let mut receiver = sender.subscribe();
        let mut lags = sender.subscribe();
        assert!(sender.is_empty());
        for round in 0..20 {
            assert_eq!(sender.send(round), Ok(2));
            assert_eq!(receiver.try_recv(), Ok(round));
        }
        assert_eq!((sender.len(), lags.len()), (4, 20));
        assert_eq!(lags.try_recv(), Err(TryRecvError::Lagged(16)));
        assert_eq!(lags.try_recv(), Ok(16));
        drop(receiver);
        assert_eq!(sender.len(), 3);
    }
}
