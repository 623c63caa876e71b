//! DenseNet121: every layer of a block reads all maps before it.
//!
//! Source: Huang et al. 2017; `keras_applications/densenet.py` 1.0.8 and
//! `torchvision/models/densenet.py` (growth 32, bottleneck 4, compression 0.5).

use cnn_ops::{CountPadding, Padding, PoolOptions};

use super::Topology;
use crate::blocks::{After, BatchNorm, Conv, ConvNorm, Dense, Geometry};
use crate::builder::{Builder, Fold};
use crate::error::Result;
use crate::pass::{Maps, Pass};
use crate::tape::Map;

/// Layers per block.
const LAYERS: [usize; 4] = [6, 12, 24, 16];
const GROWTH: usize = 32;
/// Channels of the 1×1 convolution per new channel.
const BOTTLENECK: usize = 4;
const DEFAULT_TAP: &str = "features.norm5.relu";
const LAST_CONV: &str = "features.denseblock4.denselayer16.conv2";

/// Norm, ReLU, 1×1, norm, ReLU, 3×3: gives `growth` new maps.
struct DenseLayer {
    norm: BatchNorm,
    first: ConvNorm,
    second: Conv,
}

impl DenseLayer {
    fn new(builder: &mut Builder<'_>, name: &str, inputs: usize, growth: usize) -> Result<Self> {
        let inner = BOTTLENECK * growth;
        let [norm1, conv1, norm2, conv2] =
            ["norm1", "conv1", "norm2", "conv2"].map(|part| format!("{name}.{part}"));
        let one = Geometry::valid(1);
        Ok(Self {
            norm: builder.norm(&norm1, inputs)?,
            first: builder.conv_norm([&conv1, &norm2], [inputs, inner], one, false, Fold::Yes)?,
            second: builder.conv(&conv2, [inner, growth], Geometry::same(3, 3), false)?,
        })
    }

    fn forward(&self, x: &Maps, pass: &mut Pass<'_>) -> Result<Map> {
        let y = pass.norm_relu_maps(&self.norm, x)?;
        let y = pass.conv_norm(&self.first, &y, After::RELU)?;
        pass.conv(&self.second, &y)
    }
}

/// Norm, ReLU, 1×1 to half the channels, 2×2 mean.
struct Transition {
    norm: BatchNorm,
    conv: Conv,
    tap: String,
}

/// DenseNet121.
pub(crate) struct DenseNet121 {
    stem: ConvNorm,
    blocks: Vec<Vec<DenseLayer>>,
    transitions: Vec<Transition>,
    norm: BatchNorm,
    classifier: Dense,
    /// Maps that a layer adds.
    growth: usize,
}

impl DenseNet121 {
    pub(crate) fn new(builder: &mut Builder<'_>) -> Result<Self> {
        let config = builder.config();
        let growth = builder.channels(GROWTH);
        let mut channels = 2 * growth;
        let mut geometry = Geometry::valid(7).stride(2);
        geometry.options.padding = Padding::symmetric(3, 3);
        let names = ["features.conv0", "features.norm0"];
        let inputs = [config.input_channels, channels];
        let stem = builder.conv_norm(names, inputs, geometry, false, Fold::Yes)?;
        let mut blocks = Vec::with_capacity(LAYERS.len());
        let mut transitions = Vec::with_capacity(LAYERS.len() - 1);
        for (index, &count) in LAYERS.iter().enumerate() {
            let number = index + 1;
            let mut layers = Vec::with_capacity(count);
            for layer in 1..=count {
                let name = format!("features.denseblock{number}.denselayer{layer}");
                layers.push(DenseLayer::new(builder, &name, channels, growth)?);
                channels += growth;
            }
            blocks.push(layers);
            if number < LAYERS.len() {
                let name = format!("features.transition{number}");
                let [norm, conv] = ["norm", "conv"].map(|part| format!("{name}.{part}"));
                let halved = [channels, channels / 2];
                transitions.push(Transition {
                    norm: builder.norm(&norm, channels)?,
                    conv: builder.conv(&conv, halved, Geometry::valid(1), false)?,
                    tap: format!("{norm}.relu"),
                });
                channels /= 2;
            }
        }
        Ok(Self {
            stem,
            blocks,
            transitions,
            norm: builder.norm("features.norm5", channels)?,
            classifier: builder.dense("classifier", [channels, config.classes])?,
            growth,
        })
    }
}

impl Topology for DenseNet121 {
    fn features(&self, images: &Map, pass: &mut Pass<'_>) -> Result<Map> {
        let x = pass.conv_norm(&self.stem, images, After::RELU)?;
        let x = pass.tap("features.norm0.relu", x)?;
        let pool = PoolOptions::square(3, 2).with_padding(Padding::symmetric(1, 1));
        let mut x = pass.max_pool("features.pool0", &x, &pool)?;
        for (index, block) in self.blocks.iter().enumerate() {
            let mut maps = pass.dense_maps(x, self.growth * block.len())?;
            for (at, layer) in block.iter().enumerate() {
                let mut new = layer.forward(&maps, pass)?;
                if index + 1 == self.blocks.len() && at + 1 == block.len() {
                    new = pass.tap(LAST_CONV, new)?;
                }
                maps = pass.append(&layer.second.name, maps, new)?;
            }
            let Some(transition) = self.transitions.get(index) else {
                return pass.norm_relu_maps(&self.norm, &maps);
            };
            let y = pass.norm_relu_maps(&transition.norm, &maps)?;
            drop(maps);
            let y = pass.tap(&transition.tap, y)?;
            let y = pass.conv(&transition.conv, &y)?;
            let halve = PoolOptions::square(2, 2);
            let name = &transition.conv.name;
            x = pass.avg_pool(name, &y, &halve, CountPadding::Include)?;
        }
        Ok(x)
    }

    fn head(&self, features: &Map, pass: &mut Pass<'_>) -> Result<Map> {
        let pooled = pass.global_average("avgpool", features)?;
        pass.dense(&self.classifier, &pooled)
    }

    fn default_tap(&self) -> &'static str {
        DEFAULT_TAP
    }
}
