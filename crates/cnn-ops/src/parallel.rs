//! Fixed partitions of work, so that no result depends on the number of threads.

use rayon::prelude::*;

/// Below this many elementary operations a second thread costs more than it saves.
const PARALLEL_WORK: usize = 1 << 16;

/// Calls `f(index, chunk)` for consecutive chunks of `data`.
///
/// `work` is the number of elementary operations of the whole call; small calls stay on the
/// calling thread. Chunks are independent, so the result is the same either way.
pub(crate) fn for_each_chunk<T: Send>(
    data: &mut [T],
    chunk: usize,
    work: usize,
    f: impl Fn(usize, &mut [T]) + Send + Sync,
) {
    if chunk == 0 || data.is_empty() {
        return;
    }
    if work < PARALLEL_WORK || data.len() <= chunk || rayon::current_num_threads() == 1 {
        for (i, c) in data.chunks_mut(chunk).enumerate() {
            f(i, c);
        }
    } else {
        data.par_chunks_mut(chunk)
            .enumerate()
            .for_each(|(i, c)| f(i, c));
    }
}
