//! Xception: separable convolutions on an identity path.
//!
//! Source: Chollet 2017; `keras_applications/xception.py` 1.0.8 and timm's `legacy_xception`,
//! whose names the tensors carry. Block outputs are sums, before the next block's ReLU.

use cnn_ops::{Padding, PoolOptions};

use super::Topology;
use crate::blocks::{After, ConvNorm, Dense, Geometry, Separable};
use crate::builder::{Builder, Fold};
use crate::error::Result;
use crate::pass::Pass;
use crate::tape::Map;

const DEFAULT_TAP: &str = "bn4.relu";
const LAST_CONV: &str = "conv4";

/// Separable convolutions beside an identity path or its projection.
struct Block {
    name: String,
    starts_with_relu: bool,
    layers: Vec<Separable>,
    /// With a projection comes a pool of stride 2.
    projection: Option<ConvNorm>,
    tap: Option<&'static str>,
}

/// Channels of a block's separable convolutions, and whether it halves the map.
struct Shape<'a> {
    outputs: &'a [usize],
    halves: bool,
    tap: Option<&'static str>,
}

impl Block {
    fn new(
        builder: &mut Builder<'_>,
        number: usize,
        mut inputs: usize,
        shape: &Shape<'_>,
    ) -> Result<Self> {
        let name = format!("block{number}");
        let starts_with_relu = number > 1;
        let last = builder.channels(shape.outputs.last().copied().unwrap_or(1));
        let projection = if shape.halves {
            let [conv, norm] = ["skip", "skipbn"].map(|part| format!("{name}.{part}"));
            let geometry = Geometry::valid(1).stride(2);
            let channels = [inputs, last];
            Some(builder.conv_norm([&conv, &norm], channels, geometry, false, Fold::Yes)?)
        } else {
            None
        };
        let mut layers = Vec::with_capacity(shape.outputs.len());
        for (index, &outputs) in shape.outputs.iter().enumerate() {
            // timm counts ReLU, convolution pair and norm in one list.
            let at = 3 * index + usize::from(starts_with_relu);
            let outputs = builder.channels(outputs);
            let conv = format!("{name}.rep.{at}");
            let norm = format!("{name}.rep.{}", at + 1);
            let channels = [inputs, outputs];
            layers.push(Separable::new(
                builder,
                [&conv, &norm],
                channels,
                Fold::Yes,
            )?);
            inputs = outputs;
        }
        Ok(Self {
            name,
            starts_with_relu,
            layers,
            projection,
            tap: shape.tap,
        })
    }

    fn forward(&self, x: &Map, keras: bool, pass: &mut Pass<'_>) -> Result<Map> {
        let mut y = if self.starts_with_relu {
            pass.relu(&self.name, x)?
        } else {
            x.clone()
        };
        for (index, layer) in self.layers.iter().enumerate() {
            let is_last = index + 1 == self.layers.len();
            let after = match (is_last, &self.projection) {
                (false, _) => After::RELU,
                (true, Some(_)) => After::LINEAR,
                (true, None) => After::add(x),
            };
            y = layer.forward(&y, after, pass)?;
        }
        if let Some(projection) = &self.projection {
            let y = pass.max_pool(&self.name, &y, &halving_pool(&y, keras)?)?;
            return pass.conv_norm(projection, x, After::add(&y));
        }
        Ok(y)
    }
}

/// 3×3, stride 2: Keras pads as much as the size needs, timm one pixel on every side.
fn halving_pool(x: &Map, keras: bool) -> Result<PoolOptions> {
    let (_, _, height, width) = x.dims4()?;
    let padding = if keras {
        Padding::same_keras([height, width], [3, 3], [2, 2], [1, 1])
    } else {
        Padding::symmetric(1, 1)
    };
    Ok(PoolOptions::square(3, 2).with_padding(padding))
}

/// Xception.
pub(crate) struct Xception {
    stem: [ConvNorm; 2],
    blocks: Vec<Block>,
    exit: [Separable; 2],
    classifier: Dense,
    keras: bool,
}

impl Xception {
    pub(crate) fn new(builder: &mut Builder<'_>) -> Result<Self> {
        let config = builder.config();
        let [c32, c64, c1536, c2048] = [32, 64, 1536, 2048].map(|c| builder.channels(c));
        let valid = Geometry::valid(3);
        let first = [config.input_channels, c32];
        let stem = [
            builder.conv_norm(["conv1", "bn1"], first, valid.stride(2), false, Fold::Yes)?,
            builder.conv_norm(["conv2", "bn2"], [c32, c64], valid, false, Fold::Yes)?,
        ];
        let halving = |outputs, tap| Shape {
            outputs,
            halves: true,
            tap,
        };
        let mut shapes = vec![
            halving(&[128, 128][..], Some("block1")),
            halving(&[256, 256][..], Some("block2")),
            halving(&[728, 728][..], None),
        ];
        for index in 0..8 {
            shapes.push(Shape {
                outputs: &[728, 728, 728],
                halves: false,
                tap: (index == 7).then_some("block11"),
            });
        }
        shapes.push(halving(&[728, 1024][..], None));
        let mut channels = c64;
        let mut blocks = Vec::with_capacity(shapes.len());
        for (index, shape) in shapes.iter().enumerate() {
            blocks.push(Block::new(builder, index + 1, channels, shape)?);
            channels = builder.channels(shape.outputs.last().copied().unwrap_or(1));
        }
        let exit = [
            Separable::new(builder, ["conv3", "bn3"], [channels, c1536], Fold::Yes)?,
            Separable::new(builder, [LAST_CONV, "bn4"], [c1536, c2048], Fold::No)?,
        ];
        Ok(Self {
            stem,
            blocks,
            exit,
            classifier: builder.dense("fc", [c2048, config.classes])?,
            keras: builder.is_keras(),
        })
    }
}

impl Topology for Xception {
    fn features(&self, images: &Map, pass: &mut Pass<'_>) -> Result<Map> {
        let [first, second] = &self.stem;
        let x = pass.conv_norm(first, images, After::RELU)?;
        let x = pass.conv_norm(second, &x, After::RELU)?;
        let mut x = pass.tap("bn2.relu", x)?;
        for block in &self.blocks {
            x = block.forward(&x, self.keras, pass)?;
            if let Some(tap) = block.tap {
                x = pass.tap(tap, x)?;
            }
        }
        let [first, second] = &self.exit;
        let x = first.forward(&x, After::RELU, pass)?;
        second.forward(&x, After::RELU.tapped(LAST_CONV), pass)
    }

    fn head(&self, features: &Map, pass: &mut Pass<'_>) -> Result<Map> {
        let pooled = pass.global_average("avgpool", features)?;
        pass.dense(&self.classifier, &pooled)
    }

    fn default_tap(&self) -> &'static str {
        DEFAULT_TAP
    }
}
