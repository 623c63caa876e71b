//! Progress of long work: bars with the time left on a terminal, plain lines elsewhere.

use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Where progress goes.
#[derive(Debug, Clone, Copy)]
pub struct Reporter {
    terminal: bool,
}

impl Reporter {
    /// Reports to standard error: bars if it is a terminal, lines otherwise.
    pub fn stderr() -> Self {
        Self {
            terminal: std::io::stderr().is_terminal(),
        }
    }

    /// One line that stays.
    pub fn say(&self, line: impl AsRef<str>) {
        let _ = writeln!(std::io::stderr(), "{}", line.as_ref());
    }

    /// A task of `total` steps, named in the bar or the lines.
    pub fn task(&self, name: impl Into<String>, total: usize) -> Task {
        let name = name.into();
        let bar = self.terminal.then(|| {
            let bar =
                ProgressBar::with_draw_target(Some(total as u64), ProgressDrawTarget::stderr());
            let style = "{prefix:24} [{bar:32}] {pos}/{len}  {elapsed} + {eta}  {msg}";
            if let Ok(style) = ProgressStyle::with_template(style) {
                bar.set_style(style.progress_chars("=> "));
            }
            bar.set_prefix(name.clone());
            bar.enable_steady_tick(Duration::from_millis(500));
            bar
        });
        let now = Instant::now();
        Task {
            name,
            total,
            done: 0,
            started: now,
            said: now,
            bar,
        }
    }
}

/// A task under way.
#[derive(Debug)]
pub struct Task {
    name: String,
    total: usize,
    done: usize,
    started: Instant,
    said: Instant,
    bar: Option<ProgressBar>,
}

/// A line at most this often when the output is not a terminal.
const BETWEEN_LINES: Duration = Duration::from_secs(5);

impl Task {
    /// Counts one more step as done, with a short remark.
    pub fn step(&mut self, remark: &str) {
        self.done += 1;
        match &self.bar {
            Some(bar) => {
                bar.set_message(remark.to_owned());
                bar.inc(1);
            }
            None if self.said.elapsed() >= BETWEEN_LINES => {
                self.said = Instant::now();
                let elapsed = self.started.elapsed().as_secs_f64();
                let left = elapsed / self.done as f64 * self.total.saturating_sub(self.done) as f64;
                let _ = writeln!(
                    std::io::stderr(),
                    "  {}: {}/{} after {elapsed:.0} s, about {left:.0} s left  {remark}",
                    self.name,
                    self.done,
                    self.total
                );
            }
            None => {}
        }
    }

    /// Ends the task and removes its bar.
    pub fn finish(self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
