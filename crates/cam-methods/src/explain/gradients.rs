//! Scores of a batch and their gradients at the probes.

use crate::{Error, Result, ScoreSpace, Target};
use candle_core::Tensor;
use candle_core::backprop::GradStore;

/// Stack of the thread that walks the graph: candle recurses once per operation.
const STACK: usize = 256 << 20;

/// Scores `[B]` of outputs `[B, ...]`, one target each.
pub(crate) fn scores(outputs: &Tensor, targets: &[Target], space: ScoreSpace) -> Result<Tensor> {
    let batch = outputs.dim(0)?;
    if targets.len() != batch {
        return Err(Error::TargetCount {
            targets: targets.len(),
            batch,
        });
    }
    let each: Vec<Tensor> = targets
        .iter()
        .enumerate()
        .map(|(i, t)| t.score(&outputs.narrow(0, i, 1)?, space))
        .collect::<Result<_>>()?;
    Ok(Tensor::cat(&each, 0)?)
}

/// Backward pass from the sum of the scores, on a stack that deep networks fit in.
pub(crate) fn backward(scores: &Tensor) -> Result<GradStore> {
    let total = scores.sum_all()?;
    let on_large_stack = std::thread::scope(|scope| {
        std::thread::Builder::new()
            .name("cam-methods backward".to_owned())
            .stack_size(STACK)
            .spawn_scoped(scope, || total.backward())
            .ok()
            .and_then(|thread| thread.join().ok())
    });
    // no thread to be had, or it panicked: on this one, where a panic reaches the caller
    Ok(on_large_stack.unwrap_or_else(|| total.backward())?)
}
