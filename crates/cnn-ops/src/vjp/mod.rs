//! Operators together with the maps that carry gradients back ("vector–Jacobian products"), for
//! programs that keep a tape of their own instead of candle's graph.
//!
//! candle's backward pass makes a tensor of zeros for every argument of every operator and adds
//! the gradient to it; in a convolutional network that costs more memory traffic than batch
//! normalisation and ReLU together. A tape that moves the first gradient and adds the others in
//! place avoids it. What is computed here is what [`conv2d`](crate::conv2d) and its companions
//! compute, bit for bit; nothing here carries a graph.

mod conv;
mod norm;
mod plane;

use std::fmt;

use candle_core::Tensor;

pub use conv::Conv2d;
pub use norm::{BatchNorm, BatchNormGradients, BatchNormOptions, batch_norm};
pub use plane::{avg_pool2d, global_avg_pool2d, max_pool2d, upsample_nearest2d};

use crate::error::Result;

type Pull = dyn Fn(&Tensor) -> candle_core::Result<Tensor> + Send + Sync;

/// The result of an operator of one argument, and the way back.
pub struct Recorded {
    /// The result, without a graph.
    pub output: Tensor,
    pull: Box<Pull>,
}

impl Recorded {
    fn new(
        output: Tensor,
        pull: impl Fn(&Tensor) -> candle_core::Result<Tensor> + Send + Sync + 'static,
    ) -> Self {
        Self {
            output,
            pull: Box::new(pull),
        }
    }

    /// The gradient of the argument from that of the result.
    ///
    /// ```text
    /// dx = Jᵀ·dy
    /// ```
    ///
    /// # Shapes
    ///
    /// - `dy`: that of [`output`](Self::output); returns that of the argument
    ///
    /// # Errors
    ///
    /// Another shape, type or device of `dy`.
    ///
    /// # Examples
    ///
    /// ```
    /// use candle_core::{DType, Device, Tensor};
    /// use cnn_ops::{PoolOptions, vjp};
    ///
    /// let x = Tensor::new(&[[[[1f32, 4.], [3., 2.]]]], &Device::Cpu)?;
    /// let pooled = vjp::max_pool2d(&x, &PoolOptions::square(2, 2))?;
    /// let dx = pooled.pull(&Tensor::ones((1, 1, 1, 1), DType::F32, &Device::Cpu)?)?;
    /// assert_eq!(dx.flatten_all()?.to_vec1::<f32>()?, [0., 1., 0., 0.]);
    /// # Ok::<(), cnn_ops::Error>(())
    /// ```
    pub fn pull(&self, dy: &Tensor) -> Result<Tensor> {
        check_gradient("pull", dy, &self.output)?;
        Ok((self.pull)(&dy.detach().contiguous()?)?)
    }
}

impl fmt::Debug for Recorded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recorded")
            .field("output", &self.output)
            .finish_non_exhaustive()
    }
}

/// Checks that a gradient is one of `output`.
fn check_gradient(op: &'static str, dy: &Tensor, output: &Tensor) -> Result<()> {
    crate::element::check_same(op, "dy", dy, "the result", output)?;
    check_shape(op, dy, output.dims())
}

fn check_shape(op: &'static str, dy: &Tensor, expected: &[usize]) -> Result<()> {
    if dy.dims() == expected {
        return Ok(());
    }
    Err(crate::Error::ShapeMismatch {
        op,
        left_name: "dy",
        left: dy.dims().to_vec(),
        right_name: "the result",
        right: expected.to_vec(),
    })
}
