//! Random programs of reads and writes, plain at first and under TLS from some point on, over sockets
//! with hardly any room, against a plain slice of bytes.

use super::*;
use filch::net::TcpStream;
use filch::streams::{StartTls, open_unix_connection, start_unix_server};
use filch::sync::mpsc;
use filch::tls::TlsConnector;
use filch::tls::rustls::version::{TLS12, TLS13};
use proptest::prelude::*;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

#[derive(Clone, Debug)]
enum Step {
    Write(usize),
    Drain,
    Flush,
    Yield,
    /// At most so many bytes; tried once before, and given up if there are none.
    Read(usize),
    Exactly(usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => prop_oneof![1..100_usize, 1..40_000_usize].prop_map(Step::Write),
        1 => Just(Step::Drain),
        1 => Just(Step::Flush),
        1 => Just(Step::Yield),
        2 => (0..30_000_usize).prop_map(Step::Read),
        1 => (0..30_000_usize).prop_map(Step::Exactly),
    ]
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    proptest::collection::vec(step(), 0..12)
}

/// The bytes of one direction, from the first on.
fn byte(at: usize, salt: u8) -> u8 {
    (at as u8).wrapping_mul(31).wrapping_add((at >> 8) as u8).wrapping_add(salt)
}

/// One side: what it has sent and received so far, in its way.
struct Player {
    reader: StreamReader,
    writer: StreamWriter,
    salts: [u8; 2],
    received: usize,
    /// How many bytes both have written, this one first.
    written: [Arc<AtomicUsize>; 2],
}

impl Player {
    fn take(&mut self, bytes: &[u8]) {
        for &found in bytes {
            assert_eq!(found, byte(self.received, self.salts[1]), "at {}", self.received);
            self.received += 1;
        }
    }

    async fn play(&mut self, steps: &[Step]) {
        for step in steps {
            // Nobody waits for what the peer has not written yet.
            let left = self.written[1].load(Ordering::SeqCst) - self.received;
            match *step {
                Step::Write(count) => {
                    let sent = self.written[0].load(Ordering::SeqCst);
                    let bytes = (sent..sent + count).map(|at| byte(at, self.salts[0]));
                    self.writer.write(&*bytes.collect::<Vec<u8>>());
                    self.written[0].fetch_add(count, Ordering::SeqCst);
                }
                // The peer may wait for the same.
                Step::Drain | Step::Flush if left > 0 => {
                    let reading = async {
                        let bytes = self.reader.read(1000.min(left)).await.unwrap();
                        (bytes, std::future::pending::<()>()).0
                    };
                    let waiting = async {
                        match step {
                            Step::Drain => self.writer.drain().await.unwrap(),
                            _ => self.writer.flush().await.unwrap(),
                        }
                    };
                    let bytes = filch::select! {
                        bytes = reading => bytes,
                        () = waiting => continue,
                    };
                    self.take(&bytes);
                }
                Step::Drain => self.writer.drain().await.unwrap(),
                Step::Flush => self.writer.flush().await.unwrap(),
                Step::Yield => filch::task::yield_now().await,
                Step::Read(count) => {
                    let count = count.min(left);
                    let bytes = match at_once(self.reader.read(count)) {
                        Some(bytes) => bytes.unwrap(),
                        None => self.reader.read(count).await.unwrap(),
                    };
                    assert!(bytes.len() <= count && (count == 0 || !bytes.is_empty()));
                    self.take(&bytes);
                }
                Step::Exactly(count) => {
                    let count = count.min(left);
                    let bytes = match at_once(self.reader.readexactly(count)) {
                        Some(bytes) => bytes.unwrap(),
                        None => self.reader.readexactly(count).await.unwrap(),
                    };
                    self.take(&bytes);
                }
            }
        }
    }

    /// All that is still to come up to there, and nothing of what is behind it.
    async fn catch_up(&mut self, coming: usize) {
        let bytes = self.reader.readexactly(coming - self.received).await.unwrap();
        self.take(&bytes);
    }
}

fn written(steps: &[Step]) -> usize {
    let count = |step: &Step| if let Step::Write(count) = step { *count } else { 0 };
    steps.iter().map(count).sum()
}

/// Both ends of a connection with as little room as the system allows.
async fn narrow() -> (Ends, Ends) {
    static NUMBER: AtomicUsize = AtomicUsize::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let name = format!("filch-streams-tls-{}-{number}", std::process::id());
    let path = std::env::temp_dir().join(name);
    let (send, mut receive) = mpsc::unbounded_channel();
    let server = start_unix_server(&path, move |reader, writer| {
        let _ = send.send((reader, writer));
        async {}
    });
    let server = server.await.unwrap();
    let near = open_unix_connection(&path).await.unwrap();
    let far = within(receive.recv()).await.unwrap();
    server.close();
    for (_, writer) in [&near, &far] {
        let socket = socket2::SockRef::from(writer.as_unix().unwrap());
        socket.set_send_buffer_size(1).unwrap();
        socket.set_recv_buffer_size(1).unwrap();
    }
    (near, far)
}

/// A side plays in plain, makes itself secure, plays on, and says good-bye.
async fn side(
    ends: Ends,
    salts: [u8; 2],
    written: [Arc<AtomicUsize>; 2],
    ours: [Vec<Step>; 2],
    theirs: [usize; 2],
    tls: StartTls,
) {
    let (reader, writer) = ends;
    let mut player = Player { reader, writer, salts, received: 0, written };
    player.play(&ours[0]).await;
    player.catch_up(theirs[0]).await;
    player.writer.start_tls(&mut player.reader, tls).await.unwrap();
    player.play(&ours[1]).await;
    player.catch_up(theirs[0] + theirs[1]).await;
    player.writer.write_eof();
    let rest = player.reader.read_to_end().await.unwrap();
    assert!(rest.is_empty(), "{} bytes too many", rest.len());
    player.writer.close();
    player.writer.wait_closed().await.unwrap();
}

fn runtime(threads: usize) -> filch::runtime::Runtime {
    use filch::runtime::Builder;
    match threads {
        0 => Builder::new_current_thread().build().unwrap(),
        threads => Builder::new_multi_thread().worker_threads(threads).build().unwrap(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]
    #[test]
    fn a_program_meets_its_bytes_in_their_order(
        near in [steps(), steps()],
        far in [steps(), steps()],
        threads in 0..3_usize,
        version in prop_oneof![Just(&TLS12), Just(&TLS13)],
    ) {
        let identity = Identity::new("localhost");
        let client = StartTls::client(connector(identity.client()), name("localhost"));
        let server = StartTls::server(acceptor(identity.server_of(version)));
        let count = |steps: &[Vec<Step>; 2]| [written(&steps[0]), written(&steps[1])];
        let counts = [count(&near), count(&far)];
        let written: [Arc<AtomicUsize>; 2] = Default::default();
        let turned = [written[1].clone(), written[0].clone()];
        runtime(threads).block_on(async {
            let ends = narrow().await;
            let near = filch::spawn(side(ends.0, [1, 2], written, near, counts[1], client));
            let far = filch::spawn(side(ends.1, [2, 1], turned, far, counts[0], server));
            let (near, far) = within(async { filch::join!(near, far) }).await;
            near.unwrap();
            far.unwrap();
        });
    }
}

#[test]
fn readers_and_writers_of_their_own_threads_do_not_hold_each_other_up() {
    let identity = Identity::new("localhost");
    runtime(4).block_on(async {
        let ((mut near_reader, mut near), (mut far_reader, mut far)) = narrow().await;
        let both = async {
            let client = (connector(identity.client()), name("localhost"));
            filch::join!(
                near.start_tls(&mut near_reader, client),
                far.start_tls(&mut far_reader, acceptor(identity.server()))
            )
        };
        let (ours, theirs) = within(both).await;
        ours.unwrap();
        theirs.unwrap();
        const ROUNDS: usize = 3000;
        let (mut writing, mut reading) = (Vec::new(), Vec::new());
        for mut writer in [near, far] {
            writing.push(filch::spawn(async move {
                for round in 0..ROUNDS {
                    writer.write(&*vec![round as u8; 1 + round % 700]);
                    writer.drain().await.unwrap();
                }
                writer.write_eof();
                writer.flush().await.unwrap();
                // Not closed: the reader beside it is still at it.
                writer
            }));
        }
        for mut reader in [near_reader, far_reader] {
            reading.push(filch::spawn(async move {
                for round in 0..ROUNDS {
                    let bytes = reader.readexactly(1 + round % 700).await.unwrap();
                    assert!(bytes.iter().all(|&byte| byte == round as u8));
                }
                assert_eq!(reader.read_to_end().await.unwrap(), "");
            }));
        }
        for task in reading {
            within(task).await.unwrap();
        }
        for task in writing {
            let mut writer = within(task).await.unwrap();
            writer.close();
            within(writer.wait_closed()).await.unwrap();
        }
    });
}

#[filch::test]
async fn new_keys_in_the_midst_are_nothing_one_notices() {
    use filch::io::{AsyncReadExt, AsyncWriteExt};
    let identity = Identity::new("localhost");
    let (server, mut clients) = listen(ServerOptions::new().tls(acceptor(identity.server()))).await;
    let stream = TcpStream::connect(server.local_addrs()[0]).await.unwrap();
    let connector: TlsConnector = connector(identity.client());
    let mut client = connector.connect(name("localhost"), stream).await.unwrap();
    let (mut reader, mut writer) = within(clients.recv()).await.unwrap();
    let asking = async {
        let mut back = [0; 1000];
        for round in 0..100_u8 {
            client.get_mut().1.refresh_traffic_keys().unwrap();
            client.write_all(&[round; 1000]).await.unwrap();
            client.read_exact(&mut back).await.unwrap();
            assert_eq!(back, [round; 1000]);
        }
        client.shutdown().await.unwrap();
        assert_eq!(client.read(&mut back).await.unwrap(), 0);
    };
    let answering = async {
        while let bytes = reader.read(1 << 16).await.unwrap()
            && !bytes.is_empty()
        {
            writer.write(bytes);
        }
        drop(writer);
    };
    within(async { filch::join!(asking, answering) }).await;
}
