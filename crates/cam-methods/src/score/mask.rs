//! Activation of one channel -> mask over the image.

use crate::Result;
use crate::normalise::Range;
use crate::resize::{Resize, Resizer};
use crate::semantics::{MaskOrder, ScoreCamRule};
use candle_core::{DType, Device, Tensor};

/// Below this share of the range, an epsilon changes a mask by no more than a few units in the last place and
/// is left out, so that channels which differ only in scale share one mask.
const LOST: f64 = 1.0 / (1u64 << 21) as f64;

/// A mask at the resolution of its layer: all that the mask at image size depends on.
///
/// ```text
/// n = (A - min) / (max - min)
/// ResizeFirst       m = (U n - min U n) / (max U n - min U n + epsilon / (max - min))
/// NormaliseFirst    m = U n,    n = (A - min) / (max - min + epsilon)
/// ```
///
/// Since U is linear and its rows sum to 1, the first line is the same as resizing A itself.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct LowMask {
    pub(crate) values: Vec<f32>,
    /// Epsilon as a share of the channel's range.
    epsilon: f32,
}

impl LowMask {
    /// `None` for a channel that is the same everywhere.
    pub(crate) fn of(activation: &[f32], rule: &ScoreCamRule) -> Option<Self> {
        let range = Range::of(activation);
        let (min, width) = (
            f64::from(range.min),
            f64::from(range.max) - f64::from(range.min),
        );
        if width.is_nan() || width <= 0.0 {
            return None;
        }
        let share = rule.epsilon / width;
        let share = if share < LOST { 0.0 } else { share };
        let (divisor, epsilon) = match rule.order {
            MaskOrder::ResizeFirst => (width, share as f32),
            MaskOrder::NormaliseFirst => (width * (1.0 + share), 0.0),
        };
        let values = activation
            .iter()
            .map(|a| ((f64::from(*a) - min) / divisor) as f32)
            .collect();
        Some(Self { values, epsilon })
    }

    /// Masks with equal keys are equal.
    pub(crate) fn key(&self) -> Vec<u32> {
        self.values
            .iter()
            .chain([&self.epsilon])
            .map(|v| v.to_bits())
            .collect()
    }

    /// Values at the layer's resolution that resize to the mask itself.
    pub(crate) fn stretched(&self, resizer: &Resizer, order: MaskOrder) -> Vec<f64> {
        let (mut min, mut divisor) = (0.0, 1.0);
        if order == MaskOrder::ResizeFirst {
            let range = Range::of(&resizer.apply(&self.values));
            min = f64::from(range.min);
            divisor = f64::from(range.width()) + f64::from(self.epsilon);
        }
        let scale = if divisor > 0.0 { 1.0 / divisor } else { 0.0 };
        self.values
            .iter()
            .map(|v| (f64::from(*v) - min) * scale)
            .collect()
    }

    /// Appends the mask at image size to `out`.
    pub(crate) fn extend(&self, resizer: &Resizer, order: MaskOrder, out: &mut Vec<f32>) {
        let start = out.len();
        resizer.extend(&self.values, out);
        if order == MaskOrder::ResizeFirst {
            let mask = &mut out[start..];
            let range = Range::of(mask.iter());
            let width = range.width();
            if width > 0.0 {
                let divisor = width + self.epsilon;
                mask.iter_mut()
                    .for_each(|v| *v = (*v - range.min) / divisor);
            } else {
                mask.fill(0.0);
            }
        }
    }
}

/// Masks at image size made on the device of the images, `[n, H, W]` in `f32`: two matrix products.
pub(crate) fn on_device(
    masks: &[Option<&LowMask>],
    from: [usize; 2],
    to: [usize; 2],
    rule: &ScoreCamRule,
    device: &Device,
) -> Result<Tensor> {
    let n = masks.len();
    let cells = from[0] * from[1];
    let mut low = Vec::with_capacity(n * cells);
    for mask in masks {
        match mask {
            Some(m) => low.extend_from_slice(&m.values),
            None => low.resize(low.len() + cells, 0.0),
        }
    }
    let low = Tensor::from_vec(low, (n, from[0], from[1]), device)?;
    let rows = interpolation(rule.resize, from[0], to[0], device)?;
    let columns = interpolation(rule.resize, from[1], to[1], device)?;
    let up = rows
        .broadcast_matmul(&low)?
        .broadcast_matmul(&columns.t()?)?;
    if rule.order == MaskOrder::NormaliseFirst {
        return Ok(up);
    }
    let flat = up.flatten_from(1)?;
    let min = flat.min_keepdim(1)?;
    let width = (flat.max_keepdim(1)? - &min)?;
    let epsilon: Vec<f32> = masks.iter().map(|m| m.map_or(0.0, |m| m.epsilon)).collect();
    let empty = width.eq(0f32)?.to_dtype(DType::F32)?;
    let divisor = ((width + Tensor::from_vec(epsilon, (n, 1), device)?)? + empty)?;
    Ok(flat
        .broadcast_sub(&min)?
        .broadcast_div(&divisor)?
        .reshape(up.shape())?)
}

fn interpolation(resize: Resize, from: usize, to: usize, device: &Device) -> Result<Tensor> {
    Ok(Tensor::from_vec(
        resize.matrix(from, to),
        (to, from),
        device,
    )?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Semantics;

    #[test]
    fn scale_and_offset_do_not_matter_and_one_active_cell_is_one_mask() {
        let rule = Semantics::literature().score_cam;
        let key = |a: &[f32]| LowMask::of(a, &rule).unwrap().key();
        assert_eq!(key(&[0., 0., 3.5, 0.]), key(&[0., 0., 0.001, 0.]));
        assert_eq!(key(&[1., 2., 3., 1.]), key(&[3., 5., 7., 3.]));
        assert_eq!(LowMask::of(&[2.0; 4], &rule), None);
    }

    #[test]
    fn the_device_path_agrees_with_the_plain_one() {
        for semantics in [
            Semantics::literature(),
            Semantics::torch_cam(),
            Semantics::pytorch_grad_cam(),
        ] {
            let rule = semantics.score_cam;
            let a: Vec<f32> = (0..12).map(|i| ((i * 7) % 5) as f32 - 1.5).collect();
            let mask = LowMask::of(&a, &rule).unwrap();
            let resizer = Resizer::new(rule.resize, [3, 4], [7, 9]);
            let mut plain = Vec::new();
            mask.extend(&resizer, rule.order, &mut plain);
            let masks =
                on_device(&[Some(&mask), None], [3, 4], [7, 9], &rule, &Device::Cpu).unwrap();
            let device: Vec<f32> = masks.flatten_all().unwrap().to_vec1().unwrap();
            assert!(device[63..].iter().all(|v| *v == 0.0));
            for (p, d) in plain.iter().zip(&device) {
                assert!((p - d).abs() < 1e-6, "{p} {d}");
            }
        }
    }
}
