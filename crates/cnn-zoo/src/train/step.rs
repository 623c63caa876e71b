//! One batch through the network: loss, right answers, gradients.

use std::thread;

use candle_core::backprop::GradStore;
use candle_core::{DType, Tensor};

use crate::backbone::Backbone;
use crate::config::BackboneConfig;
use crate::error::{Error, Result};
use crate::train::config::TrainConfig;
use crate::train::source::Batch;
use crate::train_pass::TrainPass;

/// Stack of the thread that differentiates: candle walks the graph by recursion, and a deep
/// network's is thousands of nodes long.
const STACK_BYTES: usize = 256 << 20;

/// Loss and right answers of one batch; for labelled pixels `images` counts those.
pub(crate) struct BatchScore {
    pub(crate) loss: f64,
    pub(crate) correct: usize,
    pub(crate) images: usize,
}

/// The label of a pixel that nobody has labelled.
pub const UNLABELLED: u32 = 255;

/// The labels of a batch: numbers below the number of classes, and where they are.
struct Labels {
    classes: Vec<u32>,
    /// Positions of the labelled pixels, in the order of `classes`, where only some are.
    places: Option<Vec<u32>>,
}

/// Checks a batch's labels.
fn labels_of(
    batch: &Batch,
    network: &BackboneConfig,
    largest: Option<usize>,
    [epoch, index]: [usize; 2],
) -> Result<Labels> {
    let refuse = |reason: String| {
        Err(Error::BadBatch {
            epoch,
            index,
            reason,
        })
    };
    let dims = batch.images.dims();
    let images = dims.first().copied().unwrap_or(0);
    let pixels = network.architecture.labels_pixels();
    let expected = match (pixels, dims) {
        (true, &[images, _, height, width]) => vec![images, height, width],
        _ => vec![images],
    };
    if batch.labels.dtype() != DType::U32 || batch.labels.dims() != expected {
        return refuse(format!(
            "labels are {:?} {:?}, expected {expected:?} U32",
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
    let all = batch.labels.flatten_all()?.to_vec1::<u32>()?;
    let classes = network.classes;
    let is_free = |label: u32| pixels && label == UNLABELLED;
    if let Some(label) = all
        .iter()
        .find(|&&label| label as usize >= classes && !is_free(label))
    {
        return refuse(format!("label {label}, but there are {classes} classes"));
    }
    if !pixels {
        return Ok(Labels {
            classes: all,
            places: None,
        });
    }
    let (places, classes): (Vec<u32>, Vec<u32>) = (0..)
        .zip(all)
        .filter(|&(_, label)| label != UNLABELLED)
        .unzip();
    if classes.is_empty() {
        return refuse("no pixel of it is labelled".to_owned());
    }
    Ok(Labels {
        classes,
        places: Some(places),
    })
}

impl Labels {
    /// The logits that have a label, one row each.
    fn rows(&self, logits: &Tensor) -> Result<Tensor> {
        let Some(places) = &self.places else {
            return Ok(logits.clone());
        };
        let (batch, classes, height, width) = logits.dims4()?;
        let rows = logits
            .permute((0, 2, 3, 1))?
            .reshape((batch * height * width, classes))?;
        if places.len() == batch * height * width {
            return Ok(rows);
        }
        let places = Tensor::new(&places[..], logits.device())?;
        Ok(rows.index_select(&places, 0)?)
    }

    fn tensor(&self, logits: &Tensor) -> Result<Tensor> {
        Ok(Tensor::new(&self.classes[..], logits.device())?)
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
    let labels = labels_of(batch, network.config(), None, at)?;
    let logits = labels.rows(&network.forward(&batch.images)?.detach())?;
    let loss = cnn_ops::softmax_cross_entropy(&logits, &labels.tensor(&logits)?, None)
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
        correct: count_correct(&logits, &labels.classes)?,
        images: labels.classes.len(),
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
    config: &TrainConfig,
    pass: TrainPass,
    at: [usize; 2],
) -> Result<TrainStep> {
    let labels = labels_of(batch, network.config(), Some(config.batch_size), at)?;
    let class_weights = config.class_weights.as_deref();
    on_large_stack(|| {
        let mut watching = pass.clone().watching();
        let mut pass = pass;
        let logits = labels.rows(&network.forward_train(&batch.images, &mut pass)?)?;
        let correct = count_correct(&logits, &labels.classes)?;
        let targets = labels.tensor(&logits)?;
        let mut loss = cnn_ops::softmax_cross_entropy(&logits, &targets, class_weights)
            .map_err(candle_core::Error::from)?;
        if config.dice_weight > 0.0 {
            loss = (loss + (soft_dice(&logits, &labels.classes)? * config.dice_weight)?)?;
        }
        drop(logits);
        let value = scalar(&loss)?;
        if !value.is_finite() {
            let layer = network
                .forward_train(&batch.images, &mut watching)
                .ok()
                .and_then(|_| watching.first_non_finite().map(str::to_owned));
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
                images: labels.classes.len(),
            },
        })
    })
}

/// One minus the mean over the classes of the soft Dice coefficient.
///
/// ```text
/// 1 − mean over c of (2·Σ p_c·g_c + 1) / (Σ p_c + Σ g_c + 1)     p = softmax(logits), g one-hot
/// ```
///
/// Milletari et al. 2016 without squares; the 1 keeps a class that is absent from dividing by 0.
fn soft_dice(logits: &Tensor, labels: &[u32]) -> Result<Tensor> {
    let (rows, classes) = logits.dims2()?;
    let largest = logits.detach().max_keepdim(1)?;
    let powers = logits.broadcast_sub(&largest)?.exp()?;
    let p = powers.broadcast_div(&powers.sum_keepdim(1)?)?;
    let mut truth = vec![0_f32; rows * classes];
    for (row, &label) in truth.chunks_mut(classes.max(1)).zip(labels) {
        if let Some(own) = row.get_mut(label as usize) {
            *own = 1.0;
        }
    }
    let truth = Tensor::from_vec(truth, (rows, classes), logits.device())?;
    let both = ((&p * &truth)?.sum(0)? * 2.0)?;
    let all = (p.sum(0)? + truth.sum(0)?)?;
    let dice = ((both + 1.0)? / (all + 1.0)?)?;
    Ok((1.0 - dice.mean_all()?)?)
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
