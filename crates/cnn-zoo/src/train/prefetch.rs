//! Batches prepared on worker threads while the network computes.

use std::ops::Range;
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;

use crate::error::{Error, Result};
use crate::train::progress::Control;
use crate::train::source::{Batch, BatchSource};

/// Threads that prepare batches; each takes every other one.
const WORKERS: usize = 2;
/// Batches of a worker that may wait, finished, for the network.
const AHEAD: usize = 1;

/// Calls `consume` with the batches of a range in order, until it says stop.
pub(crate) fn for_each_batch(
    source: &dyn BatchSource,
    epoch: usize,
    range: Range<usize>,
    mut consume: impl FnMut(usize, Batch) -> Result<Control>,
) -> Result<Control> {
    thread::scope(|scope| {
        let mut workers: Vec<Receiver<Result<Batch>>> = Vec::with_capacity(WORKERS);
        for worker in 0..WORKERS.min(range.len()) {
            let (sender, receiver) = sync_channel(AHEAD);
            let wanted = range.clone().skip(worker).step_by(WORKERS);
            thread::Builder::new()
                .name("batches".to_owned())
                .spawn_scoped(scope, move || {
                    for index in wanted {
                        let batch = source.batch(epoch, index);
                        let failed = batch.is_err();
                        // A consumer that has stopped needs no more batches.
                        if sender.send(batch).is_err() || failed {
                            return;
                        }
                    }
                })
                .map_err(|error| Error::Source {
                    epoch,
                    index: range.start,
                    source: Box::new(error),
                })?;
            workers.push(receiver);
        }
        for (index, worker) in range.zip((0..workers.len()).cycle()) {
            let Ok(batch) = workers[worker].recv() else {
                return Err(Error::BadBatch {
                    epoch,
                    index,
                    reason: "the source's thread ended without giving it".to_owned(),
                });
            };
            if consume(index, batch?)? == Control::Stop {
                return Ok(Control::Stop);
            }
        }
        Ok(Control::Continue)
    })
}
