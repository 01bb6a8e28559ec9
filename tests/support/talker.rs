//! A child whose words can be read one by one, and that gets signals.

use super::CHILD;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};

/// Says something that the parent waits for, whatever else is printed.
pub fn say(word: &str) {
    let mut stdout = std::io::stdout().lock();
    writeln!(stdout, "\nsays {word}").unwrap();
    stdout.flush().unwrap();
}

/// Runs one test of this binary in a child whose words can be read one by one.
pub struct Talker {
    child: Child,
    words: BufReader<ChildStdout>,
}

impl Talker {
    pub fn start(test: &str) -> Talker {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", test, "--nocapture", "--test-threads=1"])
            .env(CHILD, "1")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let words = BufReader::new(child.stdout.take().unwrap());
        Talker { child, words }
    }

    pub fn expect(&mut self, word: &str) {
        let wanted = format!("says {word}\n");
        let mut line = String::new();
        while line != wanted {
            line.clear();
            assert_ne!(self.words.read_line(&mut line).unwrap(), 0, "never said {word}");
        }
    }

    pub fn send(&self, signal: &str) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args([signal, &pid]).status().unwrap().success());
    }

    /// The status with which it ends. It must not say "never" on its way.
    pub fn ends(mut self) -> ExitStatus {
        let mut rest = String::new();
        self.words.read_to_string(&mut rest).unwrap();
        assert!(!rest.contains("never"), "{rest}");
        self.child.wait().unwrap()
    }

    /// The signal by which it ends.
    #[cfg(unix)]
    pub fn ends_by(self) -> Option<i32> {
        std::os::unix::process::ExitStatusExt::signal(&self.ends())
    }
}
