use super::Scorer;
use crate::{Result, TappedModel, Target};
use candle_core::Tensor;
use serde::{Deserialize, Serialize};

/// How the score changes when only what the heatmap shows is kept.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ConfidenceChange {
    /// Score of the image, Y.
    pub original: f64,
    /// Score of the image times its heatmap, O.
    pub explained: f64,
    /// `max(0, Y - O) / Y`; 0 where Y is 0.
    pub drop: f64,
    /// `max(0, Y - O)`, as in pytorch-grad-cam.
    pub absolute_drop: f64,
    /// Whether `O > Y`.
    pub increased: bool,
    /// `max(0, O - Y) / (1 - Y)`; 0 where Y is 1.
    pub gain: f64,
}

/// Means over a data set, in percent.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ConfidenceSummary {
    /// Average drop; lower is better.
    pub average_drop_percent: f64,
    /// Share of images whose score increased; higher is better.
    pub increase_percent: f64,
    /// Average gain; higher is better.
    pub average_gain_percent: f64,
    /// Number of images.
    pub images: usize,
}

/// Average drop, increase and gain, image by image.
///
/// ```text
/// Y = p(x)        O = p(x * m)
/// drop = max(0, Y - O) / Y        gain = max(0, O - Y) / (1 - Y)
/// ```
///
/// # Shapes
///
/// - `images`: `[B, channel, H, W]`; `maps`: `[B, H, W]` in [0, 1]
///
/// # Errors
///
/// [`Error::ShapeMismatch`](crate::Error::ShapeMismatch); as [`Scorer::score`].
///
/// # Source
///
/// Chattopadhyay et al. 2018, section 4.1; gain: Zhang et al. 2023 (arXiv 2301.07002).
///
/// # Examples
///
/// ```
/// use cam_methods::evaluate::{ConfidenceSummary, Scorer, confidence_change};
/// use cam_methods::{Tap, Target};
/// use candle_core::{DType, Device, Tensor};
///
/// let net = |x: &Tensor, tap: &mut dyn Tap| tap.visit("relu", x.relu()?)?.mean((2, 3));
/// let images = Tensor::arange(0f32, 128., &Device::Cpu)?.reshape((1, 2, 8, 8))?.affine(1e-2, 0.)?;
/// let everything = Tensor::ones((1, 8, 8), DType::F32, &Device::Cpu)?;
/// let change = confidence_change(&Scorer::new(&net), &images, &[Target::Class(1)], &everything)?;
/// assert_eq!(change[0].drop, 0.0); // nothing was hidden
/// assert_eq!(ConfidenceSummary::of(&change).map(|s| s.images), Some(1));
/// # Ok::<(), cam_methods::Error>(())
/// ```
pub fn confidence_change<M: TappedModel + ?Sized>(
    scorer: &Scorer<'_, M>,
    images: &Tensor,
    targets: &[Target],
    maps: &Tensor,
) -> Result<Vec<ConfidenceChange>> {
    super::map_values(maps, images)?;
    let targets = scorer.resolve(images, targets)?;
    let masks = maps
        .unsqueeze(1)?
        .to_device(images.device())?
        .to_dtype(images.dtype())?;
    let original = scorer.score(images, &targets)?;
    let explained = scorer.score(&images.broadcast_mul(&masks)?, &targets)?;
    Ok(original
        .into_iter()
        .zip(explained)
        .map(|(y, o)| ConfidenceChange::of(y, o))
        .collect())
}

impl ConfidenceChange {
    fn of(original: f64, explained: f64) -> Self {
        let absolute_drop = (original - explained).max(0.0);
        Self {
            original,
            explained,
            drop: if original > 0.0 {
                absolute_drop / original
            } else {
                0.0
            },
            absolute_drop,
            increased: explained > original,
            gain: if original < 1.0 {
                (explained - original).max(0.0) / (1.0 - original)
            } else {
                0.0
            },
        }
    }
}

impl ConfidenceSummary {
    /// Means over images; `None` without any.
    ///
    /// ```text
    /// average drop = 100 mean drop      increase = 100 mean 1[O > Y]      average gain = 100 mean gain
    /// ```
    pub fn of(changes: &[ConfidenceChange]) -> Option<Self> {
        if changes.is_empty() {
            return None;
        }
        let percent = |f: fn(&ConfidenceChange) -> f64| {
            100.0 * changes.iter().map(f).sum::<f64>() / changes.len() as f64
        };
        Some(Self {
            average_drop_percent: percent(|c| c.drop),
            increase_percent: percent(|c| f64::from(u8::from(c.increased))),
            average_gain_percent: percent(|c| c.gain),
            images: changes.len(),
        })
    }
}
