//! Clustered observations -> variance between and within clusters by REML.

use crate::distribution::chi_squared_sf;
use crate::icc::design_effect;
use crate::moments::{mean, sum_of_squares};
use crate::sample::{require_count, require_moderate};
use crate::{Error, Result};

/// The model y_ij = μ + b_i + e_ij, fitted by restricted maximum likelihood.
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct RandomIntercept {
    /// μ.
    pub intercept: f64,
    /// Standard error of μ.
    pub standard_error: f64,
    /// Variance of b, zero at the boundary.
    pub group_variance: f64,
    /// Variance of e.
    pub residual_variance: f64,
    /// Intraclass correlation, group variance over the sum.
    pub icc: f64,
    /// Design effect of the clusters at this intraclass correlation.
    pub design_effect: f64,
    /// Effective number of observations.
    pub effective_n: f64,
    /// 2(l(fit) − l(no group variance)), from restricted likelihoods.
    pub likelihood_ratio: f64,
    /// p-value of the group variance, half of P(χ²₁ > likelihood ratio): zero is at the boundary.
    pub p_value: f64,
    /// All observations.
    pub n: usize,
    /// Clusters.
    pub groups: usize,
}

/// Random-intercept model of groups of observations, balanced or not.
///
/// ```text
/// minimise  Σ ln(1 + n_iλ) + ln Σw_i + (N − 1)·ln[SSW + Σ w_i(ȳ_i − μ)²]
/// w_i = n_i/(1 + n_iλ),  λ = var(b)/var(e),  μ = Σw_iȳ_i/Σw_i
/// ```
///
/// # Errors
///
/// [`Error::TooFewObservations`] below two groups, for an empty group or without a group of two;
/// [`Error::ConstantInput`] without variation inside groups; [`Error::NanInput`],
/// [`Error::NonFinite`].
///
/// # Source
///
/// R `lme4::lmer(y ~ 1 + (1 | group))`; the closed form of the balanced case is one-way ANOVA.
///
/// # Examples
///
/// ```
/// let batches = [[1545.0, 1440.0, 1440.0, 1520.0, 1580.0], [1540.0, 1555.0, 1490.0, 1560.0, 1495.0],
///                [1595.0, 1550.0, 1605.0, 1510.0, 1560.0], [1445.0, 1440.0, 1595.0, 1465.0, 1545.0],
///                [1595.0, 1630.0, 1515.0, 1635.0, 1625.0], [1520.0, 1455.0, 1450.0, 1480.0, 1445.0]];
/// let dyestuff = cam_stats::random_intercept(&batches)?;
/// assert!((dyestuff.group_variance - 1764.05).abs() < 1e-6);
/// assert!((dyestuff.residual_variance - 2451.25).abs() < 1e-6);
/// # Ok::<(), cam_stats::Error>(())
/// ```
pub fn random_intercept<G: AsRef<[f64]>>(groups: &[G]) -> Result<RandomIntercept> {
    require_count("a random intercept (groups)", 2, groups.len())?;
    let mut sizes = Vec::with_capacity(groups.len());
    for group in groups {
        require_count("each group", 1, group.as_ref().len())?;
        require_moderate("groups", group.as_ref())?;
        sizes.push(group.as_ref().len());
    }
    let n: usize = sizes.iter().sum();
    require_count("a random intercept", groups.len() + 1, n)?;
    let pooled: Vec<f64> = groups
        .iter()
        .flat_map(|g| g.as_ref().iter().copied())
        .collect();
    let shift = mean(&pooled);
    let shifted: Vec<Vec<f64>> = groups
        .iter()
        .map(|g| g.as_ref().iter().map(|v| v - shift).collect())
        .collect();
    let profile = Profile {
        sizes: sizes.iter().map(|&s| s as f64).collect(),
        means: shifted.iter().map(|g| mean(g)).collect(),
        within: shifted.iter().map(|g| sum_of_squares(g).max(0.0)).sum(),
        n: n as f64,
    };
    if profile.within <= 0.0 {
        return Err(Error::ConstantInput {
            name: "groups (within)",
        });
    }
    let ratio = profile.best_ratio();
    let fit = profile.at(ratio);
    let residual_variance = fit.residual_squares / (profile.n - 1.0);
    let icc = ratio / (1.0 + ratio);
    let cost = design_effect(icc, &sizes)?;
    let likelihood_ratio = (profile.at(0.0).deviance - fit.deviance).max(0.0);
    Ok(RandomIntercept {
        intercept: shift + fit.mean,
        standard_error: (residual_variance / fit.weight).sqrt(),
        group_variance: ratio * residual_variance,
        residual_variance,
        icc,
        design_effect: cost.design_effect,
        effective_n: cost.effective_n,
        likelihood_ratio,
        p_value: if ratio > 0.0 {
            chi_squared_sf(likelihood_ratio, 1.0) / 2.0
        } else {
            1.0
        },
        n,
        groups: groups.len(),
    })
}

/// The restricted likelihood as a function of λ alone.
struct Profile {
    sizes: Vec<f64>,
    means: Vec<f64>,
    within: f64,
    n: f64,
}

struct Point {
    mean: f64,
    weight: f64,
    residual_squares: f64,
    deviance: f64,
    slope: f64,
}

impl Profile {
    fn at(&self, ratio: f64) -> Point {
        let weights: Vec<f64> = self.sizes.iter().map(|n| n / (1.0 + n * ratio)).collect();
        let weight: f64 = weights.iter().sum();
        let mean = weights
            .iter()
            .zip(&self.means)
            .map(|(w, m)| w * m)
            .sum::<f64>()
            / weight;
        let (mut squares, mut squares_slope, mut logs, mut weight_slope) =
            (self.within, 0.0, 0.0, 0.0);
        for ((w, m), n) in weights.iter().zip(&self.means).zip(&self.sizes) {
            let deviation = (m - mean) * (m - mean);
            squares += w * deviation;
            squares_slope -= w * w * deviation;
            logs += (n * ratio).ln_1p();
            weight_slope -= w * w;
        }
        Point {
            mean,
            weight,
            residual_squares: squares,
            deviance: logs + weight.ln() + (self.n - 1.0) * squares.ln(),
            slope: weight + weight_slope / weight + (self.n - 1.0) * squares_slope / squares,
        }
    }

    /// λ of the smallest deviance: a grid finds the valley, bisection of the slope its floor.
    fn best_ratio(&self) -> f64 {
        let grid: Vec<f64> = std::iter::once(0.0)
            .chain((-60..=60).map(|i| 10f64.powf(f64::from(i) / 5.0)))
            .collect();
        let mut best = 0;
        for (i, ratio) in grid.iter().enumerate() {
            if self.at(*ratio).deviance < self.at(grid[best]).deviance {
                best = i;
            }
        }
        let mut low = grid[best.saturating_sub(1)];
        let mut high = grid[(best + 1).min(grid.len() - 1)];
        if self.at(low).slope >= 0.0 {
            return low;
        }
        for _ in 0..200 {
            let middle = 0.5 * (low + high);
            if middle <= low || middle >= high {
                break;
            }
            if self.at(middle).slope < 0.0 {
                low = middle;
            } else {
                high = middle;
            }
        }
        0.5 * (low + high)
    }
}
