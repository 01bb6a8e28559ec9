//! A peer that breaks the connection off, while halves wait, with bytes under way, after our
//! half-close.

use super::*;

/// A connection whose far end will break off when it is dropped.
async fn fragile() -> (TcpStream, TcpStream) {
    let (near, far) = pair().await;
    far.set_zero_linger().unwrap();
    (near, far)
}

#[filch::test]
async fn both_halves_are_told() {
    let (near, far) = fragile().await;
    let (mut read, mut write) = near.into_split();
    let reader = filch::spawn(async move { read.read(&mut [0; 8]).await.map_err(|e| e.kind()) });
    let writer = filch::spawn(async move {
        loop {
            if let Err(error) = write.write_all(&[0; 65_536]).await {
                return error.kind();
            }
        }
    });
    far.readable().await.unwrap();
    drop(far);
    // One of them takes the error, the other finds the connection closed.
    let read = within(reader).await.unwrap();
    let written = within(writer).await.unwrap();
    assert!(matches!(read, Ok(0) | Err(ErrorKind::ConnectionReset)), "{read:?}");
    let closed = [ErrorKind::ConnectionReset, ErrorKind::BrokenPipe];
    assert!(closed.contains(&written), "{written:?}");
}

#[filch::test]
async fn bytes_that_came_before_are_lost_with_it() {
    let (mut near, mut far) = fragile().await;
    near.write_all(b"unread").await.unwrap();
    far.write_all(b"last words").await.unwrap();
    drop(far);
    let mut bytes = Vec::new();
    let outcome = within(near.read_to_end(&mut bytes)).await;
    // Linux throws away what was not read when a reset comes.
    assert!(outcome.is_err() || bytes == b"last words");
}

#[filch::test]
async fn after_our_half_close_as_well() {
    let (mut near, far) = fragile().await;
    near.shutdown().await.unwrap();
    drop(far);
    let error = within(near.read(&mut [0; 8])).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    // There is nobody to be told, which is fine.
    near.shutdown().await.unwrap();
}
