//! Tensors to plain slices and back, with a check for values that are not finite.

use crate::{Error, Result};
use candle_core::{DType, Device, Tensor};

/// All values in `f32`, in row-major order.
pub(crate) fn values(t: &Tensor) -> Result<Vec<f32>> {
    Ok(t.detach()
        .to_device(&Device::Cpu)?
        .to_dtype(DType::F32)?
        .flatten_all()?
        .to_vec1()?)
}

/// The same, refusing infinities and NaN.
pub(crate) fn finite_values(t: &Tensor, what: &'static str, place: &str) -> Result<Vec<f32>> {
    let v = values(t)?;
    check_finite(&v, what, place)?;
    Ok(v)
}

pub(crate) fn check_finite(v: &[f32], what: &'static str, place: &str) -> Result<()> {
    match v.iter().filter(|x| !x.is_finite()).count() {
        0 => Ok(()),
        count => Err(Error::NonFinite {
            what,
            place: place.to_owned(),
            count,
        }),
    }
}

pub(crate) fn tensor(values: Vec<f32>, shape: &[usize]) -> Result<Tensor> {
    Ok(Tensor::from_vec(values, shape, &Device::Cpu)?)
}
