//! What the benches share: the worker side of the comparisons in `benches/compare`.
//!
//! The criterion benches are in `benches/benches/`; run them with `cargo bench -p benches`.
#![forbid(unsafe_code)]

pub mod networks;
pub mod operators;
pub mod rule;

use std::cell::Cell;
use std::io::{BufRead, Write};
use std::time::Instant;

/// A piece of work that is ready to be timed; it returns a checksum of its result.
pub type Task = Box<dyn FnMut() -> f64>;

thread_local! {
    static STOPPED: Cell<Option<Instant>> = const { Cell::new(None) };
}

/// Ends the timed part of the task that runs; what it still does, its checksum say, is not counted.
pub fn stop_clock() {
    STOPPED.set(Some(Instant::now()));
}

/// Answers `prepare WORK`, `run` and `quit` on standard input until it ends.
///
/// `prepare` answers `ok` or `error TEXT`; `run` does the prepared work once and answers its
/// milliseconds and its checksum. With arguments the program does the work that they name once,
/// for measurements of memory, and ends.
///
/// # Errors
///
/// Standard input or output fails, or the work named by the arguments is unknown.
pub fn serve(make: impl Fn(&str) -> Option<Task>) -> std::io::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if !arguments.is_empty() {
        let name = arguments.join(" ");
        let unknown = || std::io::Error::other(format!("unknown work `{name}`"));
        let checksum = make(&name).ok_or_else(unknown)?();
        return writeln!(std::io::stdout(), "{checksum:e}");
    }
    let mut out = std::io::stdout().lock();
    let mut task: Option<Task> = None;
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        match line.trim().split_once(' ') {
            Some(("prepare", work)) => {
                // What the last work held is freed first.
                drop(task.take());
                task = make(work);
                match task {
                    Some(_) => writeln!(out, "ok")?,
                    None => writeln!(out, "error unknown work")?,
                }
            }
            None if line.trim() == "run" => match &mut task {
                Some(task) => {
                    STOPPED.set(None);
                    let start = Instant::now();
                    let checksum = task();
                    let end = STOPPED.get().unwrap_or_else(Instant::now);
                    let milliseconds = end.duration_since(start).as_secs_f64() * 1e3;
                    writeln!(out, "{milliseconds} {checksum:e}")?;
                }
                None => writeln!(out, "error nothing is prepared")?,
            },
            None if line.trim() == "quit" => break,
            _ => writeln!(out, "error unknown request")?,
        }
        out.flush()?;
    }
    Ok(())
}
