//! One run through a network: evaluation, training, or shapes only.
//!
//! Networks describe their topology once, as calls on a [`Pass`]; the pass decides how each
//! layer is computed.

mod maps;

pub(crate) use maps::Maps;

use candle_core::Tensor;
use cnn_ops::{Activation, CountPadding, PoolOptions, vjp};

use crate::blocks::{After, BatchNorm, Conv, ConvNorm, Dense};
use crate::builder::blank;
use crate::error::{Error, InLayer, Result};
use crate::tape::{self, Map};
use crate::train_pass::TrainPass;

/// What a tap callback looks like.
pub(crate) type TapFn<'a> = dyn FnMut(&str, Tensor) -> candle_core::Result<Tensor> + 'a;

/// One layer as a shapes-only pass saw it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Measured {
    pub(crate) name: String,
    pub(crate) shape: Vec<usize>,
    pub(crate) multiply_adds: u64,
}

/// What a shapes-only pass collects.
#[derive(Debug, Clone, Default)]
pub(crate) struct Measurement {
    pub(crate) layers: Vec<Measured>,
    pub(crate) taps: Vec<Measured>,
}

enum Mode<'a> {
    Evaluate,
    Train(&'a mut TrainPass),
    Measure(&'a mut Measurement),
}

/// One run through a network.
pub(crate) struct Pass<'a> {
    mode: Mode<'a>,
    tap: Option<&'a mut TapFn<'a>>,
}

impl<'a> Pass<'a> {
    pub(crate) fn evaluate() -> Self {
        Self {
            mode: Mode::Evaluate,
            tap: None,
        }
    }

    pub(crate) fn tapped(tap: &'a mut TapFn<'a>) -> Self {
        Self {
            mode: Mode::Evaluate,
            tap: Some(tap),
        }
    }

    pub(crate) fn train(state: &'a mut TrainPass) -> Self {
        Self {
            mode: Mode::Train(state),
            tap: None,
        }
    }

    pub(crate) fn measure(measurement: &'a mut Measurement) -> Self {
        Self {
            mode: Mode::Measure(measurement),
            tap: None,
        }
    }

    /// Shows an activation to the tap, which may replace it.
    pub(crate) fn tap(&mut self, name: &str, x: Map) -> Result<Map> {
        if let Mode::Measure(seen) = &mut self.mode {
            seen.taps.push(Measured {
                name: name.to_owned(),
                shape: x.dims().to_vec(),
                multiply_adds: 0,
            });
        }
        match &mut self.tap {
            Some(tap) => Ok(tap(name, x.graph()?)?.into()),
            None => Ok(x),
        }
    }

    /// Whether taps are looked at.
    fn taps_matter(&self) -> bool {
        self.tap.is_some() || matches!(self.mode, Mode::Measure(_))
    }

    fn done(&mut self, layer: &str, x: impl Into<Map>) -> Result<Map> {
        let x = x.into();
        if let Mode::Train(state) = &mut self.mode {
            state.look_at(layer, x.value())?;
        }
        Ok(x)
    }

    /// Whether the layers after `x` are computed on the tape.
    fn tapes(&self, x: &Map) -> bool {
        matches!(self.mode, Mode::Train(_)) && x.fits()
    }

    /// Records a layer of a shapes-only pass, whose multiply-adds are the product of `factors`,
    /// and gives a blank of its output.
    fn record(&mut self, name: &str, shape: &[usize], factors: &[usize]) -> Result<Map> {
        if let Mode::Measure(seen) = &mut self.mode {
            seen.layers.push(Measured {
                name: name.to_owned(),
                shape: shape.to_vec(),
                multiply_adds: match factors {
                    [] => 0,
                    _ => factors
                        .iter()
                        .fold(1, |p: u64, &f| p.saturating_mul(f as u64)),
                },
            });
        }
        Ok(blank(shape)?.into())
    }

    fn measures(&self) -> bool {
        matches!(self.mode, Mode::Measure(_))
    }

    /// A convolution with its bias.
    pub(crate) fn conv(&mut self, conv: &Conv, x: &Map) -> Result<Map> {
        self.conv_then(conv, x, None, false)
    }

    /// A convolution, a residual added, a ReLU: one step where no gradient is wanted.
    fn conv_then(
        &mut self,
        conv: &Conv,
        x: &Map,
        residual: Option<&Map>,
        relu: bool,
    ) -> Result<Map> {
        let o = &conv.options;
        if self.measures() {
            let (batch, _, height, width) = x.dims4()?;
            let (out, inputs, rows, columns) = conv.weight.dims4()?;
            let p = o.padding;
            let [h, w] = window(
                &conv.name,
                [height + p.top + p.bottom, width + p.left + p.right],
                [
                    o.dilation[0] * (rows - 1) + 1,
                    o.dilation[1] * (columns - 1) + 1,
                ],
                o.stride,
            )?;
            let factors = [batch, out, h, w, inputs, rows, columns];
            return self.record(&conv.name, &[batch, out, h, w], &factors);
        }
        if self.tapes(x) {
            let x = x.enter()?;
            let residual = residual.map(Map::enter).transpose()?;
            let tail = tape::Tail {
                residual: residual.as_ref(),
                relu,
            };
            let y =
                tape::conv(&x, &conv.weight, conv.bias.as_ref(), o, tail).in_layer(&conv.name)?;
            return self.done(&conv.name, y);
        }
        let (x, residual) = (x.graph()?, residual.map(Map::graph).transpose()?);
        let (bias, residual) = (conv.bias.as_ref(), residual.as_ref());
        let tracked =
            x.track_op() || conv.weight.track_op() || residual.is_some_and(Tensor::track_op);
        if !tracked {
            let act = if relu {
                Activation::Relu
            } else {
                Activation::None
            };
            let y = cnn_ops::conv2d_fused(&x, &conv.weight, bias, residual, act, o)
                .in_layer(&conv.name)?;
            return self.done(&conv.name, y);
        }
        let y = cnn_ops::conv2d(&x, &conv.weight, bias, o).in_layer(&conv.name)?;
        let y = self.done(&conv.name, y)?;
        let residual = residual.map(|r| Map::from(r.clone()));
        self.finish(&conv.name, y, 1.0, residual.as_ref(), relu)
    }

    /// Scales the result of a layer, adds a residual, rectifies.
    fn finish(
        &mut self,
        layer: &str,
        y: Map,
        scale: f64,
        residual: Option<&Map>,
        relu: bool,
    ) -> Result<Map> {
        if !relu && residual.is_none() && scale == 1.0 {
            return Ok(y);
        }
        if self.tapes(&y) {
            check_addition(layer, &y, residual)?;
            let residual = residual.map(Map::enter).transpose()?;
            let tail = tape::Tail {
                residual: residual.as_ref(),
                relu,
            };
            return tape::finish(&y.enter()?, scale, tail).in_layer(layer);
        }
        let y = if scale != 1.0 && !self.measures() {
            y.graph()?.affine(scale, 0.0).in_layer(layer)?.into()
        } else {
            y
        };
        let y = match residual {
            Some(other) => self.add(layer, &y, other)?,
            None => y,
        };
        if relu { self.relu(layer, &y) } else { Ok(y) }
    }

    /// A convolution, its tap, its batch norm, and what comes after.
    pub(crate) fn conv_norm(&mut self, unit: &ConvNorm, x: &Map, after: After<'_>) -> Result<Map> {
        let tap = after.tap.filter(|_| self.taps_matter());
        if unit.norm.is_none() && tap.is_none() && after.scale == 1.0 {
            return self.conv_then(&unit.conv, x, after.residual, after.relu);
        }
        let mut y = self.conv_then(&unit.conv, x, None, false)?;
        if let Some(name) = tap {
            y = self.tap(name, y)?;
        }
        let (layer, scale) = match &unit.norm {
            Some(norm) if after.scale == 1.0 => {
                return self.norm_then(norm, &y, after.residual, after.relu);
            }
            Some(norm) => {
                y = self.norm(norm, &y)?;
                (&norm.name, after.scale)
            }
            None => (&unit.conv.name, after.scale),
        };
        self.finish(layer, y, scale, after.residual, after.relu)
    }

    /// A batch norm and a ReLU.
    pub(crate) fn norm_relu(&mut self, norm: &BatchNorm, x: &Map) -> Result<Map> {
        self.norm_then(norm, x, None, true)
    }

    /// A batch norm.
    pub(crate) fn norm(&mut self, norm: &BatchNorm, x: &Map) -> Result<Map> {
        self.norm_then(norm, x, None, false)
    }

    /// A batch norm, a residual added, a ReLU.
    fn norm_then(
        &mut self,
        norm: &BatchNorm,
        x: &Map,
        residual: Option<&Map>,
        relu: bool,
    ) -> Result<Map> {
        let y: Map = match &self.mode {
            Mode::Train(state) if x.fits() => {
                check_addition(&norm.name, x, residual)?;
                let x = x.enter()?;
                let residual = residual.map(Map::enter).transpose()?;
                let tail = tape::Tail {
                    residual: residual.as_ref(),
                    relu,
                };
                let ghosts = state.ghosts(x.value().dim(0)?);
                let y = norm.train_taped(&x, tail, &ghosts)?;
                return self.done(&norm.name, y);
            }
            Mode::Evaluate => norm.evaluate(&x.graph()?)?.into(),
            Mode::Train(state) => {
                let ghosts = state.ghosts(x.value().dim(0)?);
                norm.train(&x.graph()?, &ghosts)?.into()
            }
            Mode::Measure(_) => self.record(&norm.name, x.dims(), &[])?,
        };
        let y = self.done(&norm.name, y)?;
        self.finish(&norm.name, y, 1.0, residual, relu)
    }

    /// max(x, 0)
    pub(crate) fn relu(&mut self, layer: &str, x: &Map) -> Result<Map> {
        if self.measures() {
            return Ok(x.clone());
        }
        if self.tapes(x) {
            return tape::relu(&x.enter()?).in_layer(layer);
        }
        Ok(cnn_ops::relu(&x.graph()?).in_layer(layer)?.into())
    }

    /// x + y
    pub(crate) fn add(&mut self, layer: &str, x: &Map, y: &Map) -> Result<Map> {
        check_addition(layer, x, Some(y))?;
        if self.measures() {
            return Ok(x.clone());
        }
        if self.tapes(x) {
            return tape::add(&x.enter()?, &y.enter()?).in_layer(layer);
        }
        Ok((x.graph()? + y.graph()?).in_layer(layer)?.into())
    }

    /// Joins maps along the channels.
    pub(crate) fn concat(&mut self, layer: &str, maps: &[Map]) -> Result<Map> {
        if self.measures() {
            let mut shape = maps.first().map(|m| m.dims().to_vec()).unwrap_or_default();
            if let Some(channels) = shape.get_mut(1) {
                *channels = maps.iter().filter_map(|m| m.dims().get(1)).sum();
            }
            return self.record(layer, &shape, &[]);
        }
        if maps.first().is_some_and(|first| self.tapes(first)) {
            let maps: Vec<Map> = maps.iter().map(Map::enter).collect::<Result<_, _>>()?;
            return tape::concat(&maps).in_layer(layer);
        }
        let maps: Vec<Tensor> = maps.iter().map(Map::graph).collect::<Result<_, _>>()?;
        Ok(Tensor::cat(&maps, 1).in_layer(layer)?.into())
    }

    /// Each value repeated until the map has `size`.
    pub(crate) fn enlarge(&mut self, layer: &str, x: &Map, size: [usize; 2]) -> Result<Map> {
        if self.measures() {
            let (batch, channels, _, _) = x.dims4()?;
            return Ok(blank(&[batch, channels, size[0], size[1]])?.into());
        }
        if self.tapes(x) {
            let op = vjp::upsample_nearest2d(x.value(), size).in_layer(layer)?;
            return tape::recorded(&x.enter()?, op).in_layer(layer);
        }
        let y = cnn_ops::upsample_nearest2d(&x.graph()?, size).in_layer(layer)?;
        Ok(y.into())
    }

    /// The largest value of each window; padding never wins.
    pub(crate) fn max_pool(&mut self, layer: &str, x: &Map, o: &PoolOptions) -> Result<Map> {
        if self.measures() {
            return self.pooled(layer, x, o);
        }
        if self.tapes(x) {
            let op = vjp::max_pool2d(x.value(), o).in_layer(layer)?;
            let y = tape::recorded(&x.enter()?, op).in_layer(layer)?;
            return self.done(layer, y);
        }
        let y = cnn_ops::max_pool2d(&x.graph()?, o).in_layer(layer)?;
        self.done(layer, y)
    }

    /// The mean of each window.
    pub(crate) fn avg_pool(
        &mut self,
        layer: &str,
        x: &Map,
        o: &PoolOptions,
        count: CountPadding,
    ) -> Result<Map> {
        if self.measures() {
            return self.pooled(layer, x, o);
        }
        if self.tapes(x) {
            let op = vjp::avg_pool2d(x.value(), o, count).in_layer(layer)?;
            let y = tape::recorded(&x.enter()?, op).in_layer(layer)?;
            return self.done(layer, y);
        }
        let y = cnn_ops::avg_pool2d(&x.graph()?, o, count).in_layer(layer)?;
        self.done(layer, y)
    }

    fn pooled(&mut self, layer: &str, x: &Map, o: &PoolOptions) -> Result<Map> {
        let (batch, channels, height, width) = x.dims4()?;
        let p = o.padding;
        let padded = [height + p.top + p.bottom, width + p.left + p.right];
        let [h, w] = window(layer, padded, o.kernel, o.stride)?;
        self.record(layer, &[batch, channels, h, w], &[])
    }

    /// The mean of each map.
    pub(crate) fn global_average(&mut self, layer: &str, x: &Map) -> Result<Map> {
        if self.measures() {
            let (batch, channels, _, _) = x.dims4()?;
            return self.record(layer, &[batch, channels], &[]);
        }
        if self.tapes(x) {
            let op = vjp::global_avg_pool2d(x.value()).in_layer(layer)?;
            let y = tape::recorded(&x.enter()?, op).in_layer(layer)?;
            return Ok(y.graph()?.into());
        }
        Ok(cnn_ops::global_avg_pool2d(&x.graph()?)
            .in_layer(layer)?
            .into())
    }

    /// Means over a grid of `size` windows that cover the map.
    pub(crate) fn adaptive_average(
        &mut self,
        layer: &str,
        x: &Map,
        size: [usize; 2],
    ) -> Result<Map> {
        if self.measures() {
            let (batch, channels, _, _) = x.dims4()?;
            return self.record(layer, &[batch, channels, size[0], size[1]], &[]);
        }
        Ok(cnn_ops::adaptive_avg_pool2d(&x.graph()?, size)
            .in_layer(layer)?
            .into())
    }

    /// All values of an image in one row.
    pub(crate) fn flatten(&mut self, x: &Map) -> Result<Map> {
        if self.measures() {
            let values: usize = x.dims().iter().skip(1).product();
            return Ok(blank(&[x.dims().first().copied().unwrap_or(0), values])?.into());
        }
        Ok(x.graph()?.flatten_from(1)?.into())
    }

    /// A dense layer.
    pub(crate) fn dense(&mut self, dense: &Dense, x: &Map) -> Result<Map> {
        let x = x.graph()?;
        let (batch, values) = x.dims2()?;
        let (out, inputs) = dense.weight.dims2()?;
        if values != inputs {
            return Err(Error::ShapeMismatch {
                layer: dense.name.clone(),
                left: vec![batch, values],
                right: vec![out, inputs],
            });
        }
        if self.measures() {
            return self.record(&dense.name, &[batch, out], &[batch, out, inputs]);
        }
        let y = cnn_ops::linear(&x, &dense.weight, Some(&dense.bias)).in_layer(&dense.name)?;
        self.done(&dense.name, y)
    }

    /// In training, zeroes each value with probability `p` and scales the rest by 1 / (1 − p).
    pub(crate) fn dropout(&mut self, layer: &str, x: &Map, p: f64) -> Result<Map> {
        match &mut self.mode {
            Mode::Train(state) => {
                let y = cnn_ops::dropout(&x.graph()?, p, state.next_seed()).in_layer(layer)?;
                Ok(y.into())
            }
            Mode::Evaluate | Mode::Measure(_) => Ok(x.clone()),
        }
    }
}

/// Checks that a residual fits.
fn check_addition(layer: &str, x: &Map, residual: Option<&Map>) -> Result<()> {
    match residual {
        Some(residual) if residual.dims() != x.dims() => Err(Error::ShapeMismatch {
            layer: layer.to_owned(),
            left: x.dims().to_vec(),
            right: residual.dims().to_vec(),
        }),
        _ => Ok(()),
    }
}

/// Height and width of the output of a sliding window.
fn window(
    layer: &str,
    padded: [usize; 2],
    window: [usize; 2],
    stride: [usize; 2],
) -> Result<[usize; 2]> {
    if window[0] > padded[0] || window[1] > padded[1] {
        return Err(Error::MapTooSmall {
            layer: layer.to_owned(),
            map: padded,
            window,
        });
    }
    Ok([
        (padded[0] - window[0]) / stride[0] + 1,
        (padded[1] - window[1]) / stride[1] + 1,
    ])
}
