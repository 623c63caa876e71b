//! Batch normalisation with its statistics kept, outside candle's graph.

use candle_core::{Device, Storage, Tensor};

use super::check;
use super::groups::{self, Groups, Rectified, Statistics, Tail};
use crate::element::{Element, check_same, elements, with_element};
use crate::error::{Error, Result};

const OP: &str = "batch_norm";

/// How [`batch_norm`](crate::vjp::batch_norm) normalises.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BatchNormOptions {
    /// Added to the variance.
    pub eps: f64,
    /// Images that share statistics; the last piece takes what is left.
    pub images: usize,
    /// Whether a ReLU comes last.
    pub relu: bool,
}

/// What [`batch_norm`](crate::vjp::batch_norm) returns.
#[derive(Debug, Clone)]
pub struct BatchNorm {
    /// The result, without a graph.
    pub output: Tensor,
    /// Mean over the pieces of their means per channel.
    pub mean: Tensor,
    /// Mean over the pieces of their unbiased variances per channel.
    pub unbiased_variance: Tensor,
    x: Tensor,
    gamma: Option<Tensor>,
    beta: Tensor,
    has_residual: bool,
    relu: bool,
    groups: Groups,
    statistics: Vec<Statistics>,
}

/// The gradients of the arguments of [`batch_norm`](crate::vjp::batch_norm).
#[derive(Debug, Clone)]
pub struct BatchNormGradients {
    /// That of `x`.
    pub x: Tensor,
    /// That of the residual, if there was one.
    pub residual: Option<Tensor>,
    /// That of γ (also where γ was left out, as if it were 1).
    pub gamma: Tensor,
    /// That of β.
    pub beta: Tensor,
}

/// Lends the elements of CPU tensors.
fn lend<T: Element, R>(x: &Tensor, f: impl FnOnce(&[T]) -> R) -> candle_core::Result<R> {
    let (storage, layout) = x.storage_and_layout();
    match &*storage {
        Storage::Cpu(storage) => Ok(f(elements::<T>(OP, storage, layout)?)),
        _ => Err(candle_core::Error::RequiresContiguous { op: OP }),
    }
}

fn lend_some<T: Element, R>(
    x: Option<&Tensor>,
    f: impl FnOnce(Option<&[T]>) -> R,
) -> candle_core::Result<R> {
    match x {
        Some(x) => lend(x, |x| f(Some(x))),
        None => Ok(f(None)),
    }
}

impl BatchNorm {
    pub(crate) fn new(
        x: &Tensor,
        gamma: Option<&Tensor>,
        beta: &Tensor,
        residual: Option<&Tensor>,
        options: &BatchNormOptions,
    ) -> Result<Self> {
        let vectors = [("gamma", gamma), ("beta", Some(beta))];
        let [batch, channels, height, width] = check(OP, x, &vectors, options.eps)?;
        if !x.device().is_cpu() {
            return Err(Error::UnsupportedDevice {
                op: OP,
                device: x.device().location(),
            });
        }
        if options.images == 0 {
            return Err(Error::ZeroOption {
                op: OP,
                option: "images",
                value: [0, 0],
            });
        }
        if let Some(residual) = residual {
            check_same(OP, "x", x, "residual", residual)?;
            if residual.dims() != x.dims() {
                return Err(Error::ShapeMismatch {
                    op: OP,
                    left_name: "residual",
                    left: residual.dims().to_vec(),
                    right_name: "x",
                    right: x.dims().to_vec(),
                });
            }
        }
        let plain = |t: &Tensor| t.detach().contiguous();
        let (x, beta) = (plain(x)?, plain(beta)?);
        let gamma = gamma.map(plain).transpose()?;
        let residual = residual.map(plain).transpose()?;
        let groups = Groups {
            batch,
            channels,
            pixels: height * width,
            images: options.images,
        };
        let (output, statistics) = with_element!(OP, x.dtype(), T => {
            let found = lend::<T, _>(&x, |x| {
                lend::<T, _>(&beta, |beta| {
                    lend_some::<T, _>(gamma.as_ref(), |gamma| {
                        lend_some::<T, _>(residual.as_ref(), |residual| {
                            let tail = Tail { residual, relu: options.relu };
                            groups::forward(&groups, x, gamma, beta, options.eps, tail)
                        })
                    })
                })
            })????;
            Tensor::from_vec(found.y, x.dims(), &Device::Cpu).map(|y| (y, found.statistics))
        })?;
        let pieces = groups.pieces();
        let vector = |f: &dyn Fn(&Statistics, f64) -> f64| -> Result<Tensor> {
            let values: Vec<f64> = (0..channels)
                .map(|channel| {
                    let of = |piece: usize| {
                        let n = groups.values(piece) as f64;
                        f(&statistics[piece * channels + channel], n)
                    };
                    (0..pieces).map(of).sum::<f64>() / pieces as f64
                })
                .collect();
            Ok(Tensor::from_vec(values, channels, &Device::Cpu)?.to_dtype(x.dtype())?)
        };
        Ok(Self {
            mean: vector(&|s, _| s.mean)?,
            unbiased_variance: vector(&|s, n| {
                if n < 2.0 {
                    s.variance
                } else {
                    s.variance * n / (n - 1.0)
                }
            })?,
            output,
            x,
            gamma,
            beta,
            has_residual: residual.is_some(),
            relu: options.relu,
            groups,
            statistics,
        })
    }

    /// `dy` is contiguous and fits.
    pub(crate) fn gradients(&self, dy: &Tensor) -> Result<BatchNormGradients> {
        let output = (self.relu && self.has_residual).then_some(&self.output);
        let (dims, channels) = (self.x.dims(), self.groups.channels);
        let all = with_element!(OP, self.x.dtype(), T => {
            let found = lend::<T, _>(&self.x, |x| {
                lend::<T, _>(&self.beta, |beta| {
                    lend_some::<T, _>(self.gamma.as_ref(), |gamma| {
                        lend_some::<T, _>(output, |output| {
                            lend::<T, _>(dy, |dy| {
                                let rectified = match output {
                                    Some(y) => Rectified::Output(y),
                                    None if self.relu => Rectified::Alone,
                                    None => Rectified::No,
                                };
                                let s = &self.statistics;
                                groups::backward(&self.groups, x, gamma, beta, s, rectified, dy)
                            })
                        })
                    })
                })
            })?????;
            let residual = found.residual.map(|r| Tensor::from_vec(r, dims, &Device::Cpu));
            Ok::<_, candle_core::Error>(BatchNormGradients {
                x: Tensor::from_vec(found.x, dims, &Device::Cpu)?,
                residual: match residual.transpose()? {
                    None if self.has_residual => Some(dy.clone()),
                    masked => masked,
                },
                gamma: Tensor::from_vec(found.gamma, channels, &Device::Cpu)?,
                beta: Tensor::from_vec(found.beta, channels, &Device::Cpu)?,
            })
        })?;
        Ok(all)
    }
}
