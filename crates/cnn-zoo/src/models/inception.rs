//! Inception V3 and V4: modules of parallel convolutions.
//!
//! Sources: Szegedy et al. 2016 and 2017; `keras_applications/inception_v3.py` 1.0.8,
//! `torchvision/models/inception.py`, `timm/models/inception_v4.py`.

use cnn_ops::CountPadding;

use super::Topology;
use crate::blocks::{Dense, Geometry, Node, Plan, chain, conv, split, tapped_conv};
use crate::builder::Builder;
use crate::error::Result;
use crate::pass::Pass;
use crate::tape::Map;

/// A module, and the name of the tap behind it if there is one.
struct Module {
    node: Node,
    tap: Option<&'static str>,
}

/// A network of modules with a mean over each map, dropout and a dense layer at its end.
pub(crate) struct Inception {
    modules: Vec<Module>,
    default_tap: &'static str,
    dropout: f64,
    classifier: Dense,
}

/// What a module is called below the network (`""`: its convolutions carry full names), what it
/// looks like, and its tap.
type Planned = (&'static str, Plan, Option<&'static str>);

impl Inception {
    fn new(
        builder: &mut Builder<'_>,
        plans: Vec<Planned>,
        default_tap: &'static str,
        dropout: f64,
        classifier: &str,
    ) -> Result<Self> {
        let config = builder.config();
        let mut channels = config.input_channels;
        let mut modules = Vec::with_capacity(plans.len());
        for (prefix, plan, tap) in plans {
            let built = plan.build(builder, prefix, channels)?;
            channels = built.channels;
            modules.push(Module {
                node: built.node,
                tap,
            });
        }
        Ok(Self {
            modules,
            default_tap,
            dropout,
            classifier: builder.dense(classifier, [channels, config.classes])?,
        })
    }
}

impl Topology for Inception {
    fn features(&self, images: &Map, pass: &mut Pass<'_>) -> Result<Map> {
        let mut x = images.clone();
        for module in &self.modules {
            x = module.node.forward(&x, pass)?;
            if let Some(tap) = module.tap {
                x = pass.tap(tap, x)?;
            }
        }
        Ok(x)
    }

    fn head(&self, features: &Map, pass: &mut Pass<'_>) -> Result<Map> {
        let mut x = pass.global_average("avgpool", features)?;
        if self.dropout > 0.0 {
            x = pass.dropout("dropout", &x, self.dropout)?;
        }
        pass.dense(&self.classifier, &x)
    }

    fn default_tap(&self) -> &'static str {
        self.default_tap
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

/// Inception V3.
pub(crate) fn v3(builder: &mut Builder<'_>) -> Result<Inception> {
    // torchvision's mean counts the padding, Keras's does not.
    let (count, dropout) = if builder.is_keras() {
        (CountPadding::Exclude, 0.0)
    } else {
        (CountPadding::Include, 0.5)
    };
    let mut plans: Vec<Planned> = vec![
        ("", conv("Conv2d_1a_3x3", halving(), 32), None),
        ("", conv("Conv2d_2a_3x3", Geometry::valid(3), 32), None),
        (
            "",
            conv("Conv2d_2b_3x3", same(3, 3), 64),
            Some("Conv2d_2b_3x3"),
        ),
        ("maxpool1", Plan::MaxPool, None),
        ("", conv("Conv2d_3b_1x1", one(), 80), None),
        (
            "",
            conv("Conv2d_4a_3x3", Geometry::valid(3), 192),
            Some("Conv2d_4a_3x3"),
        ),
        ("maxpool2", Plan::MaxPool, None),
        ("Mixed_5b", v3_a(32, count), None),
        ("Mixed_5c", v3_a(64, count), None),
        ("Mixed_5d", v3_a(64, count), Some("Mixed_5d")),
        ("Mixed_6a", v3_b(), None),
    ];
    for (name, inner, tap) in [
        ("Mixed_6b", 128, None),
        ("Mixed_6c", 160, None),
        ("Mixed_6d", 160, None),
        ("Mixed_6e", 192, Some("Mixed_6e")),
    ] {
        plans.push((name, v3_c(inner, count), tap));
    }
    plans.push(("Mixed_7a", v3_d(), None));
    plans.push(("Mixed_7b", v3_e(conv, count), None));
    plans.push(("Mixed_7c", v3_e(tapped_conv, count), None));
    Inception::new(builder, plans, "Mixed_7c", dropout, "fc")
}

fn v3_a(pool: usize, count: CountPadding) -> Plan {
    split([
        conv("branch1x1", one(), 64),
        chain([
            conv("branch5x5_1", one(), 48),
            conv("branch5x5_2", same(5, 5), 64),
        ]),
        chain([
            conv("branch3x3dbl_1", one(), 64),
            conv("branch3x3dbl_2", same(3, 3), 96),
            conv("branch3x3dbl_3", same(3, 3), 96),
        ]),
        chain([Plan::AvgPool(count), conv("branch_pool", one(), pool)]),
    ])
}

fn v3_b() -> Plan {
    split([
        conv("branch3x3", halving(), 384),
        chain([
            conv("branch3x3dbl_1", one(), 64),
            conv("branch3x3dbl_2", same(3, 3), 96),
            conv("branch3x3dbl_3", halving(), 96),
        ]),
        Plan::MaxPool,
    ])
}

fn v3_c(inner: usize, count: CountPadding) -> Plan {
    split([
        conv("branch1x1", one(), 192),
        chain([
            conv("branch7x7_1", one(), inner),
            conv("branch7x7_2", same(1, 7), inner),
            conv("branch7x7_3", same(7, 1), 192),
        ]),
        chain([
            conv("branch7x7dbl_1", one(), inner),
            conv("branch7x7dbl_2", same(7, 1), inner),
            conv("branch7x7dbl_3", same(1, 7), inner),
            conv("branch7x7dbl_4", same(7, 1), inner),
            conv("branch7x7dbl_5", same(1, 7), 192),
        ]),
        chain([Plan::AvgPool(count), conv("branch_pool", one(), 192)]),
    ])
}

fn v3_d() -> Plan {
    split([
        chain([
            conv("branch3x3_1", one(), 192),
            conv("branch3x3_2", halving(), 320),
        ]),
        chain([
            conv("branch7x7x3_1", one(), 192),
            conv("branch7x7x3_2", same(1, 7), 192),
            conv("branch7x7x3_3", same(7, 1), 192),
            conv("branch7x7x3_4", halving(), 192),
        ]),
        Plan::MaxPool,
    ])
}

/// `last` makes the pool branch's convolution, the last one of the network in Keras's order.
fn v3_e(last: fn(&'static str, Geometry, usize) -> Plan, count: CountPadding) -> Plan {
    split([
        conv("branch1x1", one(), 320),
        chain([
            conv("branch3x3_1", one(), 384),
            split([
                conv("branch3x3_2a", same(1, 3), 384),
                conv("branch3x3_2b", same(3, 1), 384),
            ]),
        ]),
        chain([
            conv("branch3x3dbl_1", one(), 448),
            conv("branch3x3dbl_2", same(3, 3), 384),
            split([
                conv("branch3x3dbl_3a", same(1, 3), 384),
                conv("branch3x3dbl_3b", same(3, 1), 384),
            ]),
        ]),
        chain([Plan::AvgPool(count), last("branch_pool", one(), 192)]),
    ])
}

/// Inception V4, as timm defines it.
pub(crate) fn v4(builder: &mut Builder<'_>) -> Result<Inception> {
    let mut plans: Vec<Planned> = vec![
        ("", conv("features.0", halving(), 32), None),
        ("", conv("features.1", Geometry::valid(3), 32), None),
        ("", conv("features.2", same(3, 3), 64), Some("features.2")),
        (
            "features.3",
            split([Plan::MaxPool, conv("conv", halving(), 96)]),
            Some("features.3"),
        ),
        ("features.4", v4_stem(), None),
        (
            "features.5",
            split([conv("conv", halving(), 192), Plan::MaxPool]),
            None,
        ),
    ];
    for (name, tap) in [
        ("features.6", None),
        ("features.7", None),
        ("features.8", None),
        ("features.9", Some("features.9")),
    ] {
        plans.push((name, v4_a(), tap));
    }
    plans.push(("features.10", v4_reduce_a(), None));
    for (name, tap) in [
        ("features.11", None),
        ("features.12", None),
        ("features.13", None),
        ("features.14", None),
        ("features.15", None),
        ("features.16", None),
        ("features.17", Some("features.17")),
    ] {
        plans.push((name, v4_b(), tap));
    }
    plans.push(("features.18", v4_reduce_b(), None));
    plans.push(("features.19", v4_c(conv), None));
    plans.push(("features.20", v4_c(conv), None));
    plans.push(("features.21", v4_c(tapped_conv), None));
    Inception::new(builder, plans, "features.21", 0.0, "last_linear")
}

fn v4_stem() -> Plan {
    split([
        chain([
            conv("branch0.0", one(), 64),
            conv("branch0.1", Geometry::valid(3), 96),
        ]),
        chain([
            conv("branch1.0", one(), 64),
            conv("branch1.1", same(1, 7), 64),
            conv("branch1.2", same(7, 1), 64),
            conv("branch1.3", Geometry::valid(3), 96),
        ]),
    ])
}

fn v4_pool(convolution: fn(&'static str, Geometry, usize) -> Plan, channels: usize) -> Plan {
    chain([
        Plan::AvgPool(CountPadding::Exclude),
        convolution("branch3.1", one(), channels),
    ])
}

fn v4_a() -> Plan {
    split([
        conv("branch0", one(), 96),
        chain([
            conv("branch1.0", one(), 64),
            conv("branch1.1", same(3, 3), 96),
        ]),
        chain([
            conv("branch2.0", one(), 64),
            conv("branch2.1", same(3, 3), 96),
            conv("branch2.2", same(3, 3), 96),
        ]),
        v4_pool(conv, 96),
    ])
}

fn v4_reduce_a() -> Plan {
    split([
        conv("branch0", halving(), 384),
        chain([
            conv("branch1.0", one(), 192),
            conv("branch1.1", same(3, 3), 224),
            conv("branch1.2", halving(), 256),
        ]),
        Plan::MaxPool,
    ])
}

fn v4_b() -> Plan {
    split([
        conv("branch0", one(), 384),
        chain([
            conv("branch1.0", one(), 192),
            conv("branch1.1", same(1, 7), 224),
            conv("branch1.2", same(7, 1), 256),
        ]),
        chain([
            conv("branch2.0", one(), 192),
            conv("branch2.1", same(7, 1), 192),
            conv("branch2.2", same(1, 7), 224),
            conv("branch2.3", same(7, 1), 224),
            conv("branch2.4", same(1, 7), 256),
        ]),
        v4_pool(conv, 128),
    ])
}

fn v4_reduce_b() -> Plan {
    split([
        chain([
            conv("branch0.0", one(), 192),
            conv("branch0.1", halving(), 192),
        ]),
        chain([
            conv("branch1.0", one(), 256),
            conv("branch1.1", same(1, 7), 256),
            conv("branch1.2", same(7, 1), 320),
            conv("branch1.3", halving(), 320),
        ]),
        Plan::MaxPool,
    ])
}

fn v4_c(last: fn(&'static str, Geometry, usize) -> Plan) -> Plan {
    split([
        conv("branch0", one(), 256),
        chain([
            conv("branch1_0", one(), 384),
            split([
                conv("branch1_1a", same(1, 3), 256),
                conv("branch1_1b", same(3, 1), 256),
            ]),
        ]),
        chain([
            conv("branch2_0", one(), 384),
            conv("branch2_1", same(3, 1), 448),
            conv("branch2_2", same(1, 3), 512),
            split([
                conv("branch2_3a", same(1, 3), 256),
                conv("branch2_3b", same(3, 1), 256),
            ]),
        ]),
        v4_pool(last, 256),
    ])
}
