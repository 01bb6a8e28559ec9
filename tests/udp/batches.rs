//! Many datagrams at a time: in order, cut off where there is no room, cut up and put together.

use super::*;
use filch::net::udp::{Incoming, Outgoing};

#[filch::test]
async fn a_batch_arrives_as_it_was_sent() {
    let ((one, here), (other, there)) = (bound().await, bound().await);
    let texts: Vec<Vec<u8>> = (0..100u8).map(|n| vec![n; usize::from(n)]).collect();
    let batch: Vec<_> = texts.iter().map(|text| Outgoing::to(text, there)).collect();
    let (mut sent, mut received) = (0, 0);
    while sent < batch.len() {
        sent += within(one.send_many(&batch[sent..])).await.unwrap();
        while received < sent {
            let mut rooms = [[0; 128]; 50];
            let mut incoming: Vec<_> = rooms.iter_mut().map(|room| Incoming::new(room)).collect();
            let count = within(other.recv_many(&mut incoming)).await.unwrap();
            assert!(count > 0);
            for datagram in &incoming[..count] {
                assert_eq!(datagram.bytes(), texts[received]);
                assert_eq!(datagram.sender(), Some(here));
                assert!(!datagram.is_truncated());
                assert_eq!(datagram.segments().count(), usize::from(received > 0));
                received += 1;
            }
            assert!(incoming[count..].iter().all(|datagram| datagram.sender().is_none()));
        }
    }
    assert_eq!(received, 100);
    assert_eq!(
        other.try_recv_many(&mut [Incoming::new(&mut [0; 8])]).unwrap_err().kind(),
        ErrorKind::WouldBlock
    );
}

#[filch::test]
async fn an_empty_batch_is_done_and_a_small_room_cuts_off() {
    let (one, other) = pair().await;
    assert_eq!(one.send_many(&[]).await.unwrap(), 0);
    assert_eq!(one.try_send_many(&[]).unwrap(), 0);
    assert_eq!(other.recv_many(&mut []).await.unwrap(), 0);
    assert_eq!(other.try_recv_many(&mut []).unwrap(), 0);
    let batch = [Outgoing::new(b"too long"), Outgoing::new(b"fits")];
    assert_eq!(within(one.send_many(&batch)).await.unwrap(), 2);
    let (mut first, mut second) = ([0; 4], [0; 4]);
    let mut incoming = [Incoming::new(&mut first), Incoming::new(&mut second)];
    assert_eq!(within(other.recv_many(&mut incoming)).await.unwrap(), 2);
    assert_eq!((incoming[0].bytes(), incoming[1].bytes()), (&b"too "[..], &b"fits"[..]));
    #[cfg(target_os = "linux")]
    assert!(incoming[0].is_truncated() && !incoming[1].is_truncated());
}

#[filch::test]
async fn what_cannot_be_sent_ends_the_batch_and_then_is_an_error() {
    let (one, other) = pair().await;
    let huge = vec![0; 70_000];
    let batch = [Outgoing::new(b"a"), Outgoing::new(&huge), Outgoing::new(b"b")];
    assert_eq!(within(one.send_many(&batch)).await.unwrap(), 1);
    within(one.send_many(&batch[1..])).await.unwrap_err();
    assert_eq!(within(one.send_many(&batch[2..])).await.unwrap(), 1);
    let mut bytes = [0; 4];
    assert_eq!(within(other.recv(&mut bytes)).await.unwrap(), 1);
    let (free, _) = bound().await;
    let error = within(free.send_many(&batch)).await.unwrap_err();
    assert!(error.kind() != ErrorKind::WouldBlock, "{error}");
}

#[filch::test]
async fn a_batch_that_is_given_up_loses_nothing() {
    let (one, other) = pair().await;
    let mut room = [0; 8];
    {
        let mut incoming = [Incoming::new(&mut room)];
        let mut receiving = pin!(other.recv_many(&mut incoming));
        assert!(once(receiving.as_mut()).await.is_pending());
        one.send(b"kept").await.unwrap();
    }
    let mut incoming = [Incoming::new(&mut room)];
    assert_eq!(within(other.recv_many(&mut incoming)).await.unwrap(), 1);
    assert_eq!(incoming[0].bytes(), b"kept");
}

#[cfg(target_os = "linux")]
#[filch::test]
async fn the_kernel_cuts_up_and_puts_together() {
    let (one, other) = pair().await;
    if one.set_gso_segment(1000).is_err() || other.set_gro(true).is_err() {
        return;
    }
    let bytes: Vec<u8> = (0..4500u32).map(|n| (n / 1000) as u8).collect();
    assert_eq!(within(one.send(&bytes)).await.unwrap(), 4500);
    let mut all = Vec::new();
    let mut sizes = Vec::new();
    while all.len() < bytes.len() {
        let mut room = vec![0; 65_536];
        let mut incoming = [Incoming::new(&mut room)];
        assert_eq!(within(other.recv_many(&mut incoming)).await.unwrap(), 1);
        for segment in incoming[0].segments() {
            sizes.push(segment.len());
            all.extend_from_slice(segment);
        }
    }
    assert!(all == bytes);
    assert_eq!(sizes, [1000, 1000, 1000, 1000, 500]);
    one.set_gso_segment(0).unwrap();
    assert_eq!(within(one.send(&bytes)).await.unwrap(), 4500);
    let mut room = vec![0; 65_536];
    assert_eq!(within(other.recv(&mut room)).await.unwrap(), 4500);
}

#[cfg(target_os = "linux")]
#[filch::test]
async fn nobody_at_the_target_is_told_to_a_batch_too_and_only_once() {
    let (one, _) = bound().await;
    one.connect(nobody().await).await.unwrap();
    assert_eq!(within(one.send_many(&[Outgoing::new(b"anybody?")])).await.unwrap(), 1);
    let mut room = [0; 8];
    let mut incoming = [Incoming::new(&mut room)];
    let error = within(one.recv_many(&mut incoming)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
    {
        let mut receiving = pin!(one.recv_many(&mut incoming));
        assert!(once(receiving.as_mut()).await.is_pending());
    }
    // Told between two of a batch, it ends the batch.
    let batch = [Outgoing::new(b"a"), Outgoing::new(b"b"), Outgoing::new(b"c")];
    assert!((1..=3).contains(&within(one.send_many(&batch)).await.unwrap()));
}

#[filch::test]
async fn datagrams_of_nothing_are_datagrams_too() {
    let (one, other) = pair().await;
    let batch = [Outgoing::new(b""), Outgoing::new(b"x"), Outgoing::new(b"")];
    assert_eq!(within(one.send_many(&batch)).await.unwrap(), 3);
    let mut rooms = [[0; 4]; 3];
    let mut lengths = Vec::new();
    while lengths.len() < 3 {
        let mut incoming: Vec<_> = rooms.iter_mut().map(|room| Incoming::new(room)).collect();
        let count = within(other.recv_many(&mut incoming)).await.unwrap();
        lengths.extend(incoming[..count].iter().map(|datagram| datagram.bytes().len()));
        assert!(incoming[..count].iter().all(|datagram| datagram.sender().is_some()));
    }
    assert_eq!(lengths, [0, 1, 0]);
    // Without room they are taken as well, and gone.
    within(one.send_many(&batch)).await.unwrap();
    let mut incoming = [Incoming::new(&mut []), Incoming::new(&mut []), Incoming::new(&mut [])];
    let mut count = 0;
    while count < 3 {
        count += within(other.recv_many(&mut incoming[count..])).await.unwrap();
    }
    assert!(incoming.iter().all(|datagram| datagram.bytes().is_empty()));
    #[cfg(target_os = "linux")]
    assert!(!incoming[0].is_truncated() && incoming[1].is_truncated());
}
