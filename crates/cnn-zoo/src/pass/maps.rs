//! The maps of a dense block: kept in one buffer where they can be, joined anew else.

use super::{Mode, Pass};
use crate::blocks::BatchNorm;
use crate::dense_maps::DenseMaps;
use crate::error::{InLayer, Result};
use crate::tape::Map;

/// The maps of a dense block so far.
pub(crate) enum Maps {
    /// One tensor, joined anew for every layer.
    Joined(Map),
    /// A buffer that every layer reads and appends to.
    Shared(DenseMaps),
}

impl Pass<'_> {
    /// A buffer for the maps of a dense block that adds `more` channels to `first`.
    pub(crate) fn dense_maps(&mut self, first: Map, more: usize) -> Result<Maps> {
        let fits = first.fits();
        let ghosts = match &self.mode {
            Mode::Train(state) => Some(state.ghosts(first.value().dim(0)?)),
            Mode::Evaluate if !first.value().track_op() => None,
            _ => return Ok(Maps::Joined(first)),
        };
        if !fits {
            return Ok(Maps::Joined(first));
        }
        let total = first.value().dim(1)? + more;
        Ok(Maps::Shared(DenseMaps::new(
            &first.enter()?,
            total,
            ghosts.as_deref(),
        )?))
    }

    /// Adds maps to those of a dense block.
    pub(crate) fn append(&mut self, layer: &str, maps: Maps, new: Map) -> Result<Maps> {
        let first = match maps {
            Maps::Shared(mut shared) => {
                // What a tap put in, or a variable, needs candle's graph.
                if matches!(self.mode, Mode::Train(_)) || !new.value().track_op() {
                    shared.push(&new.enter()?).in_layer(layer)?;
                    return Ok(Maps::Shared(shared));
                }
                shared.to_tensor().in_layer(layer)?.into()
            }
            Maps::Joined(first) => first,
        };
        Ok(Maps::Joined(self.concat(layer, &[first, new])?))
    }

    /// A batch norm and a ReLU over the maps of a dense block.
    pub(crate) fn norm_relu_maps(&mut self, norm: &BatchNorm, maps: &Maps) -> Result<Map> {
        let shared = match maps {
            Maps::Joined(x) => return self.norm_relu(norm, x),
            Maps::Shared(shared) => shared,
        };
        let y = match &self.mode {
            Mode::Train(state) => norm.train_maps(shared, &state.ghosts(shared.images()))?,
            _ if norm.beta.track_op() => {
                let x = shared.to_tensor().in_layer(&norm.name)?;
                return self.norm_relu(norm, &x.into());
            }
            _ => norm.evaluate_maps(shared)?.into(),
        };
        self.done(&norm.name, y)
    }
}
