//! Targets judged by several raters -> intraclass correlations; clusters -> design effect.

use crate::distribution::{f_quantile, f_sf};
use crate::interval::{Interval, check_level};
use crate::moments::mean;
use crate::sample::{Clean, clean_rows, require_count, require_moderate};
use crate::{Error, NanPolicy, Result};

/// One form of the intraclass correlation.
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct IntraclassCorrelation {
    /// Estimate and bounds.
    pub interval: Interval,
    /// F against an intraclass correlation of zero.
    pub f: f64,
    /// Numerator degrees of freedom, n − 1.
    pub numerator_degrees_of_freedom: f64,
    /// Denominator degrees of freedom.
    pub denominator_degrees_of_freedom: f64,
    /// P(F > f).
    pub p_value: f64,
}

/// The six intraclass correlations of Shrout and Fleiss.
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct IntraclassCorrelations {
    /// ICC(1,1): each target has its own raters; one rating.
    pub single_one_way: IntraclassCorrelation,
    /// ICC(2,1): random raters; absolute agreement of one rating.
    pub single_random: IntraclassCorrelation,
    /// ICC(3,1): fixed raters; consistency of one rating.
    pub single_fixed: IntraclassCorrelation,
    /// ICC(1,k): mean of k ratings.
    pub average_one_way: IntraclassCorrelation,
    /// ICC(2,k): mean of k ratings.
    pub average_random: IntraclassCorrelation,
    /// ICC(3,k): mean of k ratings, Cronbach's α.
    pub average_fixed: IntraclassCorrelation,
    /// Targets, n.
    pub targets: usize,
    /// Raters, k.
    pub raters: usize,
}

/// Intraclass correlations of a table of ratings.
///
/// ```text
/// ICC(1,1) = (B − W)/(B + (k − 1)W)
/// ICC(2,1) = (B − E)/(B + (k − 1)E + k(J − E)/n)
/// ICC(3,1) = (B − E)/(B + (k − 1)E)
/// ```
///
/// B, W, J, E: mean squares between targets, within targets, between raters, residual.
///
/// # Shapes
///
/// `ratings`: `[target, rater]`, at least two of each.
///
/// # Errors
///
/// [`Error::RaggedRows`], [`Error::TooFewObservations`], [`Error::ConstantInput`] if the raters agree
/// without any residual, [`Error::NanInput`], [`Error::NonFinite`].
///
/// # Source
///
/// Shrout and Fleiss, *Psychological Bulletin* 86 (1979) 420; `pingouin.intraclass_corr`.
///
/// # Examples
///
/// ```
/// let ratings = [[9.0, 2.0, 5.0, 8.0], [6.0, 1.0, 3.0, 2.0], [8.0, 4.0, 6.0, 8.0],
///                [7.0, 1.0, 2.0, 6.0], [10.0, 5.0, 6.0, 9.0], [6.0, 2.0, 4.0, 7.0]];
/// let icc = cam_stats::intraclass_correlations(&ratings, 0.95)?;
/// assert!((icc.single_random.interval.estimate - 0.2897637795).abs() < 1e-9);
/// # Ok::<(), cam_stats::Error>(())
/// ```
pub fn intraclass_correlations<R: AsRef<[f64]>>(
    ratings: &[R],
    level: f64,
) -> Result<IntraclassCorrelations> {
    check_level(level)?;
    let raters = ratings.first().map_or(0, |r| r.as_ref().len());
    require_count("intraclass correlation (raters)", 2, raters)?;
    require_count("intraclass correlation (targets)", 2, ratings.len())?;
    let Clean::Data(rows) = clean_rows("ratings", ratings, NanPolicy::Raise)? else {
        return Err(Error::ConstantInput { name: "ratings" });
    };
    for row in &rows {
        require_moderate("ratings", row)?;
    }
    let squares = MeanSquares::new(&rows);
    if squares.residual <= 0.0 || squares.within <= 0.0 {
        return Err(Error::ConstantInput {
            name: "ratings (residual)",
        });
    }
    if squares.between <= 0.0 {
        return Err(Error::ConstantInput {
            name: "ratings (means of the targets)",
        });
    }
    Ok(squares.correlations(level))
}

struct MeanSquares {
    n: f64,
    k: f64,
    between: f64,
    within: f64,
    raters: f64,
    residual: f64,
}

impl MeanSquares {
    fn new(rows: &[&[f64]]) -> Self {
        let (n, k) = (rows.len() as f64, rows[0].len() as f64);
        let grand = rows.iter().map(|r| mean(r)).sum::<f64>() / n;
        let row_means: Vec<f64> = rows.iter().map(|r| mean(r) - grand).collect();
        let column_means: Vec<f64> = (0..rows[0].len())
            .map(|j| rows.iter().map(|r| r[j] - grand).sum::<f64>() / n)
            .collect();
        let (mut within, mut residual) = (0.0, 0.0);
        for (row, row_mean) in rows.iter().zip(&row_means) {
            for (value, column_mean) in row.iter().zip(&column_means) {
                let deviation = value - grand - row_mean;
                within += deviation * deviation;
                residual += (deviation - column_mean) * (deviation - column_mean);
            }
        }
        let sum = |v: &[f64]| v.iter().map(|m| m * m).sum::<f64>();
        Self {
            n,
            k,
            between: k * sum(&row_means) / (n - 1.0),
            within: within / (n * (k - 1.0)),
            raters: n * sum(&column_means) / (k - 1.0),
            residual: residual / ((n - 1.0) * (k - 1.0)),
        }
    }

    fn correlations(&self, level: f64) -> IntraclassCorrelations {
        let Self {
            n,
            k,
            between,
            within,
            ..
        } = *self;
        let upper = 1.0 - (1.0 - level) / 2.0;
        // A form without raters: everything follows from F.
        let one_error = |error: f64, denominator: f64| {
            let f = between / error;
            let low = f / f_quantile(upper, n - 1.0, denominator);
            let high = f * f_quantile(upper, denominator, n - 1.0);
            let single = |f: f64| (f - 1.0) / (f + k - 1.0);
            let average = |f: f64| 1.0 - 1.0 / f;
            let pack = |form: &dyn Fn(f64) -> f64| IntraclassCorrelation {
                interval: Interval {
                    estimate: form(f),
                    lower: form(low),
                    upper: form(high),
                    level,
                },
                f,
                numerator_degrees_of_freedom: n - 1.0,
                denominator_degrees_of_freedom: denominator,
                p_value: f_sf(f, n - 1.0, denominator),
            };
            (pack(&single), pack(&average))
        };
        let (single_one_way, average_one_way) = one_error(within, n * (k - 1.0));
        let (single_fixed, average_fixed) = one_error(self.residual, (n - 1.0) * (k - 1.0));
        let random = self.random(upper, level);
        let average = |r: f64| r * k / (1.0 + r * (k - 1.0));
        let with = |interval| IntraclassCorrelation {
            interval,
            ..single_fixed
        };
        IntraclassCorrelations {
            single_one_way,
            single_random: with(random),
            single_fixed,
            average_one_way,
            average_random: with(Interval {
                estimate: (between - self.residual) / (between + (self.raters - self.residual) / n),
                lower: average(random.lower),
                upper: average(random.upper),
                level,
            }),
            average_fixed,
            targets: n as usize,
            raters: k as usize,
        }
    }

    /// ICC(2,1) with the interval of Shrout and Fleiss.
    fn random(&self, upper: f64, level: f64) -> Interval {
        let Self {
            n,
            k,
            between,
            raters,
            residual,
            ..
        } = *self;
        let r =
            (between - residual) / (between + (k - 1.0) * residual + k * (raters - residual) / n);
        let ratio = raters / residual;
        let share = n * (1.0 + (k - 1.0) * r) - k * r;
        let numerator = (n - 1.0) * (k - 1.0) * (k * r * ratio + share).powi(2);
        let denominator = (n - 1.0) * (k * r * ratio).powi(2) + share.powi(2);
        let degrees = numerator / denominator;
        let f_low = f_quantile(upper, n - 1.0, degrees);
        let f_high = f_quantile(upper, degrees, n - 1.0);
        let spread = k * raters + (k * n - k - n) * residual;
        Interval {
            estimate: r,
            lower: n * (between - f_low * residual) / (f_low * spread + n * between),
            upper: n * (f_high * between - residual) / (spread + n * f_high * between),
            level,
        }
    }
}

/// What clustering costs.
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct DesignEffect {
    /// Factor by which the variance of a mean grows.
    pub design_effect: f64,
    /// Number of independent observations that would carry as much information.
    pub effective_n: f64,
    /// Observations counted.
    pub n: usize,
}

/// Design effect of clusters of the given sizes.
///
/// ```text
/// DEFF = 1 + (m − 1)·ICC      m = Σm_i²/Σm_i
/// ```
///
/// # Errors
///
/// [`Error::TooFewObservations`] without observations, [`Error::OutOfRange`] for an ICC outside
/// [−1, 1] or so negative that DEFF ≤ 0.
///
/// # Source
///
/// Kish 1965.
///
/// # Examples
///
/// ```
/// // 32 fillets of 24 slices: with ICC ½ the 768 slices are worth 61.
/// let cost = cam_stats::design_effect(0.5, &[24; 32])?;
/// assert_eq!((cost.design_effect, cost.effective_n.round()), (12.5, 61.0));
/// # Ok::<(), cam_stats::Error>(())
/// ```
pub fn design_effect(icc: f64, cluster_sizes: &[usize]) -> Result<DesignEffect> {
    let n: usize = cluster_sizes.iter().sum();
    require_count("a design effect", 1, n)?;
    let squares: f64 = cluster_sizes.iter().map(|&m| (m as f64) * (m as f64)).sum();
    let effect = 1.0 + (squares / n as f64 - 1.0) * icc;
    if !(-1.0..=1.0).contains(&icc) || effect <= 0.0 {
        return Err(Error::OutOfRange {
            name: "icc",
            value: icc,
            range: "[-1/(m - 1), 1]",
        });
    }
    Ok(DesignEffect {
        design_effect: effect,
        effective_n: n as f64 / effect,
        n,
    })
}
