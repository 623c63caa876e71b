//! One batch through the network: loss, right answers, gradients.

use std::thread;

use candle_core::backprop::GradStore;
use candle_core::{DType, Tensor};

use crate::backbone::Backbone;
use crate::error::{Error, Result};
use crate::train::source::Batch;
use crate::train_pass::TrainPass;

/// Stack of the thread that differentiates: candle walks the graph by recursion, and a deep
/// network's is thousands of nodes long.
const STACK_BYTES: usize = 256 << 20;

/// Loss and right answers of one batch.
pub(crate) struct BatchScore {
    pub(crate) loss: f64,
    pub(crate) correct: usize,
    pub(crate) images: usize,
}

/// Checks a batch's labels and gives them as numbers.
pub(crate) fn labels_of(
    batch: &Batch,
    classes: usize,
    largest: Option<usize>,
    [epoch, index]: [usize; 2],
) -> Result<Vec<u32>> {
    let refuse = |reason: String| {
        Err(Error::BadBatch {
            epoch,
            index,
            reason,
        })
    };
    let images = batch.images.dims().first().copied().unwrap_or(0);
    if batch.labels.dtype() != DType::U32 || batch.labels.dims() != [images] {
        return refuse(format!(
            "labels are {:?} {:?}, expected [{images}] U32",
            batch.labels.dims(),
            batch.labels.dtype()
        ));
    }
    if images == 0 {
        return refuse("it is empty".to_owned());
    }
    if let Some(largest) = largest.filter(|&n| images > n) {
        return refuse(format!("{images} images, but batch_size is {largest}"));
    }
    let labels = batch.labels.to_vec1::<u32>()?;
    match labels.iter().find(|&&label| label as usize >= classes) {
        Some(label) => refuse(format!("label {label}, but there are {classes} classes")),
        None => Ok(labels),
    }
}

/// Number of rows whose first largest logit is the label.
fn count_correct(logits: &Tensor, labels: &[u32]) -> Result<usize> {
    let rows = logits.detach().to_vec2::<f32>()?;
    let is_right = |(row, &label): (&Vec<f32>, &u32)| {
        row.get(label as usize).is_some_and(|&own| {
            row.iter().enumerate().all(|(class, &other)| {
                if class < label as usize {
                    other < own
                } else {
                    other <= own
                }
            })
        })
    };
    Ok(rows
        .iter()
        .zip(labels)
        .filter(|&pair| is_right(pair))
        .count())
}

fn scalar(loss: &Tensor) -> Result<f64> {
    Ok(loss.detach().to_dtype(DType::F64)?.to_scalar::<f64>()?)
}

/// One batch in evaluation mode.
pub(crate) fn evaluate(
    network: &dyn Backbone,
    batch: &Batch,
    at: [usize; 2],
) -> Result<BatchScore> {
    let labels = labels_of(batch, network.config().classes, None, at)?;
    let logits = network.forward(&batch.images)?.detach();
    let loss = cnn_ops::softmax_cross_entropy(&logits, &batch.labels, None)
        .map_err(candle_core::Error::from)?;
    let loss = scalar(&loss)?;
    if !loss.is_finite() {
        return Err(Error::NonFiniteLoss {
            stage: "validation",
            epoch: at[0],
            batch: at[1],
            loss,
            layer: None,
        });
    }
    Ok(BatchScore {
        loss,
        correct: count_correct(&logits, &labels)?,
        images: labels.len(),
    })
}

/// What a training batch gives.
pub(crate) struct TrainStep {
    pub(crate) score: BatchScore,
    pub(crate) gradients: GradStore,
}

/// One batch in training mode, differentiated.
pub(crate) fn train(
    network: &dyn Backbone,
    batch: &Batch,
    batch_size: usize,
    class_weights: Option<&[f32]>,
    seed: u64,
    at: [usize; 2],
) -> Result<TrainStep> {
    let labels = labels_of(batch, network.config().classes, Some(batch_size), at)?;
    on_large_stack(|| {
        let mut pass = TrainPass::new(seed);
        let logits = network.forward_train(&batch.images, &mut pass)?;
        let correct = count_correct(&logits, &labels)?;
        let loss = cnn_ops::softmax_cross_entropy(&logits, &batch.labels, class_weights)
            .map_err(candle_core::Error::from)?;
        drop(logits);
        let value = scalar(&loss)?;
        if !value.is_finite() {
            let mut pass = TrainPass::new(seed).watching();
            let layer = network
                .forward_train(&batch.images, &mut pass)
                .ok()
                .and_then(|_| pass.first_non_finite().map(str::to_owned));
            return Err(Error::NonFiniteLoss {
                stage: "training",
                epoch: at[0],
                batch: at[1],
                loss: value,
                layer,
            });
        }
        Ok(TrainStep {
            gradients: loss.backward()?,
            score: BatchScore {
                loss: value,
                correct,
                images: labels.len(),
            },
        })
    })
}

/// Runs `work` on a thread with a large stack.
fn on_large_stack<T: Send>(work: impl FnOnce() -> Result<T> + Send) -> Result<T> {
    thread::scope(|scope| {
        let spawned = thread::Builder::new()
            .name("training step".to_owned())
            .stack_size(STACK_BYTES)
            .spawn_scoped(scope, work);
        match spawned {
            Ok(handle) => match handle.join() {
                Ok(result) => result,
                Err(panic) => std::panic::resume_unwind(panic),
            },
            Err(error) => Err(Error::Tensor(candle_core::Error::wrap(error))),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::Device;

    #[test]
    fn ties_go_to_the_first_class() -> Result<()> {
        let logits = Tensor::new(&[[1f32, 1.0], [0.0, 2.0], [1.0, 1.0]], &Device::Cpu)?;
        assert_eq!(count_correct(&logits, &[0, 1, 1])?, 2);
        Ok(())
    }
}
