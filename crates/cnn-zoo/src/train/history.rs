//! What happened in each epoch.

use std::io::Write;
use std::path::Path;

use candle_core::{Device, Tensor};
use serde::{Deserialize, Serialize};

use crate::atomic;
use crate::error::{Error, Result};

/// Mean loss and share of right answers over a set of images.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Score {
    /// Mean cross-entropy per image, in nats.
    pub loss: f64,
    /// Share of images whose largest logit is their class, in [0, 1].
    pub accuracy: f64,
    /// Number of images.
    pub images: usize,
}

/// One finished epoch.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct EpochRecord {
    /// The epoch, from 0.
    pub epoch: usize,
    /// Mean training loss, each batch before its own step.
    pub train_loss: f64,
    /// Training accuracy, each batch before its own step, in training mode.
    pub train_accuracy: f64,
    /// Validation loss after the epoch, in evaluation mode.
    pub validation_loss: f64,
    /// Validation accuracy after the epoch, in evaluation mode.
    pub validation_accuracy: f64,
    /// Learning rate of the epoch.
    pub learning_rate: f64,
}

/// Sums from which a [`Score`] follows; kept as sums so that a resumed epoch adds the same
/// numbers in the same order.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Tally {
    pub(crate) loss: f64,
    pub(crate) correct: f64,
    pub(crate) images: f64,
}

impl Tally {
    pub(crate) fn add(&mut self, mean_loss: f64, correct: usize, images: usize) {
        self.loss += mean_loss * images as f64;
        self.correct += correct as f64;
        self.images += images as f64;
    }

    pub(crate) fn score(&self) -> Score {
        let images = self.images.max(1.0);
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        Score {
            loss: self.loss / images,
            accuracy: self.correct / images,
            images: self.images as usize,
        }
    }
}

/// Values per epoch in the checkpoint's tensor.
const COLUMNS: usize = 5;

/// The history as an F64 tensor `[epochs, 5]`, which keeps every bit.
pub(crate) fn to_tensor(history: &[EpochRecord]) -> Result<Tensor> {
    let values: Vec<f64> = history
        .iter()
        .flat_map(|r| {
            [
                r.train_loss,
                r.train_accuracy,
                r.validation_loss,
                r.validation_accuracy,
                r.learning_rate,
            ]
        })
        .collect();
    Ok(Tensor::from_vec(
        values,
        (history.len(), COLUMNS),
        &Device::Cpu,
    )?)
}

/// The history that [`to_tensor`] wrote.
pub(crate) fn from_tensor(tensor: &Tensor) -> Result<Vec<EpochRecord>, candle_core::Error> {
    let (_, columns) = tensor.dims2()?;
    if columns != COLUMNS {
        candle_core::bail!("the history has {columns} columns, expected {COLUMNS}");
    }
    let rows = tensor.to_vec2::<f64>()?;
    Ok(rows
        .iter()
        .enumerate()
        .filter_map(|(epoch, row)| match row[..] {
            [
                train_loss,
                train_accuracy,
                validation_loss,
                validation_accuracy,
                learning_rate,
            ] => Some(EpochRecord {
                epoch,
                train_loss,
                train_accuracy,
                validation_loss,
                validation_accuracy,
                learning_rate,
            }),
            _ => None,
        })
        .collect())
}

/// Writes the history as CSV, whole or not at all.
pub(crate) fn write_csv(path: &Path, history: &[EpochRecord]) -> Result<()> {
    let broken = |error: csv::Error| Error::bad_file(path, error);
    let mut writer = csv::Writer::from_writer(Vec::new());
    if history.is_empty() {
        writer
            .write_record([
                "epoch",
                "train_loss",
                "train_accuracy",
                "validation_loss",
                "validation_accuracy",
                "learning_rate",
            ])
            .map_err(broken)?;
    }
    for record in history {
        writer.serialize(record).map_err(broken)?;
    }
    let text = writer
        .into_inner()
        .map_err(|error| Error::bad_file(path, error))?;
    atomic::write(path, |file| {
        file.write_all(&text)
            .map_err(|error| Error::io(path, error))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tensor_keeps_every_bit() -> Result<()> {
        let record = EpochRecord {
            epoch: 0,
            train_loss: 0.1 + 0.2,
            train_accuracy: 1.0 / 3.0,
            validation_loss: f64::MIN_POSITIVE,
            validation_accuracy: 1.0,
            learning_rate: 5e-3,
        };
        assert_eq!(from_tensor(&to_tensor(&[record])?)?, [record]);
        assert!(from_tensor(&to_tensor(&[])?)?.is_empty());
        let narrow = Tensor::zeros((2, 4), candle_core::DType::F64, &Device::Cpu)?;
        assert!(from_tensor(&narrow).is_err());
        Ok(())
    }
}
