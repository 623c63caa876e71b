//! Kendall's rank correlation.

use crate::distribution::normal_p_value;
use crate::names::named;
use crate::rank::Ranked;
use crate::sample::{Clean, clean_pair, require_count};
use crate::{Alternative, Error, NanPolicy, Result};

const EXACT_LIMIT: usize = 170;

named! {
    /// What the excess of concordant pairs is divided by.
    pub enum KendallVariant("Kendall variant") {
        /// √((P − T_x)(P − T_y)): pairs not tied in x and in y.
        #[default]
        TauB = "tau-b",
        /// n²(m − 1)/(2m), m the smaller number of distinct values: rectangular tables.
        TauC = "tau-c",
    }
}

named! {
    /// Where the p-value of Kendall's τ comes from.
    pub enum KendallMethod("Kendall method") {
        /// Exact to n = 33 without ties, else asymptotic (SciPy).
        #[default]
        Auto = "auto",
        /// All n! orderings; no ties.
        Exact = "exact",
        /// Normal approximation with the tie correction.
        Asymptotic = "asymptotic",
    }
}

/// Options of [`kendall_with`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(deny_unknown_fields, default))]
pub struct KendallOptions {
    /// Denominator.
    pub variant: KendallVariant,
    /// Source of the p-value.
    pub method: KendallMethod,
    /// Direction of the test.
    pub alternative: Alternative,
    /// Treatment of NaN.
    pub nan_policy: NanPolicy,
}

/// Kendall's τ with its test.
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Kendall {
    /// τ in [−1, 1].
    pub statistic: f64,
    /// Pairs ordered alike in x and y.
    pub concordant: u64,
    /// Pairs ordered oppositely.
    pub discordant: u64,
    /// Standard normal statistic of the asymptotic test.
    pub z: f64,
    /// p-value by `method`.
    pub p_value: f64,
    /// Pairs of values used.
    pub n: usize,
    /// The method that gave the p-value, never `Auto`.
    pub method: KendallMethod,
    /// Denominator.
    pub variant: KendallVariant,
    /// Direction of the test.
    pub alternative: Alternative,
}

/// Kendall's τ-b, exact p-value where possible.
///
/// ```text
/// τ_b = (C − D)/√((P − T_x)(P − T_y))      P = n(n − 1)/2
/// ```
///
/// C, D: concordant and discordant pairs, counted in n·log n; T: pairs tied in one variable.
///
/// # Errors
///
/// [`Error::LengthMismatch`], [`Error::TooFewObservations`] for n < 2, [`Error::ConstantInput`],
/// [`Error::NanInput`].
///
/// # Source
///
/// `scipy.stats.kendalltau`, R `cor.test(method = "kendall")`.
///
/// # Examples
///
/// ```
/// let x = [44.4, 45.9, 41.9, 53.3, 44.7, 44.1, 50.7, 45.2, 60.1];
/// let y = [2.6, 3.1, 2.5, 5.0, 3.6, 4.0, 5.2, 2.8, 3.8];
/// let tuna = cam_stats::kendall(&x, &y)?;
/// assert_eq!((tuna.concordant, tuna.discordant), (26, 10));
/// assert!((tuna.p_value - 0.1194389329806).abs() < 1e-13);
/// # Ok::<(), cam_stats::Error>(())
/// ```
pub fn kendall(x: &[f64], y: &[f64]) -> Result<Kendall> {
    kendall_with(x, y, &KendallOptions::default())
}

/// [`kendall`] with options.
///
/// ```text
/// τ_b = (C − D) / √((n₀ − t_x)(n₀ − t_y))      τ_c = 2 (C − D) / (n² (m − 1)/m)
/// ```
///
/// # Errors
///
/// As [`kendall`]; [`Error::Ties`] for an exact test of tied data and
/// [`Error::TooManyObservations`] for one of more than 170 values.
///
/// # Source
///
/// `scipy.stats.kendalltau` with `variant`, `method` and `alternative`; R `cor.test(method = "kendall")`.
///
/// # Examples
///
/// ```
/// use cam_stats::{KendallMethod, KendallOptions, kendall_with};
/// let exact = KendallOptions { method: KendallMethod::Exact, ..Default::default() };
/// let tau = kendall_with(&[1.0, 2.0, 3.0, 4.0], &[1.0, 3.0, 2.0, 4.0], &exact)?;
/// // Four of the 24 orderings have at most one discordant pair.
/// assert!((tau.p_value - 1.0 / 3.0).abs() < 1e-15);
/// # Ok::<(), cam_stats::Error>(())
/// ```
pub fn kendall_with(x: &[f64], y: &[f64], options: &KendallOptions) -> Result<Kendall> {
    let Clean::Data((x, y)) = clean_pair(x, y, options.nan_policy)? else {
        return Ok(Kendall {
            statistic: f64::NAN,
            concordant: 0,
            discordant: 0,
            z: f64::NAN,
            p_value: f64::NAN,
            n: x.len(),
            method: options.method,
            variant: options.variant,
            alternative: options.alternative,
        });
    };
    let n = x.len();
    require_count("a rank correlation", 2, n)?;
    let rx = Ranked::new(&x);
    let ry = Ranked::new(&y);
    for (name, ranked) in [("x", &rx), ("y", &ry)] {
        if ranked.is_constant() {
            return Err(Error::ConstantInput { name });
        }
    }
    let counts = Pairs::count(&rx, &ry);
    let ties = rx.has_ties() || ry.has_ties();
    let method = match options.method {
        KendallMethod::Exact if ties => {
            return Err(Error::Ties {
                method: "exact Kendall's τ",
            });
        }
        KendallMethod::Exact if n > EXACT_LIMIT => {
            let what = "exact Kendall's τ";
            return Err(Error::TooManyObservations {
                what,
                limit: EXACT_LIMIT,
                got: n,
            });
        }
        KendallMethod::Auto if !ties && n <= 33 => KendallMethod::Exact,
        KendallMethod::Auto => KendallMethod::Asymptotic,
        given => given,
    };
    let excess = counts.concordant as f64 - counts.discordant as f64;
    let z = excess / variance(n, &rx.ties, &ry.ties).sqrt();
    let p_value = if method == KendallMethod::Exact {
        let (less, greater) = exact_tails(counts.discordant as usize, n);
        options.alternative.from_tails(less, greater)
    } else {
        normal_p_value(z, options.alternative)
    };
    let denominator = match options.variant {
        KendallVariant::TauB => (counts.untied_x as f64).sqrt() * (counts.untied_y as f64).sqrt(),
        KendallVariant::TauC => {
            let m = distinct(&rx).min(distinct(&ry));
            (n as f64).powi(2) / 2.0 * (m - 1.0) / m
        }
    };
    Ok(Kendall {
        statistic: (excess / denominator).clamp(-1.0, 1.0),
        concordant: counts.concordant,
        discordant: counts.discordant,
        z,
        p_value,
        n,
        method,
        variant: options.variant,
        alternative: options.alternative,
    })
}

fn distinct(ranked: &Ranked) -> f64 {
    let repeats: usize = ranked.ties.iter().map(|t| t - 1).sum();
    (ranked.ranks.len() - repeats) as f64
}

struct Pairs {
    concordant: u64,
    discordant: u64,
    untied_x: u64,
    untied_y: u64,
}

impl Pairs {
    fn count(x: &Ranked, y: &Ranked) -> Self {
        let n = x.ranks.len();
        let mut order: Vec<usize> = (0..n).collect();
        let key = |i: usize| (x.ranks[i], y.ranks[i]);
        order.sort_unstable_by(|&a, &b| {
            x.ranks[a]
                .total_cmp(&x.ranks[b])
                .then(y.ranks[a].total_cmp(&y.ranks[b]))
        });
        let mut tied_in_both = 0;
        let mut run = 0u64;
        for pair in order.windows(2) {
            run = if key(pair[0]) == key(pair[1]) {
                run + 1
            } else {
                0
            };
            tied_in_both += run;
        }
        let tied = |ties: &[usize]| {
            ties.iter()
                .map(|&t| (t as u64) * (t as u64 - 1) / 2)
                .sum::<u64>()
        };
        let (tied_x, tied_y) = (tied(&x.ties), tied(&y.ties));
        let all = (n as u64) * (n as u64 - 1) / 2;
        let mut sequence: Vec<f64> = order.iter().map(|&i| y.ranks[i]).collect();
        let discordant = inversions(&mut sequence, &mut vec![0.0; n]);
        Self {
            concordant: all + tied_in_both - tied_x - tied_y - discordant,
            discordant,
            untied_x: all - tied_x,
            untied_y: all - tied_y,
        }
    }
}

/// Pairs out of order, counted while merging.
fn inversions(values: &mut [f64], scratch: &mut [f64]) -> u64 {
    let n = values.len();
    if n < 2 {
        return 0;
    }
    let (left, right) = values.split_at_mut(n / 2);
    let mut count = inversions(left, scratch) + inversions(right, scratch);
    let (mut i, mut j) = (0, 0);
    for slot in scratch[..n].iter_mut() {
        if j == right.len() || (i < left.len() && left[i] <= right[j]) {
            *slot = left[i];
            i += 1;
        } else {
            *slot = right[j];
            j += 1;
            count += (left.len() - i) as u64;
        }
    }
    values.copy_from_slice(&scratch[..n]);
    count
}

/// Variance of C − D under independence, given the ties.
fn variance(n: usize, x: &[usize], y: &[usize]) -> f64 {
    let sum =
        |ties: &[usize], term: fn(f64) -> f64| ties.iter().map(|&t| term(t as f64)).sum::<f64>();
    let pairs: fn(f64) -> f64 = |t| t * (t - 1.0);
    let triples: fn(f64) -> f64 = |t| t * (t - 1.0) * (t - 2.0);
    let weighted: fn(f64) -> f64 = |t| t * (t - 1.0) * (2.0 * t + 5.0);
    let n = n as f64;
    let m = n * (n - 1.0);
    let mut total = (m * (2.0 * n + 5.0) - sum(x, weighted) - sum(y, weighted)) / 18.0;
    total += sum(x, pairs) * sum(y, pairs) / (2.0 * m);
    if n > 2.0 {
        total += sum(x, triples) * sum(y, triples) / (9.0 * m * (n - 2.0));
    }
    total
}

/// P(τ ≤ observed) and P(τ ≥ observed) from the distribution of the number of inversions.
fn exact_tails(discordant: usize, n: usize) -> (f64, f64) {
    let most = n * (n - 1) / 2;
    let mut chance = vec![1.0f64];
    for size in 2..=n {
        let mut next = vec![0.0; chance.len() + size - 1];
        for (inversions, p) in chance.iter().enumerate() {
            let share = p / size as f64;
            for slot in &mut next[inversions..inversions + size] {
                *slot += share;
            }
        }
        chance = next;
    }
    // The distribution is symmetric: both tails are sums from the thin end.
    let up_to = |k: usize| chance[..=k].iter().sum::<f64>().min(1.0);
    (up_to(most - discordant), up_to(discordant))
}
