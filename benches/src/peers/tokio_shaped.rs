//! A peer written against tokio's names: one text for every crate that has them.

/// Defines `Shaped<MANY>`, the peer over the crate `$krate`: on many threads or on one. What the
/// crates name differently is in the module `own` beside the call.
macro_rules! tokio_shaped {
    (::$krate:ident) => {
        use std::{
            io,
            net::SocketAddr,
            path::Path,
            pin::Pin,
            task::{Context, Poll},
            time::{Duration, Instant},
        };

        use ::$krate::{
            fs,
            io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional},
            net::{TcpListener, TcpStream, UdpSocket},
            process::Command,
            runtime::{Builder, Handle, Runtime},
            task, time,
        };

        /// The marker of this peer; `MANY` chooses the flavour.
        pub(crate) struct Shaped<const MANY: bool>;

        /// A join handle whose task is known not to panic.
        pub(crate) struct Joined<T>(task::JoinHandle<T>);

        impl<T> Future for Joined<T> {
            type Output = T;

            fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
                Pin::new(&mut self.0).poll(cx).map(|output| output.expect("the task finishes"))
            }
        }

        impl<const MANY: bool> super::Peer for Shaped<MANY> {
            type Runtime = Runtime;
            type Remote = Handle;
            type Join<T: Send + 'static> = Joined<T>;
            type Interval = time::Interval;
            type Listener = TcpListener;
            type Stream = TcpStream;
            type Datagrams = UdpSocket;
            const THREADS_MAX: usize = if MANY { usize::MAX } else { 1 };

            fn start(ctx: &$crate::rows::Ctx) -> Runtime {
                let mut builder = match MANY {
                    true => Builder::new_multi_thread(),
                    false => Builder::new_current_thread(),
                };
                if MANY {
                    builder.worker_threads(ctx.workers);
                }
                if ctx.frozen {
                    own::freeze(&mut builder);
                }
                builder.enable_all().build().expect("the runtime starts")
            }

            fn remote(runtime: &Runtime) -> Handle {
                runtime.handle().clone()
            }

            fn run<F>(runtime: &Runtime, future: F) -> F::Output
            where
                F: Future<Output: Send + 'static> + Send + 'static,
            {
                runtime.block_on(Joined(runtime.spawn(future)))
            }

            fn detach_from<F>(remote: &Handle, future: F)
            where
                F: Future<Output = ()> + Send + 'static,
            {
                drop(remote.spawn(future));
            }

            fn spawn<F>(future: F) -> Joined<F::Output>
            where
                F: Future<Output: Send + 'static> + Send + 'static,
            {
                Joined(task::spawn(future))
            }

            fn detach<F>(future: F)
            where
                F: Future<Output = ()> + Send + 'static,
            {
                drop(task::spawn(future));
            }

            fn spawn_blocking<T, F>(work: F) -> Joined<T>
            where
                T: Send + 'static,
                F: FnOnce() -> T + Send + 'static,
            {
                Joined(task::spawn_blocking(work))
            }

            fn yield_now() -> impl Future<Output = ()> + Send {
                task::yield_now()
            }

            fn cancel<T: Send + 'static>(task: Joined<T>) {
                own::cancel(&task.0);
            }

            fn group(children: usize) -> impl Future<Output = ()> + Send {
                own::group(children)
            }

            async fn gather<F>(futures: Vec<F>) -> Vec<usize>
            where
                F: Future<Output = Result<usize, ()>> + Send,
            {
                own::gather(futures).await.expect("none fails")
            }

            fn sleep(duration: Duration) -> impl Future<Output = ()> + Send {
                time::sleep(duration)
            }

            fn sleep_until(deadline: Instant) -> impl Future<Output = ()> + Send {
                time::sleep_until(time::Instant::from_std(deadline))
            }

            async fn timeout<F>(duration: Duration, future: F) -> Option<F::Output>
            where
                F: Future<Output: Send> + Send,
            {
                time::timeout(duration, future).await.ok()
            }

            fn timeout_scope<F>(
                limit: Duration,
                body: F,
            ) -> impl Future<Output = Option<F::Output>> + Send
            where
                F: Future<Output: Send> + Send,
            {
                own::timeout_scope(limit, body)
            }

            fn interval(period: Duration) -> time::Interval {
                time::interval(period)
            }

            async fn tick(interval: &mut time::Interval) {
                interval.tick().await;
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

            async fn read<'a>(
                stream: &'a mut TcpStream,
                buffer: &'a mut [u8],
            ) -> io::Result<usize> {
                stream.read(buffer).await
            }

            async fn read_exact<'a>(
                stream: &'a mut TcpStream,
                buffer: &'a mut [u8],
            ) -> io::Result<()> {
                stream.read_exact(buffer).await.map(drop)
            }

            async fn write_all<'a>(stream: &'a mut TcpStream, bytes: &'a [u8]) -> io::Result<()> {
                stream.write_all(bytes).await
            }

            async fn relay(mut one: TcpStream, mut other: TcpStream) -> io::Result<()> {
                copy_bidirectional(&mut one, &mut other).await.map(drop)
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
                let mut set = task::JoinSet::new();
                for task in 0..tasks {
                    set.spawn(async move { task });
                }
                let mut joined = 0;
                while let Some(output) = set.join_next().await {
                    output.expect("the task finishes");
                    joined += 1;
                }
                joined
            }
        }
    };
}
pub(crate) use tokio_shaped;
