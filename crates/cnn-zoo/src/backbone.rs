//! The interface of every network, and how one is built.

use candle_core::{DType, Device, Tensor};

use crate::builder::{Builder, Source, blank};
use crate::config::BackboneConfig;
use crate::error::{Error, Result};
use crate::models::{Topology, topology};
use crate::parameters::Parameters;
use crate::pass::{Measurement, Pass};
use crate::tape::Map;
use crate::train_pass::TrainPass;

/// A named point in a network at which its activation can be seen or replaced.
///
/// Points are named after the PyTorch module whose output they are; `.relu` at the end means the
/// ReLU that follows the module.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct TapInfo {
    /// The point.
    pub name: String,
    /// Channels of the activation.
    pub channels: usize,
    /// Input pixels per activation pixel.
    pub stride: usize,
}

/// A CNN with named activations: evaluated, trained, explained, saved.
///
/// Evaluation ([`forward`](Self::forward), [`forward_tapped`](Self::forward_tapped),
/// [`features`](Self::features)) uses the running statistics of batch norm and no dropout;
/// training ([`forward_train`](Self::forward_train)) uses batch statistics and moves the running
/// ones. Nothing else switches between the two.
///
/// # Shapes
///
/// Images are `[batch, input_channels, height, width]` in `f32` ([`f64`](Self::double)), logits `[batch, classes]`, or
/// `[batch, classes, height, width]` where every pixel has its own
/// ([`labels_pixels`](crate::Architecture::labels_pixels)). Height and width may differ from the
/// configuration's, except for the patch networks and VGG16 in the Keras convention, whose dense
/// layers fix them.
pub trait Backbone: Send + Sync {
    /// What the network was built from.
    fn config(&self) -> &BackboneConfig;

    /// The named points, from the image to the logits.
    fn taps(&self) -> &[TapInfo];

    /// The last spatial activation: after its ReLU, with all channels. The one to explain.
    fn default_tap(&self) -> &str;

    /// The named tensors.
    fn parameters(&self) -> &Parameters;

    /// The logits in evaluation mode; `tap` is called at every point of [`taps`](Self::taps) in
    /// order, and what it returns is used from there on.
    ///
    /// # Errors
    ///
    /// The tap's own error, or a wrong shape or type of `images`.
    fn forward_tapped(
        &self,
        images: &Tensor,
        tap: &mut dyn FnMut(&str, Tensor) -> candle_core::Result<Tensor>,
    ) -> candle_core::Result<Tensor>;

    /// The logits in evaluation mode.
    ///
    /// # Errors
    ///
    /// A wrong shape or type of `images`.
    fn forward(&self, images: &Tensor) -> candle_core::Result<Tensor>;

    /// The activation at the [default tap](Self::default_tap) in evaluation mode.
    ///
    /// # Errors
    ///
    /// A wrong shape or type of `images`.
    fn features(&self, images: &Tensor) -> candle_core::Result<Tensor>;

    /// The logits in training mode: batch statistics, dropout; moves the running statistics.
    ///
    /// # Errors
    ///
    /// [`Error::Images`] for a wrong shape or type, [`Error::Fused`] for an inference copy,
    /// [`Error::SingleValue`] where a batch norm of the Torch convention sees one value.
    fn forward_train(&self, images: &Tensor, pass: &mut TrainPass) -> Result<Tensor>;

    /// An inference copy: batch norm folded into the convolutions, constants instead of
    /// variables (so that no graph is kept), and its own memory.
    ///
    /// Its logits equal the original's up to rounding. Gradients with respect to something a tap
    /// adds still flow. It has the same taps and cannot be trained or saved.
    ///
    /// # Errors
    ///
    /// Only if a tensor operation fails.
    fn fuse(&self) -> Result<Box<dyn Backbone>>;

    /// As [`fuse`](Self::fuse), but what is not folded shares the memory of this network, so that
    /// making it costs little. It is right until this network's weights change.
    ///
    /// # Errors
    ///
    /// As [`fuse`](Self::fuse).
    fn fuse_view(&self) -> Result<Box<dyn Backbone>> {
        self.fuse()
    }

    /// A copy in double precision, to tell rounding from mistakes: what two programs compute
    /// alike agrees to 1e-9 or better there, where single precision leaves 1e-3 (batch statistics
    /// amplify rounding, and it moves gradients across a ReLU's kink). Images are then `f64`.
    ///
    /// It takes twice the memory, runs several times slower, and is evaluated, explained, fused
    /// and [run in training mode](Self::forward_train), but not trained by
    /// [`Trainer`](crate::train::Trainer) or [`fit`](crate::train::fit), which work in single
    /// precision ([`Error::Double`]).
    ///
    /// # Errors
    ///
    /// [`Error::Fused`] for an inference copy.
    ///
    /// # Examples
    ///
    /// ```
    /// use candle_core::{DType, Device, Tensor};
    /// use cnn_zoo::{Architecture, BackboneConfig, build};
    ///
    /// let config = BackboneConfig {
    ///     width: 0.125,
    ///     input_size: [64, 64],
    ///     ..BackboneConfig::new(Architecture::ResNet50)
    /// };
    /// let network = build(&config, 1, &Device::Cpu)?;
    /// let images = Tensor::ones((1, 1, 64, 64), DType::F32, &Device::Cpu)?;
    /// let single = network.forward(&images)?.to_vec2::<f32>()?;
    /// let double = network.double()?.forward(&images.to_dtype(DType::F64)?)?.to_vec2::<f64>()?;
    /// assert!((f64::from(single[0][0]) - double[0][0]).abs() < 1e-5);
    /// # Ok::<(), cnn_zoo::Error>(())
    /// ```
    fn double(&self) -> Result<Box<dyn Backbone>>;

    /// Where the tensors are.
    fn device(&self) -> &Device;
}

/// The one implementation: a topology, its tensors and its taps.
struct Network {
    config: BackboneConfig,
    device: Device,
    topology: Box<dyn Topology>,
    parameters: Parameters,
    taps: Vec<TapInfo>,
}

/// Images this large reach every network's last stage with an exact number of pixels, so that
/// the nominal stride can be read off.
const STRIDE_PROBE: usize = 1024;

impl Network {
    fn make(config: &BackboneConfig, source: Source<'_>, device: &Device) -> Result<Self> {
        config.validate()?;
        let mut builder = Builder::new(config, source, device);
        let topology = topology(&mut builder)?;
        let mut network = Self {
            config: config.clone(),
            device: device.clone(),
            topology,
            parameters: builder.finish(),
            taps: Vec::new(),
        };
        // The configured size must reach the logits; the strides are read from a large image.
        network.measure()?;
        let mut seen = Measurement::default();
        let probe = blank(&[1, config.input_channels, STRIDE_PROBE, STRIDE_PROBE])?;
        network.run_features(&probe, &mut Pass::measure(&mut seen))?;
        network.taps = seen
            .taps
            .into_iter()
            .map(|tap| TapInfo {
                channels: tap.shape.get(1).copied().unwrap_or(0),
                stride: nominal_stride(tap.shape.get(2).copied().unwrap_or(1)),
                name: tap.name,
            })
            .collect();
        Ok(network)
    }

    fn measure(&self) -> Result<Measurement> {
        let [height, width] = self.config.input_size;
        let mut seen = Measurement::default();
        let images = blank(&[1, self.config.input_channels, height, width])?;
        self.run(&images, &mut Pass::measure(&mut seen))?;
        Ok(seen)
    }

    fn run_features(&self, images: &Tensor, pass: &mut Pass<'_>) -> Result<Map> {
        let features = self.topology.features(&images.clone().into(), pass)?;
        pass.tap(self.topology.default_tap(), features)
    }

    fn run(&self, images: &Tensor, pass: &mut Pass<'_>) -> Result<Tensor> {
        let features = self.run_features(images, pass)?;
        Ok(self.topology.head(&features, pass)?.graph()?)
    }

    /// The type of its tensors.
    fn precision(&self) -> DType {
        let first = self.parameters.iter().next();
        first.map_or(DType::F32, |p| p.tensor().dtype())
    }

    fn check(&self, images: &Tensor) -> Result<()> {
        let config = &self.config;
        let minimum = config.architecture.minimum_input_size();
        let fixed = self.topology.fixes_input_size();
        let fits = |edge: usize, configured: usize| {
            if fixed {
                edge == configured
            } else {
                edge >= minimum
            }
        };
        if let [_, channels, height, width] = *images.dims()
            && channels == config.input_channels
            && fits(height, config.input_size[0])
            && fits(width, config.input_size[1])
            && images.dtype() == self.precision()
        {
            return Ok(());
        }
        let edges = if fixed {
            format!("{}, {}", config.input_size[0], config.input_size[1])
        } else {
            format!("≥ {minimum}, ≥ {minimum}")
        };
        Err(Error::Images {
            actual: format!("{:?} {:?}", images.dims(), images.dtype()),
            expected: format!(
                "[batch, {}, {edges}] {:?}",
                config.input_channels,
                self.precision()
            ),
        })
    }
}

/// The power of two nearest to the ratio of the probe's edge to the map's.
fn nominal_stride(edge: usize) -> usize {
    let ratio = STRIDE_PROBE as f64 / edge.max(1) as f64;
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let exponent = ratio.log2().round() as u32;
    1 << exponent
}

impl Backbone for Network {
    fn config(&self) -> &BackboneConfig {
        &self.config
    }

    fn taps(&self) -> &[TapInfo] {
        &self.taps
    }

    fn default_tap(&self) -> &str {
        self.topology.default_tap()
    }

    fn parameters(&self) -> &Parameters {
        &self.parameters
    }

    fn forward_tapped(
        &self,
        images: &Tensor,
        tap: &mut dyn FnMut(&str, Tensor) -> candle_core::Result<Tensor>,
    ) -> candle_core::Result<Tensor> {
        self.check(images)?;
        Ok(self.run(images, &mut Pass::tapped(tap))?)
    }

    fn forward(&self, images: &Tensor) -> candle_core::Result<Tensor> {
        self.check(images)?;
        Ok(self.run(images, &mut Pass::evaluate())?)
    }

    fn features(&self, images: &Tensor) -> candle_core::Result<Tensor> {
        self.check(images)?;
        self.run_features(images, &mut Pass::evaluate())?.graph()
    }

    fn forward_train(&self, images: &Tensor, pass: &mut TrainPass) -> Result<Tensor> {
        self.check(images)?;
        if self.parameters.iter().any(|p| p.variable().is_none()) {
            return Err(Error::Fused("train"));
        }
        self.run(images, &mut Pass::train(pass))
    }

    fn fuse(&self) -> Result<Box<dyn Backbone>> {
        let from = &self.parameters;
        let source = Source::Folded { from, copy: true };
        Ok(Box::new(Self::make(&self.config, source, &self.device)?))
    }

    fn fuse_view(&self) -> Result<Box<dyn Backbone>> {
        let from = &self.parameters;
        let source = Source::Folded { from, copy: false };
        Ok(Box::new(Self::make(&self.config, source, &self.device)?))
    }

    fn double(&self) -> Result<Box<dyn Backbone>> {
        if self.parameters.iter().any(|p| p.variable().is_none()) {
            return Err(Error::Fused("copy"));
        }
        let source = Source::Double(&self.parameters);
        Ok(Box::new(Self::make(&self.config, source, &self.device)?))
    }

    fn device(&self) -> &Device {
        &self.device
    }
}

/// Builds a network with fresh weights.
///
/// The same configuration and seed give the same weights, whatever the device or thread count;
/// the rule is the convention's (Keras: Glorot uniform; Torch: the network's own).
///
/// # Errors
///
/// What [`BackboneConfig::validate`] refuses, and [`Error::MapTooSmall`] if the configured image
/// does not reach the last layer.
///
/// # Examples
///
/// ```
/// use candle_core::{DType, Device, Tensor};
/// use cnn_zoo::{Architecture, Backbone, BackboneConfig, build};
///
/// let config = BackboneConfig {
///     width: 0.125,
///     input_size: [64, 64],
///     ..BackboneConfig::new(Architecture::ResNet50)
/// };
/// let network = build(&config, 1, &Device::Cpu)?;
/// let images = Tensor::ones((2, 1, 64, 64), DType::F32, &Device::Cpu)?;
/// assert_eq!(network.forward(&images)?.dims(), [2, 2]);
/// assert_eq!(network.features(&images)?.dims(), [2, 256, 2, 2]);
/// # Ok::<(), cnn_zoo::Error>(())
/// ```
pub fn build(config: &BackboneConfig, seed: u64, device: &Device) -> Result<Box<dyn Backbone>> {
    Ok(Box::new(Network::make(config, Source::Seed(seed), device)?))
}

/// A network without memory behind its tensors, and what one pass over it measures.
pub(crate) fn measured(config: &BackboneConfig) -> Result<(Vec<TapInfo>, Parameters, Measurement)> {
    let network = Network::make(config, Source::Shapes, &Device::Cpu)?;
    let seen = network.measure()?;
    Ok((network.taps, network.parameters, seen))
}
