//! Batch norm: batch statistics in training, running statistics else.

use candle_core::{Tensor, Var};
use cnn_ops::Momentum;
use cnn_ops::vjp::BatchNormOptions;

use crate::architecture::Convention;
use crate::blocks::Conv;
use crate::dense_maps::DenseMaps;
use crate::error::{Error, InLayer, Result};
use crate::tape::{self, Map, Tail};

/// A batch norm.
#[derive(Debug, Clone)]
pub(crate) struct BatchNorm {
    pub(crate) name: String,
    /// Absent where Keras says `scale=False`.
    pub(crate) gamma: Option<Tensor>,
    pub(crate) beta: Tensor,
    pub(crate) mean: Tensor,
    pub(crate) variance: Tensor,
    /// The variables behind `mean` and `variance`; absent in an inference copy.
    pub(crate) statistics: Option<(Var, Var)>,
    pub(crate) epsilon: f64,
    /// Share of the old running statistics that a step keeps.
    pub(crate) momentum: f64,
    pub(crate) convention: Convention,
}

impl BatchNorm {
    /// With running statistics.
    pub(crate) fn evaluate(&self, x: &Tensor) -> Result<Tensor> {
        cnn_ops::batch_norm_eval(
            x,
            self.gamma.as_ref(),
            &self.beta,
            &self.mean.detach(),
            &self.variance.detach(),
            self.epsilon,
        )
        .in_layer(&self.name)
    }

    /// With batch statistics, which also move the running ones.
    ///
    /// The running variance takes the unbiased batch variance in both conventions (PyTorch; the
    /// fused batch norm of TensorFlow). With one value per channel PyTorch refuses and TensorFlow
    /// divides by 1 instead of 0. `ghosts` are the lengths of the parts of the batch that have
    /// statistics of their own.
    pub(crate) fn train(&self, x: &Tensor, ghosts: &[usize]) -> Result<Tensor> {
        let Some((mean, variance)) = &self.statistics else {
            return Err(Error::Fused("train"));
        };
        self.check_counts(x.dims().iter().skip(2).product(), ghosts)?;
        let images = ghosts.first().copied().unwrap_or(1).max(1);
        let (gamma, beta) = (self.gamma.as_ref(), &self.beta);
        let batch =
            cnn_ops::ghost_batch_norm(x, gamma, beta, self.epsilon, images).in_layer(&self.name)?;
        self.move_towards(mean, &batch.mean)
            .and_then(|()| self.move_towards(variance, &batch.unbiased_variance))
            .in_layer(&self.name)?;
        Ok(batch.output)
    }

    /// The same on the tape, with what follows.
    pub(crate) fn train_taped(&self, x: &Map, tail: Tail<'_>, ghosts: &[usize]) -> Result<Map> {
        let Some((mean, variance)) = &self.statistics else {
            return Err(Error::Fused("train"));
        };
        self.check_counts(x.dims().iter().skip(2).product(), ghosts)?;
        let options = BatchNormOptions {
            eps: self.epsilon,
            images: ghosts.first().copied().unwrap_or(1).max(1),
            relu: tail.relu,
        };
        let (gamma, beta) = (self.gamma.as_ref(), &self.beta);
        let step = tape::norm(x, gamma, beta, tail.residual, &options).in_layer(&self.name)?;
        self.move_towards(mean, &step.mean)
            .and_then(|()| self.move_towards(variance, &step.variance))
            .in_layer(&self.name)?;
        Ok(step.map)
    }

    fn check_counts(&self, map: usize, ghosts: &[usize]) -> Result<()> {
        if self.convention == Convention::Torch && ghosts.iter().any(|&n| n * map <= 1) {
            return Err(Error::SingleValue {
                layer: self.name.clone(),
            });
        }
        Ok(())
    }

    /// With a ReLU, over the maps of a dense block, with running statistics and without a graph.
    pub(crate) fn evaluate_maps(&self, maps: &DenseMaps) -> Result<Tensor> {
        let vectors = [&self.beta, &self.mean, &self.variance];
        maps.evaluate(self.gamma.as_ref(), vectors, self.epsilon)
            .in_layer(&self.name)
    }

    /// With a ReLU, over the maps of a dense block, with batch statistics.
    pub(crate) fn train_maps(&self, maps: &DenseMaps, ghosts: &[usize]) -> Result<Map> {
        let Some((mean, variance)) = &self.statistics else {
            return Err(Error::Fused("train"));
        };
        self.check_counts(maps.pixels(), ghosts)?;
        let inner = || -> candle_core::Result<Map> {
            let gamma = match &self.gamma {
                Some(gamma) => gamma.clone(),
                None => self.beta.ones_like()?,
            };
            let read = maps.train(&gamma, &self.beta, self.epsilon)?;
            for (running, batch) in [(mean, read.mean), (variance, read.variance)] {
                let count = batch.len();
                let batch = Tensor::from_vec(batch, count, running.device())?;
                self.move_towards(running, &batch)?;
            }
            Ok(read.output)
        };
        inner().in_layer(&self.name)
    }

    /// `running ← momentum · running + (1 − momentum) · batch`
    fn move_towards(&self, running: &Var, batch: &Tensor) -> Result<(), candle_core::Error> {
        Ok(cnn_ops::update_running(
            running,
            batch,
            Momentum::Keras(self.momentum),
        )?)
    }

    /// The convolution that does what `conv` followed by this norm (running statistics) does.
    ///
    /// ```text
    /// s = γ / √(variance + ε)     w' = s·w     b' = (b − mean)·s + β
    /// ```
    pub(crate) fn fold_into(&self, conv: &Conv) -> Result<Conv, candle_core::Error> {
        let rstd = (self.variance.detach() + self.epsilon)?.sqrt()?.recip()?;
        let scale = match &self.gamma {
            Some(gamma) => (gamma.detach() * rstd)?,
            None => rstd,
        };
        let centred = match &conv.bias {
            Some(bias) => (bias.detach() - self.mean.detach())?,
            None => self.mean.detach().neg()?,
        };
        let channels = scale.elem_count();
        Ok(Conv {
            name: conv.name.clone(),
            weight: conv
                .weight
                .detach()
                .broadcast_mul(&scale.reshape((channels, 1, 1, 1))?)?,
            bias: Some(((centred * scale)? + self.beta.detach())?),
            options: conv.options,
        })
    }
}
