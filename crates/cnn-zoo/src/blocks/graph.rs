//! Trees of convolutions and pools: what the Inception networks are made of.
//!
//! A [`Plan`] says what a module looks like, with the published channel counts; building it gives
//! a [`Node`] with weights.

use cnn_ops::{CountPadding, Padding, PoolOptions};

use crate::blocks::{After, ConvNorm, Geometry};
use crate::builder::{Builder, Fold};
use crate::error::Result;
use crate::pass::Pass;
use crate::tape::Map;

/// A module without weights.
pub(crate) enum Plan {
    /// Convolution, batch norm, ReLU; published output channels.
    Conv {
        name: &'static str,
        geometry: Geometry,
        channels: usize,
        tapped: bool,
    },
    /// 3×3 maximum, stride 2, no padding.
    MaxPool,
    /// 3×3 mean, stride 1, output as large as the input.
    AvgPool(CountPadding),
    /// One after another.
    Chain(Vec<Plan>),
    /// Side by side, outputs joined along the channels.
    Split(Vec<Plan>),
}

/// A convolution with batch norm and ReLU.
pub(crate) fn conv(name: &'static str, geometry: Geometry, channels: usize) -> Plan {
    Plan::Conv {
        name,
        geometry,
        channels,
        tapped: false,
    }
}

/// The same, with a tap between the convolution and its norm.
pub(crate) fn tapped_conv(name: &'static str, geometry: Geometry, channels: usize) -> Plan {
    Plan::Conv {
        name,
        geometry,
        channels,
        tapped: true,
    }
}

/// Plans one after another.
pub(crate) fn chain(plans: impl Into<Vec<Plan>>) -> Plan {
    Plan::Chain(plans.into())
}

/// Plans side by side.
pub(crate) fn split(plans: impl Into<Vec<Plan>>) -> Plan {
    Plan::Split(plans.into())
}

/// A module with weights.
pub(crate) enum Node {
    Conv { unit: ConvNorm, tap: Option<String> },
    MaxPool { name: String },
    AvgPool { name: String, count: CountPadding },
    Chain(Vec<Node>),
    Split { name: String, branches: Vec<Node> },
}

/// A module and the number of channels that leave it.
pub(crate) struct Built {
    pub(crate) node: Node,
    pub(crate) channels: usize,
}

/// `prefix.name`, or `name` without a prefix.
fn join(prefix: &str, name: &str) -> String {
    if prefix.is_empty() {
        name.to_owned()
    } else {
        format!("{prefix}.{name}")
    }
}

impl Plan {
    /// Gives the plan weights, named below `prefix`.
    pub(crate) fn build(
        self,
        builder: &mut Builder<'_>,
        prefix: &str,
        inputs: usize,
    ) -> Result<Built> {
        Ok(match self {
            Self::Conv {
                name,
                geometry,
                channels,
                tapped,
            } => {
                let channels = builder.channels(channels);
                let name = join(prefix, name);
                let [conv, norm] = ["conv", "bn"].map(|part| format!("{name}.{part}"));
                let fold = if tapped { Fold::No } else { Fold::Yes };
                let unit =
                    builder.conv_norm([&conv, &norm], [inputs, channels], geometry, false, fold)?;
                Built {
                    node: Node::Conv {
                        unit,
                        tap: tapped.then_some(conv),
                    },
                    channels,
                }
            }
            Self::MaxPool => Built {
                node: Node::MaxPool {
                    name: join(prefix, "max_pool"),
                },
                channels: inputs,
            },
            Self::AvgPool(count) => Built {
                node: Node::AvgPool {
                    name: join(prefix, "avg_pool"),
                    count,
                },
                channels: inputs,
            },
            Self::Chain(plans) => {
                let mut channels = inputs;
                let mut nodes = Vec::with_capacity(plans.len());
                for plan in plans {
                    let built = plan.build(builder, prefix, channels)?;
                    channels = built.channels;
                    nodes.push(built.node);
                }
                Built {
                    node: Node::Chain(nodes),
                    channels,
                }
            }
            Self::Split(plans) => {
                let mut channels = 0;
                let mut branches = Vec::with_capacity(plans.len());
                for plan in plans {
                    let built = plan.build(builder, prefix, inputs)?;
                    channels += built.channels;
                    branches.push(built.node);
                }
                Built {
                    node: Node::Split {
                        name: join(prefix, "concat"),
                        branches,
                    },
                    channels,
                }
            }
        })
    }
}

impl Node {
    pub(crate) fn forward(&self, x: &Map, pass: &mut Pass<'_>) -> Result<Map> {
        match self {
            Self::Conv { unit, tap } => {
                let after = After {
                    tap: tap.as_deref(),
                    ..After::RELU
                };
                pass.conv_norm(unit, x, after)
            }
            Self::MaxPool { name } => pass.max_pool(name, x, &PoolOptions::square(3, 2)),
            Self::AvgPool { name, count } => {
                let pool = PoolOptions::square(3, 1).with_padding(Padding::symmetric(1, 1));
                pass.avg_pool(name, x, &pool, *count)
            }
            Self::Chain(nodes) => {
                let mut x = x.clone();
                for node in nodes {
                    x = node.forward(&x, pass)?;
                }
                Ok(x)
            }
            Self::Split { name, branches } => {
                let mut maps = Vec::with_capacity(branches.len());
                for branch in branches {
                    maps.push(branch.forward(x, pass)?);
                }
                pass.concat(name, &maps)
            }
        }
    }
}
