//! The vision transformer, as `candle_transformers::models::vit`.
//!
//! Its layer norm and softmax are candle's operators that have no backward pass; here they are spelt out. The tap is
//! in front of the last attention: behind it the logits depend on the class token only, and every gradient of the
//! other tokens is zero.

use cam_methods::{Tap, TappedModel};
use candle_core::{D, IndexOp, Result, Tensor};
use candle_nn::{Activation, Module, VarBuilder};
use candle_transformers::models::vit::Config;
use cnn_ops::ConvOptions;

use super::tokens;

struct Dense {
    weight: Tensor,
    bias: Tensor,
}

impl Dense {
    fn load(inputs: usize, outputs: usize, weights: &VarBuilder<'_>) -> Result<Self> {
        Ok(Self {
            weight: weights.get((outputs, inputs), "weight")?,
            bias: weights.get(outputs, "bias")?,
        })
    }

    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        x.broadcast_matmul(&self.weight.t()?)?
            .broadcast_add(&self.bias)
    }
}

struct LayerNorm {
    weight: Tensor,
    bias: Tensor,
    epsilon: f64,
}

impl LayerNorm {
    fn load(config: &Config, weights: &VarBuilder<'_>) -> Result<Self> {
        Ok(Self {
            weight: weights.get(config.hidden_size, "weight")?,
            bias: weights.get(config.hidden_size, "bias")?,
            epsilon: config.layer_norm_eps,
        })
    }

    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let centred = x.broadcast_sub(&x.mean_keepdim(D::Minus1)?)?;
        let variance = centred.sqr()?.mean_keepdim(D::Minus1)?;
        centred
            .broadcast_div(&(variance + self.epsilon)?.sqrt()?)?
            .broadcast_mul(&self.weight)?
            .broadcast_add(&self.bias)
    }
}

struct Layer {
    before: LayerNorm,
    queries: Dense,
    keys: Dense,
    values: Dense,
    joined: Dense,
    after: LayerNorm,
    hidden: Dense,
    output: Dense,
    heads: usize,
    activation: Activation,
}

impl Layer {
    fn load(config: &Config, weights: &VarBuilder<'_>) -> Result<Self> {
        let (size, hidden) = (config.hidden_size, config.intermediate_size);
        let own = weights.pp("attention.attention");
        let dense = |inputs, outputs, name: &str| Dense::load(inputs, outputs, &weights.pp(name));
        Ok(Self {
            before: LayerNorm::load(config, &weights.pp("layernorm_before"))?,
            queries: Dense::load(size, size, &own.pp("query"))?,
            keys: Dense::load(size, size, &own.pp("key"))?,
            values: Dense::load(size, size, &own.pp("value"))?,
            joined: dense(size, size, "attention.output.dense")?,
            after: LayerNorm::load(config, &weights.pp("layernorm_after"))?,
            hidden: dense(size, hidden, "intermediate.dense")?,
            output: dense(hidden, size, "output.dense")?,
            heads: config.num_attention_heads,
            activation: config.hidden_act,
        })
    }

    /// `[batch, token, channel]` to `[batch, head, token, channel / heads]`.
    fn split(&self, x: &Tensor) -> Result<Tensor> {
        let (batch, count, size) = x.dims3()?;
        x.reshape((batch, count, self.heads, size / self.heads))?
            .transpose(1, 2)?
            .contiguous()
    }

    fn attend(&self, x: &Tensor) -> Result<Tensor> {
        let [q, k, v] = [&self.queries, &self.keys, &self.values]
            .map(|dense| dense.forward(x).and_then(|y| self.split(&y)));
        let (q, k, v) = (q?, k?, v?);
        let scores = (q.matmul(&k.t()?)? / (q.dim(D::Minus1)? as f64).sqrt())?;
        let joined = candle_nn::ops::softmax(&scores, D::Minus1)?.matmul(&v)?;
        self.joined
            .forward(&joined.transpose(1, 2)?.contiguous()?.flatten_from(2)?)
    }

    fn forward(&self, x: &Tensor, normed: &Tensor) -> Result<Tensor> {
        let x = (self.attend(normed)? + x)?;
        let y = self.hidden.forward(&self.after.forward(&x)?)?;
        self.output.forward(&self.activation.forward(&y)?)? + x
    }
}

/// A vision transformer with a class token.
pub(super) struct VisionTransformer {
    patches: Tensor,
    patch_bias: Tensor,
    class_token: Tensor,
    positions: Tensor,
    layers: Vec<Layer>,
    norm: LayerNorm,
    head: Dense,
    config: Config,
}

impl VisionTransformer {
    pub(super) fn load(config: &Config, weights: &VarBuilder<'_>) -> Result<Self> {
        let (size, patch) = (config.hidden_size, config.patch_size);
        let inner = weights.pp("vit");
        let embeddings = inner.pp("embeddings");
        let projection = embeddings.pp("patch_embeddings.projection");
        let edge = config.image_size / patch;
        let layer = |i: usize| Layer::load(config, &inner.pp("encoder.layer").pp(i));
        let classes = weights.get_unchecked("classifier.bias")?.elem_count();
        Ok(Self {
            patches: projection.get((size, config.num_channels, patch, patch), "weight")?,
            patch_bias: projection.get(size, "bias")?,
            class_token: embeddings.get((1, 1, size), "cls_token")?,
            positions: embeddings.get((1, edge * edge + 1, size), "position_embeddings")?,
            layers: (0..config.num_hidden_layers)
                .map(layer)
                .collect::<Result<_>>()?,
            norm: LayerNorm::load(config, &inner.pp("layernorm"))?,
            head: Dense::load(size, classes, &weights.pp("classifier"))?,
            config: config.clone(),
        })
    }

    fn embed(&self, images: &Tensor) -> Result<Tensor> {
        let options = ConvOptions {
            stride: [self.config.patch_size; 2],
            ..ConvOptions::default()
        };
        let patches = cnn_ops::conv2d(images, &self.patches, Some(&self.patch_bias), &options)?;
        let patches = patches.flatten_from(2)?.transpose(1, 2)?;
        let (batch, _, size) = patches.dims3()?;
        let class = self.class_token.broadcast_as((batch, 1, size))?;
        Tensor::cat(&[class, patches], 1)?.broadcast_add(&self.positions)
    }
}

impl TappedModel for VisionTransformer {
    fn forward_tapped(&self, images: &Tensor, tap: &mut dyn Tap) -> Result<Tensor> {
        let edge = self.config.image_size / self.config.patch_size;
        let mut x = self.embed(images)?;
        for (i, layer) in self.layers.iter().enumerate() {
            let name = format!("encoder.layer.{i}.layernorm_before");
            let normed = layer.before.forward(&x)?;
            let normed = tokens::visit(tap, &name, &normed, 1, [edge, edge])?;
            x = layer.forward(&x, &normed)?;
        }
        self.head.forward(&self.norm.forward(&x.i((.., 0))?)?)
    }
}
