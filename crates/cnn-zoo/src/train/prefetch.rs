//! Batches prepared on another thread while the network computes.

use std::ops::Range;
use std::sync::mpsc::sync_channel;
use std::thread;

use crate::error::{Error, Result};
use crate::train::progress::Control;
use crate::train::source::{Batch, BatchSource};

/// Batches that may wait, finished, for the network.
const AHEAD: usize = 2;

/// Calls `consume` with the batches of a range in order, until it says stop.
pub(crate) fn for_each_batch(
    source: &dyn BatchSource,
    epoch: usize,
    range: Range<usize>,
    mut consume: impl FnMut(usize, Batch) -> Result<Control>,
) -> Result<Control> {
    thread::scope(|scope| {
        let (sender, receiver) = sync_channel(AHEAD);
        let producer = thread::Builder::new().name("batches".to_owned());
        let wanted = range.clone();
        producer
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
        for index in range {
            let Ok(batch) = receiver.recv() else {
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
