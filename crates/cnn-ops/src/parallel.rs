//! Fixed partitions of work, so that no result depends on the number of threads.
#![allow(unsafe_code)]

use std::marker::PhantomData;
use std::ops::Range;

use rayon::prelude::*;

/// Below this many elements a second thread costs more than it saves.
const PARALLEL_ELEMENTS: usize = 1 << 16;
/// Below this many multiplications in a matrix product a second thread costs more than it saves.
const PARALLEL_PRODUCTS: usize = 1 << 20;

/// Calls `f(index, chunk)` for consecutive chunks of `data`.
///
/// `work` is the number of elements the whole call touches; small calls stay on the calling
/// thread. Chunks are independent, so the result is the same either way.
pub(crate) fn for_each_chunk<T: Send>(
    data: &mut [T],
    chunk: usize,
    work: usize,
    f: impl Fn(usize, &mut [T]) + Send + Sync,
) {
    if chunk == 0 || data.is_empty() {
        return;
    }
    if work < PARALLEL_ELEMENTS || data.len() <= chunk || rayon::current_num_threads() == 1 {
        for (i, c) in data.chunks_mut(chunk).enumerate() {
            f(i, c);
        }
    } else {
        data.par_chunks_mut(chunk)
            .enumerate()
            .for_each(|(i, c)| f(i, c));
    }
}

/// Calls `f` for every task; `products` counts the multiplications of all of them.
pub(crate) fn for_each_task(tasks: usize, products: usize, f: impl Fn(usize) + Send + Sync) {
    if tasks < 2 || products < PARALLEL_PRODUCTS || rayon::current_num_threads() == 1 {
        (0..tasks).for_each(f);
    } else {
        (0..tasks).into_par_iter().with_max_len(1).for_each(f);
    }
}

/// A buffer that several tasks write, each its own elements.
#[derive(Clone, Copy)]
pub(crate) struct Shared<'a, T> {
    start: *mut T,
    length: usize,
    buffer: PhantomData<&'a mut [T]>,
}

// SAFETY: every method that reaches the elements is unsafe and asks its caller to keep the
// elements of different tasks apart; `T: Send` lets another thread write them.
unsafe impl<T: Send> Send for Shared<'_, T> {}
// SAFETY: as above.
unsafe impl<T: Send> Sync for Shared<'_, T> {}

impl<T> Shared<'_, T> {
    /// Pointer to the element at `offset`, of which the next `length` must exist.
    pub(crate) fn at(&self, offset: usize, length: usize) -> *mut T {
        assert!(
            offset
                .checked_add(length)
                .is_some_and(|end| end <= self.length)
        );
        // SAFETY: `offset` lies in the buffer, as just checked.
        unsafe { self.start.add(offset) }
    }

    /// The elements at `offset..offset + length`.
    ///
    /// # Safety
    ///
    /// They are initialised and no other task touches them while the slice lives.
    #[allow(clippy::mut_from_ref)]
    pub(crate) unsafe fn slice(&self, offset: usize, length: usize) -> &mut [T] {
        // SAFETY: `at` checks the range; the caller promises initialised, exclusive elements.
        unsafe { std::slice::from_raw_parts_mut(self.at(offset, length), length) }
    }
}

/// A vector of `length` elements that `f` writes in full.
///
/// # Safety
///
/// `f` initialises every element.
pub(crate) unsafe fn fill_vec<T: Copy>(length: usize, f: impl FnOnce(Shared<'_, T>)) -> Vec<T> {
    let mut data = Vec::with_capacity(length);
    f(Shared {
        start: data.as_mut_ptr(),
        length,
        buffer: PhantomData,
    });
    // SAFETY: the capacity is at least `length`, and the caller promises initialised elements.
    unsafe { data.set_len(length) };
    data
}

/// Elements of a buffer that is being filled, zeroed.
///
/// # Safety
///
/// No other task touches them.
#[expect(
    clippy::mut_from_ref,
    reason = "`Shared` is a pointer that tasks share; the caller keeps their ranges apart"
)]
pub(crate) unsafe fn zeroed<'a, T: Copy + Default>(
    buffer: &'a Shared<'_, T>,
    range: &Range<usize>,
) -> &'a mut [T] {
    let start = buffer.at(range.start, range.len());
    // SAFETY: `at` checked the range; the elements are written before the slice is made; the
    // caller keeps others away.
    unsafe {
        for i in 0..range.len() {
            start.add(i).write(T::default());
        }
        buffer.slice(range.start, range.len())
    }
}

/// A vector of zeros for whose consecutive chunks `f(index, chunk)` was called.
///
/// Each chunk is zeroed by the task that gets it, just before, so that it passes through the cache
/// once. `work` is that of [`for_each_chunk`].
pub(crate) fn vec_by_chunks<T: Copy + Default + Send>(
    length: usize,
    chunk: usize,
    work: usize,
    f: impl Fn(usize, &mut [T]) + Send + Sync,
) -> Vec<T> {
    if chunk == 0 {
        return vec![T::default(); length];
    }
    let chunk_range = |i: usize| i * chunk..((i + 1) * chunk).min(length);
    // SAFETY: the chunks cover the vector, each is zeroed, and each belongs to one task.
    unsafe {
        fill_vec(length, |all| {
            for_each_index(length.div_ceil(chunk), work, |i| {
                f(i, zeroed(&all, &chunk_range(i)))
            });
        })
    }
}

/// Two vectors of one length, made as by [`vec_by_chunks`] in the same tasks.
pub(crate) fn vecs_by_chunks<A: Copy + Default + Send, B: Copy + Default + Send>(
    length: usize,
    chunk: usize,
    work: usize,
    f: impl Fn(usize, &mut [A], &mut [B]) + Send + Sync,
) -> (Vec<A>, Vec<B>) {
    if chunk == 0 {
        return (vec![A::default(); length], vec![B::default(); length]);
    }
    let mut second = Vec::new();
    let chunk_range = |i: usize| i * chunk..((i + 1) * chunk).min(length);
    // SAFETY: as in `vec_by_chunks`, for both.
    let first = unsafe {
        fill_vec(length, |a| {
            second = fill_vec(length, |b| {
                for_each_index(length.div_ceil(chunk), work, |i| {
                    let range = chunk_range(i);
                    f(i, zeroed(&a, &range), zeroed(&b, &range));
                });
            });
        })
    };
    (first, second)
}

/// Calls `f` for every index; `work` is that of [`for_each_chunk`].
fn for_each_index(count: usize, work: usize, f: impl Fn(usize) + Send + Sync) {
    if work < PARALLEL_ELEMENTS || count < 2 || rayon::current_num_threads() == 1 {
        (0..count).for_each(f);
    } else {
        (0..count).into_par_iter().for_each(f);
    }
}

/// Shares an initialised buffer between tasks.
pub(crate) fn share<T>(data: &mut [T]) -> Shared<'_, T> {
    Shared {
        start: data.as_mut_ptr(),
        length: data.len(),
        buffer: PhantomData,
    }
}
