//! A separable convolution: one 3×3 kernel per channel, then a 1×1 convolution and a norm.

use crate::blocks::{After, Conv, ConvNorm, Geometry};
use crate::builder::{Builder, Fold};
use crate::error::Result;
use crate::pass::Pass;
use crate::tape::Map;

/// Depthwise 3×3, pointwise 1×1, batch norm; nothing between the first two.
pub(crate) struct Separable {
    depthwise: Conv,
    pointwise: ConvNorm,
}

impl Separable {
    /// `names` are those of the convolution pair and of the norm.
    pub(crate) fn new(
        builder: &mut Builder<'_>,
        [conv, norm]: [&str; 2],
        [inputs, outputs]: [usize; 2],
        fold: Fold,
    ) -> Result<Self> {
        let depthwise = Geometry::same(3, 3).depthwise(inputs);
        let [first, second] = ["conv1", "pointwise"].map(|part| format!("{conv}.{part}"));
        let channels = [inputs, outputs];
        let one = Geometry::valid(1);
        Ok(Self {
            depthwise: builder.conv(&first, [inputs, inputs], depthwise, false)?,
            pointwise: builder.conv_norm([&second, norm], channels, one, false, fold)?,
        })
    }

    pub(crate) fn forward(&self, x: &Map, after: After<'_>, pass: &mut Pass<'_>) -> Result<Map> {
        let x = pass.conv(&self.depthwise, x)?;
        pass.conv_norm(&self.pointwise, &x, after)
    }
}
