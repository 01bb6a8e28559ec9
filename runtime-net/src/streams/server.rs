//! `Server`: takes connections, gives each to a task, and knows its clients.

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::panic::Location;
use std::pin::Pin;
use std::sync::{Arc, Weak};
use std::time::Duration;

use runtime_core::background::{Outcome, background_on, name_of};
use runtime_core::runtime::Handle;
use runtime_core::task::{AbortHandle, CancelReason, CancelSource};
use runtime_core::task_tracker::{TaskTracker, TaskTrackerToken};
use runtime_core::time::timeout;
use runtime_sync::lock::Event;
use runtime_sync::primitives::Mutex;

use super::connect::pair;
use super::connection::Connection;
use super::transport::Transport;
use super::unix::UnixDoor;
use super::{ServerOptions, StreamReader, StreamWriter};
use crate::addr::ToSocketAddrs;
use crate::tcp::TcpListener;

/// Listens at every address of `addr`, and runs `handler` in a task of its own for each connection.
///
/// An address that occurs twice is listened at once; `[::]` means IPv6 only. An error that a handler
/// returns, and a panic of it, goes to [`on_unhandled`](runtime_core::runtime::Builder::on_unhandled), and
/// only its connection ends. If there is no descriptor left for a
/// connection, that is logged too, and accepting pauses. `TCP_NODELAY` is set. See [`ServerOptions`]
/// for more. The counterpart of `asyncio.start_server`.
///
/// # Errors
///
/// The name cannot be looked up, or one of the addresses cannot be listened at; then none is.
///
/// # Panics
///
/// There is no runtime on this thread.
///
/// # Cancel safety
///
/// Cancel safe: nothing is left behind.
///
/// # Examples
///
/// ```no_run
/// use filch::streams::start_server;
///
/// #[filch::main]
/// async fn main() -> std::io::Result<()> {
///     let server = start_server("127.0.0.1:8888", |mut reader, mut writer| async move {
///         let Ok(line) = reader.readline().await else { return };
///         writer.write(line);
///     })
///     .await?;
///     server.serve_forever().await
/// }
/// ```
#[track_caller]
pub fn start_server<A, H, F>(addr: A, handler: H) -> impl Future<Output = io::Result<Server>>
where
    A: ToSocketAddrs,
    H: Fn(StreamReader, StreamWriter) -> F + Send + Sync + 'static,
    F: Future<Output: Outcome> + Send + 'static,
{
    ServerOptions::new().serve(addr, handler)
}

/// A server. Dropping it closes it: nobody is let in any more, and those who are in stay.
///
/// The counterpart of `asyncio.Server`.
///
/// # Examples
///
/// ```
/// use filch::streams::{open_connection, start_server};
/// use filch::time::Duration;
///
/// # #[filch::main]
/// # async fn main() -> std::io::Result<()> {
/// let server = start_server("127.0.0.1:0", |mut reader, _writer| async move {
///     let _ = reader.read_to_end().await;
/// })
/// .await?;
/// let (_reader, _writer) = open_connection(server.local_addrs()[0]).await?;
/// // The client does not go by itself, and is made to.
/// server.graceful_shutdown(Duration::from_millis(10)).await;
/// assert!(!server.is_serving());
/// # Ok(())
/// # }
/// ```
pub struct Server {
    shared: Arc<Shared>,
}

type Handler = dyn Fn(StreamReader, StreamWriter) -> Pin<Box<dyn Future<Output = Handled> + Send>>
    + Send
    + Sync;

/// How a handler has ended.
type Handled = Result<(), Box<dyn Error + Send + Sync>>;

struct Shared {
    options: ServerOptions,
    handler: Box<Handler>,
    /// That of the handlers' tasks.
    name: Arc<str>,
    /// Where the server was started, which says more of a handler's task than our own line.
    place: &'static Location<'static>,
    runtime: Handle,
    /// Tasks at the doors, tasks of handlers, and connections that are not closed.
    living: TaskTracker,
    closed: Event,
    state: Mutex<State>,
}

struct State {
    doors: Doors,
    forever: bool,
    clients: BTreeMap<u64, Client>,
    next_client: u64,
    /// Why the clients were told to go.
    given_up: Option<CancelReason>,
}

impl State {
    /// To serve until the server is closed, once.
    fn begin_forever(&mut self) -> io::Result<()> {
        let why = match self.doors {
            Doors::Closed => "the server is closed",
            _ if self.forever => "`serve_forever` was called before",
            _ => {
                self.forever = true;
                return Ok(());
            }
        };
        Err(io::Error::new(io::ErrorKind::InvalidInput, why))
    }
}

/// How far the server has come.
enum Doors {
    Waiting(Vec<Door>),
    Serving(Vec<SocketAddr>, Vec<AbortHandle>),
    Closed,
}

struct Client {
    connection: Weak<Connection>,
    handler: Option<AbortHandle>,
}

/// What connections come through.
pub(super) enum Door {
    Tcp(TcpListener),
    #[cfg_attr(not(unix), expect(dead_code, reason = "there are no Unix sockets"))]
    Unix(UnixDoor),
}

impl Door {
    async fn accept(&self) -> io::Result<Transport> {
        Ok(match self {
            Door::Tcp(listener) => Transport::Tcp(listener.accept().await?.0),
            Door::Unix(door) => Transport::Unix(door.accept().await?),
        })
    }

    fn local_addr(&self) -> Option<SocketAddr> {
        match self {
            Door::Tcp(listener) => listener.local_addr().ok(),
            Door::Unix(_) => None,
        }
    }
}

impl Server {
    #[track_caller]
    pub(super) fn new<H, F>(
        options: ServerOptions,
        doors: Vec<Door>,
        handler: H,
        place: &'static Location<'static>,
    ) -> Server
    where
        H: Fn(StreamReader, StreamWriter) -> F + Send + Sync + 'static,
        F: Future<Output: Outcome> + Send + 'static,
    {
        let handler = move |reader, writer| -> Pin<Box<dyn Future<Output = Handled> + Send>> {
            let future = handler(reader, writer);
            Box::pin(async move { future.await.into_error().map_or(Ok(()), Err) })
        };
        let state = State {
            doors: Doors::Waiting(doors),
            forever: false,
            clients: BTreeMap::new(),
            next_client: 0,
            given_up: None,
        };
        let shared = Shared {
            options,
            handler: Box::new(handler),
            name: name_of::<F>(),
            place,
            runtime: Handle::current(),
            living: TaskTracker::new(),
            closed: Event::new(),
            state: Mutex::new(state),
        };
        Server { shared: Arc::new(shared) }
    }

    /// Lets clients in. Does nothing if the server does so already, or is closed.
    pub fn start(&self) {
        let shared = &self.shared;
        let mut state = shared.state.lock();
        let Doors::Waiting(doors) = &mut state.doors else { return };
        let doors = std::mem::take(doors);
        let addresses = doors.iter().filter_map(Door::local_addr).collect();
        state.doors = Doors::Serving(addresses, Vec::new());
        // A spawn may call hooks of the user.
        drop(state);
        let attend = |door| {
            let task = attend(shared.clone(), door);
            shared.living.spawn_on(task, &shared.runtime).abort_handle()
        };
        let tasks: Vec<_> = doors.into_iter().map(attend).collect();
        let mut state = shared.state.lock();
        if let Doors::Serving(_, attending) = &mut state.doors {
            *attending = tasks;
            return;
        }
        drop(state);
        // It was closed meanwhile.
        tasks.iter().for_each(AbortHandle::abort);
    }

    /// Lets clients in until the server is closed. Dropping the future closes the server.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](io::ErrorKind::InvalidInput) if the server is closed, or this was called
    /// before.
    ///
    /// # Cancel safety
    ///
    /// Dropping it closes the server, and does not wait for its clients:
    /// [`wait_closed`](Server::wait_closed) does.
    pub async fn serve_forever(&self) -> io::Result<()> {
        self.shared.state.lock().begin_forever()?;
        self.start();
        let _close = CloseOnDrop(self);
        self.shared.closed.wait().await;
        self.wait_closed().await;
        Ok(())
    }

    /// Lets nobody in any more. Those who are in stay. May be called again.
    pub fn close(&self) {
        let shared = &self.shared;
        let doors = std::mem::replace(&mut shared.state.lock().doors, Doors::Closed);
        if let Doors::Serving(_, tasks) = &doors {
            tasks.iter().for_each(AbortHandle::abort);
        }
        drop(doors);
        shared.living.close();
        shared.closed.set();
    }

    /// Closes the connections of all clients, once what was written is sent.
    pub fn close_clients(&self) {
        for connection in self.connections() {
            connection.end(super::outbox::Outbox::close);
        }
    }

    /// Ends the connections of all clients at once; what was not sent is lost.
    pub fn abort_clients(&self) {
        for connection in self.connections() {
            connection.abort();
        }
    }

    fn connections(&self) -> Vec<Arc<Connection>> {
        let state = self.shared.state.lock();
        state.clients.values().filter_map(|client| client.connection.upgrade()).collect()
    }

    /// Waits until the server is closed and no client is left: its handler has ended, and its
    /// connection is closed.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe.
    pub async fn wait_closed(&self) {
        self.shared.living.wait().await;
    }

    /// Closes the server and gives its clients `limit` to end by themselves. Then their connections
    /// are aborted and their handlers [cancelled](runtime_core::task::JoinHandle::cancel), and this
    /// waits for the handlers' clean-up. Returns whether that was not needed.
    ///
    /// # Cancel safety
    ///
    /// The server is closed in any case.
    pub async fn graceful_shutdown(&self, limit: Duration) -> bool {
        self.close();
        if timeout(limit, self.wait_closed()).await.is_ok() {
            return true;
        }
        let reason =
            CancelReason::new(CancelSource::Shutdown).with_message("the server shuts down");
        // First of all: who is about to come in sends himself away, see `welcome`.
        self.shared.state.lock().given_up = Some(reason.clone());
        self.abort_clients();
        let handlers: Vec<_> = {
            let state = self.shared.state.lock();
            state.clients.values().filter_map(|client| client.handler.clone()).collect()
        };
        handlers.iter().for_each(|handler| _ = handler.cancel(reason.clone()));
        self.wait_closed().await;
        false
    }

    /// Whether clients are let in.
    pub fn is_serving(&self) -> bool {
        matches!(self.shared.state.lock().doors, Doors::Serving(..))
    }

    /// Where it listens: none once it is closed, and none for a Unix socket. asyncio's `sockets`.
    pub fn local_addrs(&self) -> Vec<SocketAddr> {
        match &self.shared.state.lock().doors {
            Doors::Waiting(doors) => doors.iter().filter_map(Door::local_addr).collect(),
            Doors::Serving(addresses, _) => addresses.clone(),
            Doors::Closed => Vec::new(),
        }
    }

    /// How many clients there are.
    pub fn client_count(&self) -> usize {
        self.shared.state.lock().clients.len()
    }
}

struct CloseOnDrop<'a>(&'a Server);

impl Drop for CloseOnDrop<'_> {
    fn drop(&mut self) {
        self.0.close();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.close();
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("local_addrs", &self.local_addrs())
            .field("clients", &self.client_count())
            .finish_non_exhaustive()
    }
}

/// Lets clients in through one door, until it is aborted.
async fn attend(shared: Arc<Shared>, door: Door) {
    loop {
        match door.accept().await {
            Ok(transport) => shared.welcome(transport),
            // The next accept begins with a pause if that makes sense.
            Err(error) => tracing::error!(%error, "cannot accept a connection"),
        }
    }
}

impl Shared {
    fn welcome(self: &Arc<Shared>, transport: Transport) {
        if let (Transport::Tcp(stream), true) = (&transport, self.options.nodelay) {
            // An error means that the client has gone already, which its handler will notice.
            let _ = stream.set_nodelay(true);
        }
        let token: TaskTrackerToken = self.living.token();
        let connection = Connection::new(transport, Some(token));
        let entry = Entry::new(self, &connection);
        let (reader, writer) = pair(connection, self.options.limit);
        let (shared, number) = (self.clone(), entry.number);
        let task = self.living.track_future(async move {
            let _entry = entry;
            shared.attend_to(reader, writer).await
        });
        let handler = background_on(task, self.name.clone(), self.place, &self.runtime);
        self.let_in(number, handler);
    }

    /// The client has its task now. If the clients were given up meanwhile, it goes with the others.
    fn let_in(&self, number: u64, handler: AbortHandle) {
        let mut state = self.state.lock();
        let given_up = state.given_up.clone();
        let client = state.clients.get_mut(&number);
        let Some(reason) = given_up else {
            if let Some(client) = client {
                client.handler = Some(handler);
            }
            return;
        };
        let connection = client.and_then(|client| client.connection.upgrade());
        drop(state);
        connection.iter().for_each(|connection| connection.abort());
        handler.cancel(reason);
    }

    /// Runs the handler, once the client has been let in.
    async fn attend_to(&self, mut reader: StreamReader, mut writer: StreamWriter) -> Handled {
        let peer = writer.peer_addr().ok();
        if let Err(error) = self.options.tls.begin(&mut reader, &mut writer).await {
            tracing::debug!(?peer, %error, "a client was not let in");
            return Ok(());
        }
        (self.handler)(reader, writer).await
    }
}

/// A client in the server's book, for as long as its handler runs or its connection is open.
struct Entry {
    shared: Arc<Shared>,
    number: u64,
    connection: Arc<Connection>,
}

impl Entry {
    fn new(shared: &Arc<Shared>, connection: &Arc<Connection>) -> Entry {
        let mut state = shared.state.lock();
        let number = state.next_client;
        state.next_client += 1;
        let client = Client { connection: Arc::downgrade(connection), handler: None };
        state.clients.insert(number, client);
        Entry { shared: shared.clone(), number, connection: connection.clone() }
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        // A handler that let go of its writer while bytes are left: the connection is still a client.
        if !self.connection.outbox.is_over() {
            self.shared.linger(self.number, self.connection.clone());
            return;
        }
        self.shared.strike_out(self.number);
    }
}

impl Shared {
    fn strike_out(&self, number: u64) {
        let gone = self.state.lock().clients.remove(&number);
        drop(gone);
    }

    /// Strikes a client out when its connection is closed.
    fn linger(self: &Arc<Shared>, number: u64, connection: Arc<Connection>) {
        let shared = self.clone();
        let wait = async move {
            // Why it was lost is nobody's business any more.
            let _ = connection.outbox.until_closed().await;
            shared.strike_out(number);
        };
        drop(self.living.spawn_on(wait, &self.runtime));
    }
}
