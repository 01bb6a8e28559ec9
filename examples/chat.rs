//! A chat over TCP: a line that one person writes is read by all others.
//!
//! ```text
//! cargo run --release --example chat                   # on 127.0.0.1:8080
//! nc 127.0.0.1 8080                                    # in as many terminals as you like
//! ```
//!
//! One task per person waits for a line from the socket and for news in the person's mailbox at the
//! same time. filch has no channels yet, so that the mailbox is made here, of a queue and a waker: the
//! least that something must be to be awaited. Whoever reads too slowly misses the oldest lines.

#![allow(clippy::disallowed_types, reason = "std's mutex is the right one here")]

use filch::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use filch::net::{TcpListener, TcpStream};
use std::collections::{BTreeMap, VecDeque};
use std::future::poll_fn;
use std::io;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

/// So many lines wait for a slow reader.
const MAILBOX_LIMIT: usize = 1000;

#[filch::main]
async fn main() -> io::Result<()> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:8080".to_owned());
    let listener = TcpListener::bind(&address).await?;
    println!("chatting on {}", listener.local_addr()?);
    serve(listener).await
}

/// Lets in whoever connects, for ever.
pub(crate) async fn serve(listener: TcpListener) -> io::Result<()> {
    let room = Arc::new(Room::default());
    loop {
        match listener.accept().await {
            Ok((stream, _)) => _ = filch::spawn(talk(stream, room.clone())),
            Err(error) => eprintln!("cannot accept: {error}"),
        }
    }
}

/// One person's stay.
async fn talk(mut stream: TcpStream, room: Arc<Room>) -> io::Result<()> {
    let (reader, mut writer) = stream.split();
    let mut lines = BufReader::new(reader).lines();

    writer.write_all(b"Your name?\n").await?;
    let seat = loop {
        let Some(name) = lines.next_line().await? else { return Ok(()) };
        match Seat::take(&room, name.trim()) {
            Some(seat) => break seat,
            None => writer.write_all(b"That one is taken. Another?\n").await?,
        }
    };
    writer.write_all(format!("Welcome, {}\n", seat.name).as_bytes()).await?;
    loop {
        // Whichever comes first; the other one is asked again in the next round, and has lost
        // nothing by being dropped.
        filch::select! {
            line = lines.next_line() => match line? {
                Some(line) => room.tell_others(&seat.name, &format!("{}: {line}\n", seat.name)),
                None => return Ok(()),
            },
            news = seat.mailbox.take() => writer.write_all(news.as_bytes()).await?,
        }
    }
}

/// Everybody's mailbox, by name.
#[derive(Default)]
struct Room(Mutex<BTreeMap<String, Arc<Mailbox>>>);

impl Room {
    fn tell_others(&self, from: &str, line: &str) {
        let others: Vec<_> = {
            let people = self.0.lock().unwrap();
            people.iter().filter(|(name, _)| *name != from).map(|(_, mail)| mail.clone()).collect()
        };
        let line: Arc<str> = line.into();
        others.iter().for_each(|mailbox| mailbox.put(line.clone()));
    }
}

/// A place in the room; given up when it is dropped, however the stay ended.
struct Seat {
    room: Arc<Room>,
    name: String,
    mailbox: Arc<Mailbox>,
}

impl Seat {
    /// `None`: somebody of that name is there, or it is no name.
    fn take(room: &Arc<Room>, name: &str) -> Option<Seat> {
        let mailbox = Arc::new(Mailbox::default());
        {
            let mut people = room.0.lock().unwrap();
            if name.is_empty() || people.contains_key(name) {
                return None;
            }
            people.insert(name.to_owned(), mailbox.clone());
        }
        room.tell_others(name, &format!("* {name} is here\n"));
        Some(Seat { room: room.clone(), name: name.to_owned(), mailbox })
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.room.0.lock().unwrap().remove(&self.name);
        self.room.tell_others(&self.name, &format!("* {} has left\n", self.name));
    }
}

/// Lines for one person: anybody puts in, one task takes out.
#[derive(Default)]
struct Mailbox(Mutex<Mail>);

#[derive(Default)]
struct Mail {
    lines: VecDeque<Arc<str>>,
    reader: Option<Waker>,
}

impl Mailbox {
    fn put(&self, line: Arc<str>) {
        let reader = {
            let mut mail = self.0.lock().unwrap();
            if mail.lines.len() == MAILBOX_LIMIT {
                mail.lines.pop_front();
            }
            mail.lines.push_back(line);
            mail.reader.take()
        };
        // Not under the lock: a waker may do anything, even come back here.
        if let Some(reader) = reader {
            reader.wake();
        }
    }

    async fn take(&self) -> Arc<str> {
        poll_fn(|cx| self.poll_take(cx)).await
    }

    fn poll_take(&self, cx: &mut Context<'_>) -> Poll<Arc<str>> {
        let reader = cx.waker().clone();
        let mut mail = self.0.lock().unwrap();
        match mail.lines.pop_front() {
            Some(line) => Poll::Ready(line),
            None => {
                let before = mail.reader.replace(reader);
                drop(mail);
                drop(before);
                Poll::Pending
            }
        }
    }
}
