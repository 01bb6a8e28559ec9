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
    event::epoll::{self, CreateFlags, Event, EventData, EventFlags},
};

use crate::rows::MESSAGE;

/// Connections to one server.
pub(crate) struct Clients {
    epoll: OwnedFd,
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
    pub(crate) fn connect(port: u16, connections: usize) -> io::Result<Clients> {
        let epoll = epoll::create(CreateFlags::CLOEXEC)?;
        let connections = (0..connections as u64)
            .map(|index| {
                let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
                stream.set_nodelay(true)?;
                stream.set_nonblocking(true)?;
                epoll::add(&epoll, &stream, EventData::new_u64(index), EventFlags::IN)?;
                Ok(Connection { stream, missing: 0, sent: Instant::now() })
            })
            .collect::<io::Result<_>>()?;
        Ok(Clients { epoll, connections })
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
            connection.send(Instant::now())?;
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
                connection.send(now)?;
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
    fn send(&mut self, now: Instant) -> io::Result<()> {
        self.sent = now;
        self.missing = MESSAGE;
        // One message never fills a socket's buffer.
        let written = self.stream.write(&[7; MESSAGE])?;
        assert_eq!(written, MESSAGE, "a message is written whole");
        Ok(())
    }

    /// Whether the answer is complete.
    fn receive(&mut self) -> io::Result<bool> {
        let mut buffer = [0; MESSAGE];
        match self.stream.read(&mut buffer[..self.missing]) {
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
