//! What a network costs, without building it.

use serde::{Deserialize, Serialize};

use crate::backbone::{TapInfo, measured};
use crate::config::BackboneConfig;
use crate::error::Result;
use crate::parameters::Role;

/// One layer of a [`Summary`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LayerSummary {
    /// The layer.
    pub name: String,
    /// Shape of its output without the batch dimension.
    pub output: Vec<usize>,
    /// Multiply-adds for one image; only convolutions and dense layers have any.
    pub multiply_adds: u64,
}

/// One tap of a [`Summary`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TapSummary {
    /// Name, channels and stride.
    #[serde(flatten)]
    pub info: TapInfo,
    /// Height and width at the configured input size.
    pub size: [usize; 2],
}

/// One tensor of a [`Summary`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TensorSummary {
    /// Its name.
    pub name: String,
    /// Its shape.
    pub shape: Vec<usize>,
    /// What training does to it.
    pub role: Role,
}

/// Size and work of a network.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// The network.
    pub config: BackboneConfig,
    /// Elements of all tensors, running statistics included.
    pub parameters: usize,
    /// Elements that training changes.
    pub trainable: usize,
    /// Multiply-adds of convolutions and dense layers for one image; biases, norms and pools do
    /// not count.
    pub multiply_adds: u64,
    /// The named points.
    pub taps: Vec<TapSummary>,
    /// Every layer in order.
    pub layers: Vec<LayerSummary>,
    /// Every tensor in order.
    pub tensors: Vec<TensorSummary>,
}

/// Counts a network's parameters, multiply-adds and shapes; allocates no weights.
///
/// # Errors
///
/// As [`build`](crate::build).
///
/// # Examples
///
/// ```
/// use cnn_zoo::{Architecture, BackboneConfig, summary};
///
/// let summary = summary(&BackboneConfig::new(Architecture::ResNet50))?;
/// assert_eq!(summary.parameters, 23_585_538);
/// assert_eq!(summary.trainable, 23_532_418);
/// # Ok::<(), cnn_zoo::Error>(())
/// ```
pub fn summary(config: &BackboneConfig) -> Result<Summary> {
    let (taps, parameters, seen) = measured(config)?;
    let trainable = parameters.count(Role::Trainable);
    Ok(Summary {
        config: config.clone(),
        parameters: trainable + parameters.count(Role::Statistic),
        trainable,
        multiply_adds: seen
            .layers
            .iter()
            .fold(0, |sum: u64, layer| sum.saturating_add(layer.multiply_adds)),
        tensors: parameters
            .iter()
            .map(|p| TensorSummary {
                name: p.name().to_owned(),
                shape: p.tensor().dims().to_vec(),
                role: p.role(),
            })
            .collect(),
        taps: taps
            .into_iter()
            .zip(&seen.taps)
            .map(|(info, tap)| TapSummary {
                info,
                size: [
                    tap.shape.get(2).copied().unwrap_or(1),
                    tap.shape.get(3).copied().unwrap_or(1),
                ],
            })
            .collect(),
        layers: seen
            .layers
            .into_iter()
            .map(|layer| LayerSummary {
                name: layer.name,
                output: layer.shape.into_iter().skip(1).collect(),
                multiply_adds: layer.multiply_adds,
            })
            .collect(),
    })
}
