//! The maps of a dense block: kept in one buffer where they can be, joined anew else.

use candle_core::{DType, Device, Tensor};

use super::{Mode, Pass};
use crate::blocks::BatchNorm;
use crate::dense_maps::DenseMaps;
use crate::error::{InLayer, Result};

/// The maps of a dense block so far.
pub(crate) enum Maps {
    /// One tensor, joined anew for every layer.
    Joined(Tensor),
    /// A buffer that every layer reads and appends to.
    Shared(DenseMaps),
}

impl Pass<'_> {
    /// A buffer for the maps of a dense block that adds `more` channels to `first`.
    pub(crate) fn dense_maps(&mut self, first: Tensor, more: usize) -> Result<Maps> {
        let in_main_memory = first.dtype() == DType::F32 && matches!(first.device(), Device::Cpu);
        let ghosts = match &self.mode {
            Mode::Train(state) => Some(state.ghosts(first.dim(0)?)),
            Mode::Evaluate if !first.track_op() => None,
            _ => return Ok(Maps::Joined(first)),
        };
        if !in_main_memory {
            return Ok(Maps::Joined(first));
        }
        let total = first.dim(1)? + more;
        Ok(Maps::Shared(DenseMaps::new(
            &first,
            total,
            ghosts.as_deref(),
        )?))
    }

    /// Adds maps to those of a dense block.
    pub(crate) fn append(&mut self, layer: &str, maps: Maps, new: Tensor) -> Result<Maps> {
        let first = match maps {
            Maps::Shared(mut shared) => {
                // What a tap put in, or a variable, needs candle's graph.
                if matches!(self.mode, Mode::Train(_)) || !new.track_op() {
                    shared.push(&new).in_layer(layer)?;
                    return Ok(Maps::Shared(shared));
                }
                shared.to_tensor().in_layer(layer)?
            }
            Maps::Joined(first) => first,
        };
        Ok(Maps::Joined(self.concat(layer, &[first, new])?))
    }

    /// A batch norm and a ReLU over the maps of a dense block.
    pub(crate) fn norm_relu_maps(&mut self, norm: &BatchNorm, maps: &Maps) -> Result<Tensor> {
        let shared = match maps {
            Maps::Joined(x) => return self.norm_relu(norm, x),
            Maps::Shared(shared) => shared,
        };
        let y = match &self.mode {
            Mode::Train(state) => norm.train_maps(shared, &state.ghosts(shared.images()))?,
            _ if norm.beta.track_op() => {
                let x = shared.to_tensor().in_layer(&norm.name)?;
                return self.norm_relu(norm, &x);
            }
            _ => norm.evaluate_maps(shared)?,
        };
        self.done(&norm.name, y)
    }
}
