//! How a run can end other than well, and the exit code of each way.

use std::path::{Path, PathBuf};

/// Why the program stopped.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The command line, the configuration or the sample sheet is at fault (exit code 2).
    #[error("{0}")]
    Usage(String),
    /// The data, the disk or a computation is at fault (exit code 1).
    #[error("{}", told_once(.0))]
    Run(#[from] anyhow::Error),
    /// Ctrl-C or SIGTERM arrived; finished work is kept (exit code 128 + signal).
    #[error("stopped by {signal}; run the same command again to continue", signal = .0.name())]
    Interrupted(Signal),
}

/// A request from outside to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// Ctrl-C.
    Interrupt,
    /// `kill` without a number, a scheduler's time limit.
    Terminate,
}

impl Signal {
    /// The number the operating system gives this signal.
    pub fn number(self) -> i32 {
        match self {
            Self::Interrupt => 2,
            Self::Terminate => 15,
        }
    }

    /// The name people know it by.
    pub fn name(self) -> &'static str {
        match self {
            Self::Interrupt => "Ctrl-C",
            Self::Terminate => "SIGTERM",
        }
    }
}

impl Error {
    /// A mistake in the command line, the configuration or the sample sheet.
    pub fn usage(message: impl Into<String>) -> Self {
        Self::Usage(message.into())
    }

    /// A failure in data, disk or computation.
    pub fn run(message: impl Into<String>) -> Self {
        Self::Run(anyhow::anyhow!(message.into()))
    }

    /// The exit code that tells a script what kind of failure this was.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Usage(_) => 2,
            Self::Run(_) => 1,
            Self::Interrupted(signal) => 128 + signal.number() as u8,
        }
    }
}

/// A failure and its causes on one line; a cause that is already told is not repeated.
fn told_once(error: &anyhow::Error) -> String {
    let mut text = String::new();
    for cause in error.chain().map(ToString::to_string) {
        if !text.contains(&cause) {
            let separator = if text.is_empty() { "" } else { ": " };
            text = format!("{text}{separator}{cause}");
        }
    }
    text
}

/// The result of everything in this program.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Adds what was being done, and with which file, to a failure.
pub trait Context<T> {
    /// Turns any failure into [`Error::Run`] that begins with `action path`.
    ///
    /// # Errors
    ///
    /// The original failure, with the action and path before it.
    fn doing(self, action: &str, path: &Path) -> Result<T>;
}

impl<T, E: Into<anyhow::Error>> Context<T> for std::result::Result<T, E> {
    fn doing(self, action: &str, path: &Path) -> Result<T> {
        self.map_err(|e| {
            Error::Run(
                e.into()
                    .context(format!("cannot {action} {}", path.display())),
            )
        })
    }
}

/// The failure of a computation, with what was being computed.
pub fn failed(what: impl Into<String>, cause: impl Into<anyhow::Error>) -> Error {
    Error::Run(cause.into().context(what.into()))
}

/// A file that should be there and is not.
pub fn missing(path: PathBuf, hint: &str) -> Error {
    Error::run(format!("{} is missing; {hint}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_is_told_once() {
        let full = anyhow::anyhow!("disk full");
        let error = Error::Run(
            full.context("a.npy: disk full")
                .context("cannot write a.npy"),
        );
        assert_eq!(error.to_string(), "cannot write a.npy: a.npy: disk full");
        assert_eq!(error.exit_code(), 1);
    }
}
