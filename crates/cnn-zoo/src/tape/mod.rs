//! Activations of a training pass, whose gradients do not pass through candle's graph.
//!
//! candle's backward pass makes zeros as large as every argument of every operator and adds the
//! gradient to them. Here the graph carries one number per activation, a token that only orders
//! the steps; the activation lies beside it, and so does its gradient, of which the first part is
//! moved and the others are added in place. Parameters get their gradients from candle as ever.

mod gradient;
mod layers;
mod step;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use candle_core::{DType, Device, Result, Storage, Tensor};

pub(crate) use gradient::{Gradient, slice};
pub(crate) use layers::{Tail, add, concat, conv, finish, norm, recorded, relu};
pub(crate) use step::step;

use step::{Enter, Leave};

/// An activation.
#[derive(Debug, Clone)]
pub(crate) struct Map {
    /// Without a graph if there is a node; else a tensor as any other.
    value: Tensor,
    node: Option<Node>,
}

/// The place of an activation on the tape.
#[derive(Debug, Clone)]
struct Node {
    token: Tensor,
    gradient: Arc<Gradient>,
}

impl From<Tensor> for Map {
    fn from(value: Tensor) -> Self {
        Self { value, node: None }
    }
}

impl Map {
    /// An activation with a token that a step made.
    pub(crate) fn new(value: Tensor, token: Option<Tensor>, gradient: Arc<Gradient>) -> Self {
        Self {
            value,
            node: token.map(|token| Node { token, gradient }),
        }
    }

    /// The numbers; whoever computes with them takes care of the gradient.
    pub(crate) fn value(&self) -> &Tensor {
        &self.value
    }

    pub(crate) fn dims(&self) -> &[usize] {
        self.value.dims()
    }

    pub(crate) fn dims4(&self) -> Result<(usize, usize, usize, usize)> {
        self.value.dims4()
    }

    /// Where the gradient gathers, if one is wanted.
    pub(crate) fn gradient(&self) -> Option<Arc<Gradient>> {
        self.node.as_ref().map(|node| node.gradient.clone())
    }

    /// What stands for the activation in candle's graph.
    pub(crate) fn token(&self) -> Option<&Tensor> {
        self.node.as_ref().map(|node| &node.token)
    }

    /// Whether a pass that trains can put this on the tape.
    pub(crate) fn fits(&self) -> bool {
        let x = &self.value;
        x.dtype() == DType::F32 && matches!(x.device(), Device::Cpu) && x.rank() == 4
    }

    /// The same on the tape: a tensor that candle tracks gets a token.
    pub(crate) fn enter(&self) -> Result<Self> {
        if self.node.is_some() || !self.value.track_op() {
            return Ok(self.clone());
        }
        let gradient = Arc::new(Gradient::default());
        let op = Enter(gradient.clone());
        let token = self.value.contiguous()?.apply_op1(op)?;
        Ok(Self::new(
            self.value.detach().contiguous()?,
            Some(token),
            gradient,
        ))
    }

    /// A tensor of candle's graph.
    pub(crate) fn graph(&self) -> Result<Tensor> {
        match &self.node {
            None => Ok(self.value.clone()),
            Some(node) => node.token.apply_op1(Leave {
                value: self.value.clone(),
                gradient: node.gradient.clone(),
            }),
        }
    }
}

/// The elements of a contiguous tensor in main memory.
pub(crate) fn with_values<T>(x: &Tensor, f: impl FnOnce(&[f32]) -> T) -> Result<T> {
    let x = x.contiguous()?;
    let (storage, layout) = x.storage_and_layout();
    match &*storage {
        Storage::Cpu(storage) => Ok(f(slice(storage, layout)?)),
        _ => candle_core::bail!("expected a tensor in main memory"),
    }
}
