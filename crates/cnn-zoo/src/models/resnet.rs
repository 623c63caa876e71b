//! ResNet50: bottleneck blocks with an identity path.
//!
//! Source: He et al. 2016; `keras_applications/resnet_common.py` 1.0.8 (stride in the first 1×1
//! of a block, biases everywhere) and `torchvision/models/resnet.py` ("v1.5": stride in the 3×3,
//! no biases).

use cnn_ops::{Padding, PoolOptions};

use super::Topology;
use crate::blocks::{After, ConvNorm, Dense, Geometry};
use crate::builder::{Builder, Fold};
use crate::error::Result;
use crate::pass::Pass;
use crate::tape::Map;

/// Blocks per stage.
const BLOCKS: [usize; 4] = [3, 4, 6, 3];
/// Output channels of a block per inner channel.
const EXPANSION: usize = 4;
const DEFAULT_TAP: &str = "layer4";

/// 1×1, 3×3, 1×1, added to the input or its projection, ReLU.
struct Bottleneck {
    first: ConvNorm,
    second: ConvNorm,
    third: ConvNorm,
    projection: Option<ConvNorm>,
    /// Name of the point between the last convolution and its norm, in the last block.
    tap: Option<String>,
}

impl Bottleneck {
    fn new(
        builder: &mut Builder<'_>,
        name: &str,
        [inputs, inner]: [usize; 2],
        stride: usize,
        [projects, is_last]: [bool; 2],
    ) -> Result<Self> {
        let bias = builder.is_keras();
        let strides = if bias { [stride, 1] } else { [1, stride] };
        let fold = if is_last { Fold::No } else { Fold::Yes };
        let outputs = inner * EXPANSION;
        let mut unit = |parts: [&str; 2], channels, geometry, fold| {
            let [conv, norm] = parts.map(|part| format!("{name}.{part}"));
            builder.conv_norm([&conv, &norm], channels, geometry, bias, fold)
        };
        let one = Geometry::valid(1);
        Ok(Self {
            first: unit(
                ["conv1", "bn1"],
                [inputs, inner],
                one.stride(strides[0]),
                Fold::Yes,
            )?,
            second: unit(
                ["conv2", "bn2"],
                [inner, inner],
                Geometry::same(3, 3).stride(strides[1]),
                Fold::Yes,
            )?,
            third: unit(["conv3", "bn3"], [inner, outputs], one, fold)?,
            projection: projects
                .then(|| {
                    unit(
                        ["downsample.0", "downsample.1"],
                        [inputs, outputs],
                        one.stride(stride),
                        Fold::Yes,
                    )
                })
                .transpose()?,
            tap: is_last.then(|| format!("{name}.conv3")),
        })
    }

    fn forward(&self, x: &Map, pass: &mut Pass<'_>) -> Result<Map> {
        let projected = match &self.projection {
            Some(projection) => Some(pass.conv_norm(projection, x, After::LINEAR)?),
            None => None,
        };
        let y = pass.conv_norm(&self.first, x, After::RELU)?;
        let y = pass.conv_norm(&self.second, &y, After::RELU)?;
        let after = After {
            tap: self.tap.as_deref(),
            ..After::add_relu(projected.as_ref().unwrap_or(x))
        };
        pass.conv_norm(&self.third, &y, after)
    }
}

/// ResNet50.
pub(crate) struct ResNet50 {
    stem: ConvNorm,
    stages: Vec<Vec<Bottleneck>>,
    classifier: Dense,
}

impl ResNet50 {
    pub(crate) fn new(builder: &mut Builder<'_>) -> Result<Self> {
        let config = builder.config();
        let bias = builder.is_keras();
        let width = builder.channels(64);
        let mut geometry = Geometry::valid(7).stride(2);
        geometry.options.padding = Padding::symmetric(3, 3);
        let channels = [config.input_channels, width];
        let stem = builder.conv_norm(["conv1", "bn1"], channels, geometry, bias, Fold::Yes)?;
        let mut inputs = width;
        let mut stages = Vec::with_capacity(BLOCKS.len());
        for (index, &count) in BLOCKS.iter().enumerate() {
            let inner = builder.channels(64 << index);
            let mut stage = Vec::with_capacity(count);
            for block in 0..count {
                let stride = if block == 0 && index > 0 { 2 } else { 1 };
                let is_last = index + 1 == BLOCKS.len() && block + 1 == count;
                stage.push(Bottleneck::new(
                    builder,
                    &format!("layer{}.{block}", index + 1),
                    [inputs, inner],
                    stride,
                    [block == 0, is_last],
                )?);
                inputs = inner * EXPANSION;
            }
            stages.push(stage);
        }
        Ok(Self {
            stem,
            stages,
            classifier: builder.dense("fc", [inputs, config.classes])?,
        })
    }
}

impl Topology for ResNet50 {
    fn features(&self, images: &Map, pass: &mut Pass<'_>) -> Result<Map> {
        let x = pass.conv_norm(&self.stem, images, After::RELU)?;
        let x = pass.tap("bn1.relu", x)?;
        let pool = PoolOptions::square(3, 2).with_padding(Padding::symmetric(1, 1));
        let mut x = pass.max_pool("maxpool", &x, &pool)?;
        for (index, stage) in self.stages.iter().enumerate() {
            for block in stage {
                x = block.forward(&x, pass)?;
            }
            if index + 1 < self.stages.len() {
                x = pass.tap(["layer1", "layer2", "layer3"][index], x)?;
            }
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
