//! Label map -> smoothed label map.

use ndarray::{Array2, ArrayView2};

use crate::error::{Error, Result};

/// Gives every pixel the most frequent label of the square around it; the smallest of equals.
///
/// The square covers `size/2` pixels before a pixel and `size − 1 − size/2` after it, along rows
/// and columns; pixels outside the image do not count.
///
/// # Shapes
///
/// - `labels` and result: `[rows, columns]`; `size`: pixels
///
/// # Errors
///
/// [`Error::Config`] if `size` is 0.
///
/// # Source
///
/// scikit-image's `filters.rank.majority` with a square footprint, which the authors apply to the
/// supervised classification. Golden values: `tests/golden/contrast/`.
///
/// # Examples
///
/// ```
/// use fillet_preprocess::majority_filter;
/// use ndarray::array;
///
/// let labels = array![[1_u8, 1, 2], [1, 2, 1], [1, 1, 1]];
/// assert_eq!(majority_filter(labels.view(), 3)?[[1, 1]], 1);
/// # Ok::<(), fillet_preprocess::Error>(())
/// ```
pub fn majority_filter(labels: ArrayView2<'_, u8>, size: usize) -> Result<Array2<u8>> {
    if size == 0 {
        return Err(Error::Config {
            key: "size",
            value: "0".to_owned(),
            expected: "at least 1 pixel",
        });
    }
    let (rows, columns) = labels.dim();
    let (before, after) = (size / 2, size - 1 - size / 2);
    let mut out = Array2::zeros((rows, columns));
    for row in 0..rows {
        let lines = row.saturating_sub(before)..(row + after + 1).min(rows);
        let mut counts = [0_u32; 256];
        let shift = |column: usize, by: i32, counts: &mut [u32; 256]| {
            for line in lines.clone() {
                let count = &mut counts[usize::from(labels[[line, column]])];
                *count = count.wrapping_add_signed(by);
            }
        };
        for column in 0..after.min(columns) {
            shift(column, 1, &mut counts);
        }
        for column in 0..columns {
            if column + after < columns {
                shift(column + after, 1, &mut counts);
            }
            if let Some(left) = column.checked_sub(before + 1) {
                shift(left, -1, &mut counts);
            }
            let mut best = 0;
            for (label, &count) in counts.iter().enumerate() {
                if count > counts[best] {
                    best = label;
                }
            }
            out[[row, column]] = best as u8;
        }
    }
    Ok(out)
}
