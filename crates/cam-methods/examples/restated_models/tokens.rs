//! Tokens of a transformer as a map, and back.

use cam_methods::Tap;
use candle_core::{Result, Tensor};

/// Shows the tokens after the first `extra` ones to a tap as a map of `[batch, channel, rows, columns]`.
///
/// # Shapes
///
/// - `tokens`: `[batch, extra + rows * columns, channel]`; returns the same shape, or a larger batch if the tap does
pub(super) fn visit(
    tap: &mut dyn Tap,
    name: &str,
    tokens: &Tensor,
    extra: usize,
    [rows, columns]: [usize; 2],
) -> Result<Tensor> {
    let (batch, count, channels) = tokens.dims3()?;
    let map = tokens
        .narrow(1, extra, count - extra)?
        .transpose(1, 2)?
        .reshape((batch, channels, rows, columns))?;
    let map = tap.visit(name, map)?;
    let first = tokens.narrow(1, 0, extra)?;
    let versions = map.dim(0)? / batch;
    let first = match versions {
        1 => first,
        _ => first.repeat((versions, 1, 1))?,
    };
    Tensor::cat(&[first, map.flatten_from(2)?.transpose(1, 2)?], 1)
}
