//! A sample -> the numbers of a box plot.

use crate::moments::sorted;
use crate::quantile::{QuantileMethod, quantile_of_sorted};
use crate::sample::{require_count, require_moderate};
use crate::{Error, Result};

/// Where the box ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum Quartiles {
    /// Quantiles at ¼ and ¾; matplotlib uses [`QuantileMethod::Linear`].
    Quantile(QuantileMethod),
    /// Tukey's hinges, the medians of the halves, as R's `boxplot.stats`.
    Hinges,
}

impl Default for Quartiles {
    fn default() -> Self {
        Self::Quantile(QuantileMethod::Linear)
    }
}

/// The numbers of a box plot.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct BoxPlot {
    /// Number of values.
    pub n: usize,
    /// Smallest value not below the lower fence, at most `q1`.
    pub whisker_low: f64,
    /// Lower end of the box.
    pub q1: f64,
    /// Middle.
    pub median: f64,
    /// Upper end of the box.
    pub q3: f64,
    /// Largest value not above the upper fence, at least `q3`.
    pub whisker_high: f64,
    /// median − 1.58·IQR/√n.
    pub notch_low: f64,
    /// median + 1.58·IQR/√n.
    pub notch_high: f64,
    /// Values beyond the fences, ascending.
    pub outliers: Vec<f64>,
}

impl BoxPlot {
    /// Interquartile range, q3 − q1.
    #[must_use]
    pub fn iqr(&self) -> f64 {
        self.q3 - self.q1
    }
}

/// Box, whiskers and outliers.
///
/// ```text
/// fences: q1 − w·IQR and q3 + w·IQR      w = `whisker`, usually 1.5
/// ```
///
/// # Errors
///
/// [`Error::TooFewObservations`] for no values, [`Error::NanInput`], [`Error::NonFinite`],
/// [`Error::OutOfRange`] for a `whisker` that is negative or not finite, or values beyond 1e150.
///
/// # Source
///
/// `matplotlib.cbook.boxplot_stats` and R `boxplot.stats`, which differ in the quartiles.
///
/// # Examples
///
/// ```
/// use cam_stats::{Quartiles, box_plot};
/// let plot = box_plot(&[1.0, 2.0, 3.0, 4.0, 5.0, 30.0], Quartiles::Hinges, 1.5)?;
/// assert_eq!((plot.q1, plot.median, plot.q3), (2.0, 3.5, 5.0));
/// assert_eq!((plot.whisker_high, plot.outliers), (5.0, vec![30.0]));
/// # Ok::<(), cam_stats::Error>(())
/// ```
pub fn box_plot(values: &[f64], quartiles: Quartiles, whisker: f64) -> Result<BoxPlot> {
    let n = values.len();
    require_count("a box plot", 1, n)?;
    require_moderate("values", values)?;
    if !(0.0..=f64::MAX).contains(&whisker) {
        return Err(Error::OutOfRange {
            name: "whisker",
            value: whisker,
            range: "[0, ∞)",
        });
    }
    let ordered = sorted(values);
    let median = quantile_of_sorted(&ordered, 0.5, QuantileMethod::Linear);
    let (q1, q3) = match quartiles {
        Quartiles::Quantile(method) => (
            quantile_of_sorted(&ordered, 0.25, method),
            quantile_of_sorted(&ordered, 0.75, method),
        ),
        Quartiles::Hinges => {
            // The middle value of an odd sample belongs to both halves.
            let half = n.div_ceil(2);
            let middle = |part| quantile_of_sorted(part, 0.5, QuantileMethod::Linear);
            (middle(&ordered[..half]), middle(&ordered[n - half..]))
        }
    };
    let reach = whisker * (q3 - q1);
    let inside = |v: &f64| *v >= q1 - reach && *v <= q3 + reach;
    let lowest = ordered
        .iter()
        .copied()
        .find(|v| *v >= q1 - reach)
        .unwrap_or(q1);
    let highest = ordered
        .iter()
        .rev()
        .copied()
        .find(|v| *v <= q3 + reach)
        .unwrap_or(q3);
    let notch = 1.58 * (q3 - q1) / (n as f64).sqrt();
    Ok(BoxPlot {
        n,
        whisker_low: lowest.min(q1),
        q1,
        median,
        q3,
        whisker_high: highest.max(q3),
        notch_low: median - notch,
        notch_high: median + notch,
        outliers: ordered.iter().copied().filter(|v| !inside(v)).collect(),
    })
}
