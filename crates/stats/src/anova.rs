//! Independent groups -> one-way analysis of variance.

use crate::distribution::f_sf;
use crate::moments::{mean, sum_of_squares};
use crate::sample::{require_count, require_moderate};
use crate::{Error, Result};

/// One-way analysis of variance.
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Anova {
    /// F, the ratio of mean squares; infinite without variation inside groups.
    pub statistic: f64,
    /// Groups less one.
    pub degrees_between: f64,
    /// Observations less groups.
    pub degrees_within: f64,
    /// P(F > statistic).
    pub p_value: f64,
    /// Σ n_i(x̄_i − x̄)².
    pub sum_of_squares_between: f64,
    /// Σ(x − x̄_i)².
    pub sum_of_squares_within: f64,
    /// Share of the variation that lies between groups, in [0, 1].
    pub eta_squared: f64,
    /// The same, corrected for chance; can be negative.
    pub omega_squared: f64,
    /// All observations.
    pub n: usize,
}

/// One-way analysis of variance of independent groups.
///
/// ```text
/// F = [Σ n_i(x̄_i − x̄)²/(k − 1)] / [Σ(x − x̄_i)²/(N − k)]
/// ```
///
/// # Errors
///
/// [`Error::TooFewObservations`] below two groups, for an empty group, or without more observations
/// than groups; [`Error::ConstantInput`] if all values are equal; [`Error::NanInput`],
/// [`Error::NonFinite`].
///
/// # Source
///
/// `scipy.stats.f_oneway`, R `aov`; NIST StRD for the digits.
///
/// # Examples
///
/// ```
/// let test = cam_stats::one_way_anova(&[[1.0, 2.0, 3.0], [2.0, 3.0, 4.0], [5.0, 6.0, 7.0]])?;
/// assert_eq!((test.statistic, test.degrees_within), (13.0, 6.0));
/// # Ok::<(), cam_stats::Error>(())
/// ```
pub fn one_way_anova<G: AsRef<[f64]>>(groups: &[G]) -> Result<Anova> {
    require_count("a comparison of groups", 2, groups.len())?;
    let mut pooled = Vec::new();
    for group in groups {
        require_count("each group", 1, group.as_ref().len())?;
        require_moderate("groups", group.as_ref())?;
        pooled.extend_from_slice(group.as_ref());
    }
    let n = pooled.len();
    require_count("a comparison of groups", groups.len() + 1, n)?;
    if pooled.iter().all(|v| *v == pooled[0]) {
        return Err(Error::ConstantInput { name: "groups" });
    }
    // Around the grand mean the subtraction is nearly exact, and the rest works on small numbers.
    let grand = mean(&pooled);
    let (mut between, mut within) = (0.0, 0.0);
    for group in groups {
        let deviations: Vec<f64> = group.as_ref().iter().map(|v| v - grand).collect();
        between += deviations.len() as f64 * mean(&deviations).powi(2);
        within += sum_of_squares(&deviations).max(0.0);
    }
    // Also where the squares of tiny differences vanish.
    if between + within == 0.0 {
        return Err(Error::ConstantInput { name: "groups" });
    }
    let degrees_between = groups.len() as f64 - 1.0;
    let degrees_within = (n - groups.len()) as f64;
    let error = within / degrees_within;
    let statistic = between / degrees_between / error;
    let total = between + within;
    Ok(Anova {
        statistic,
        degrees_between,
        degrees_within,
        p_value: f_sf(statistic, degrees_between, degrees_within),
        sum_of_squares_between: between,
        sum_of_squares_within: within,
        eta_squared: between / total,
        omega_squared: (between - degrees_between * error) / (total + error),
        n,
    })
}
