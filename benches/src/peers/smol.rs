//! smol: its executor in a static on as many threads as the others get, plain or leaked.

use std::{
    io,
    net::SocketAddr,
    path::Path,
    thread,
    time::{Duration, Instant},
};

use async_executor::{Executor, StaticExecutor, Task};
use futures_channel::oneshot;
use futures_lite::{AsyncReadExt, AsyncWriteExt, StreamExt, future};
use smol::{
    Timer, fs,
    net::{TcpListener, TcpStream, UdpSocket},
    process::Command,
};

use crate::rows::Ctx;

static PLAIN: Executor<'static> = Executor::new();
static LEAKED: StaticExecutor = StaticExecutor::new();

/// The marker of this peer; `LEAKED_ONE` chooses the executor that never frees its tasks' slots.
pub(crate) struct SmolOn<const LEAKED_ONE: bool>;

/// smol as `smol::spawn` has it.
pub(crate) type Smol = SmolOn<false>;
/// smol over `StaticExecutor`, whose spawn takes no lock.
pub(crate) type SmolStatic = SmolOn<true>;

/// The threads that run the executor. A worker ends when its sender is dropped.
pub(crate) struct Workers {
    stops: Vec<oneshot::Sender<()>>,
    threads: Vec<thread::JoinHandle<()>>,
}

impl Drop for Workers {
    fn drop(&mut self) {
        self.stops.clear();
        for thread in self.threads.drain(..) {
            // A task's panic may have ended it; the row has failed with that already.
            let _ = thread.join();
        }
    }
}

impl<const LEAKED_ONE: bool> super::Peer for SmolOn<LEAKED_ONE> {
    type Runtime = Workers;
    type Remote = ();
    type Join<T: Send + 'static> = Task<T>;
    type Interval = Timer;
    type Listener = TcpListener;
    type Stream = TcpStream;
    type Datagrams = UdpSocket;

    fn start(ctx: &Ctx) -> Workers {
        let (stops, threads) = (0..ctx.workers)
            .map(|_| {
                let (stop, stopped) = oneshot::channel::<()>();
                let thread = thread::spawn(move || {
                    // Waits in the reactor, unlike futures-lite's block_on.
                    // That the sender is gone is how it is told to stop.
                    let _ = if LEAKED_ONE {
                        smol::block_on(LEAKED.run(stopped))
                    } else {
                        smol::block_on(PLAIN.run(stopped))
                    };
                });
                (stop, thread)
            })
            .unzip();
        Workers { stops, threads }
    }

    fn remote(_: &Workers) {}

    fn run<F>(_: &Workers, future: F) -> F::Output
    where
        F: Future<Output: Send + 'static> + Send + 'static,
    {
        // Only waits: the thread outside helps neither the executor nor the reactor.
        future::block_on(Self::spawn(future))
    }

    fn detach_from<F>(_: &(), future: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        Self::detach(future);
    }

    fn spawn<F>(future: F) -> Task<F::Output>
    where
        F: Future<Output: Send + 'static> + Send + 'static,
    {
        if LEAKED_ONE { LEAKED.spawn(future) } else { PLAIN.spawn(future) }
    }

    fn detach<F>(future: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        Self::spawn(future).detach();
    }

    fn spawn_blocking<T, F>(work: F) -> Task<T>
    where
        T: Send + 'static,
        F: FnOnce() -> T + Send + 'static,
    {
        smol::unblock(work)
    }

    fn yield_now() -> impl Future<Output = ()> + Send {
        future::yield_now()
    }

    fn cancel<T: Send + 'static>(task: Task<T>) {
        drop(task);
    }

    async fn group(children: usize) {
        let children: Vec<_> = (0..children).map(|i| Self::spawn(async move { i })).collect();
        for child in children {
            child.await;
        }
    }

    async fn gather<F>(futures: Vec<F>) -> Vec<usize>
    where
        F: Future<Output = Result<usize, ()>> + Send,
    {
        futures_util::future::try_join_all(futures).await.expect("none fails")
    }

    async fn sleep(duration: Duration) {
        Timer::after(duration).await;
    }

    async fn sleep_until(deadline: Instant) {
        Timer::at(deadline).await;
    }

    async fn timeout<F>(duration: Duration, future: F) -> Option<F::Output>
    where
        F: Future<Output: Send> + Send,
    {
        let done = async { Some(future.await) };
        let late = async {
            Timer::after(duration).await;
            None
        };
        future::or(done, late).await
    }

    async fn timeout_scope<F>(limit: Duration, body: F) -> Option<F::Output>
    where
        F: Future<Output: Send> + Send,
    {
        // A timer that can be set anew while the body runs.
        let mut timer = Timer::after(limit);
        let done = async { Some(body.await) };
        let late = async {
            (&mut timer).await;
            None
        };
        future::or(done, late).await
    }

    fn interval(period: Duration) -> Timer {
        Timer::interval(period)
    }

    async fn tick(interval: &mut Timer) {
        interval.next().await;
    }

    async fn bind() -> io::Result<(TcpListener, SocketAddr)> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let addr = listener.local_addr()?;
        Ok((listener, addr))
    }

    async fn accept(listener: &TcpListener) -> io::Result<TcpStream> {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        Ok(stream)
    }

    async fn connect(addr: SocketAddr) -> io::Result<TcpStream> {
        let stream = TcpStream::connect(addr).await?;
        stream.set_nodelay(true)?;
        Ok(stream)
    }

    async fn read<'a>(stream: &'a mut TcpStream, buffer: &'a mut [u8]) -> io::Result<usize> {
        stream.read(buffer).await
    }

    async fn read_exact<'a>(stream: &'a mut TcpStream, buffer: &'a mut [u8]) -> io::Result<()> {
        stream.read_exact(buffer).await
    }

    async fn write_all<'a>(stream: &'a mut TcpStream, bytes: &'a [u8]) -> io::Result<()> {
        stream.write_all(bytes).await
    }

    async fn relay(one: TcpStream, other: TcpStream) -> io::Result<()> {
        let there = one_way(one.clone(), other.clone());
        let back = one_way(other, one);
        future::try_zip(there, back).await.map(drop)
    }

    async fn datagrams() -> io::Result<[UdpSocket; 2]> {
        let one = UdpSocket::bind("127.0.0.1:0").await?;
        let other = UdpSocket::bind("127.0.0.1:0").await?;
        one.connect(other.local_addr()?).await?;
        other.connect(one.local_addr()?).await?;
        Ok([one, other])
    }

    async fn send<'a>(socket: &'a UdpSocket, bytes: &'a [u8]) -> io::Result<usize> {
        socket.send(bytes).await
    }

    async fn recv<'a>(socket: &'a UdpSocket, buffer: &'a mut [u8]) -> io::Result<usize> {
        socket.recv(buffer).await
    }

    async fn read_file(path: &Path) -> io::Result<Vec<u8>> {
        fs::read(path).await
    }

    async fn run_program(program: &'static str) -> io::Result<bool> {
        Ok(Command::new(program).status().await?.success())
    }

    async fn join_set(tasks: usize) -> usize {
        let tasks: Vec<_> = (0..tasks).map(|task| Self::spawn(async move { task })).collect();
        let mut joined = 0;
        for task in tasks {
            task.await;
            joined += 1;
        }
        joined
    }
}

/// Copies until `from` ends, and tells `to` so.
async fn one_way(from: TcpStream, mut to: TcpStream) -> io::Result<()> {
    smol::io::copy(from, &mut to).await?;
    to.close().await
}
