//! Histogram equalisation of 12-bit grey values.

use ndarray::{Array2, ArrayViewMut2};

use crate::whole::{self, LEVELS};

/// `4096 · (C(x) − C(darkest)) / (n − C(darkest))`, C counting the pixels at or below x. The
/// darkest grey value, the removed background where there is one, stays out of the count. `out` holds
/// zeros.
pub(super) fn equalise(levels: &Array2<u16>, out: ArrayViewMut2<'_, f32>) {
    let counts = whole::histogram(levels);
    let darkest = counts.iter().copied().find(|&count| count > 0).unwrap_or(0);
    let range = levels.len() as u64 - u64::from(darkest);
    if range == 0 {
        return;
    }
    let mut below = 0;
    let table: [f32; LEVELS] = counts.map(|count| {
        below += u64::from(count);
        let above_darkest = below.saturating_sub(u64::from(darkest));
        ((above_darkest * LEVELS as u64) as f64 / range as f64) as f32
    });
    whole::look_up_into(levels, &table, out);
}
