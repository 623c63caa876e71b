//! ResNet with bottleneck blocks, as `candle_transformers::models::resnet`, on operators whose gradients are right.

use cam_methods::{LinearHead, Tap, TappedModel};
use candle_core::{Result, Tensor};
use candle_nn::VarBuilder;
use cnn_ops::{ConvOptions, Padding, PoolOptions};

const EPSILON: f64 = 1e-5;

/// A convolution without bias and its batch norm.
struct ConvNorm {
    weight: Tensor,
    gamma: Tensor,
    beta: Tensor,
    mean: Tensor,
    variance: Tensor,
    options: ConvOptions,
}

impl ConvNorm {
    fn load(
        [inputs, outputs, kernel, stride]: [usize; 4],
        conv: &VarBuilder<'_>,
        norm: &VarBuilder<'_>,
    ) -> Result<Self> {
        let get = |name| norm.get(outputs, name);
        Ok(Self {
            weight: conv.get((outputs, inputs, kernel, kernel), "weight")?,
            gamma: get("weight")?,
            beta: get("bias")?,
            mean: get("running_mean")?,
            variance: get("running_var")?,
            options: ConvOptions {
                stride: [stride, stride],
                padding: Padding::symmetric(kernel / 2, kernel / 2),
                ..ConvOptions::default()
            },
        })
    }

    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let x = cnn_ops::conv2d(x, &self.weight, None, &self.options)?;
        let norm = [&self.beta, &self.mean, &self.variance];
        Ok(cnn_ops::batch_norm_eval(
            &x,
            Some(&self.gamma),
            norm[0],
            norm[1],
            norm[2],
            EPSILON,
        )?)
    }
}

struct Block {
    convolutions: [ConvNorm; 3],
    downsample: Option<ConvNorm>,
}

impl Block {
    fn load(inputs: usize, width: usize, stride: usize, weights: &VarBuilder<'_>) -> Result<Self> {
        let part = |i: usize, shape| {
            let (conv, norm) = (weights.pp(format!("conv{i}")), weights.pp(format!("bn{i}")));
            ConvNorm::load(shape, &conv, &norm)
        };
        let outputs = 4 * width;
        let shortcut = weights.pp("downsample");
        Ok(Self {
            convolutions: [
                part(1, [inputs, width, 1, 1])?,
                part(2, [width, width, 3, stride])?,
                part(3, [width, outputs, 1, 1])?,
            ],
            downsample: match stride != 1 || inputs != outputs {
                true => Some(ConvNorm::load(
                    [inputs, outputs, 1, stride],
                    &shortcut.pp(0),
                    &shortcut.pp(1),
                )?),
                false => None,
            },
        })
    }

    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let [first, second, third] = &self.convolutions;
        let y = cnn_ops::relu(&first.forward(x)?)?;
        let y = cnn_ops::relu(&second.forward(&y)?)?;
        let y = third.forward(&y)?;
        let shortcut = match &self.downsample {
            Some(downsample) => downsample.forward(x)?,
            None => x.clone(),
        };
        Ok(cnn_ops::relu(&(y + shortcut)?)?)
    }
}

/// ResNet50, 101 or 152, by the number of blocks in its four stages.
pub(super) struct ResNet {
    stem: ConvNorm,
    stages: Vec<Vec<Block>>,
    head: Tensor,
    bias: Tensor,
}

impl ResNet {
    pub(super) fn load(blocks: &[usize; 4], weights: &VarBuilder<'_>) -> Result<Self> {
        let mut inputs = 64;
        let mut stages = Vec::new();
        for (stage, count) in blocks.iter().enumerate() {
            let width = 64 << stage;
            let weights = weights.pp(format!("layer{}", stage + 1));
            let mut layer = Vec::new();
            for i in 0..*count {
                let stride = if i == 0 && stage > 0 { 2 } else { 1 };
                layer.push(Block::load(inputs, width, stride, &weights.pp(i))?);
                inputs = 4 * width;
            }
            stages.push(layer);
        }
        let bias = weights.pp("fc").get_unchecked("bias")?;
        Ok(Self {
            stem: ConvNorm::load([3, 64, 7, 2], &weights.pp("conv1"), &weights.pp("bn1"))?,
            stages,
            head: weights.get((bias.elem_count(), inputs), "fc.weight")?,
            bias,
        })
    }
}

impl TappedModel for ResNet {
    fn forward_tapped(&self, images: &Tensor, tap: &mut dyn Tap) -> Result<Tensor> {
        let x = cnn_ops::relu(&self.stem.forward(images)?)?;
        let pool = PoolOptions::square(3, 2).with_padding(Padding::symmetric(1, 1));
        let mut x = cnn_ops::max_pool2d(&x, &pool)?;
        for (i, stage) in self.stages.iter().enumerate() {
            for block in stage {
                x = block.forward(&x)?;
            }
            x = tap.visit(&format!("layer{}", i + 1), x)?;
        }
        x.mean((2, 3))?
            .matmul(&self.head.t()?)?
            .broadcast_add(&self.bias)
    }

    fn linear_head(&self) -> Option<LinearHead> {
        Some(LinearHead {
            tap: "layer4".to_owned(),
            weight: self.head.clone(),
        })
    }
}
