//! `Command`: what to start, and how.

use std::ffi::OsStr;
use std::future::Future;
use std::io;
use std::path::Path;
use std::process::{Command as StdCommand, ExitStatus, Output, Stdio};

use runtime_core::not_started::not_started;
use runtime_core::runtime::slack;

use super::{Child, orphan};

/// What to start, with which arguments, environment and standard streams.
///
/// A process is started on the thread that asks, which waits until the program has been found. tokio's
/// `Command`, which is std's with another end.
///
/// # Examples
///
/// ```
/// use filch::process::Command;
///
/// # #[filch::main]
/// # async fn main() -> std::io::Result<()> {
/// let output = Command::new("echo").arg("hello").output().await?;
/// assert!(output.status.success());
/// assert_eq!(output.stdout, b"hello\n");
///
/// let missing = Command::new("/no/such/program").spawn().unwrap_err();
/// assert_eq!(missing.kind(), std::io::ErrorKind::NotFound);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Command {
    pub(super) std: StdCommand,
    kill_on_drop: bool,
}

impl Command {
    /// Starts `program`, with this process's environment, directory and standard streams unless it
    /// is told otherwise. A name without a slash is looked for in `PATH`.
    pub fn new<S: AsRef<OsStr>>(program: S) -> Command {
        Command::from(StdCommand::new(program))
    }

    /// The command of std's that this is.
    pub fn as_std(&self) -> &StdCommand {
        &self.std
    }

    /// The command of std's that this is. What is set there counts here.
    pub fn as_std_mut(&mut self) -> &mut StdCommand {
        &mut self.std
    }

    /// The command of std's that this is; it knows nothing of [`kill_on_drop`](Command::kill_on_drop).
    pub fn into_std(self) -> StdCommand {
        self.std
    }

    /// Adds an argument.
    pub fn arg<S: AsRef<OsStr>>(&mut self, arg: S) -> &mut Command {
        self.std.arg(arg);
        self
    }

    /// Adds arguments.
    pub fn args<I, S>(&mut self, args: I) -> &mut Command
    where
        I: IntoIterator<Item = S>,
        S: AsRef<OsStr>,
    {
        self.std.args(args);
        self
    }

    /// Sets an environment variable.
    pub fn env<K, V>(&mut self, key: K, value: V) -> &mut Command
    where
        K: AsRef<OsStr>,
        V: AsRef<OsStr>,
    {
        self.std.env(key, value);
        self
    }

    /// Sets environment variables.
    pub fn envs<I, K, V>(&mut self, variables: I) -> &mut Command
    where
        I: IntoIterator<Item = (K, V)>,
        K: AsRef<OsStr>,
        V: AsRef<OsStr>,
    {
        self.std.envs(variables);
        self
    }

    /// Withholds an environment variable.
    pub fn env_remove<S: AsRef<OsStr>>(&mut self, key: S) -> &mut Command {
        self.std.env_remove(key);
        self
    }

    /// Withholds this process's environment.
    pub fn env_clear(&mut self) -> &mut Command {
        self.std.env_clear();
        self
    }

    /// The directory that the program finds itself in.
    pub fn current_dir<P: AsRef<Path>>(&mut self, directory: P) -> &mut Command {
        self.std.current_dir(directory);
        self
    }

    /// What the child reads: ours by default, `Stdio::piped()` for [`Child::stdin`].
    pub fn stdin<T: Into<Stdio>>(&mut self, stdin: T) -> &mut Command {
        self.std.stdin(stdin);
        self
    }

    /// Where the child writes: ours by default, `Stdio::piped()` for [`Child::stdout`].
    pub fn stdout<T: Into<Stdio>>(&mut self, stdout: T) -> &mut Command {
        self.std.stdout(stdout);
        self
    }

    /// Where the child complains: ours by default, `Stdio::piped()` for [`Child::stderr`].
    pub fn stderr<T: Into<Stdio>>(&mut self, stderr: T) -> &mut Command {
        self.std.stderr(stderr);
        self
    }

    /// Whether a child that is dropped is killed (SIGKILL). Not so by default.
    ///
    /// Those that the child has started are not killed with it; see
    /// `process_group`, which Unix systems have.
    pub fn kill_on_drop(&mut self, kill_on_drop: bool) -> &mut Command {
        self.kill_on_drop = kill_on_drop;
        self
    }

    /// Whether a child that is dropped is killed.
    pub fn get_kill_on_drop(&self) -> bool {
        self.kill_on_drop
    }

    /// Starts the child.
    ///
    /// # Errors
    ///
    /// `NotFound` if there is no such program, `PermissionDenied` if it is none, and others of the
    /// system: too many processes, which is `WouldBlock` on Unix and says what to do, or too many
    /// descriptors. If the child was there already when something failed, it is killed and reaped:
    /// nothing is left behind.
    ///
    /// # Panics
    ///
    /// There is no runtime on this thread.
    #[track_caller]
    pub fn spawn(&mut self) -> io::Result<Child> {
        // Asked before there is a child that nobody would wait for.
        drop(runtime_core::runtime::Handle::current());
        orphan::sweep();
        let child = slack::without_heirs(|| self.std.spawn()).map_err(refused)?;
        Child::new(child, self.kill_on_drop)
    }

    /// Starts the child at once, and waits until it has ended. Pipes are closed.
    ///
    /// # Errors
    ///
    /// As [`spawn`](Command::spawn) and [`Child::wait`].
    ///
    /// # Panics
    ///
    /// There is no runtime on this thread.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future drops the child: see [`kill_on_drop`](Command::kill_on_drop).
    ///
    /// # Examples
    ///
    /// ```
    /// # #[filch::main]
    /// # async fn main() -> std::io::Result<()> {
    /// assert!(filch::process::Command::new("true").status().await?.success());
    /// # Ok(())
    /// # }
    /// ```
    #[track_caller]
    pub fn status(&mut self) -> impl Future<Output = io::Result<ExitStatus>> + use<> {
        let child = self.spawn();
        async {
            let mut child = child?;
            drop((child.stdin.take(), child.stdout.take(), child.stderr.take()));
            child.wait().await
        }
    }

    /// Starts the child at once, and waits until it has ended; its output and its error output are
    /// collected.
    ///
    /// # Errors
    ///
    /// As [`spawn`](Command::spawn) and [`Child::wait_with_output`].
    ///
    /// # Panics
    ///
    /// There is no runtime on this thread.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future drops the child, and what has been read is lost.
    #[track_caller]
    pub fn output(&mut self) -> impl Future<Output = io::Result<Output>> + use<> {
        self.std.stdout(Stdio::piped()).stderr(Stdio::piped());
        let child = self.spawn();
        async { child?.wait_with_output().await }
    }
}

/// The system's "try again" comes of a limit, and says nothing of it.
fn refused(error: io::Error) -> io::Error {
    match error.kind() {
        io::ErrorKind::WouldBlock => not_started("a child", error),
        _ => error,
    }
}

impl From<StdCommand> for Command {
    fn from(std: StdCommand) -> Command {
        Command { std, kill_on_drop: false }
    }
}
