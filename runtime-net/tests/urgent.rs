//! Urgent data: a read stops short at its mark, and what lies behind it must not be forgotten.
#![cfg(target_os = "linux")]
#![allow(clippy::disallowed_methods, clippy::disallowed_types, missing_docs)]

#[path = "../../tests/support/mod.rs"]
mod support;

use std::time::Duration;

use filch::io::AsyncReadExt;
use filch::net::TcpListener;
use socket2::SockRef;
use support::within;

#[filch::test]
async fn a_read_that_stops_at_urgent_data_is_not_the_last() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let far = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (mut near, _) = listener.accept().await.unwrap();
    let far = SockRef::from(&far);
    for _ in 0..20 {
        far.send(b"before").unwrap();
        far.send_out_of_band(b"!").unwrap();
        far.send(b"behind").unwrap();
        filch::time::sleep(Duration::from_millis(2)).await;
        let mut got = Vec::new();
        while got.len() < 12 {
            let mut bytes = [0; 64];
            // It hangs if the bytes behind the mark are forgotten.
            let count = within(near.read(&mut bytes)).await.unwrap();
            got.extend_from_slice(&bytes[..count]);
        }
        assert_eq!(got, b"beforebehind");
    }
    // socket2 sets options on our streams as well.
    SockRef::from(&near).set_recv_buffer_size(1 << 16).unwrap();
}
