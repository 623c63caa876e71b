//! How a stored tensor becomes one of the network.

use candle_core::Tensor;

/// A way from a stored tensor to one of the network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Change {
    None,
    /// The same numbers in another shape.
    Reshape(Vec<usize>),
    /// `[rows, columns, in, out]` → `[out, in, rows, columns]`
    Convolution,
    /// `[rows, columns, channels, 1]` → `[channels, 1, rows, columns]`
    Depthwise,
    /// `[in, out]` → `[out, in]`
    Dense,
    /// As `Dense`, the inputs being a map `[rows, columns, channels]` that becomes channel-first.
    DenseOfMap([usize; 3]),
}

impl Change {
    /// The shape it gives, if it can be applied.
    pub(super) fn shape(&self, stored: &[usize]) -> Vec<usize> {
        match (self, stored) {
            (Self::Reshape(to), _)
                if stored.iter().product::<usize>() == to.iter().product::<usize>() =>
            {
                to.clone()
            }
            (Self::Convolution, &[h, w, i, o]) => vec![o, i, h, w],
            (Self::Depthwise, &[h, w, c, m]) => vec![c, m, h, w],
            (Self::Dense | Self::DenseOfMap(_), &[i, o]) => vec![o, i],
            _ => stored.to_vec(),
        }
    }

    pub(super) fn apply(&self, stored: Tensor) -> candle_core::Result<Tensor> {
        match self {
            Self::None => Ok(stored),
            Self::Reshape(to) => stored.reshape(&to[..]),
            Self::Convolution => stored.permute((3, 2, 0, 1))?.contiguous(),
            Self::Depthwise => stored.permute((2, 3, 0, 1))?.contiguous(),
            Self::Dense => stored.t()?.contiguous(),
            Self::DenseOfMap([h, w, c]) => {
                let (inputs, outputs) = stored.dims2()?;
                stored
                    .reshape((*h, *w, *c, outputs))?
                    .permute((3, 2, 0, 1))?
                    .reshape((outputs, inputs))
            }
        }
    }
}
