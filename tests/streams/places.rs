//! Where streams connect to and servers listen at: several addresses, ports in use, Unix sockets.

use super::support::within;
use filch::streams::{ConnectOptions, open_connection, start_server};
#[cfg(unix)]
use filch::streams::{ServerOptions, open_unix_connection, start_unix_server};
use std::io::ErrorKind;
use std::net::SocketAddr;
#[cfg(unix)]
use std::path::PathBuf;

fn local(port: u16) -> SocketAddr {
    ([127, 0, 0, 1], port).into()
}

#[cfg(unix)]
fn path(name: &str) -> PathBuf {
    let name = format!("filch-streams-{}-{name}", std::process::id());
    std::env::temp_dir().join(name)
}

#[filch::test]
async fn the_first_address_that_answers_is_taken() {
    let server = start_server("127.0.0.1:0", |_, _| async {}).await.unwrap();
    let address = server.local_addrs()[0];
    // Nobody listens at port 1.
    let addresses = [local(1), address];
    let (_reader, writer) = within(open_connection(&addresses[..])).await.unwrap();
    assert_eq!(writer.peer_addr().unwrap(), address);
}

#[filch::test]
async fn all_errors_may_be_told() {
    let addresses = [local(1), local(2)];
    let error = within(open_connection(&addresses[..])).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
    let options = ConnectOptions::new().all_errors(true);
    let error = within(options.open(&addresses[..])).await.unwrap_err();
    let said = error.to_string();
    assert!(said.contains("127.0.0.1:1: ") && said.contains("127.0.0.1:2: "), "{said}");
    assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
}

#[filch::test]
async fn no_address_is_an_error() {
    let nowhere: &[SocketAddr] = &[];
    let error = open_connection(nowhere).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    let error = start_server(nowhere, |_, _| async {}).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
}

#[filch::test]
async fn a_connection_may_come_from_a_chosen_address() {
    let server = start_server("127.0.0.1:0", |_, _| async {}).await.unwrap();
    let options = ConnectOptions::new().local_addr(([127, 0, 0, 2], 0).into()).nodelay(false);
    let (_reader, writer) = options.open(server.local_addrs()[0]).await.unwrap();
    assert_eq!(writer.local_addr().unwrap().ip().to_string(), "127.0.0.2");
    assert!(!writer.as_tcp().unwrap().nodelay().unwrap());
    let options = ConnectOptions::new().local_addr(([127, 0, 0, 2], 0).into());
    let error = options.open("[::1]:80").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert!(error.to_string().contains("same family as 127.0.0.2"), "{error}");
}

#[filch::test]
async fn a_server_listens_everywhere_or_nowhere() {
    let one = start_server("127.0.0.1:0", |_, _| async {}).await.unwrap();
    let taken = one.local_addrs()[0];
    let other = local(0);
    let three = [other, other, ([127, 0, 0, 2], 0).into()];
    let both = start_server(&three[..], |_, _| async {}).await.unwrap();
    assert_eq!(both.local_addrs().len(), 2, "twice the same is one");
    let error = start_server(&[other, taken][..], |_, _| async {}).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AddrInUse);
}

#[cfg(unix)]
#[filch::test]
async fn a_unix_server_cleans_up_before_and_after() {
    let path = path("clean");
    // What another program has left.
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    let server = start_unix_server(&path, |mut reader, mut writer| async move {
        writer.write(reader.readline().await.unwrap());
    })
    .await
    .unwrap();
    let (mut reader, mut writer) = open_unix_connection(&path).await.unwrap();
    assert_eq!(writer.peer_addr().unwrap_err().kind(), ErrorKind::Unsupported);
    assert!(writer.as_unix().is_some() && writer.as_tcp().is_none());
    writer.write(&b"hi\n"[..]);
    assert_eq!(within(reader.readline()).await.unwrap(), "hi\n");
    drop(writer);
    server.close();
    within(server.wait_closed()).await;
    assert!(!path.exists());
}

#[cfg(unix)]
#[filch::test]
async fn a_file_that_is_another_ones_by_now_stays() {
    let path = path("other");
    let server = start_unix_server(&path, |_, _| async {}).await.unwrap();
    std::fs::remove_file(&path).unwrap();
    std::fs::write(&path, "mine").unwrap();
    server.close();
    within(server.wait_closed()).await;
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "mine");
    let error = ServerOptions::new().serve_unix(&path, |_, _| async {}).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AddrInUse, "no socket, so it is not removed");
    std::fs::remove_file(&path).unwrap();
}
