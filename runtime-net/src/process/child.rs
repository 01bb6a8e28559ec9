//! `Child`: a process that we have started.

use std::future::poll_fn;
use std::io;
use std::process::{ExitStatus, Output};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use runtime_core::time::timeout;

use super::running::Running;
use super::talk;
use super::{ChildStderr, ChildStdin, ChildStdout};

/// A process that was started by [`Command::spawn`](super::Command::spawn).
///
/// Dropping it does not end the process, unless
/// [`kill_on_drop`](super::Command::kill_on_drop) was asked for. In either case it is reaped when
/// it ends, by a task in the background: no zombie stays. tokio's `Child`; asyncio's `Process`.
///
/// # Examples
///
/// ```
/// use filch::io::{AsyncReadExt, AsyncWriteExt};
/// use filch::process::Command;
/// use std::process::Stdio;
///
/// # #[filch::main]
/// # async fn main() -> std::io::Result<()> {
/// let mut child =
///     Command::new("cat").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
/// let mut stdin = child.stdin.take().unwrap();
/// let mut stdout = child.stdout.take().unwrap();
///
/// stdin.write_all(b"hello").await?;
/// drop(stdin);
/// let mut said = String::new();
/// stdout.read_to_string(&mut said).await?;
/// assert_eq!(said, "hello");
/// assert!(child.wait().await?.success());
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Child {
    /// What the child reads, if it was piped and has not been taken.
    pub stdin: Option<ChildStdin>,
    /// What the child writes, if it was piped and has not been taken.
    pub stdout: Option<ChildStdout>,
    /// What the child complains of, if it was piped and has not been taken.
    pub stderr: Option<ChildStderr>,
    pub(super) life: Life,
}

/// How far a child has come.
#[derive(Debug)]
pub(super) enum Life {
    /// It has not been reaped.
    Running(Running),
    /// It has been.
    Ended(ExitStatus),
}

impl Child {
    /// Takes over a child of std's, with its pipes. If that fails, the child is killed and reaped.
    #[track_caller]
    pub(super) fn new(mut std: std::process::Child, kill_on_drop: bool) -> io::Result<Child> {
        let (stdin, stdout, stderr) = (std.stdin.take(), std.stdout.take(), std.stderr.take());
        // First, so that the child is in its hands when one of the pipes fails.
        let mut running = Running::new(std, kill_on_drop)?;
        let pipes = (|| {
            let stdin = stdin.map(ChildStdin::from_std).transpose()?;
            let stdout = stdout.map(ChildStdout::from_std).transpose()?;
            let stderr = stderr.map(ChildStderr::from_std).transpose()?;
            io::Result::Ok((stdin, stdout, stderr))
        })();
        match pipes {
            Ok((stdin, stdout, stderr)) => {
                Ok(Child { stdin, stdout, stderr, life: Life::Running(running) })
            }
            Err(error) => {
                running.end();
                Err(error)
            }
        }
    }

    /// The number of the process, until it has been reaped: then it may be that of another.
    pub fn id(&self) -> Option<u32> {
        match &self.life {
            Life::Running(running) => Some(running.id()),
            Life::Ended(_) => None,
        }
    }

    /// Closes the child's input, if it is still here, and waits until the child has ended.
    ///
    /// A child that waits for its input finds its end that way. One that fills a pipe that nobody
    /// reads never ends: read meanwhile, or use [`wait_with_output`](Child::wait_with_output). May
    /// be called again, for the same answer.
    ///
    /// # Errors
    ///
    /// Those of the system; `Other` when the runtime has shut down. A child that outlives the runtime
    /// that it was spawned on can be waited for on another.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe, but that the child's input stays closed: take
    /// [`stdin`](Child::stdin) before if that matters.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[filch::main]
    /// # async fn main() -> std::io::Result<()> {
    /// let mut child = filch::process::Command::new("sh").args(["-c", "exit 3"]).spawn()?;
    /// assert_eq!(child.wait().await?.code(), Some(3));
    /// # Ok(())
    /// # }
    /// ```
    pub async fn wait(&mut self) -> io::Result<ExitStatus> {
        drop(self.stdin.take());
        poll_fn(|cx| self.poll_wait(cx)).await
    }

    fn poll_wait(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<ExitStatus>> {
        match &mut self.life {
            Life::Running(running) => {
                let status = ready!(running.poll_wait(cx))?;
                self.life = Life::Ended(status);
                Poll::Ready(Ok(status))
            }
            Life::Ended(status) => Poll::Ready(Ok(*status)),
        }
    }

    /// How the child has ended, or `None` if it runs. Does not wait, and leaves its input open.
    ///
    /// # Errors
    ///
    /// Those of the system.
    pub fn try_wait(&mut self) -> io::Result<Option<ExitStatus>> {
        match &mut self.life {
            Life::Running(running) => {
                let status = running.try_wait()?;
                if let Some(status) = status {
                    self.life = Life::Ended(status);
                }
                Ok(status)
            }
            Life::Ended(status) => Ok(Some(*status)),
        }
    }

    /// Closes the child's input, reads all that it writes into pipes, and waits until it has ended.
    ///
    /// # Errors
    ///
    /// Those of the system.
    ///
    /// # Cancel safety
    ///
    /// Not cancel safe: the child is dropped, and what has been read is lost.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::process::Command;
    /// use std::process::Stdio;
    ///
    /// # #[filch::main]
    /// # async fn main() -> std::io::Result<()> {
    /// let child = Command::new("echo").arg("hello").stdout(Stdio::piped()).spawn()?;
    /// assert_eq!(child.wait_with_output().await?.stdout, b"hello\n");
    /// # Ok(())
    /// # }
    /// ```
    pub async fn wait_with_output(mut self) -> io::Result<Output> {
        self.communicate(None).await
    }

    /// Writes `input` to the child and closes its input, while reading all that it writes into
    /// pipes, and waits until it has ended.
    ///
    /// A child that does not read all of its input is no error. What is not a pipe is left out:
    /// without a pipe to the child, `input` is dropped. asyncio's `communicate`.
    ///
    /// # Errors
    ///
    /// Those of the system, other than `BrokenPipe` while writing.
    ///
    /// # Cancel safety
    ///
    /// Not cancel safe: the pipes are closed, and what has been read is lost. The child goes on and
    /// can be killed or waited for.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::process::Command;
    /// use std::process::Stdio;
    ///
    /// # #[filch::main]
    /// # async fn main() -> std::io::Result<()> {
    /// let mut upper = Command::new("tr");
    /// upper.args(["a-z", "A-Z"]).stdin(Stdio::piped()).stdout(Stdio::piped());
    /// let mut child = upper.spawn()?;
    /// let output = child.communicate(Some(b"hello")).await?;
    /// assert_eq!(output.stdout, b"HELLO");
    /// # Ok(())
    /// # }
    /// ```
    pub async fn communicate(&mut self, input: Option<&[u8]>) -> io::Result<Output> {
        let (stdin, stdout, stderr) = (self.stdin.take(), self.stdout.take(), self.stderr.take());
        let (stdout, stderr) = talk::all(stdin, input.unwrap_or_default(), stdout, stderr).await?;
        let status = self.wait().await?;
        Ok(Output { status, stdout, stderr })
    }

    /// Kills the child (SIGKILL, or `TerminateProcess`) without waiting for its end. One that has ended stays so.
    ///
    /// # Errors
    ///
    /// Those of the system.
    pub fn start_kill(&mut self) -> io::Result<()> {
        match &mut self.life {
            Life::Running(running) => running.kill(),
            Life::Ended(_) => Ok(()),
        }
    }

    /// Kills the child (SIGKILL) and waits until it has ended.
    ///
    /// # Errors
    ///
    /// Those of the system.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: the child is killed at the first poll, and can be waited for.
    pub async fn kill(&mut self) -> io::Result<()> {
        self.start_kill()?;
        self.wait().await.map(drop)
    }

    /// Asks the child to end (SIGTERM), and kills it (SIGKILL) if it has not done so after `grace`. Windows
    /// knows no such question, and the child is killed at once.
    ///
    /// Its input is closed as well. Says how it has ended; for one that had ended before, how that
    /// was.
    ///
    /// # Errors
    ///
    /// Those of the system.
    ///
    /// # Panics
    ///
    /// There is no runtime on this thread.
    ///
    /// # Cancel safety
    ///
    /// Dropped before `grace` is over, the child has been asked and is not killed. Another call
    /// asks again and grants as much time again.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::os::unix::process::ExitStatusExt;
    /// use std::time::Duration;
    ///
    /// # #[filch::main]
    /// # async fn main() -> std::io::Result<()> {
    /// let mut child = filch::process::Command::new("sleep").arg("1000").spawn()?;
    /// let status = child.terminate_then_kill(Duration::from_secs(5)).await?;
    /// assert_eq!(status.signal(), Some(15));
    /// # Ok(())
    /// # }
    /// ```
    pub async fn terminate_then_kill(&mut self, grace: Duration) -> io::Result<ExitStatus> {
        if let Some(status) = self.try_wait()? {
            return Ok(status);
        }
        self.terminate()?;
        match timeout(grace, self.wait()).await {
            Ok(outcome) => outcome,
            Err(_) => {
                self.start_kill()?;
                self.wait().await
            }
        }
    }
}
