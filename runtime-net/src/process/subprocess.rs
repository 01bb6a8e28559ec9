//! asyncio's names for starting children.

use std::ffi::OsStr;

use super::Command;
use super::system::shell;

/// A command that runs `program` with `args`, and kills it when the child is dropped.
///
/// asyncio's `create_subprocess_exec`. Its keyword arguments are the methods of the [`Command`], and
/// [`spawn`](Command::spawn) starts it.
///
/// # Examples
///
/// ```
/// use std::process::Stdio;
///
/// # #[filch::main]
/// # async fn main() -> std::io::Result<()> {
/// let mut child = filch::process::create_subprocess_exec("wc", ["-c"])
///     .stdin(Stdio::piped())
///     .stdout(Stdio::piped())
///     .spawn()?;
/// let output = child.communicate(Some(b"12345")).await?;
/// assert_eq!(output.stdout.trim_ascii(), b"5");
/// # Ok(())
/// # }
/// ```
pub fn create_subprocess_exec<I, S>(program: impl AsRef<OsStr>, args: I) -> Command
where
    I: IntoIterator<Item = S>,
    S: AsRef<OsStr>,
{
    let mut command = Command::new(program);
    command.args(args).kill_on_drop(true);
    command
}

/// A command that has the shell run `line`, and kills the shell when the child is dropped. It is `/bin/sh`,
/// and on Windows what `COMSPEC` names, or `cmd.exe`.
///
/// The shell reads the line as it would from a user: who puts words of others into it must quote
/// them, or use [`create_subprocess_exec`], which needs no quotes. asyncio's
/// `create_subprocess_shell`.
///
/// # Examples
///
/// ```
/// # #[filch::main]
/// # async fn main() -> std::io::Result<()> {
/// let output = filch::process::create_subprocess_shell("echo one; echo two >&2").output().await?;
/// assert_eq!((&output.stdout[..], &output.stderr[..]), (&b"one\n"[..], &b"two\n"[..]));
/// # Ok(())
/// # }
/// ```
pub fn create_subprocess_shell(line: impl AsRef<OsStr>) -> Command {
    let mut command = shell(line.as_ref());
    command.kill_on_drop(true);
    command
}
