//! Inception-ResNet V2: Inception branches added, scaled down, to an identity path.
//!
//! Source: Szegedy et al. 2017; `keras_applications/inception_resnet_v2.py` 1.0.8 and
//! `timm/models/inception_resnet_v2.py`.

use cnn_ops::CountPadding;

use super::Topology;
use crate::blocks::{
    After, Built, ConvNorm, Dense, Geometry, Node, Plan, chain, conv, split, tapped_conv,
};
use crate::builder::Builder;
use crate::error::Result;
use crate::pass::Pass;
use crate::tape::Map;

const DEFAULT_TAP: &str = "conv2d_7b";

/// x + scale · conv(branches(x)), then a ReLU except in the very last one.
struct Residual {
    branches: Node,
    up: ConvNorm,
    scale: f64,
    relu: bool,
}

impl Residual {
    fn new(
        builder: &mut Builder<'_>,
        name: &str,
        plan: Plan,
        channels: usize,
        (scale, relu): (f64, bool),
    ) -> Result<Self> {
        let inner = plan.build(builder, name, channels)?;
        let scaled = builder.scaled_conv(
            &format!("{name}.conv2d"),
            [inner.channels, channels],
            Geometry::valid(1),
            scale,
        )?;
        Ok(Self {
            branches: inner.node,
            up: ConvNorm::plain(scaled.conv),
            scale: scaled.left,
            relu,
        })
    }

    fn forward(&self, x: &Map, pass: &mut Pass<'_>) -> Result<Map> {
        let y = self.branches.forward(x, pass)?;
        let after = After {
            scale: self.scale,
            relu: self.relu,
            ..After::add(x)
        };
        pass.conv_norm(&self.up, &y, after)
    }
}

enum Module {
    Plain(Box<Node>),
    Residual(Box<Residual>),
    Tap(&'static str),
}

/// Inception-ResNet V2.
pub(crate) struct InceptionResNetV2 {
    modules: Vec<Module>,
    classifier: Dense,
}

impl InceptionResNetV2 {
    pub(crate) fn new(builder: &mut Builder<'_>) -> Result<Self> {
        let config = builder.config();
        let mut layers = Layers {
            builder,
            channels: config.input_channels,
            modules: Vec::new(),
        };
        let valid = Geometry::valid(3);
        layers.plain("", conv("conv2d_1a", halving(), 32))?;
        layers.plain("", conv("conv2d_2a", valid, 32))?;
        layers.plain("", conv("conv2d_2b", same(3, 3), 64))?;
        layers.tap("conv2d_2b");
        layers.plain("maxpool_3a", Plan::MaxPool)?;
        layers.plain("", conv("conv2d_3b", one(), 80))?;
        layers.plain("", conv("conv2d_4a", valid, 192))?;
        layers.tap("conv2d_4a");
        layers.plain("maxpool_5a", Plan::MaxPool)?;
        layers.plain("mixed_5b", mixed_5b())?;
        for index in 0..10 {
            layers.residual(&format!("repeat.{index}"), block35(), (0.17, true))?;
        }
        layers.tap("repeat");
        layers.plain("mixed_6a", mixed_6a())?;
        for index in 0..20 {
            layers.residual(&format!("repeat_1.{index}"), block17(), (0.10, true))?;
        }
        layers.tap("repeat_1");
        layers.plain("mixed_7a", mixed_7a())?;
        for index in 0..9 {
            layers.residual(&format!("repeat_2.{index}"), block8(), (0.20, true))?;
        }
        layers.residual("block8", block8(), (1.0, false))?;
        layers.plain("", tapped_conv("conv2d_7b", one(), 1536))?;
        let Layers {
            channels, modules, ..
        } = layers;
        Ok(Self {
            modules,
            classifier: builder.dense("classif", [channels, config.classes])?,
        })
    }
}

/// Modules as they are built, and the channels that leave the last one.
struct Layers<'l, 'b> {
    builder: &'l mut Builder<'b>,
    channels: usize,
    modules: Vec<Module>,
}

impl Layers<'_, '_> {
    fn plain(&mut self, prefix: &str, plan: Plan) -> Result<()> {
        let Built { node, channels } = plan.build(self.builder, prefix, self.channels)?;
        self.channels = channels;
        self.modules.push(Module::Plain(Box::new(node)));
        Ok(())
    }

    fn residual(&mut self, name: &str, plan: Plan, how: (f64, bool)) -> Result<()> {
        let block = Residual::new(self.builder, name, plan, self.channels, how)?;
        self.modules.push(Module::Residual(Box::new(block)));
        Ok(())
    }

    fn tap(&mut self, name: &'static str) {
        self.modules.push(Module::Tap(name));
    }
}

impl Topology for InceptionResNetV2 {
    fn features(&self, images: &Map, pass: &mut Pass<'_>) -> Result<Map> {
        let mut x = images.clone();
        for module in &self.modules {
            x = match module {
                Module::Plain(node) => node.forward(&x, pass)?,
                Module::Residual(block) => block.forward(&x, pass)?,
                Module::Tap(name) => pass.tap(name, x)?,
            };
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

fn one() -> Geometry {
    Geometry::valid(1)
}

fn same(rows: usize, columns: usize) -> Geometry {
    Geometry::same(rows, columns)
}

/// 3×3, stride 2, no padding.
fn halving() -> Geometry {
    Geometry::valid(3).stride(2)
}

fn mixed_5b() -> Plan {
    split([
        conv("branch0", one(), 96),
        chain([
            conv("branch1.0", one(), 48),
            conv("branch1.1", same(5, 5), 64),
        ]),
        chain([
            conv("branch2.0", one(), 64),
            conv("branch2.1", same(3, 3), 96),
            conv("branch2.2", same(3, 3), 96),
        ]),
        chain([
            Plan::AvgPool(CountPadding::Exclude),
            conv("branch3.1", one(), 64),
        ]),
    ])
}

fn block35() -> Plan {
    split([
        conv("branch0", one(), 32),
        chain([
            conv("branch1.0", one(), 32),
            conv("branch1.1", same(3, 3), 32),
        ]),
        chain([
            conv("branch2.0", one(), 32),
            conv("branch2.1", same(3, 3), 48),
            conv("branch2.2", same(3, 3), 64),
        ]),
    ])
}

fn mixed_6a() -> Plan {
    split([
        conv("branch0", halving(), 384),
        chain([
            conv("branch1.0", one(), 256),
            conv("branch1.1", same(3, 3), 256),
            conv("branch1.2", halving(), 384),
        ]),
        Plan::MaxPool,
    ])
}

fn block17() -> Plan {
    split([
        conv("branch0", one(), 192),
        chain([
            conv("branch1.0", one(), 128),
            conv("branch1.1", same(1, 7), 160),
            conv("branch1.2", same(7, 1), 192),
        ]),
    ])
}

fn mixed_7a() -> Plan {
    split([
        chain([
            conv("branch0.0", one(), 256),
            conv("branch0.1", halving(), 384),
        ]),
        chain([
            conv("branch1.0", one(), 256),
            conv("branch1.1", halving(), 288),
        ]),
        chain([
            conv("branch2.0", one(), 256),
            conv("branch2.1", same(3, 3), 288),
            conv("branch2.2", halving(), 320),
        ]),
        Plan::MaxPool,
    ])
}

fn block8() -> Plan {
    split([
        conv("branch0", one(), 192),
        chain([
            conv("branch1.0", one(), 192),
            conv("branch1.1", same(1, 3), 224),
            conv("branch1.2", same(3, 1), 256),
        ]),
    ])
}
