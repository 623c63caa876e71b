//! What is explained: network output -> one number per image.

use crate::{Error, Result};
use candle_core::{D, Tensor};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::Arc;

/// Function from outputs `[n, ...]` to scores `[n]`; must be differentiable for gradient methods.
pub type ScoreFunction = Arc<dyn Fn(&Tensor) -> candle_core::Result<Tensor> + Send + Sync>;

/// The number that a heatmap explains, one per image.
///
/// # Examples
///
/// ```
/// use cam_methods::{ScoreSpace, Target};
/// use candle_core::{Device, Tensor};
///
/// let logits = Tensor::new(&[[2f32, 0.], [0., 3.]], &Device::Cpu)?;
/// let score = Target::LogOdds { positive: 1, negative: 0 }.score(&logits, ScoreSpace::Logit)?;
/// assert_eq!(score.to_vec1::<f32>()?, [-2., 3.]);
/// # Ok::<(), cam_methods::Error>(())
/// ```
#[derive(Clone)]
#[non_exhaustive]
pub enum Target {
    /// The output of one class, in the score space of the semantics; also one value of a regression.
    Class(usize),
    /// The class with the largest output in the unchanged image; ties go to the lower index.
    Argmax,
    /// The softmax probability of one class, whatever the semantics say.
    Probability(usize),
    /// The difference of two outputs: the log odds of one class against another.
    LogOdds {
        /// Class in favour.
        positive: usize,
        /// Class against.
        negative: usize,
    },
    /// A network with one output that is the log odds of the positive class.
    Binary {
        /// Explain the positive class (the output) or the negative one (minus the output).
        positive: bool,
    },
    /// The mean output of a class over a region of a segmentation `[batch, class, row, column]`.
    Region {
        /// Class of the segmentation.
        class: usize,
        /// Weights `[row, column]`, usually 0 and 1; at least one must be positive.
        mask: Tensor,
    },
    /// Any function of the outputs.
    Custom(ScoreFunction),
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Class(c) => write!(f, "Class({c})"),
            Self::Argmax => write!(f, "Argmax"),
            Self::Probability(c) => write!(f, "Probability({c})"),
            Self::LogOdds { positive, negative } => {
                write!(f, "LogOdds({positive} against {negative})")
            }
            Self::Binary { positive } => write!(f, "Binary({positive})"),
            Self::Region { class, mask } => {
                write!(f, "Region(class {class}, mask {:?})", mask.dims())
            }
            Self::Custom(_) => write!(f, "Custom"),
        }
    }
}

/// The scale on which the score of a class is read.
///
/// ```text
/// Logit           y_c
/// Probability     softmax(y)_c
/// DoubleSoftmax   softmax(softmax(y))_c
/// ```
///
/// With one output the softmax is the logistic function; for [`Target::LogOdds`] it runs over the
/// two classes named. [`Target::Region`] and [`Target::Custom`] define their own scale.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ScoreSpace {
    /// The output of the network.
    Logit,
    /// Softmax over the classes.
    Probability,
    /// Softmax of the softmax: what tf-keras-vis' Score-CAM reads from a network that already ends
    /// in a softmax.
    DoubleSoftmax,
}

impl Target {
    /// Scores of `[n, ...]` outputs.
    ///
    /// # Shapes
    ///
    /// - `outputs`: `[n, class]`, `[n]` or `[n, class, row, column]`, as the target demands
    /// - returns: `[n]`
    ///
    /// # Errors
    ///
    /// [`Error::ClassOutOfRange`], [`Error::OutputShape`]; a tensor error from the arithmetic.
    pub fn score(&self, outputs: &Tensor, space: ScoreSpace) -> Result<Tensor> {
        match self {
            Self::Class(c) => {
                let y = self.matrix(outputs)?;
                check_class(*c, y.dim(1)?)?;
                column(&in_space(&y, space)?, *c)
            }
            Self::Argmax => {
                let y = self.matrix(outputs)?;
                Ok(in_space(&y, space)?.max(D::Minus1)?)
            }
            Self::Probability(c) => {
                let y = self.matrix(outputs)?;
                check_class(*c, y.dim(1)?)?;
                column(&in_space(&y, ScoreSpace::Probability)?, *c)
            }
            Self::LogOdds { positive, negative } => {
                let y = self.matrix(outputs)?;
                let classes = y.dim(1)?;
                check_class(*positive, classes)?;
                check_class(*negative, classes)?;
                let d = (column(&y, *positive)? - column(&y, *negative)?)?;
                two_way(&d, space)
            }
            Self::Binary { positive } => {
                let y = self.matrix(outputs)?;
                if y.dim(1)? != 1 {
                    return Err(self.wrong_output(outputs, "[batch] or [batch, 1]"));
                }
                let y = column(&y, 0)?;
                let y = if *positive { y } else { y.neg()? };
                two_way(&y, space)
            }
            Self::Region { class, mask } => self.region(outputs, *class, mask),
            Self::Custom(f) => {
                let n = outputs.dim(0)?;
                let s = f(outputs).map_err(|source| Error::Model { source })?;
                if s.dims() == [n] {
                    Ok(s)
                } else if s.elem_count() == n {
                    Ok(s.reshape(n)?)
                } else {
                    Err(self.wrong_output(&s, "[batch] from the function"))
                }
            }
        }
    }

    /// The target with `Argmax` replaced by the class it stands for in one output row.
    pub(crate) fn resolve(&self, row: &Tensor) -> Result<Self> {
        if !matches!(self, Self::Argmax) {
            return Ok(self.clone());
        }
        let y: Vec<f32> = self
            .matrix(row)?
            .flatten_all()?
            .to_dtype(candle_core::DType::F32)?
            .to_vec1()?;
        let mut best = 0;
        for (i, v) in y.iter().enumerate() {
            if *v > y[best] {
                best = i;
            }
        }
        Ok(Self::Class(best))
    }

    /// Class explained, where the target is about one.
    pub fn class(&self) -> Option<usize> {
        match self {
            Self::Class(c) | Self::Probability(c) | Self::Region { class: c, .. } => Some(*c),
            Self::LogOdds { positive, .. } => Some(*positive),
            _ => None,
        }
    }

    fn matrix(&self, outputs: &Tensor) -> Result<Tensor> {
        match outputs.rank() {
            1 => Ok(outputs.unsqueeze(1)?),
            2 => Ok(outputs.clone()),
            _ => Err(self.wrong_output(outputs, "[batch, class]")),
        }
    }

    fn region(&self, outputs: &Tensor, class: usize, mask: &Tensor) -> Result<Tensor> {
        if outputs.rank() != 4 || mask.dims() != &outputs.dims()[2..] {
            return Err(self.wrong_output(
                outputs,
                "[batch, class, row, column] with the mask's rows and columns",
            ));
        }
        check_class(class, outputs.dim(1)?)?;
        let mask = mask
            .to_dtype(outputs.dtype())?
            .to_device(outputs.device())?;
        let area: f32 = mask
            .sum_all()?
            .to_dtype(candle_core::DType::F32)?
            .to_scalar()?;
        if area.is_nan() || area <= 0.0 {
            return Err(Error::Parameter {
                name: "mask of Target::Region",
                expected: "positive in at least one pixel",
                got: format!("a sum of {area}"),
            });
        }
        let y = outputs.narrow(1, class, 1)?.squeeze(1)?;
        Ok((y.broadcast_mul(&mask)?.sum((1, 2))? / f64::from(area))?)
    }

    fn wrong_output(&self, outputs: &Tensor, expected: &'static str) -> Error {
        Error::OutputShape {
            target: format!("{self:?}"),
            expected,
            shape: outputs.dims().to_vec(),
        }
    }
}

fn check_class(class: usize, classes: usize) -> Result<()> {
    if class < classes {
        Ok(())
    } else {
        Err(Error::ClassOutOfRange { class, classes })
    }
}

fn column(y: &Tensor, c: usize) -> Result<Tensor> {
    Ok(y.narrow(1, c, 1)?.squeeze(1)?)
}

fn in_space(y: &Tensor, space: ScoreSpace) -> Result<Tensor> {
    if y.dim(1)? == 1 {
        return Ok(two_way(&y.squeeze(1)?, space)?.unsqueeze(1)?);
    }
    match space {
        ScoreSpace::Logit => Ok(y.clone()),
        ScoreSpace::Probability => softmax(y),
        ScoreSpace::DoubleSoftmax => softmax(&softmax(y)?),
    }
}

/// Log odds in a score space: the softmax over two classes whose logits differ by `d`.
fn two_way(d: &Tensor, space: ScoreSpace) -> Result<Tensor> {
    match space {
        ScoreSpace::Logit => Ok(d.clone()),
        ScoreSpace::Probability => logistic(d),
        ScoreSpace::DoubleSoftmax => logistic(&logistic(d)?.affine(2.0, -1.0)?),
    }
}

/// `1 / (1 + exp(-d))` by way of tanh, which cannot overflow.
fn logistic(d: &Tensor) -> Result<Tensor> {
    Ok((d * 0.5)?.tanh()?.affine(0.5, 0.5)?)
}

fn softmax(y: &Tensor) -> Result<Tensor> {
    let peak = y.detach().max_keepdim(D::Minus1)?;
    let e = y.broadcast_sub(&peak)?.exp()?;
    Ok(e.broadcast_div(&e.sum_keepdim(D::Minus1)?)?)
}
