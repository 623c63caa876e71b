//! VGG16: five stages of 3×3 convolutions, then three dense layers.
//!
//! Source: Simonyan and Zisserman 2015; `keras_applications/vgg16.py` 1.0.8 and
//! `torchvision/models/vgg.py` (configuration D). The dense weights are kept in PyTorch's
//! channel-first order in both conventions.

use cnn_ops::PoolOptions;

use super::Topology;
use crate::blocks::{After, ConvNorm, Dense, Geometry};
use crate::builder::Builder;
use crate::error::Result;
use crate::pass::Pass;
use crate::tape::Map;

/// Convolutions and channels per stage.
const STAGES: [(usize, usize); 5] = [(2, 64), (2, 128), (3, 256), (3, 512), (3, 512)];
/// torchvision's names of each stage's last ReLU.
const STAGE_TAPS: [&str; 5] = [
    "features.3",
    "features.8",
    "features.15",
    "features.22",
    "features.29",
];
/// torchvision's name of the last convolution.
const LAST_CONV: &str = "features.28";
/// Edge of the pooled map in front of torchvision's dense layers.
const TORCH_POOL: usize = 7;

/// VGG16.
pub(crate) struct Vgg16 {
    stages: Vec<Vec<ConvNorm>>,
    hidden: [Dense; 2],
    classifier: Dense,
    keras: bool,
}

impl Vgg16 {
    pub(crate) fn new(builder: &mut Builder<'_>) -> Result<Self> {
        let config = builder.config();
        let mut inputs = config.input_channels;
        let mut index = 0;
        let mut stages = Vec::with_capacity(STAGES.len());
        for (count, channels) in STAGES {
            let outputs = builder.channels(channels);
            let mut stage = Vec::with_capacity(count);
            for _ in 0..count {
                let name = format!("features.{index}");
                let conv = builder.conv(&name, [inputs, outputs], Geometry::same(3, 3), true)?;
                stage.push(ConvNorm::plain(conv));
                inputs = outputs;
                index += 2;
            }
            stages.push(stage);
            index += 1;
        }
        let keras = builder.is_keras();
        let [height, width] = if keras {
            config.input_size.map(|edge| edge >> STAGES.len())
        } else {
            [TORCH_POOL, TORCH_POOL]
        };
        let hidden = builder.channels(4096);
        Ok(Self {
            stages,
            hidden: [
                builder.dense("classifier.0", [inputs * height * width, hidden])?,
                builder.dense("classifier.3", [hidden, hidden])?,
            ],
            classifier: builder.dense("classifier.6", [hidden, config.classes])?,
            keras,
        })
    }
}

impl Topology for Vgg16 {
    fn features(&self, images: &Map, pass: &mut Pass<'_>) -> Result<Map> {
        let halve = PoolOptions::square(2, 2);
        let mut x = images.clone();
        for (index, stage) in self.stages.iter().enumerate() {
            let is_last = index + 1 == self.stages.len();
            for (at, conv) in stage.iter().enumerate() {
                let after = if is_last && at + 1 == stage.len() {
                    After::RELU.tapped(LAST_CONV)
                } else {
                    After::RELU
                };
                x = pass.conv_norm(conv, &x, after)?;
            }
            if !is_last {
                x = pass.tap(STAGE_TAPS[index], x)?;
                x = pass.max_pool(STAGE_TAPS[index], &x, &halve)?;
            }
        }
        Ok(x)
    }

    fn head(&self, features: &Map, pass: &mut Pass<'_>) -> Result<Map> {
        let mut x = pass.max_pool("features.30", features, &PoolOptions::square(2, 2))?;
        if !self.keras {
            x = pass.adaptive_average("avgpool", &x, [TORCH_POOL, TORCH_POOL])?;
        }
        let mut x = pass.flatten(&x)?;
        for dense in &self.hidden {
            x = pass.dense(dense, &x)?;
            x = pass.relu(&dense.name, &x)?;
            if !self.keras {
                x = pass.dropout(&dense.name, &x, 0.5)?;
            }
        }
        pass.dense(&self.classifier, &x)
    }

    fn default_tap(&self) -> &'static str {
        STAGE_TAPS[STAGE_TAPS.len() - 1]
    }

    fn fixes_input_size(&self) -> bool {
        self.keras
    }
}
