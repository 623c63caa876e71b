//! `--threads`: candle reads its number of threads from the environment once, so the program restarts itself.

use std::num::NonZeroUsize;
use std::process::Command;

use crate::error::{Error, Result};

const VARIABLES: [&str; 2] = ["RAYON_NUM_THREADS", "CANDLE_NUM_THREADS"];

/// Restarts the program if it does not run with `threads` threads yet; returns if nothing is to be done.
///
/// # Errors
///
/// [`Error::Run`] if the program cannot be started again.
pub fn restart_with(threads: Option<NonZeroUsize>) -> Result<()> {
    let Some(threads) = threads else {
        return Ok(());
    };
    let threads = threads.to_string();
    if VARIABLES
        .iter()
        .all(|name| std::env::var(name).is_ok_and(|value| value == threads))
    {
        return Ok(());
    }
    let program = std::env::current_exe().map_err(|e| Error::Run(e.into()))?;
    let mut command = Command::new(&program);
    command.args(std::env::args_os().skip(1));
    for name in VARIABLES {
        command.env(name, &threads);
    }
    let error = replace(&mut command);
    Err(Error::Run(
        anyhow::Error::from(error).context(format!("cannot restart {}", program.display())),
    ))
}

/// Becomes the command; returns only if that fails.
#[cfg(unix)]
fn replace(command: &mut Command) -> std::io::Error {
    std::os::unix::process::CommandExt::exec(command)
}

/// Runs the command and ends with its exit code; returns only if it does not start.
#[cfg(not(unix))]
fn replace(command: &mut Command) -> std::io::Error {
    match command.status() {
        Ok(status) => std::process::exit(status.code().unwrap_or(1)),
        Err(error) => error,
    }
}
