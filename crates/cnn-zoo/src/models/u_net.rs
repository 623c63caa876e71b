//! A small U-Net: four levels of 16 to 128 channels, nearest-neighbour enlargement.
//!
//! Source: Ronneberger et al. 2015, with padding, batch norm and enlargement before a convolution
//! instead of a transposed one (Odena et al. 2016).

use cnn_ops::PoolOptions;

use super::Topology;
use crate::blocks::{After, Conv, ConvNorm, Geometry};
use crate::builder::{Builder, Fold};
use crate::error::Result;
use crate::pass::Pass;
use crate::tape::Map;

/// Channels of the levels.
const CHANNELS: [usize; 4] = [16, 32, 64, 128];
const DEFAULT_TAP: &str = "decoder.0";

/// Twice a 3×3 convolution, batch norm and ReLU.
struct Double([ConvNorm; 2]);

impl Double {
    fn new(builder: &mut Builder<'_>, name: &str, inputs: usize, outputs: usize) -> Result<Self> {
        let mut unit = |index: usize, inputs: usize, fold| {
            let [conv, norm] = ["conv", "bn"].map(|part| format!("{name}.{part}{index}"));
            let channels = [inputs, outputs];
            builder.conv_norm([&conv, &norm], channels, Geometry::same(3, 3), false, fold)
        };
        let last = if name == DEFAULT_TAP {
            Fold::No
        } else {
            Fold::Yes
        };
        Ok(Self([unit(1, inputs, Fold::Yes)?, unit(2, outputs, last)?]))
    }

    fn forward(&self, x: &Map, after: After<'_>, pass: &mut Pass<'_>) -> Result<Map> {
        let [first, second] = &self.0;
        let x = pass.conv_norm(first, x, After::RELU)?;
        pass.conv_norm(second, &x, after)
    }
}

/// The way back up to one level: enlarge, halve the channels, join the level's own map.
struct Up {
    narrow: ConvNorm,
    double: Double,
    name: String,
}

/// The U-Net.
pub(crate) struct UNet {
    encoder: Vec<Double>,
    /// From the deepest level but one to the top.
    decoder: Vec<Up>,
    classifier: Conv,
}

impl UNet {
    pub(crate) fn new(builder: &mut Builder<'_>) -> Result<Self> {
        let config = builder.config();
        let widths = CHANNELS.map(|channels| builder.channels(channels));
        let mut inputs = config.input_channels;
        let mut encoder = Vec::with_capacity(widths.len());
        for (level, &channels) in widths.iter().enumerate() {
            encoder.push(Double::new(
                builder,
                &format!("encoder.{level}"),
                inputs,
                channels,
            )?);
            inputs = channels;
        }
        let mut decoder = Vec::with_capacity(widths.len() - 1);
        for (level, &channels) in widths.iter().enumerate().rev().skip(1) {
            let name = format!("decoder.{level}");
            let [conv, norm] = ["up", "up_bn"].map(|part| format!("{name}.{part}"));
            decoder.push(Up {
                narrow: builder.conv_norm(
                    [&conv, &norm],
                    [inputs, channels],
                    Geometry::same(3, 3),
                    false,
                    Fold::Yes,
                )?,
                double: Double::new(builder, &name, 2 * channels, channels)?,
                name,
            });
            inputs = channels;
        }
        Ok(Self {
            encoder,
            decoder,
            classifier: builder.conv(
                "classifier",
                [inputs, config.classes],
                Geometry::valid(1),
                true,
            )?,
        })
    }
}

impl Topology for UNet {
    fn features(&self, images: &Map, pass: &mut Pass<'_>) -> Result<Map> {
        let mut x = images.clone();
        let mut levels = Vec::with_capacity(self.encoder.len());
        for (level, double) in self.encoder.iter().enumerate() {
            if level > 0 {
                let pool = PoolOptions::square(2, 2);
                x = pass.max_pool(&format!("encoder.{level}"), &x, &pool)?;
            }
            x = double.forward(&x, After::RELU, pass)?;
            if level + 1 < self.encoder.len() {
                levels.push(x.clone());
            } else {
                x = pass.tap("encoder.3", x)?;
            }
        }
        for up in &self.decoder {
            let Some(own) = levels.pop() else { break };
            let (_, _, height, width) = own.dims4()?;
            let y = pass.enlarge(&up.name, &x, [height, width])?;
            let y = pass.conv_norm(&up.narrow, &y, After::RELU)?;
            let y = pass.concat(&up.name, &[own, y])?;
            let is_last = up.name == DEFAULT_TAP;
            let after = if is_last {
                After::RELU.tapped("decoder.0.conv2")
            } else {
                After::RELU
            };
            x = up.double.forward(&y, after, pass)?;
            if !is_last {
                x = pass.tap(
                    if levels.len() == 2 {
                        "decoder.2"
                    } else {
                        "decoder.1"
                    },
                    x,
                )?;
            }
        }
        Ok(x)
    }

    fn head(&self, features: &Map, pass: &mut Pass<'_>) -> Result<Map> {
        pass.conv(&self.classifier, features)
    }

    fn default_tap(&self) -> &'static str {
        DEFAULT_TAP
    }
}
