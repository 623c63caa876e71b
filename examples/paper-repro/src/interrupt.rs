//! Ctrl-C and SIGTERM as a flag that long work looks at.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crate::error::{Error, Result, Signal};

/// Tells long work whether somebody asked it to stop.
#[derive(Debug, Clone, Default)]
pub struct Interrupt {
    received: Arc<AtomicUsize>,
}

impl Interrupt {
    /// Listens for Ctrl-C and SIGTERM. The first one asks the work to stop at the next safe point;
    /// a second one ends the program at once.
    ///
    /// # Errors
    ///
    /// The system refuses the signal handler.
    pub fn install() -> Result<Self> {
        let this = Self::default();
        for signal in [Signal::Interrupt, Signal::Terminate] {
            let number = signal.number();
            let again = Arc::new(AtomicBool::new(false));
            // order matters: the shutdown looks at `again` before the same signal sets it
            signal_hook::flag::register_conditional_shutdown(number, 128 + number, again.clone())
                .and_then(|_| signal_hook::flag::register(number, again))
                .and_then(|_| {
                    let value = number as usize;
                    signal_hook::flag::register_usize(number, this.received.clone(), value)
                })
                .map_err(|e| {
                    Error::Run(anyhow::Error::from(e).context("cannot listen for signals"))
                })?;
        }
        Ok(this)
    }

    /// Which signal arrived, if any.
    pub fn signal(&self) -> Option<Signal> {
        match self.received.load(Ordering::Relaxed) {
            0 => None,
            15 => Some(Signal::Terminate),
            _ => Some(Signal::Interrupt),
        }
    }

    /// Fails if somebody asked to stop.
    ///
    /// # Errors
    ///
    /// [`Error::Interrupted`] after a signal.
    pub fn check(&self) -> Result<()> {
        self.signal()
            .map_or(Ok(()), |signal| Err(Error::Interrupted(signal)))
    }
}
