//! `Server`: who is let in, who is let out, and when it is over.

use super::support::streams::{MUCH, listen};
use super::support::{Gate, watch, within};
use filch::cancel::with_cleanup;
use filch::runtime::{Builder, Unhandled, UnhandledKind};
use filch::streams::{ServerOptions, StreamReader, StreamWriter, open_connection, start_server};
use filch::time::{Duration, timeout};
use std::future::pending;
use std::io::ErrorKind;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

const SOON: Duration = Duration::from_millis(50);

#[filch::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_client_has_a_task_of_its_own() {
    let server = start_server("127.0.0.1:0", |mut reader, mut writer| async move {
        while let Ok(line) = reader.readline().await
            && !line.is_empty()
        {
            writer.write(line);
            writer.drain().await.unwrap();
        }
    })
    .await
    .unwrap();
    let address = server.local_addrs()[0];
    let clients: Vec<_> = (0..100)
        .map(|number| {
            filch::spawn(async move {
                let (mut reader, mut writer) = open_connection(address).await.unwrap();
                for round in 0..10 {
                    let line = format!("{number} {round}\n");
                    writer.write(line.as_bytes());
                    assert_eq!(reader.readline().await.unwrap(), line);
                }
            })
        })
        .collect();
    for client in clients {
        within(client).await.unwrap();
    }
    server.close();
    within(server.wait_closed()).await;
    assert_eq!(server.client_count(), 0);
}

#[filch::test]
async fn it_may_wait_before_it_serves() {
    let options = ServerOptions::new().start_serving(false);
    let server = options.serve("127.0.0.1:0", |_, mut writer| async move {
        writer.write(&b"hi"[..]);
    });
    let server = server.await.unwrap();
    let (mut reader, _writer) = open_connection(server.local_addrs()[0]).await.unwrap();
    assert!(timeout(SOON, reader.read(2)).await.is_err());
    server.start();
    server.start();
    assert_eq!(within(reader.read(2)).await.unwrap(), "hi");
}

#[filch::test]
async fn closed_it_lets_nobody_in_and_keeps_who_is_in() {
    let (server, mut clients) = listen(ServerOptions::new()).await;
    let address = server.local_addrs()[0];
    let (mut reader, writer) = open_connection(address).await.unwrap();
    let (far_reader, mut far_writer) = within(clients.recv()).await.unwrap();
    server.close();
    server.close();
    assert!(!server.is_serving() && server.local_addrs().is_empty());
    assert!(timeout(SOON, server.wait_closed()).await.is_err());
    let refused = within(open_connection(address)).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
    far_writer.write(&b"still here"[..]);
    assert_eq!(within(reader.readexactly(10)).await.unwrap(), "still here");
    drop((far_reader, far_writer, writer));
    within(server.wait_closed()).await;
}

#[filch::test]
async fn serve_forever_ends_with_close_and_is_called_once() {
    let server = Arc::new(start_server("127.0.0.1:0", |_, _| async {}).await.unwrap());
    let task = filch::spawn({
        let server = server.clone();
        async move { server.serve_forever().await }
    });
    filch::task::yield_now().await;
    assert_eq!(server.serve_forever().await.unwrap_err().kind(), ErrorKind::InvalidInput);
    server.close();
    within(task).await.unwrap().unwrap();
    assert_eq!(server.serve_forever().await.unwrap_err().to_string(), "the server is closed");
}

#[filch::test]
async fn serve_forever_that_is_cancelled_closes_the_server() {
    let server = start_server("127.0.0.1:0", |_, _| async {}).await.unwrap();
    assert!(timeout(SOON, server.serve_forever()).await.is_err());
    assert!(!server.is_serving());
}

#[filch::test]
async fn clients_may_be_closed_or_aborted() {
    for abort in [false, true] {
        let (server, mut clients) = listen(ServerOptions::new()).await;
        let (mut reader, _writer) = open_connection(server.local_addrs()[0]).await.unwrap();
        let (_far_reader, mut far_writer) = within(clients.recv()).await.unwrap();
        far_writer.write(&b"bye"[..]);
        match abort {
            true => server.abort_clients(),
            false => server.close_clients(),
        }
        server.close();
        within(server.wait_closed()).await;
        let rest = within(reader.read_to_end()).await;
        assert!(abort || rest.unwrap() == "bye");
    }
}

#[filch::test]
async fn a_shutdown_gives_time_and_then_ends_what_is_left() {
    let cleaned = Arc::new(AtomicUsize::new(0));
    let count = cleaned.clone();
    let server = start_server("127.0.0.1:0", move |mut reader, _writer| {
        let count = count.clone();
        async move {
            let work = async {
                let _ = reader.read(1).await;
                // A handler that does not notice that its client is gone.
                std::future::pending::<()>().await;
            };
            let cleanup = async move {
                filch::task::yield_now().await;
                count.fetch_add(1, Ordering::SeqCst);
            };
            with_cleanup(work, cleanup).await;
        }
    })
    .await
    .unwrap();
    let address = server.local_addrs()[0];
    let (mut reader, _writer) = open_connection(address).await.unwrap();
    while server.client_count() == 0 {
        filch::time::sleep(Duration::from_millis(1)).await;
    }
    filch::time::sleep(SOON).await;
    assert!(!within(server.graceful_shutdown(SOON)).await);
    assert_eq!(cleaned.load(Ordering::SeqCst), 1);
    assert!(within(reader.read(1)).await.map_or(true, |bytes| bytes.is_empty()));
    assert!(within(server.graceful_shutdown(SOON)).await, "nobody is left");
}

#[test]
fn a_handler_that_fails_ends_its_connection_only_and_is_reported() {
    async fn serve(mut reader: StreamReader, mut writer: StreamWriter) -> std::io::Result<()> {
        let line = reader.readline().await.unwrap();
        assert_ne!(line, "worse\n", "as was asked for");
        if line == "bad\n" {
            return Err(std::io::Error::other("as was asked for"));
        }
        writer.write(line);
        Ok(())
    }
    let reports = Arc::new(Mutex::new(Vec::new()));
    let notes = reports.clone();
    let note = move |unhandled: &Unhandled| {
        let task = unhandled.task().unwrap();
        assert_eq!(task.spawned_at().file(), file!(), "where the server was started");
        notes.lock().unwrap().push((unhandled.kind(), task.name().unwrap().to_owned()));
    };
    let runtime = Builder::new_current_thread().on_unhandled(note).build().unwrap();
    runtime.block_on(async {
        let server = start_server("127.0.0.1:0", serve).await.unwrap();
        let address = server.local_addrs()[0];
        for (line, answer) in [("bad\n", ""), ("worse\n", ""), ("good\n", "good\n")] {
            let (mut reader, mut writer) = open_connection(address).await.unwrap();
            writer.write(line.as_bytes());
            assert_eq!(within(reader.read_to_end()).await.unwrap(), answer);
        }
        server.close();
        within(server.wait_closed()).await;
    });
    drop(runtime);
    let reports = reports.lock().unwrap();
    assert_eq!(
        reports.iter().map(|(kind, _)| *kind).collect::<Vec<_>>(),
        [UnhandledKind::Error, UnhandledKind::Panic]
    );
    assert!(reports.iter().all(|(_, name)| name.ends_with("::serve")), "{reports:?}");
}

#[filch::test]
async fn what_a_handler_has_written_is_sent_before_its_client_is_struck_out() {
    let server = start_server("127.0.0.1:0", |_, mut writer| async move {
        writer.write(&*vec![1; MUCH]);
    })
    .await
    .unwrap();
    let (mut reader, _writer) = open_connection(server.local_addrs()[0]).await.unwrap();
    reader.readexactly(1).await.unwrap();
    server.close();
    assert!(timeout(SOON, server.wait_closed()).await.is_err());
    let rest = within(reader.read_to_end()).await.unwrap();
    assert_eq!(rest.len(), MUCH - 1);
    within(server.wait_closed()).await;
}

#[filch::test]
async fn dropping_it_closes_it() {
    let (server, _clients) = listen(ServerOptions::new()).await;
    let address = server.local_addrs()[0];
    drop(server);
    within(async { while open_connection(address).await.is_ok() {} }).await;
}

#[test]
fn a_client_that_comes_in_as_the_server_gives_up_is_sent_away() {
    let _watch = watch();
    let (spawns, begun, hold) = (Arc::new(AtomicUsize::new(0)), Gate::new(), Gate::new());
    let (count, reached, wait) = (spawns.clone(), begun.clone(), hold.clone());
    let runtime = Builder::new_multi_thread()
        .worker_threads(2)
        .on_task_spawn(move |_| {
            // The task of the client, between its entry into the list and its being known there.
            if count.fetch_add(1, Ordering::SeqCst) == 1 {
                reached.open();
                wait.block();
            }
        })
        .build()
        .unwrap();
    runtime.block_on(async {
        let handler = |_, writer: StreamWriter| async move {
            let _writer = writer;
            pending::<()>().await;
        };
        // Its first task takes connections.
        let server = start_server("127.0.0.1:0", handler).await.unwrap();
        assert_eq!(spawns.load(Ordering::SeqCst), 1);
        let (mut reader, _writer) = open_connection(server.local_addrs()[0]).await.unwrap();
        within(begun.pass()).await;
        let gone = async {
            // The connection was broken off: only then may its task go on.
            let read = reader.read(1).await;
            hold.open();
            assert!(read.map_or(true, |bytes| bytes.is_empty()));
        };
        let (ended, ()) =
            within(async { filch::join!(server.graceful_shutdown(Duration::ZERO), gone) }).await;
        assert!(!ended);
    });
}
