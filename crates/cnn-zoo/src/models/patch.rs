//! The patch networks: four 3×3 convolutions and three dense layers on a few pixels.
//!
//! Source: Anderssen, Syed and Stormo 2021 (Food Control 123, 107734), whose code builds "v6" with
//! 256 channels and "v3" with 128; of v3 only the convolutions are described, so it is given the
//! dense layers of v6. Weights are kept in PyTorch's channel-first order.

use cnn_ops::PoolOptions;

use super::Topology;
use crate::blocks::{After, ConvNorm, Dense, Geometry};
use crate::builder::Builder;
use crate::error::Result;
use crate::pass::Pass;
use crate::tape::Map;

/// Width of the hidden dense layers.
const HIDDEN: usize = 2048;
/// Share of their values that training drops.
const DROPOUT: f64 = 0.5;
const LAST_CONV: &str = "features.7";
const STAGE_TAPS: [&str; 2] = ["features.3", "features.8"];

/// A patch network.
pub(crate) struct Patch {
    stages: [[ConvNorm; 2]; 2],
    hidden: [Dense; 2],
    classifier: Dense,
}

impl Patch {
    pub(crate) fn new(builder: &mut Builder<'_>, channels: usize) -> Result<Self> {
        let config = builder.config();
        let channels = builder.channels(channels);
        let mut conv = |index: usize, inputs: usize| {
            let name = format!("features.{index}");
            let conv = builder.conv(&name, [inputs, channels], Geometry::same(3, 3), true)?;
            Ok::<_, crate::error::Error>(ConvNorm::plain(conv))
        };
        // Counted as VGG counts: convolution, ReLU, convolution, ReLU, pool.
        let stages = [
            [conv(0, config.input_channels)?, conv(2, channels)?],
            [conv(5, channels)?, conv(7, channels)?],
        ];
        let [height, width] = config.input_size.map(|edge| edge / 4);
        let hidden = builder.channels(HIDDEN);
        Ok(Self {
            stages,
            hidden: [
                builder.dense("classifier.0", [channels * height * width, hidden])?,
                builder.dense("classifier.3", [hidden, hidden])?,
            ],
            classifier: builder.dense("classifier.6", [hidden, config.classes])?,
        })
    }
}

impl Topology for Patch {
    fn features(&self, images: &Map, pass: &mut Pass<'_>) -> Result<Map> {
        let [[first, second], [third, fourth]] = &self.stages;
        let x = pass.conv_norm(first, images, After::RELU)?;
        let x = pass.conv_norm(second, &x, After::RELU)?;
        let x = pass.tap(STAGE_TAPS[0], x)?;
        let x = pass.max_pool("features.4", &x, &PoolOptions::square(2, 2))?;
        let x = pass.conv_norm(third, &x, After::RELU)?;
        pass.conv_norm(fourth, &x, After::RELU.tapped(LAST_CONV))
    }

    fn head(&self, features: &Map, pass: &mut Pass<'_>) -> Result<Map> {
        let x = pass.max_pool("features.9", features, &PoolOptions::square(2, 2))?;
        let mut x = pass.flatten(&x)?;
        for dense in &self.hidden {
            x = pass.dense(dense, &x)?;
            x = pass.relu(&dense.name, &x)?;
            x = pass.dropout(&dense.name, &x, DROPOUT)?;
        }
        pass.dense(&self.classifier, &x)
    }

    fn default_tap(&self) -> &'static str {
        STAGE_TAPS[1]
    }

    fn fixes_input_size(&self) -> bool {
        true
    }
}
