//! Batch norm: batch statistics in training, running statistics else.

use candle_core::{Tensor, Var};
use cnn_ops::BatchNormOutput;

use crate::architecture::Convention;
use crate::blocks::Conv;
use crate::error::{Error, InLayer, Result};

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
    /// divides by 1 instead of 0.
    pub(crate) fn train(&self, x: &Tensor) -> Result<Tensor> {
        let Some((mean, variance)) = &self.statistics else {
            return Err(Error::Fused("train"));
        };
        let values = x.elem_count() / self.beta.elem_count().max(1);
        if values <= 1 && self.convention == Convention::Torch {
            return Err(Error::SingleValue {
                layer: self.name.clone(),
            });
        }
        let BatchNormOutput {
            output,
            mean: batch_mean,
            variance: batch_variance,
            count,
        } = cnn_ops::batch_norm_train(x, self.gamma.as_ref(), &self.beta, self.epsilon)
            .in_layer(&self.name)?;
        let unbiased = count as f64 / count.saturating_sub(1).max(1) as f64;
        self.move_towards(mean, &batch_mean, 1.0)
            .in_layer(&self.name)?;
        self.move_towards(variance, &batch_variance, unbiased)
            .in_layer(&self.name)?;
        Ok(output)
    }

    /// `running ← momentum · running + (1 − momentum) · factor · batch`
    fn move_towards(
        &self,
        running: &Var,
        batch: &Tensor,
        factor: f64,
    ) -> Result<(), candle_core::Error> {
        let kept = (running.as_detached_tensor() * self.momentum)?;
        let added = (batch.detach() * (factor * (1.0 - self.momentum)))?;
        running.set(&(kept + added)?)
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
