//! Jobs that do not need each other, some at the same time.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::error::{Result, failed};

/// Results of all jobs in order. Up to `at_once` jobs run at the same time, each on one thread; a single one gets all.
pub(crate) fn in_turns<J: Copy + Sync, R: Send>(
    jobs: &[J],
    at_once: usize,
    one: impl Fn(J) -> Result<R> + Sync,
) -> Result<Vec<R>> {
    let workers = at_once.min(rayon::current_num_threads()).min(jobs.len());
    if workers <= 1 {
        return jobs.iter().map(|&job| one(job)).collect();
    }
    let next = AtomicUsize::new(0);
    let results: Mutex<Vec<(usize, Result<R>)>> = Mutex::new(Vec::new());
    let work = || -> Result<()> {
        let alone = rayon::ThreadPoolBuilder::new()
            .num_threads(1)
            .build()
            .map_err(|e| failed("threads", e))?;
        loop {
            let index = next.fetch_add(1, Ordering::SeqCst);
            let Some(&job) = jobs.get(index) else {
                return Ok(());
            };
            let result = alone.install(|| one(job));
            let stop = result.is_err();
            locked(&results).push((index, result));
            if stop {
                next.store(jobs.len(), Ordering::SeqCst);
            }
        }
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
        threads.into_iter().try_for_each(|thread| {
            thread
                .join()
                .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
    })?;
    let mut results = results.into_inner().unwrap_or_else(PoisonError::into_inner);
    results.sort_by_key(|(index, _)| *index);
    results.into_iter().map(|(_, result)| result).collect()
}

/// A lock whose content stays usable if another thread failed.
pub(crate) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;

    #[test]
    fn results_keep_the_order_of_the_jobs_and_a_failure_ends_the_rest() {
        let jobs: Vec<usize> = (0..20).collect();
        for at_once in [1, 3] {
            assert_eq!(
                in_turns(&jobs, at_once, |job| Ok(job * 2)).unwrap(),
                jobs.iter().map(|job| job * 2).collect::<Vec<_>>()
            );
            let done = AtomicUsize::new(0);
            let outcome = in_turns(&jobs, at_once, |job| {
                done.fetch_add(1, Ordering::SeqCst);
                if job == 2 {
                    Err(Error::run("third"))
                } else {
                    Ok(job)
                }
            });
            assert_eq!(outcome.unwrap_err().to_string(), "third");
            // side by side, the others may be through before the third one fails
            if at_once == 1 {
                assert_eq!(done.into_inner(), 3);
            }
        }
    }
}
