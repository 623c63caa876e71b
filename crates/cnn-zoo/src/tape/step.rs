//! Steps of the tape as candle's graph sees them: operators on tokens and parameters.

use std::sync::Arc;

use candle_core::{
    CpuStorage, CustomOp1, CustomOp2, CustomOp3, Device, Layout, Result, Shape, Tensor,
};

use super::gradient::{Gradient, slice};

/// What a step does in the backward pass: it hands gradients to activations and returns those
/// of its parameters.
type Back = dyn Fn() -> Result<Vec<Option<Tensor>>> + Send + Sync;

/// A step after those of `tokens`, with parameters that candle may track; `None` where nothing
/// is tracked, so that the step will not be asked for gradients.
pub(crate) fn step(
    tokens: &[&Tensor],
    parameters: &[&Tensor],
    back: impl Fn() -> Result<Vec<Option<Tensor>>> + Send + Sync + 'static,
) -> Result<Option<Tensor>> {
    let mut joined: Option<Tensor> = None;
    for token in tokens {
        joined = Some(match joined {
            None => (*token).clone(),
            Some(before) => before.apply_op2(token, Join)?,
        });
    }
    if joined.is_none() && !parameters.iter().any(|p| p.track_op()) {
        return Ok(None);
    }
    let op = Step {
        has_token: joined.is_some(),
        back: Box::new(back),
    };
    let arguments: Vec<&Tensor> = joined.iter().chain(parameters.iter().copied()).collect();
    Ok(Some(match arguments.as_slice() {
        [a] => a.apply_op1(op)?,
        [a, b] => a.apply_op2(b, op)?,
        [a, b, c] => a.apply_op3(b, c, op)?,
        more => candle_core::bail!("a step of {} arguments", more.len()),
    }))
}

fn token() -> (CpuStorage, Shape) {
    (CpuStorage::F32(vec![0.0]), Shape::from(1))
}

fn token_gradient() -> Result<Option<Tensor>> {
    Tensor::zeros(1, candle_core::DType::F32, &Device::Cpu).map(Some)
}

struct Step {
    has_token: bool,
    back: Box<Back>,
}

impl Step {
    fn run<const N: usize>(&self) -> Result<[Option<Tensor>; N]> {
        let mut all = Vec::with_capacity(N);
        if self.has_token {
            all.push(token_gradient()?);
        }
        all.extend((self.back)()?);
        all.resize(N, None);
        all.try_into()
            .map_err(|_| candle_core::Error::Msg("gradients of a step".to_owned()))
    }
}

impl CustomOp1 for Step {
    fn name(&self) -> &'static str {
        "step"
    }

    fn cpu_fwd(&self, _: &CpuStorage, _: &Layout) -> Result<(CpuStorage, Shape)> {
        Ok(token())
    }

    fn bwd(&self, _: &Tensor, _: &Tensor, _: &Tensor) -> Result<Option<Tensor>> {
        let [a] = self.run::<1>()?;
        Ok(a)
    }
}

impl CustomOp2 for Step {
    fn name(&self) -> &'static str {
        "step"
    }

    fn cpu_fwd(
        &self,
        _: &CpuStorage,
        _: &Layout,
        _: &CpuStorage,
        _: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        Ok(token())
    }

    fn bwd(
        &self,
        _: &Tensor,
        _: &Tensor,
        _: &Tensor,
        _: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let [a, b] = self.run::<2>()?;
        Ok((a, b))
    }
}

impl CustomOp3 for Step {
    fn name(&self) -> &'static str {
        "step"
    }

    fn cpu_fwd(
        &self,
        _: &CpuStorage,
        _: &Layout,
        _: &CpuStorage,
        _: &Layout,
        _: &CpuStorage,
        _: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        Ok(token())
    }

    fn bwd(
        &self,
        _: &Tensor,
        _: &Tensor,
        _: &Tensor,
        _: &Tensor,
        _: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let [a, b, c] = self.run::<3>()?;
        Ok((a, b, c))
    }
}

/// After both of two tokens.
struct Join;

impl CustomOp2 for Join {
    fn name(&self) -> &'static str {
        "join"
    }

    fn cpu_fwd(
        &self,
        _: &CpuStorage,
        _: &Layout,
        _: &CpuStorage,
        _: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        Ok(token())
    }

    fn bwd(
        &self,
        _: &Tensor,
        _: &Tensor,
        _: &Tensor,
        _: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        Ok((token_gradient()?, token_gradient()?))
    }
}

/// From a tensor of candle's graph to a token.
pub(super) struct Enter(pub(super) Arc<Gradient>);

impl CustomOp1 for Enter {
    fn name(&self) -> &'static str {
        "enter"
    }

    fn cpu_fwd(&self, _: &CpuStorage, _: &Layout) -> Result<(CpuStorage, Shape)> {
        Ok(token())
    }

    fn bwd(&self, x: &Tensor, _: &Tensor, _: &Tensor) -> Result<Option<Tensor>> {
        let taken = self.0.take();
        taken
            .map(|values| Tensor::from_vec(values, x.dims(), x.device()))
            .transpose()
    }
}

/// From a token to a tensor of candle's graph.
pub(super) struct Leave {
    pub(super) value: Tensor,
    pub(super) gradient: Arc<Gradient>,
}

impl CustomOp1 for Leave {
    fn name(&self) -> &'static str {
        "leave"
    }

    fn cpu_fwd(&self, _: &CpuStorage, _: &Layout) -> Result<(CpuStorage, Shape)> {
        let (storage, layout) = self.value.storage_and_layout();
        let candle_core::Storage::Cpu(storage) = &*storage else {
            candle_core::bail!("expected a tensor in main memory");
        };
        let values = slice(storage, layout)?.to_vec();
        Ok((CpuStorage::F32(values), layout.shape().clone()))
    }

    fn bwd(&self, _: &Tensor, _: &Tensor, grad: &Tensor) -> Result<Option<Tensor>> {
        self.gradient.add(grad.flatten_all()?.to_vec1()?)?;
        token_gradient()
    }
}
