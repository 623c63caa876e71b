//! Softmax cross entropy.
#![allow(unsafe_code)]

use candle_core::{CudaStorage, Result, Shape};

use super::launch::{
    DeviceElement, Source, allocate, allocate_raw, blocks, kernel, launch, mismatch, output, over,
    upload,
};

/// Labels and shares of the samples, on the device.
pub(crate) struct Samples<'a> {
    pub(crate) labels: &'a [u32],
    /// Share of each sample in the mean.
    pub(crate) shares: &'a [f64],
    pub(crate) classes: usize,
}

impl Samples<'_> {
    fn check(&self, op: &'static str, logits: usize) -> Result<()> {
        let expected = self.labels.len() * self.classes;
        if self.shares.len() != self.labels.len() || logits < expected {
            return Err(mismatch(op, "the logits", logits, expected));
        }
        Ok(())
    }
}

/// The loss, a scalar.
pub(crate) fn forward<T: DeviceElement>(
    op: &'static str,
    samples: &Samples<'_>,
    z: Source<'_>,
) -> Result<(CudaStorage, Shape)> {
    let (device, logits) = (z.device(), z.elements::<T>(op)?);
    samples.check(op, z.layout.shape().elem_count())?;
    let labels = upload(device, samples.labels)?;
    let shares = upload(device, samples.shares)?;
    let batch = samples.labels.len();
    let mut terms = allocate_raw::<f64>(device, batch)?;
    let mut loss = allocate::<T>(device, 1)?;
    let (batch, classes) = (batch as u64, samples.classes as u64);
    let per_sample = kernel::<T>(device, "cross_entropy_terms")?;
    // SAFETY: cross_entropy_terms(z, labels, shares, terms, batch, classes); the sizes were
    // checked, and every label is below `classes`.
    unsafe {
        let grid = blocks(batch);
        launch!(
            per_sample, grid, &logits, &labels, &shares, &mut terms, &batch, &classes
        )
    }?;
    let total = kernel::<T>(device, "cross_entropy_total")?;
    // SAFETY: cross_entropy_total(terms, loss, batch); `batch` terms and one loss.
    unsafe { launch!(total, over(1), &terms, &mut loss, &batch) }?;
    Ok(output(loss, device, ()))
}

/// The gradient of the logits.
pub(crate) fn backward<T: DeviceElement>(
    op: &'static str,
    samples: &Samples<'_>,
    z: Source<'_>,
    dy: Source<'_>,
) -> Result<(CudaStorage, Shape)> {
    let (device, logits) = (z.device(), z.elements::<T>(op)?);
    let gradient = dy.elements::<T>(op)?;
    samples.check(op, z.layout.shape().elem_count())?;
    if dy.layout.shape().elem_count() == 0 {
        return Err(mismatch(op, "the output gradient", 0, 1));
    }
    let labels = upload(device, samples.labels)?;
    let shares = upload(device, samples.shares)?;
    let mut dz = allocate::<T>(device, z.layout.shape().elem_count())?;
    let (batch, classes) = (samples.labels.len() as u64, samples.classes as u64);
    let kernel = kernel::<T>(device, "cross_entropy_backward")?;
    // SAFETY: cross_entropy_backward(z, labels, shares, dy, dz, batch, classes); the sizes were
    // checked, and `dy` has an element.
    unsafe {
        let grid = blocks(batch);
        launch!(
            kernel, grid, &logits, &labels, &shares, &gradient, &mut dz, &batch, &classes
        )
    }?;
    Ok(output(dz, device, z.layout.shape().clone()))
}
