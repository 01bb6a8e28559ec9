//! The load generator: one thread, epoll, one message in flight per connection.

pub(crate) mod bare;

use std::{
    io::{self, Read, Write},
    net::{Ipv4Addr, TcpStream},
    os::fd::OwnedFd,
    time::{Duration, Instant},
};

use rustix::{
    buffer::spare_capacity,
    event::{
        Timespec,
        epoll::{self, CreateFlags, Event, EventData, EventFlags},
    },
};

/// Bytes of a message.
pub(crate) const MESSAGE: usize = 64;
/// A request of HTTP, as short as one may be.
pub(crate) const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";
/// What a server of HTTP answers.
pub(crate) const GREETING: &[u8] =
    b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 13\r\n\r\nHello, world!";

/// What clients say, and how long the answer is.
#[derive(Clone, Copy)]
pub(crate) struct Talk {
    says: &'static [u8],
    hears: usize,
}

pub(crate) const ECHO: Talk = Talk { says: &[7; MESSAGE], hears: MESSAGE };
pub(crate) const HTTP: Talk = Talk { says: REQUEST, hears: GREETING.len() };

/// So many connect before a server must have answered them: fewer than wait in its backlog.
const BATCH: usize = 500;
/// A server that says nothing for so long has lost a connection.
const SILENCE_MAX: Duration = Duration::from_secs(10);

/// Connections to one server.
pub(crate) struct Clients {
    epoll: OwnedFd,
    talk: Talk,
    connections: Vec<Connection>,
}

struct Connection {
    stream: TcpStream,
    /// How much of the answer has not come yet.
    missing: usize,
    sent: Instant,
}

/// What the clients saw while they were watched.
#[derive(Default)]
pub(crate) struct Load {
    /// From sending a message to having all of it back, for each message sent and returned.
    pub(crate) nanos: Vec<u32>,
    /// How many messages came back.
    pub(crate) returned: usize,
    pub(crate) wall: Duration,
}

impl Clients {
    /// Connects in batches, each of which is answered before the next one comes.
    pub(crate) fn connect(port: u16, talk: Talk, connections: usize) -> io::Result<Clients> {
        let epoll = epoll::create(CreateFlags::CLOEXEC)?;
        let mut clients = Clients { epoll, talk, connections: Vec::with_capacity(connections) };
        while clients.connections.len() < connections {
            let begin = clients.connections.len();
            for index in begin..connections.min(begin + BATCH) {
                clients.add(port, index)?;
            }
            clients.once(begin)?;
        }
        Ok(clients)
    }

    fn add(&mut self, port: u16, index: usize) -> io::Result<()> {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        epoll::add(&self.epoll, &stream, EventData::new_u64(index as u64), EventFlags::IN)?;
        self.connections.push(Connection { stream, missing: 0, sent: Instant::now() });
        Ok(())
    }

    /// Sends a message on each connection from that one on; the number of answers.
    pub(crate) fn once(&mut self, from: usize) -> io::Result<usize> {
        for connection in &mut self.connections[from..] {
            connection.send(self.talk, Instant::now())?;
        }
        let timeout = Timespec { tv_sec: SILENCE_MAX.as_secs() as i64, tv_nsec: 0 };
        let mut events: Vec<Event> = Vec::with_capacity(256);
        let mut answers = 0;
        while answers < self.connections.len() - from {
            events.clear();
            epoll::wait(&self.epoll, spare_capacity(&mut events), Some(&timeout))?;
            if events.is_empty() {
                return Err(io::ErrorKind::TimedOut.into());
            }
            for event in &events {
                answers += usize::from(self.connections[event.data.u64() as usize].receive()?);
            }
        }
        Ok(answers)
    }

    /// Keeps every connection busy, first for `warm`, then for as long as is `watched`; calls
    /// `mark` when it begins and ends to watch. Awaits the answers that are due at the end.
    pub(crate) fn run(
        &mut self,
        warm: Duration,
        watched: Duration,
        mut mark: impl FnMut(),
    ) -> io::Result<Load> {
        let mut load = Load { nanos: Vec::with_capacity(1 << 20), ..Load::default() };
        let mut phase = Phase::Warming { until: Instant::now() + warm };
        for connection in &mut self.connections {
            connection.send(self.talk, Instant::now())?;
        }
        let mut flying = self.connections.len();
        let mut events: Vec<Event> = Vec::with_capacity(256);
        while flying > 0 {
            let now = Instant::now();
            match phase {
                Phase::Warming { until } if now >= until => {
                    mark();
                    phase = Phase::Watching { since: Instant::now() };
                }
                Phase::Watching { since } if now - since >= watched => {
                    load.wall = now - since;
                    mark();
                    phase = Phase::Landing;
                }
                _ => {}
            }
            events.clear();
            epoll::wait(&self.epoll, spare_capacity(&mut events), None)?;
            for event in &events {
                let connection = &mut self.connections[event.data.u64() as usize];
                if !connection.receive()? {
                    continue;
                }
                let now = Instant::now();
                match phase {
                    Phase::Warming { .. } => {}
                    Phase::Watching { since } => {
                        load.returned += 1;
                        // Those under way when the watch began met the `mark`.
                        if connection.sent >= since {
                            load.nanos.push((now - connection.sent).as_nanos() as u32);
                        }
                    }
                    Phase::Landing => {
                        flying -= 1;
                        continue;
                    }
                }
                connection.send(self.talk, now)?;
            }
        }
        Ok(load)
    }
}

/// What the clients are doing.
#[derive(Clone, Copy)]
enum Phase {
    Warming {
        until: Instant,
    },
    Watching {
        since: Instant,
    },
    /// Nothing is sent any more.
    Landing,
}

impl Connection {
    fn send(&mut self, talk: Talk, now: Instant) -> io::Result<()> {
        self.sent = now;
        self.missing = talk.hears;
        // One message never fills a socket's buffer.
        let written = self.stream.write(talk.says)?;
        assert_eq!(written, talk.says.len(), "a message is written whole");
        Ok(())
    }

    /// Whether the answer is complete.
    fn receive(&mut self) -> io::Result<bool> {
        let mut buffer = [0; 256];
        let missing = self.missing.min(buffer.len());
        match self.stream.read(&mut buffer[..missing]) {
            Ok(0) => Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(n) => {
                self.missing -= n;
                Ok(self.missing == 0)
            }
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => Ok(false),
            Err(e) => Err(e),
        }
    }
}
