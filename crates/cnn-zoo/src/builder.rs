//! Makes the layers of a network: with fresh weights, folded from another network, or as shapes.

use candle_core::{DType, Device, Tensor, Var};

use crate::architecture::{Architecture, Convention};
use crate::blocks::{BatchNorm, Conv, ConvNorm, Dense, Geometry, ScaledConv};
use crate::config::{BackboneConfig, Initialisation};
use crate::error::{InLayer, Result};
use crate::initial::Init;
use crate::parameters::{Parameter, Parameters, Role};

/// Where the tensors of a network come from.
pub(crate) enum Source<'a> {
    /// New variables from a seed.
    Seed(u64),
    /// Constants from another network, batch norm folded; copied, or sharing its storage.
    Folded { from: &'a Parameters, copy: bool },
    /// New variables in double precision with the values of another network.
    Double(&'a Parameters),
    /// Shapes without memory behind them.
    Shapes,
}

/// Whether an inference copy may fold a batch norm into its convolution.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fold {
    Yes,
    /// The point between the two is a tap.
    No,
}

/// A tensor of a shape that costs no memory.
pub(crate) fn blank(shape: &[usize]) -> Result<Tensor> {
    Ok(Tensor::zeros((), DType::F32, &Device::Cpu)?.broadcast_as(shape)?)
}

/// A tensor of another network, without its graph.
fn taken(from: &Parameters, name: &str) -> Result<Tensor> {
    let missing = || candle_core::Error::CannotFindTensor {
        path: name.to_owned(),
    };
    Ok(from.get(name).ok_or_else(missing)?.tensor().detach())
}

/// Creates layers and collects their tensors.
pub(crate) struct Builder<'a> {
    config: &'a BackboneConfig,
    device: &'a Device,
    source: Source<'a>,
    parameters: Parameters,
}

impl<'a> Builder<'a> {
    pub(crate) fn new(config: &'a BackboneConfig, source: Source<'a>, device: &'a Device) -> Self {
        Self {
            config,
            device,
            source,
            parameters: Parameters::default(),
        }
    }

    pub(crate) fn config(&self) -> &'a BackboneConfig {
        self.config
    }

    pub(crate) fn channels(&self, full: usize) -> usize {
        self.config.channels(full)
    }

    pub(crate) fn is_keras(&self) -> bool {
        self.config.convention == Convention::Keras
    }

    pub(crate) fn finish(self) -> Parameters {
        self.parameters
    }

    /// A tensor in its final form: a fresh variable, or a constant of an inference copy.
    fn tensor(&mut self, name: String, shape: &[usize], role: Role, init: Init) -> Result<Tensor> {
        let parameter = match &self.source {
            Source::Seed(seed) => {
                let start = init.tensor(&name, shape, *seed, self.device)?;
                Parameter::variable_of(name, role, Var::from_tensor(&start)?)
            }
            Source::Folded { from, copy } => {
                let found = taken(from, &name)?;
                let tensor = if *copy { found.copy()? } else { found };
                Parameter::constant(name, role, tensor)
            }
            Source::Double(from) => {
                let start = taken(from, &name)?.to_dtype(DType::F64)?;
                Parameter::variable_of(name, role, Var::from_tensor(&start)?)
            }
            Source::Shapes => Parameter::constant(name, role, blank(shape)?),
        };
        let tensor = parameter.tensor().clone();
        self.parameters.push(parameter);
        Ok(tensor)
    }

    /// The rule for convolution kernels.
    fn kernel_init(&self) -> Init {
        if self.config.initialisation == Initialisation::He {
            return Init::KaimingFanIn;
        }
        if self.is_keras() {
            return Init::GlorotUniform;
        }
        match self.config.architecture {
            Architecture::ResNet50 | Architecture::Vgg16 | Architecture::Xception => {
                Init::KaimingFanOut
            }
            Architecture::DenseNet121 => Init::KaimingFanIn,
            Architecture::InceptionV3 => Init::TruncatedNormal(0.1),
            _ => Init::TorchDefault,
        }
    }

    /// The rule for the bias of a convolution.
    fn conv_bias_init(&self, fan_in: usize) -> Init {
        if self.is_keras()
            || self.config.initialisation == Initialisation::He
            || self.config.architecture == Architecture::Vgg16
        {
            Init::Constant(0.0)
        } else {
            Init::Uniform { fan_in }
        }
    }

    /// Rules for the weight and the bias of a dense layer.
    fn dense_init(&self, fan_in: usize) -> [Init; 2] {
        if self.config.initialisation == Initialisation::He {
            return [Init::KaimingFanIn, Init::Constant(0.0)];
        }
        if self.is_keras() {
            return [Init::GlorotUniform, Init::Constant(0.0)];
        }
        match self.config.architecture {
            Architecture::Vgg16 => [Init::Normal(0.01), Init::Constant(0.0)],
            Architecture::DenseNet121 => [Init::TorchDefault, Init::Constant(0.0)],
            Architecture::InceptionV3 => [Init::TruncatedNormal(0.1), Init::Uniform { fan_in }],
            _ => [Init::TorchDefault, Init::Uniform { fan_in }],
        }
    }

    /// A convolution from `channels[0]` to `channels[1]` maps.
    pub(crate) fn conv(
        &mut self,
        name: &str,
        channels: [usize; 2],
        geometry: Geometry,
        bias: bool,
    ) -> Result<Conv> {
        let [rows, columns] = geometry.kernel;
        let fan_in = channels[0] / geometry.options.groups * rows * columns;
        let shape = [
            channels[1],
            channels[0] / geometry.options.groups,
            rows,
            columns,
        ];
        let init = self.kernel_init();
        let weight = self.tensor(format!("{name}.weight"), &shape, Role::Trainable, init)?;
        let bias = if bias {
            let init = self.conv_bias_init(fan_in);
            let name = format!("{name}.bias");
            Some(self.tensor(name, &[channels[1]], Role::Trainable, init)?)
        } else {
            None
        };
        Ok(Conv {
            name: name.to_owned(),
            weight,
            bias,
            options: geometry.options,
        })
    }

    /// A batch norm over `channels` maps.
    pub(crate) fn norm(&mut self, name: &str, channels: usize) -> Result<BatchNorm> {
        use Architecture::{DenseNet121, InceptionResNetV2, InceptionV3, InceptionV4, ResNet50};
        let architecture = self.config.architecture;
        let epsilon = match (self.config.convention, architecture) {
            (Convention::Keras, ResNet50 | DenseNet121) => 1.001e-5,
            (Convention::Keras, _) => 1e-3,
            (Convention::Torch, InceptionV3 | InceptionV4 | InceptionResNetV2) => 1e-3,
            (Convention::Torch, _) => 1e-5,
        };
        let scaled = !(self.is_keras() && matches!(architecture, InceptionV3 | InceptionResNetV2));
        let default_momentum = if self.is_keras() { 0.99 } else { 0.9 };
        let one = Init::Constant(1.0);
        let zero = Init::Constant(0.0);
        let shape = [channels];
        let gamma = if scaled {
            Some(self.tensor(format!("{name}.weight"), &shape, Role::Trainable, one)?)
        } else {
            None
        };
        let beta = self.tensor(format!("{name}.bias"), &shape, Role::Trainable, zero)?;
        let mean = self.tensor(
            format!("{name}.running_mean"),
            &shape,
            Role::Statistic,
            zero,
        )?;
        let variance = self.tensor(format!("{name}.running_var"), &shape, Role::Statistic, one)?;
        let variable = |p: &str| {
            self.parameters
                .get(&format!("{name}.{p}"))
                .and_then(Parameter::variable)
                .cloned()
        };
        let statistics = variable("running_mean").zip(variable("running_var"));
        Ok(BatchNorm {
            name: name.to_owned(),
            gamma,
            beta,
            mean,
            variance,
            statistics,
            epsilon,
            momentum: self.config.norm_momentum.unwrap_or(default_momentum),
            convention: self.config.convention,
        })
    }

    /// A convolution followed by a batch norm; one convolution in an inference copy.
    pub(crate) fn conv_norm(
        &mut self,
        [conv, norm]: [&str; 2],
        channels: [usize; 2],
        geometry: Geometry,
        bias: bool,
        fold: Fold,
    ) -> Result<ConvNorm> {
        let from = match &self.source {
            Source::Folded { from, .. } if fold == Fold::Yes => *from,
            _ => {
                return Ok(ConvNorm {
                    conv: self.conv(conv, channels, geometry, bias)?,
                    norm: Some(self.norm(norm, channels[1])?),
                });
            }
        };
        let source = Source::Folded { from, copy: false };
        let mut parts = Builder::new(self.config, source, self.device);
        let unfolded = parts.conv(conv, channels, geometry, bias)?;
        let folded = parts
            .norm(norm, channels[1])?
            .fold_into(&unfolded)
            .in_layer(conv)?;
        self.register(&folded);
        Ok(ConvNorm {
            conv: folded,
            norm: None,
        })
    }

    /// A convolution with a bias whose output is to be scaled; an inference copy scales the
    /// weights instead.
    pub(crate) fn scaled_conv(
        &mut self,
        name: &str,
        channels: [usize; 2],
        geometry: Geometry,
        scale: f64,
    ) -> Result<ScaledConv> {
        let Source::Folded { from, .. } = &self.source else {
            let conv = self.conv(name, channels, geometry, true)?;
            return Ok(ScaledConv { conv, left: scale });
        };
        let source = Source::Folded { from, copy: false };
        let mut conv =
            Builder::new(self.config, source, self.device).conv(name, channels, geometry, true)?;
        conv.weight = (conv.weight * scale)?;
        conv.bias = conv.bias.map(|bias| bias * scale).transpose()?;
        self.register(&conv);
        Ok(ScaledConv { conv, left: 1.0 })
    }

    /// Records the tensors of a convolution of an inference copy.
    fn register(&mut self, conv: &Conv) {
        for (part, tensor) in [("weight", Some(&conv.weight)), ("bias", conv.bias.as_ref())] {
            if let Some(tensor) = tensor {
                let name = format!("{}.{part}", conv.name);
                self.parameters
                    .push(Parameter::constant(name, Role::Trainable, tensor.clone()));
            }
        }
    }

    /// A dense layer from `channels[0]` to `channels[1]` values.
    pub(crate) fn dense(&mut self, name: &str, channels: [usize; 2]) -> Result<Dense> {
        let [weight, bias] = self.dense_init(channels[0]);
        let shape = [channels[1], channels[0]];
        Ok(Dense {
            name: name.to_owned(),
            weight: self.tensor(format!("{name}.weight"), &shape, Role::Trainable, weight)?,
            bias: self.tensor(
                format!("{name}.bias"),
                &[channels[1]],
                Role::Trainable,
                bias,
            )?,
        })
    }
}
