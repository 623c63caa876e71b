//! Operators that map every plane on its own.

use candle_core::Tensor;

use super::Recorded;
use crate::error::Result;
use crate::geometry::PoolOptions;
use crate::pool::{self, CountPadding};
use crate::{plane, resample};

/// [`max_pool2d`](crate::max_pool2d) and its way back.
///
/// # Errors
///
/// As [`max_pool2d`](crate::max_pool2d).
pub fn max_pool2d(x: &Tensor, options: &PoolOptions) -> Result<Recorded> {
    let pooled = pool::record_max(&x.detach(), options)?;
    let back = pooled.back;
    Ok(Recorded::new(pooled.output, move |dy| back.pull(dy)))
}

/// [`avg_pool2d`](crate::avg_pool2d) and its way back.
///
/// # Errors
///
/// As [`avg_pool2d`](crate::avg_pool2d).
pub fn avg_pool2d(x: &Tensor, options: &PoolOptions, count: CountPadding) -> Result<Recorded> {
    recorded(x, pool::average_map(x, options, count)?)
}

/// [`global_avg_pool2d`](crate::global_avg_pool2d) and its way back.
///
/// # Errors
///
/// As [`global_avg_pool2d`](crate::global_avg_pool2d).
pub fn global_avg_pool2d(x: &Tensor) -> Result<Recorded> {
    let inner = recorded(x, pool::adaptive_map("global_avg_pool2d", x, [1, 1])?)?;
    let (b, c, ..) = inner.output.dims4()?;
    let output = inner.output.reshape((b, c))?;
    let pull = inner.pull;
    Ok(Recorded::new(output, move |dy| {
        pull(&dy.reshape((b, c, 1, 1))?)
    }))
}

/// [`upsample_nearest2d`](crate::upsample_nearest2d) and its way back.
///
/// # Errors
///
/// As [`upsample_nearest2d`](crate::upsample_nearest2d).
pub fn upsample_nearest2d(x: &Tensor, output: [usize; 2]) -> Result<Recorded> {
    recorded(x, resample::nearest_map(x, output)?)
}

fn recorded<M: plane::PlaneMap>(x: &Tensor, map: M) -> Result<Recorded> {
    let both = plane::record(&x.detach(), map)?;
    let back = both.back;
    Ok(Recorded::new(both.output, move |dy| back.pull(dy)))
}
