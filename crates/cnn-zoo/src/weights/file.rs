//! What every format of weights gives: named tensors with shapes, read one at a time.

use std::path::Path;

use candle_core::Tensor;

use crate::error::Result;

/// Named tensors in a file or in several.
pub(crate) trait TensorFile {
    /// The file, for messages.
    fn path(&self) -> &Path;

    /// Every name.
    fn names(&self) -> Vec<String>;

    /// The shape of a tensor as stored.
    fn shape(&self, name: &str) -> Option<Vec<usize>>;

    /// A tensor as stored, in F32, on the CPU.
    fn tensor(&self, name: &str) -> Result<Tensor>;
}
