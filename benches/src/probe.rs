//! What is asked of the operating system: CPU, memory, and processes of a peer's own.

use std::{
    env, fs,
    io::{self, BufRead, BufReader, Write},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    sync::OnceLock,
    thread,
    time::Duration,
};

use rustix::{
    process::{Resource, getrlimit, setrlimit},
    time::{ClockId, clock_gettime},
};

use crate::{
    foreign,
    peers::PeerId,
    rows::{self, Ctx, Row, Sample, Service},
};

/// The first argument of a process that runs one row once and prints its sample.
const CHILD: &str = "--child";
/// The first argument of a process that serves until its standard input ends.
const SERVER: &str = "--server";

/// No sample takes as long as this, unless it hangs.
pub(crate) const SAMPLE_MAX: Duration = Duration::from_secs(40);

/// CPU time that all threads of this process have had.
pub(crate) fn cpu() -> Duration {
    read(ClockId::ProcessCPUTime)
}

/// CPU time that this thread has had.
pub(crate) fn cpu_of_this_thread() -> Duration {
    read(ClockId::ThreadCPUTime)
}

fn read(clock: ClockId) -> Duration {
    let spent = clock_gettime(clock);
    Duration::new(spent.tv_sec as u64, spent.tv_nsec as u32)
}

/// The memory of this process that is in RAM.
pub(crate) fn resident_bytes() -> usize {
    let statm = fs::read_to_string("/proc/self/statm").expect("Linux tells");
    let pages: usize = statm.split(' ').nth(1).and_then(|p| p.parse().ok()).expect("in pages");
    pages * rustix::param::page_size()
}

/// Allows as many open files as this user may have: a thousand connections need two thousand.
pub(crate) fn raise_open_files() {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    // Where it is refused, rows with many connections will say so.
    let _ = setrlimit(Resource::Nofile, limit);
}

/// Runs `row` once on `peer` in a process of its own.
pub(crate) fn alone(row: &Row, peer: PeerId, ctx: &Ctx) -> Sample {
    let what = format!("{} on {}", row.name, peer.name());
    sample_of(this_program(&[], CHILD, row.name, peer, ctx), &what)
}

/// The numbers that a process prints which is `what`.
pub(crate) fn sample_of(mut command: Command, what: &str) -> Sample {
    let output = command.stderr(Stdio::inherit()).output().expect("the program can be started");
    assert!(output.status.success(), "{what}: {}", output.status);
    let printed = String::from_utf8(output.stdout).expect("numbers");
    printed.split_whitespace().map(|number| number.parse().expect("a number")).collect()
}

/// The event of perf that every system call is.
const SYSTEM_CALL: &str = "raw_syscalls:sys_enter";

/// The system calls that one run of the row `name` makes; `None` if nobody can count them.
pub(crate) fn system_calls(name: &str, peer: PeerId, ctx: &Ctx) -> Option<f64> {
    let report = env::temp_dir().join(format!("filch-benches-{}.calls", std::process::id()));
    let path = report.to_str()?;
    let by_perf = has_perf();
    let wrapper: &[&str] = match by_perf {
        true => &["perf", "stat", "-x", ",", "-e", SYSTEM_CALL, "-o", path],
        false => &["strace", "-f", "-c", "-U", "calls,name", "-o", path],
    };
    let status = this_program(wrapper, CHILD, name, peer, ctx)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    let printed = fs::read_to_string(&report);
    let _ = fs::remove_file(&report);
    if !status.is_ok_and(|status| status.success()) {
        return None;
    }
    let printed = printed.ok()?;
    let total = match by_perf {
        true => printed.lines().find(|line| line.contains(SYSTEM_CALL))?.split(',').next()?,
        false => printed.lines().find_map(|line| line.trim().strip_suffix("total"))?,
    };
    total.trim().parse().ok()
}

/// The instructions that such a run executes; `None` without valgrind.
pub(crate) fn instructions(name: &str, peer: PeerId, ctx: &Ctx) -> Option<f64> {
    // Nobody reads what it would write about each line.
    let wrapper =
        ["valgrind", "--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null"];
    let output = this_program(&wrapper, CHILD, name, peer, ctx).output().ok()?;
    if !output.status.success() {
        return None;
    }
    let printed = String::from_utf8_lossy(&output.stderr);
    let total = printed.lines().find_map(|line| line.split_once("I   refs:"))?.1;
    total.trim().replace(',', "").parse().ok()
}

/// Whether system calls can be counted here.
pub(crate) fn counts_calls() -> bool {
    has_perf() || has("strace", "-V")
}

/// Whether perf may count system calls here, which slows nobody down.
fn has_perf() -> bool {
    static HAS: OnceLock<bool> = OnceLock::new();
    *HAS.get_or_init(|| {
        let mut perf = Command::new("perf");
        perf.args(["stat", "-e", SYSTEM_CALL, "true"]).stdout(Stdio::null()).stderr(Stdio::null());
        perf.status().is_ok_and(|status| status.success())
    })
}

/// Whether instructions can be counted here.
pub(crate) fn has_valgrind() -> bool {
    has("valgrind", "--version")
}

/// Whether a program is installed that knows this flag.
pub(crate) fn has(program: &str, flag: &str) -> bool {
    let silent =
        Command::new(program).arg(flag).stdout(Stdio::null()).stderr(Stdio::null()).status();
    // wrk tells its version and fails.
    silent.is_ok()
}

/// A server process. It ends with its standard input, so it never outlives this process.
pub(crate) struct Server {
    pub(crate) port: u16,
    child: Child,
    ask: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl Server {
    pub(crate) fn start(service: Service, peer: PeerId, ctx: &Ctx) -> Server {
        let mut command = match peer.is_foreign() {
            true => foreign::command(peer, &["serve", service.name(), &ctx.workers.to_string()]),
            false => this_program(&[], SERVER, service.name(), peer, ctx),
        };
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("this program can be started");
        let ask = child.stdin.take();
        let answers = BufReader::new(child.stdout.take().expect("it is piped"));
        let mut server = Server { port: 0, child, ask, answers };
        server.port = server.answer().parse().expect("the server tells its port first");
        server
    }

    /// CPU time that all threads of the server have had.
    pub(crate) fn cpu(&mut self) -> Duration {
        Duration::from_nanos(self.ask("cpu"))
    }

    /// The server's memory that is in RAM.
    pub(crate) fn resident_bytes(&mut self) -> u64 {
        self.ask("memory")
    }

    fn ask(&mut self, what: &str) -> u64 {
        let ask = self.ask.as_mut().expect("open while the server is here");
        writeln!(ask, "{what}").expect("the server listens");
        self.answer().parse().expect("the server tells a number")
    }

    fn answer(&mut self) -> String {
        let mut line = String::new();
        self.answers.read_line(&mut line).expect("the server answers");
        line.trim().to_owned()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.ask = None;
        let _ = self.child.wait();
    }
}

fn this_program(wrapper: &[&str], mode: &str, word: &str, peer: PeerId, ctx: &Ctx) -> Command {
    let program = env::current_exe().expect("Linux tells");
    let mut command = match wrapper {
        [] => Command::new(program),
        [first, rest @ ..] => {
            let mut command = Command::new(first);
            command.args(rest).arg(program);
            command
        }
    };
    command.arg(mode).arg(word).arg(peer.name());
    command.arg(ctx.workers.to_string()).arg(ctx.scale.to_string());
    if let Some(exact) = ctx.exact {
        command.arg(exact.to_string()).arg(ctx.frozen.to_string());
    }
    command
}

/// Does what a parent process wants, if `args` are a parent's.
pub(crate) fn serve_parent(args: &[String]) -> Option<Result<(), String>> {
    let (mode, rest) = args.split_first()?;
    match mode.as_str() {
        CHILD => Some(run_row(rest)),
        SERVER => Some(run_server(rest)),
        _ => None,
    }
}

fn run_row(args: &[String]) -> Result<(), String> {
    let (name, rest) = args.split_first().ok_or("a row is missing")?;
    let (peer, ctx) = peer_and_ctx(rest)?;
    let row = rows::all().find(|row| row.name == name).ok_or("there is no such row")?;
    // The parent may be gone by then, so this process looks after itself.
    thread::spawn(|| {
        thread::sleep(SAMPLE_MAX);
        eprintln!("it hangs; given up");
        std::process::exit(3);
    });
    let sample = (row.run)(peer, &ctx);
    if ctx.exact.is_some() && sample.iter().all(|number| number.is_nan()) {
        return Err(format!("{} has no {name}: there is nothing to count", peer.name()));
    }
    println!("{}", sample.iter().map(f64::to_string).collect::<Vec<_>>().join(" "));
    Ok(())
}

fn run_server(args: &[String]) -> Result<(), String> {
    let (service, rest) = args.split_first().ok_or("a service is missing")?;
    let (peer, ctx) = peer_and_ctx(rest)?;
    thread::spawn(|| {
        for line in io::stdin().lines() {
            match line.as_deref() {
                Ok("cpu") => println!("{}", cpu().as_nanos()),
                Ok("memory") => println!("{}", resident_bytes()),
                _ => break,
            }
        }
        std::process::exit(0);
    });
    rows::serve(service.parse()?, peer, &ctx);
    Ok(())
}

fn peer_and_ctx(args: &[String]) -> Result<(PeerId, Ctx), String> {
    let (peer, workers, scale, counted) = match args {
        [peer, workers, scale] => (peer, workers, scale, None),
        [peer, workers, scale, exact, frozen] => (peer, workers, scale, Some((exact, frozen))),
        _ => return Err("peer, workers, scale".to_owned()),
    };
    let workers = workers.parse().map_err(|e| format!("workers: {e}"))?;
    let scale = scale.parse().map_err(|e| format!("scale: {e}"))?;
    let mut ctx = Ctx::new(workers, scale);
    if let Some((exact, frozen)) = counted {
        ctx.exact = Some(exact.parse().map_err(|e| format!("operations: {e}"))?);
        ctx.frozen = frozen == "true";
    }
    Ok((peer.parse()?, ctx))
}
