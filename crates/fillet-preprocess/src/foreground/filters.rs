//! Maximum, minimum and Gaussian filters with the borders of SciPy and OpenCV.

use ndarray::{Array1, Array2, ArrayView1, Axis};

/// Square maximum filter of side `2·radius + 1`; pixels outside the image do not count, which
/// for a maximum equals SciPy's reflected border.
pub(crate) fn maximum(image: &Array2<f64>, radius: usize) -> Array2<f64> {
    extremum(image, radius, f64::max)
}

/// `times` erosions by a 3×3 square: one minimum filter of side `2·times + 1`, pixels outside
/// the image not counting (OpenCV's default border).
pub(crate) fn erode(image: &Array2<f64>, times: usize) -> Array2<f64> {
    extremum(image, times, f64::min)
}

fn extremum(image: &Array2<f64>, radius: usize, pick: fn(f64, f64) -> f64) -> Array2<f64> {
    if radius == 0 {
        return image.clone();
    }
    let (rows, columns) = image.dim();
    let mut along_rows = Array2::zeros((rows, columns));
    for (row, mut line) in along_rows.outer_iter_mut().enumerate() {
        let source = image.row(row);
        line.assign(&extremum_line(source, radius, pick));
    }
    let mut out = Array2::zeros((rows, columns));
    let mut window: Array1<f64>;
    for row in 0..rows {
        let from = row.saturating_sub(radius);
        let to = (row + radius).min(rows - 1);
        window = along_rows.row(from).to_owned();
        for other in from + 1..=to {
            window.zip_mut_with(&along_rows.row(other), |a, &b| *a = pick(*a, b));
        }
        out.row_mut(row).assign(&window);
    }
    out
}

fn extremum_line(
    source: ArrayView1<'_, f64>,
    radius: usize,
    pick: fn(f64, f64) -> f64,
) -> Array1<f64> {
    let last = source.len() - 1;
    Array1::from_shape_fn(source.len(), |centre| {
        let from = centre.saturating_sub(radius);
        let to = (centre + radius).min(last);
        (from + 1..=to).fold(source[from], |best, at| pick(best, source[at]))
    })
}

/// OpenCV's Gaussian filter with the standard deviation that follows from the kernel size.
///
/// `whole`: arithmetic of 8-bit images, where the kernel is rounded to 256ths with its error
/// carried on and the result is rounded once.
pub(crate) fn blur(image: &Array2<f64>, size: usize, whole: bool) -> Array2<f64> {
    if size == 1 {
        return image.clone();
    }
    let kernel = if whole {
        kernel_256(size)
    } else {
        kernel(size)
    };
    let along_rows = convolve(image, &kernel, Axis(1));
    let out = convolve(&along_rows, &kernel, Axis(0));
    if whole {
        out.mapv(|sum| ((sum + 32768.0) / 65536.0).floor())
    } else {
        out
    }
}

fn kernel(size: usize) -> Vec<f64> {
    let middle = (size as f64 - 1.0) / 2.0;
    gaussian(size, 0.3 * (middle - 1.0) + 0.8)
}

/// A sampled Gaussian of odd size, normalised to sum 1.
pub(crate) fn gaussian(size: usize, sigma: f64) -> Vec<f64> {
    let middle = (size as f64 - 1.0) / 2.0;
    let raw: Vec<f64> = (0..size)
        .map(|i| (-(i as f64 - middle).powi(2) / (2.0 * sigma * sigma)).exp())
        .collect();
    let sum: f64 = raw.iter().sum();
    raw.into_iter().map(|weight| weight / sum).collect()
}

/// The kernel in 256ths: rounded from the ends inwards, the error carried on, the middle taking
/// what is left.
pub(super) fn kernel_256(size: usize) -> Vec<f64> {
    let exact = kernel(size);
    let half = size / 2;
    let mut out = vec![0.0; size];
    let mut carried = 0.0;
    let mut used = 0.0;
    for i in 0..half {
        let wanted = exact[i] * 256.0 + carried;
        let rounded = wanted.round_ties_even();
        carried = wanted - rounded;
        out[i] = rounded;
        out[size - 1 - i] = rounded;
        used += 2.0 * rounded;
    }
    out[half] = 256.0 - used;
    out
}

/// Convolves along one axis with a mirrored border.
pub(crate) fn convolve(image: &Array2<f64>, kernel: &[f64], axis: Axis) -> Array2<f64> {
    let radius = kernel.len() / 2;
    let length = image.len_of(axis);
    let mut out = Array2::zeros(image.dim());
    if axis == Axis(0) {
        for (row, mut line) in out.outer_iter_mut().enumerate() {
            for (tap, &weight) in kernel.iter().enumerate() {
                let source = image.row(mirror(
                    row as isize + tap as isize - radius as isize,
                    length,
                ));
                line.zip_mut_with(&source, |sum, &value| *sum += weight * value);
            }
        }
        return out;
    }
    let mut padded = vec![0.0; length + 2 * radius];
    for (source, mut line) in image.outer_iter().zip(out.outer_iter_mut()) {
        for (at, value) in padded.iter_mut().enumerate() {
            *value = source[mirror(at as isize - radius as isize, length)];
        }
        for (at, value) in line.iter_mut().enumerate() {
            *value = padded[at..at + kernel.len()]
                .iter()
                .zip(kernel)
                .map(|(v, w)| v * w)
                .sum();
        }
    }
    out
}

/// Mirror border without repeating the edge pixel (OpenCV's default).
pub(super) fn mirror(index: isize, length: usize) -> usize {
    if length == 1 {
        return 0;
    }
    let period = 2 * (length as isize - 1);
    let wrapped = index.rem_euclid(period);
    (if wrapped < length as isize {
        wrapped
    } else {
        period - wrapped
    }) as usize
}
