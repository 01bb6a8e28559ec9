//! The examples do what they say.
#![allow(missing_docs)]

use filch::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use filch::net::{TcpListener, TcpStream};
use filch::time::{Duration, Instant};
use std::io;
use std::net::SocketAddr;
use std::process::ExitCode;

#[allow(dead_code, reason = "its main is called by nobody here")]
#[path = "../examples/chat.rs"]
mod chat;
#[allow(dead_code, reason = "its main is called by nobody here")]
#[path = "../examples/echo_server.rs"]
mod echo_server;
#[allow(dead_code, reason = "its main is called by nobody here")]
#[path = "../examples/hello.rs"]
mod hello;
#[path = "../examples/streams.rs"]
mod streams;
#[path = "../examples/tour.rs"]
mod tour;

#[test]
fn the_tour_finds_everything_as_it_should_be() {
    assert_eq!(tour::main(), ExitCode::SUCCESS);
}

#[filch::test(start_paused = true)]
async fn hello_takes_a_second() {
    let start = Instant::now();
    hello::hello(|_| {}).await;
    assert_eq!(start.elapsed(), Duration::from_secs(1));
}

#[filch::test]
async fn the_echo_server_answers_clients_that_come_together_and_leave() -> io::Result<()> {
    let address = start(echo_server::serve).await?;
    let mut first = TcpStream::connect(address).await?;
    let mut second = TcpStream::connect(address).await?;
    for round in 0..3u8 {
        for client in [&mut first, &mut second] {
            let sent = vec![round; 10_000];
            let mut back = vec![0; sent.len()];
            client.write_all(&sent).await?;
            client.read_exact(&mut back).await?;
            assert_eq!(sent, back);
        }
    }
    first.shutdown().await?;
    assert_eq!(first.read(&mut [0; 1]).await?, 0);
    let mut back = [0; 1];
    second.write_all(b"x").await?;
    second.read_exact(&mut back).await?;
    assert_eq!(&back, b"x");
    Ok(())
}

#[filch::test]
async fn people_in_the_chat_read_each_other_and_nobody_reads_himself() -> io::Result<()> {
    let address = start(chat::serve).await?;
    let mut ann = Person::arrive(address, "Ann").await?;
    assert_eq!(ann.reads().await?, "Welcome, Ann");
    let mut bob = Person::arrive(address, "Bob").await?;
    assert_eq!(bob.reads().await?, "Welcome, Bob");
    assert_eq!(ann.reads().await?, "* Bob is here");

    bob.writes("hello, is anybody there?").await?;
    assert_eq!(ann.reads().await?, "Bob: hello, is anybody there?");
    ann.writes("me").await?;
    assert_eq!(bob.reads().await?, "Ann: me");

    let mut other = Person::arrive(address, "Bob").await?;
    assert_eq!(other.reads().await?, "That one is taken. Another?");
    other.writes("Bobby").await?;
    assert_eq!(other.reads().await?, "Welcome, Bobby");
    assert_eq!(ann.reads().await?, "* Bobby is here");
    assert_eq!(bob.reads().await?, "* Bobby is here");

    drop(bob);
    assert_eq!(ann.reads().await?, "* Bob has left");
    assert_eq!(other.reads().await?, "* Bob has left");
    Ok(())
}

#[test]
fn the_clients_of_the_streams_get_their_lines_back_and_go() {
    streams::main().unwrap();
}

/// Starts a server on a port of its own.
async fn start<F>(serve: impl FnOnce(TcpListener) -> F) -> io::Result<SocketAddr>
where
    F: Future<Output = io::Result<()>> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    drop(filch::spawn(serve(listener)));
    Ok(address)
}

/// Somebody at the other end of the chat.
struct Person(BufReader<TcpStream>);

impl Person {
    async fn arrive(address: SocketAddr, name: &str) -> io::Result<Person> {
        let mut person = Person(BufReader::new(TcpStream::connect(address).await?));
        assert_eq!(person.reads().await?, "Your name?");
        person.writes(name).await?;
        Ok(person)
    }

    async fn writes(&mut self, line: &str) -> io::Result<()> {
        self.0.get_mut().write_all(format!("{line}\n").as_bytes()).await
    }

    async fn reads(&mut self) -> io::Result<String> {
        let mut line = String::new();
        filch::time::timeout(Duration::from_secs(60), self.0.read_line(&mut line)).await??;
        Ok(line.trim_end().to_owned())
    }
}
