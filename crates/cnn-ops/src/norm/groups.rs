//! The arithmetic of batch normalisation in training, one channel of one piece of the batch at a
//! time: its maps stay in the cache from the sums to the result.
#![allow(unsafe_code)]

use super::kernels::{
    Affine, Slopes, add_products, add_rectified, add_squares, add_sum, write_affine,
    write_gradient, write_masked, write_rectified, write_rectified_gradient, write_sum,
};
use crate::element::Element;
use crate::parallel::{Shared, fill_vec, for_each_task, zeroed};

/// Mean and biased variance of a channel over a piece.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Statistics {
    pub(super) mean: f64,
    pub(super) variance: f64,
    pub(super) rstd: f64,
}

/// Sizes of the batch, and of the pieces that have statistics of their own.
#[derive(Debug, Clone, Copy)]
pub(super) struct Groups {
    pub(super) batch: usize,
    pub(super) channels: usize,
    pub(super) pixels: usize,
    /// Images of a piece; the last takes what is left.
    pub(super) images: usize,
}

impl Groups {
    /// Number of pieces; an empty batch is one empty piece.
    pub(super) fn pieces(&self) -> usize {
        self.batch.div_ceil(self.images.max(1)).max(1)
    }

    fn count(&self) -> usize {
        self.pieces() * self.channels
    }

    fn elements(&self) -> usize {
        self.batch * self.channels * self.pixels
    }

    /// Products that would take as long, which decides whether threads pay.
    fn work(&self) -> usize {
        self.elements().saturating_mul(16)
    }

    /// Elements of a channel in a piece.
    pub(super) fn values(&self, piece: usize) -> usize {
        self.images_of(piece).len() * self.pixels
    }

    fn images_of(&self, piece: usize) -> std::ops::Range<usize> {
        let start = piece * self.images;
        start.min(self.batch)..(start + self.images).min(self.batch)
    }

    fn plane(&self, image: usize, channel: usize) -> std::ops::Range<usize> {
        let start = (image * self.channels + channel) * self.pixels;
        start..start + self.pixels
    }

    /// Offsets of the maps of group `index` (pieces outside, channels inside).
    fn planes(&self, index: usize) -> impl Iterator<Item = std::ops::Range<usize>> + Clone {
        let (piece, channel) = (index / self.channels, index % self.channels);
        let this = *self;
        self.images_of(piece)
            .map(move |image| this.plane(image, channel))
    }
}

/// What follows the normalisation.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tail<'a, T> {
    pub(super) residual: Option<&'a [T]>,
    pub(super) relu: bool,
}

/// The result of [`forward`].
pub(super) struct Normalised<T> {
    pub(super) y: Vec<T>,
    /// Per piece and channel, pieces outside.
    pub(super) statistics: Vec<Statistics>,
}

/// `max(norm(x) + residual, 0)`, or without the residual or the maximum.
pub(super) fn forward<T: Element>(
    g: &Groups,
    x: &[T],
    gamma: Option<&[T]>,
    beta: &[T],
    eps: f64,
    tail: Tail<'_, T>,
) -> Normalised<T> {
    assert_eq!(x.len(), g.elements());
    assert!(tail.residual.is_none_or(|r| r.len() == x.len()));
    let mut statistics = vec![Statistics::default(); g.count()];
    let found = crate::parallel::share(&mut statistics);
    let run = |y: Shared<'_, T>| {
        for_each_task(g.count(), g.work(), |index| {
            let channel = index % g.channels;
            let s = statistics_of(g, x, index, eps);
            // SAFETY: the statistics are initialised, and each task writes its own.
            unsafe { found.slice(index, 1)[0] = s };
            let f = Affine {
                mean: T::from_f64(s.mean),
                scale: T::from_f64(gamma.map_or(1.0, |g| g[channel].to_f64()) * s.rstd),
                beta: beta[channel],
            };
            for range in g.planes(index) {
                // SAFETY: every map belongs to one group, and each task has its own group.
                let y = unsafe { zeroed(&y, &range) };
                let x = &x[range.clone()];
                match tail.residual {
                    Some(residual) => write_sum(x, f, &residual[range], tail.relu, y),
                    None if tail.relu => write_rectified(x, f, y),
                    None => write_affine(x, f, y),
                }
            }
        });
    };
    // SAFETY: the groups cover every map of every image, and a task writes all its maps.
    let y = unsafe { fill_vec(x.len(), run) };
    Normalised { y, statistics }
}

fn statistics_of<T: Element>(g: &Groups, x: &[T], index: usize, eps: f64) -> Statistics {
    let n = g.values(index / g.channels).max(1) as f64;
    let mut sums = [0.0; 2];
    for range in g.planes(index) {
        let mut own = [0.0; 2];
        add_sum(&x[range], &mut own);
        sums[0] += own[0];
    }
    let mean = sums[0] / n;
    let m = T::from_f64(mean);
    let mut squares = 0.0;
    for range in g.planes(index) {
        let mut own = [0.0; 2];
        add_squares(&x[range], m, &mut own);
        squares += own[0];
    }
    // The sum was taken around the rounded mean.
    let shift = mean - m.to_f64();
    let variance = squares / n - shift * shift;
    // Not `max`: a NaN in the batch stays visible.
    let variance = if variance < 0.0 { 0.0 } else { variance };
    let denominator = (variance + eps).sqrt();
    Statistics {
        mean,
        variance,
        rstd: if denominator > 0.0 {
            1.0 / denominator
        } else {
            0.0
        },
    }
}

/// The result of [`backward`].
pub(super) struct Gradients<T> {
    pub(super) x: Vec<T>,
    /// That of the residual; absent where it is that of the output.
    pub(super) residual: Option<Vec<T>>,
    pub(super) gamma: Vec<T>,
    pub(super) beta: Vec<T>,
}

/// How the output was rectified.
#[derive(Debug, Clone, Copy)]
pub(super) enum Rectified<'a, T> {
    /// Not at all.
    No,
    /// Nothing was added before: the sign follows from `x`.
    Alone,
    /// A residual was added; the output tells.
    Output(&'a [T]),
}

/// ```text
/// x̂  = (x − mean)·rstd
/// dβ = Σ d,  dγ = Σ d·x̂         d = dy where the ReLU let it pass
/// dx = γ·rstd·(d − dβ/n − x̂·dγ/n)
/// ```
pub(super) fn backward<T: Element>(
    g: &Groups,
    x: &[T],
    gamma: Option<&[T]>,
    beta: &[T],
    statistics: &[Statistics],
    rectified: Rectified<'_, T>,
    dy: &[T],
) -> Gradients<T> {
    assert_eq!([x.len(), dy.len()], [g.elements(); 2]);
    let mut sums = vec![[0.0f64; 2]; g.count()];
    let shared_sums = crate::parallel::share(&mut sums);
    let output = match rectified {
        Rectified::Output(y) => Some(y),
        _ => None,
    };
    assert!(output.is_none_or(|y| y.len() == x.len()));
    let mut residual = None;
    let run = |dx: Shared<'_, T>, dr: Option<Shared<'_, T>>| {
        for_each_task(g.count(), g.work(), |index| {
            let channel = index % g.channels;
            let s = &statistics[index];
            let scale = gamma.map_or(1.0, |g| g[channel].to_f64()) * s.rstd;
            let f = Affine {
                mean: T::from_f64(s.mean),
                scale: T::from_f64(scale),
                beta: beta[channel],
            };
            // SAFETY: every map belongs to one group, and each task has its own group; the
            // masked gradient is written here, before it is read below.
            let masked = |range: &std::ops::Range<usize>| {
                if let (Some(dr), Some(y)) = (&dr, output) {
                    let out = unsafe { zeroed(dr, range) };
                    write_masked(&y[range.clone()], &dy[range.clone()], out);
                }
            };
            // SAFETY: as above; no slice from `masked` lives any more.
            let d = |range: &std::ops::Range<usize>| match &dr {
                Some(dr) => unsafe { &*dr.slice(range.start, range.len()) },
                None => &dy[range.clone()],
            };
            let alone = matches!(rectified, Rectified::Alone);
            let mut own = [0.0; 2];
            for range in g.planes(index) {
                masked(&range);
                let mut plane = [0.0; 2];
                let x = &x[range.clone()];
                if alone {
                    add_rectified(x, d(&range), f, &mut plane);
                } else {
                    add_products(x, d(&range), f.mean, &mut plane);
                }
                own[0] += plane[0];
                own[1] += plane[1];
            }
            let [dbeta, dgamma] = [own[0], own[1] * s.rstd];
            // SAFETY: initialised, and each task writes its own.
            unsafe { shared_sums.slice(index, 1)[0] = [dbeta, dgamma] };
            let n = g.values(index / g.channels).max(1) as f64;
            let slopes = Slopes {
                scale: f.scale,
                constant: T::from_f64(scale * dbeta / n),
                slope: T::from_f64(scale * s.rstd * dgamma / n),
            };
            for range in g.planes(index) {
                // SAFETY: as above.
                let dx = unsafe { zeroed(&dx, &range) };
                let x = &x[range.clone()];
                if alone {
                    write_rectified_gradient(x, d(&range), f, slopes, dx);
                } else {
                    write_gradient(x, d(&range), f, slopes, dx);
                }
            }
        });
    };
    // SAFETY: the groups cover every map of every image, and a task writes all its maps of `dx`
    // and, where there is one, of the masked gradient.
    let dx = unsafe {
        fill_vec(x.len(), |dx| {
            if output.is_some() {
                residual = Some(fill_vec(x.len(), |dr| run(dx, Some(dr))));
            } else {
                run(dx, None);
            }
        })
    };
    let total = |k: usize| {
        let over_pieces = |channel: usize| -> f64 {
            (0..g.pieces())
                .map(|piece| sums[piece * g.channels + channel][k])
                .sum()
        };
        (0..g.channels)
            .map(|channel| T::from_f64(over_pieces(channel)))
            .collect()
    };
    Gradients {
        x: dx,
        residual,
        gamma: total(1),
        beta: total(0),
    }
}
