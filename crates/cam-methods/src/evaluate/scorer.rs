use crate::variants::chunks;
use crate::{Error, NoTap, Result, ScoreSpace, TappedModel, Target, host};
use candle_core::Tensor;

/// Scores images with a network, a chunk at a time.
///
/// # Examples
///
/// ```
/// use cam_methods::evaluate::Scorer;
/// use cam_methods::{Tap, Target};
/// use candle_core::{Device, Tensor};
///
/// let net = |x: &Tensor, _: &mut dyn Tap| x.mean((2, 3));
/// let images = Tensor::new(&[[[[1f32]], [[1.]]]], &Device::Cpu)?;
/// assert_eq!(Scorer::new(&net).score(&images, &[Target::Class(0)])?, [0.5]); // probability
/// # Ok::<(), cam_methods::Error>(())
/// ```
pub struct Scorer<'m, M: ?Sized> {
    model: &'m M,
    space: ScoreSpace,
    chunk: usize,
}

impl<'m, M: TappedModel + ?Sized> Scorer<'m, M> {
    /// A scorer that reads probabilities, 32 images at a time.
    pub fn new(model: &'m M) -> Self {
        Self {
            model,
            space: ScoreSpace::Probability,
            chunk: 32,
        }
    }

    /// Sets the scale of the score.
    pub fn space(mut self, space: ScoreSpace) -> Self {
        self.space = space;
        self
    }

    /// Sets how many images go through the network at once, at least 1.
    pub fn chunk(mut self, images: usize) -> Self {
        self.chunk = images.max(1);
        self
    }

    /// Scores of a batch, one target each.
    ///
    /// # Errors
    ///
    /// [`Error::TargetCount`], [`Error::Model`], [`Error::NonFinite`], and what the targets return.
    pub fn score(&self, images: &Tensor, targets: &[Target]) -> Result<Vec<f64>> {
        let batch = images.dim(0)?;
        if targets.len() != batch {
            return Err(Error::TargetCount {
                targets: targets.len(),
                batch,
            });
        }
        let mut scores = Vec::with_capacity(batch);
        for range in chunks(batch, self.chunk) {
            let part = images.narrow(0, range.start, range.len())?;
            let outputs = self
                .model
                .forward_tapped(&part, &mut NoTap)
                .map_err(|source| Error::Model { source })?
                .detach();
            for (i, target) in targets[range].iter().enumerate() {
                let score = target.score(&outputs.narrow(0, i, 1)?, self.space)?;
                scores.push(f64::from(
                    host::finite_values(&score, "scores", "evaluate")?[0],
                ));
            }
        }
        Ok(scores)
    }

    /// Targets with `Argmax` replaced by the class of the unchanged image.
    pub(super) fn resolve(&self, images: &Tensor, targets: &[Target]) -> Result<Vec<Target>> {
        let batch = images.dim(0)?;
        if targets.len() != batch {
            return Err(Error::TargetCount {
                targets: targets.len(),
                batch,
            });
        }
        if !targets.iter().any(|t| matches!(t, Target::Argmax)) {
            return Ok(targets.to_vec());
        }
        let outputs = self
            .model
            .forward_tapped(images, &mut NoTap)
            .map_err(|source| Error::Model { source })?
            .detach();
        targets
            .iter()
            .enumerate()
            .map(|(i, t)| t.resolve(&outputs.narrow(0, i, 1)?))
            .collect()
    }
}
