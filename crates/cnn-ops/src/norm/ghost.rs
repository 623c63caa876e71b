//! Batch normalisation over pieces of a batch.

use candle_core::Tensor;

use super::{BatchNormOutput, batch_norm_train};
use crate::error::{Error, Result};

/// What [`ghost_batch_norm`] returns.
#[derive(Debug, Clone)]
pub struct GhostBatchNormOutput {
    /// Normalised input, `[batch, channel, height, width]`.
    pub output: Tensor,
    /// Mean over the pieces of their means per channel, without gradient.
    pub mean: Tensor,
    /// Mean over the pieces of their unbiased variances per channel, without gradient.
    pub unbiased_variance: Tensor,
    /// Images of every piece.
    pub pieces: Vec<usize>,
}

/// Batch normalisation with the statistics of pieces ("ghost batches") of the batch.
///
/// ```text
/// y = γ·(x − meanₚ)/√(varianceₚ + eps) + β      p: the piece of `images` images that x belongs to
/// ```
///
/// A batch of 32 in pieces of 11 has 11, 11 and 10 images; with `images` at least the batch this
/// is [`batch_norm_train`]. An empty batch is one empty piece.
///
/// # Shapes
///
/// - as [`batch_norm_train`]; `images` is at least 1
///
/// # Errors
///
/// As [`batch_norm_train`], and `images` of zero.
///
/// # Source
///
/// Hoffer, Hubara and Soudry 2017, *Train longer, generalize better* (ghost batch normalisation);
/// averaging the pieces' statistics is what TensorFlow's `MirroredStrategy` does over replicas.
///
/// # Examples
///
/// ```
/// use candle_core::{DType, Device, Tensor};
///
/// let x = Tensor::new(&[[[[1f32, 3.]]], [[[10., 30.]]]], &Device::Cpu)?;
/// let beta = Tensor::zeros(1, DType::F32, &Device::Cpu)?;
/// let y = cnn_ops::ghost_batch_norm(&x, None, &beta, 0.0, 1)?;
/// assert_eq!(y.output.flatten_all()?.to_vec1::<f32>()?, [-1., 1., -1., 1.]);
/// assert_eq!(y.mean.to_vec1::<f32>()?, [11.]); // of 2 and 20
/// assert_eq!(y.pieces, [1, 1]);
/// # Ok::<(), cnn_ops::Error>(())
/// ```
pub fn ghost_batch_norm(
    x: &Tensor,
    gamma: Option<&Tensor>,
    beta: &Tensor,
    eps: f64,
    images: usize,
) -> Result<GhostBatchNormOutput> {
    const OP: &str = "ghost_batch_norm";
    if images == 0 {
        return Err(Error::ZeroOption {
            op: OP,
            option: "images",
            value: [0, 0],
        });
    }
    let [batch, ..] = crate::element::dims4(OP, "x", x)?;
    let starts: Vec<usize> = (0..batch.max(1)).step_by(images).collect();
    let pieces: Vec<usize> = starts.iter().map(|&i| images.min(batch - i)).collect();
    let mut outputs = Vec::with_capacity(pieces.len());
    let mut sums: Option<[Tensor; 2]> = None;
    for (&start, &length) in starts.iter().zip(&pieces) {
        let piece = if length == batch {
            x.clone()
        } else {
            x.narrow(0, start, length)?
        };
        let normalised = batch_norm_train(&piece, gamma, beta, eps)?;
        let variance = normalised.unbiased_variance()?.detach();
        let BatchNormOutput { output, mean, .. } = normalised;
        sums = Some(match sums {
            None => [mean.detach(), variance],
            Some([m, v]) => [(m + mean.detach())?, (v + variance)?],
        });
        outputs.push(output);
    }
    let share = 1.0 / pieces.len() as f64;
    let [mean, unbiased_variance] = match sums {
        Some(sums) if pieces.len() == 1 => sums,
        Some([mean, variance]) => [(mean * share)?, (variance * share)?],
        None => [beta.zeros_like()?, beta.zeros_like()?],
    };
    let output = match outputs.as_slice() {
        [output] => output.clone(),
        _ => Tensor::cat(&outputs, 0)?,
    };
    Ok(GhostBatchNormOutput {
        output,
        mean,
        unbiased_variance,
        pieces,
    })
}
