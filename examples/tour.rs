//! A tour of the runtime: a server and hundreds of clients, timers, blocking calls, a task that panics
//! and one that is aborted. Prints what happened and what the runtime counted.
//!
//! ```text
//! cargo run --release --example tour
//! ```
//!
//! It ends by itself, within a second or two, and fails if anything is not as it should be.

use filch::io::{AsyncReadExt, AsyncWriteExt};
use filch::net::{TcpListener, TcpStream};
use filch::runtime::{Handle, RuntimeMetrics};
use filch::time::{Duration, Instant, interval, sleep, timeout};
use std::error::Error;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// What a stop of the tour has to tell, or what was not as it should be.
type Told = Result<String, Box<dyn Error + Send + Sync>>;

const CLIENTS: usize = 300;
const MESSAGES: usize = 10;

#[filch::main]
pub(crate) async fn main() -> ExitCode {
    let metrics = Handle::current().metrics();
    println!("filch, {} workers\n", metrics.num_workers());
    let start = Instant::now();
    match timeout(Duration::from_secs(60), stops()).await {
        Ok(true) => {}
        Ok(false) => return ExitCode::FAILURE,
        Err(_) => {
            println!("\nafter a minute it is still not over");
            return ExitCode::FAILURE;
        }
    }
    report(&metrics);
    println!("\nall as it should be, after {:.2?}", start.elapsed());
    ExitCode::SUCCESS
}

/// All stops, one after the other. False: one of them failed.
async fn stops() -> bool {
    stop("echo", echo()).await
        && stop("sleep", sleeping()).await
        && stop("interval", ticking()).await
        && stop("timeout", giving_up()).await
        && stop("join!", joining()).await
        && stop("select!", selecting()).await
        && stop("spawn_blocking", blocking()).await
        && stop("block_in_place", blocking_in_place()).await
        && stop("panic", panicking()).await
        && stop("abort", aborting()).await
}

async fn stop(name: &str, visit: impl Future<Output = Told>) -> bool {
    let start = Instant::now();
    let told = visit.await;
    let took = start.elapsed().as_secs_f64() * 1e3;
    match &told {
        Ok(story) => println!("  {name:<15} {took:>7.1} ms   {story}"),
        Err(problem) => println!("  {name:<15} {took:>7.1} ms   FAILED: {problem}"),
    }
    told.is_ok()
}

/// The error of a stop, unless `right`.
fn check(right: bool, otherwise: &str) -> Result<(), Box<dyn Error + Send + Sync>> {
    if right { Ok(()) } else { Err(otherwise.into()) }
}

/// A server on the loopback device, and all its clients at the same time.
async fn echo() -> Told {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let echoed = Arc::new(AtomicUsize::new(0));
    let server = filch::spawn(serve(listener, echoed.clone()));

    let clients: Vec<_> =
        (0..CLIENTS).map(|number| filch::spawn(converse(address, number))).collect();
    let mut bytes = 0;
    for client in clients {
        bytes += client.await??;
    }
    server.abort();
    check(server.await.is_err_and(|error| error.is_cancelled()), "the server did not stop")?;
    check(echoed.load(Ordering::Relaxed) == bytes, "the server has counted other bytes")?;
    Ok(format!("{CLIENTS} clients, {} messages, {bytes} bytes: all came back", CLIENTS * MESSAGES))
}

async fn serve(listener: TcpListener, echoed: Arc<AtomicUsize>) -> std::io::Result<()> {
    loop {
        let (mut client, _) = listener.accept().await?;
        let echoed = echoed.clone();
        let connection = async move {
            let mut buffer = [0; 1024];
            loop {
                let count = client.read(&mut buffer).await?;
                if count == 0 {
                    return std::io::Result::Ok(());
                }
                echoed.fetch_add(count, Ordering::Relaxed);
                client.write_all(&buffer[..count]).await?;
            }
        };
        drop(filch::spawn(connection));
    }
}

/// Sends messages that differ in length and content, and compares what comes back.
async fn converse(
    address: SocketAddr,
    number: usize,
) -> Result<usize, Box<dyn Error + Send + Sync>> {
    let mut stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let mut bytes = 0;
    for message in 0..MESSAGES {
        let sent: Vec<u8> =
            (0..1 + 37 * message + number).map(|i| (i * 31 + number + message) as u8).collect();
        stream.write_all(&sent).await?;
        let mut back = vec![0; sent.len()];
        stream.read_exact(&mut back).await?;
        check(sent == back, "a message came back changed")?;
        bytes += sent.len();
    }
    Ok(bytes)
}

/// Thousand tasks sleep for different times.
async fn sleeping() -> Told {
    let sleepers: Vec<_> = (0..1000)
        .map(|number| {
            filch::spawn(async move {
                let wanted = Duration::from_micros(20_000 + number * 20);
                let start = Instant::now();
                sleep(wanted).await;
                start.elapsed().checked_sub(wanted)
            })
        })
        .collect();
    let mut late = Vec::new();
    for sleeper in sleepers {
        late.push(sleeper.await?.ok_or("somebody woke too early")?);
    }
    late.sort();
    Ok(format!("1000 sleepers, none early, the middle one {:.0?} late", late[late.len() / 2]))
}

async fn ticking() -> Told {
    let mut ticks = interval(Duration::from_millis(5));
    let first = ticks.tick().await;
    let mut last = first;
    for _ in 0..10 {
        last = ticks.tick().await;
    }
    check(last - first >= Duration::from_millis(50), "a tick came too early")?;
    Ok("10 ticks, one every 5 ms".to_owned())
}

/// Waits for a server that accepts, and says nothing.
async fn giving_up() -> Told {
    let silent = TcpListener::bind("127.0.0.1:0").await?;
    let mut stream = TcpStream::connect(silent.local_addr()?).await?;
    let answer = timeout(Duration::from_millis(30), stream.read(&mut [0; 1])).await;
    check(answer.is_err(), "a silent server answered")?;
    Ok("gave up on a silent server after 30 ms".to_owned())
}

/// Futures in one task, by turns: all begin before any ends.
async fn joining() -> Told {
    let begun = AtomicUsize::new(0);
    let part = async |pause| {
        begun.fetch_add(1, Ordering::Relaxed);
        sleep(Duration::from_millis(pause)).await;
        begun.load(Ordering::Relaxed)
    };
    let begun_by_then = filch::join!(part(5), part(10), part(15));
    check(begun_by_then == (3, 3, 3), "one ended before another had begun")?;
    Ok("3 sleeps in one task, side by side".to_owned())
}

async fn selecting() -> Told {
    let long = Duration::from_secs(3600);
    let winner = filch::select! {
        _ = sleep(long) => "an hour",
        _ = sleep(Duration::from_millis(10)) => "10 ms",
    };
    check(winner == "10 ms", "the longer sleep was over first")?;
    Ok("of a sleep of an hour and one of 10 ms, the second won".to_owned())
}

/// Four calls that block have a thread each; a task goes on meanwhile, for which they wait.
async fn blocking() -> Told {
    let turns = Arc::new(AtomicUsize::new(0));
    let call = |number| {
        let turns = turns.clone();
        filch::task::spawn_blocking(move || {
            while turns.load(Ordering::Relaxed) < 10 {
                block(1, ());
            }
            number
        })
    };
    let calls: Vec<_> = (0..4).map(call).collect();
    while calls.iter().any(|call| !call.is_finished()) {
        turns.fetch_add(1, Ordering::Relaxed);
        sleep(Duration::from_millis(1)).await;
    }
    let mut sum = 0;
    for call in calls {
        sum += call.await?;
    }
    check(sum == 6, "a blocking call returned something else")?;
    let turns = turns.load(Ordering::Relaxed);
    Ok(format!("4 calls that block, and this task took {turns} turns meanwhile"))
}

/// A task that blocks its own thread: others take over what it would hold up.
async fn blocking_in_place() -> Told {
    let task = filch::spawn(async {
        let friend = filch::spawn(async { "ran" });
        let value = filch::task::block_in_place(|| block(20, 7));
        (value, friend.await)
    });
    let (value, friend) = task.await?;
    check(value == 7 && friend? == "ran", "the call returned something else")?;
    Ok("a task blocked its thread for 20 ms, another one ran".to_owned())
}

#[allow(clippy::disallowed_methods, reason = "to block is the purpose")]
fn block<T>(ms: u64, value: T) -> T {
    std::thread::sleep(Duration::from_millis(ms));
    value
}

async fn panicking() -> Told {
    let task = filch::spawn(async {
        // As a panic does, but without the message on stderr.
        std::panic::resume_unwind(Box::new("out of luck"));
    });
    let error = task.await.err().ok_or("a task that panics returned something")?;
    check(error.is_panic(), "a panic was taken for something else")?;
    let payload = error.into_panic();
    let words = payload.downcast_ref::<&str>().ok_or("the panic's words are lost")?;
    Ok(format!("a task panicked with {words:?}; its worker goes on"))
}

async fn aborting() -> Told {
    struct Cleanup(Arc<AtomicBool>);
    impl Drop for Cleanup {
        fn drop(&mut self) {
            self.0.store(true, Ordering::Release);
        }
    }
    let clean = Arc::new(AtomicBool::new(false));
    let cleanup = Cleanup(clean.clone());
    let task = filch::spawn(async move {
        let _cleanup = cleanup;
        std::future::pending::<()>().await;
    });
    sleep(Duration::from_millis(1)).await;
    task.abort();
    check(task.await.is_err_and(|error| error.is_cancelled()), "the task was not cancelled")?;
    check(clean.load(Ordering::Acquire), "the task's values were not dropped")?;
    Ok("a task that waited for ever was aborted, and cleaned up".to_owned())
}

fn report(metrics: &RuntimeMetrics) {
    println!("\n  worker     polls   steals    parks   busy");
    for worker in 0..metrics.num_workers() {
        println!(
            "  {worker:>6} {:>9} {:>8} {:>8}   {:.1?}",
            metrics.worker_poll_count(worker),
            metrics.worker_steal_count(worker),
            metrics.worker_park_count(worker),
            metrics.worker_total_busy_duration(worker),
        );
    }
    println!();
    println!("  tasks spawned        {:>8}", metrics.spawned_tasks_count());
    println!("  queued from outside  {:>8}", metrics.remote_schedule_count());
    println!("  blocking threads     {:>8}", metrics.num_blocking_threads());
    println!("  sockets registered   {:>8}", metrics.io_driver_fd_registered_count());
    println!("  events of readiness  {:>8}", metrics.io_driver_ready_count());
}
