//! Two labellings -> Rand index, adjusted Rand index, variation of information.

use std::collections::BTreeMap;

use ndarray::{ArrayView, Dimension};

use crate::error::same_shape;
use crate::{EmptyPolicy, Error, Result};

/// How many pixels carry each pair of labels of two labellings.
///
/// Labels only tell parts apart: exchanging or renaming them changes no score.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contingency {
    pairs: Vec<u64>,
    rows: Vec<u64>,
    columns: Vec<u64>,
    row_of_pair: Vec<usize>,
    column_of_pair: Vec<usize>,
    n: u64,
}

/// Conditional entropies of two partitions; their sum is the variation of information.
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct VariationOfInformation {
    /// H(b | a) in bits: what is left to know of `b` where `a` is known (over-segmentation, if `b`
    /// is the finer).
    pub b_given_a: f64,
    /// H(a | b) in bits.
    pub a_given_b: f64,
}

impl VariationOfInformation {
    /// H(a | b) + H(b | a) in bits.
    pub fn sum(&self) -> f64 {
        self.b_given_a + self.a_given_b
    }
}

/// Counts how many pixels carry each pair of labels.
///
/// ```text
/// n(i, j) = #{p : a[p] = i and b[p] = j}
/// ```
///
/// # Shapes
///
/// `a`, `b`: any number of axes, equal.
///
/// # Errors
///
/// [`Error::ShapeMismatch`]; [`Error::TooFew`] without a pixel.
///
/// # Source
///
/// scikit-learn `contingency_matrix`, scikit-image `contingency_table`.
///
/// # Examples
///
/// ```
/// use ndarray::array;
/// use seg_metrics::{EmptyPolicy, contingency};
///
/// let a = array![1, 1, 2, 2];
/// let b = array![7, 7, 3, 3];
/// let table = contingency(a.view(), b.view())?;
/// assert_eq!(table.adjusted_rand(EmptyPolicy::Nan)?, 1.0);
/// assert_eq!(table.variation_of_information().sum(), 0.0);
/// # Ok::<(), seg_metrics::Error>(())
/// ```
pub fn contingency<D: Dimension>(
    a: ArrayView<'_, u32, D>,
    b: ArrayView<'_, u32, D>,
) -> Result<Contingency> {
    same_shape("first labelling", a.shape(), "second labelling", b.shape())?;
    if a.is_empty() {
        return Err(Error::TooFew {
            what: "pixels",
            needed: 1,
            got: 0,
        });
    }
    let mut pairs: BTreeMap<(u32, u32), u64> = BTreeMap::new();
    for (&a, &b) in a.iter().zip(b.iter()) {
        *pairs.entry((a, b)).or_default() += 1;
    }
    let mut rows: BTreeMap<u32, u64> = BTreeMap::new();
    let mut columns: BTreeMap<u32, u64> = BTreeMap::new();
    for (&(a, b), n) in &pairs {
        *rows.entry(a).or_default() += n;
        *columns.entry(b).or_default() += n;
    }
    let place = |sums: &BTreeMap<u32, u64>, label| sums.range(..label).count();
    Ok(Contingency {
        row_of_pair: pairs.keys().map(|pair| place(&rows, pair.0)).collect(),
        column_of_pair: pairs.keys().map(|pair| place(&columns, pair.1)).collect(),
        n: pairs.values().sum(),
        pairs: pairs.into_values().collect(),
        rows: rows.into_values().collect(),
        columns: columns.into_values().collect(),
    })
}

/// Pairs of pixels inside parts of these sizes.
fn pairs_within(sizes: &[u64]) -> f64 {
    sizes
        .iter()
        .map(|&n| n as f64 * (n as f64 - 1.0) / 2.0)
        .sum()
}

impl Contingency {
    /// Rand index: the fraction of pairs of pixels that both partitions join or both part.
    ///
    /// ```text
    /// RI = (joined in both + parted in both) / all pairs
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Undefined`] with a single pixel under [`EmptyPolicy::Error`].
    ///
    /// # Source
    ///
    /// Rand 1971; scikit-learn `rand_score`.
    pub fn rand(&self, policy: EmptyPolicy) -> Result<f64> {
        let all = pairs_within(&[self.n]);
        let joined = pairs_within(&self.pairs);
        let either = pairs_within(&self.rows) + pairs_within(&self.columns);
        policy.ratio(all + 2.0 * joined - either, all, "rand")
    }

    /// Adjusted Rand index: the Rand index beyond chance; 1 for equal partitions, 0 by chance.
    ///
    /// ```text
    /// ARI = (J − E) / ((A + B) / 2 − E)      J = pairs joined in both, A, B = in either,  E = A B / all
    /// ```
    ///
    /// 0/0 (both trivial in the same way) is by `policy`; scikit-learn gives 1.
    ///
    /// # Errors
    ///
    /// [`Error::Undefined`] for 0/0 under [`EmptyPolicy::Error`].
    ///
    /// # Source
    ///
    /// Hubert and Arabie 1985; scikit-learn `adjusted_rand_score`.
    pub fn adjusted_rand(&self, policy: EmptyPolicy) -> Result<f64> {
        let all = pairs_within(&[self.n]);
        let joined = pairs_within(&self.pairs);
        let (a, b) = (pairs_within(&self.rows), pairs_within(&self.columns));
        let numerator = 2.0 * (all * joined - a * b);
        policy.ratio(numerator, all * (a + b) - 2.0 * a * b, "adjusted_rand")
    }

    /// Variation of information, as its two conditional entropies in bits.
    ///
    /// ```text
    /// VOI = H(a | b) + H(b | a),     H(a | b) = − Σ p(a, b) log2( p(a, b) / p(b) )
    /// ```
    ///
    /// # Source
    ///
    /// Meilă 2007; scikit-image `variation_of_information` (which returns [H(b | a), H(a | b)]).
    pub fn variation_of_information(&self) -> VariationOfInformation {
        let given = |sums: &[u64], of_pair: &[usize]| -> f64 {
            self.pairs
                .iter()
                .zip(of_pair)
                .map(|(&pair, &at)| {
                    pair as f64 / self.n as f64 * (sums[at] as f64 / pair as f64).log2()
                })
                .sum()
        };
        VariationOfInformation {
            b_given_a: given(&self.rows, &self.row_of_pair),
            a_given_b: given(&self.columns, &self.column_of_pair),
        }
    }

    /// Mutual information in nats: Σ p(a, b) ln( p(a, b) / (p(a) p(b)) ).
    ///
    /// # Source
    ///
    /// scikit-learn `mutual_info_score`.
    pub fn mutual_information(&self) -> f64 {
        let n = self.n as f64;
        let places = self.row_of_pair.iter().zip(&self.column_of_pair);
        self.pairs
            .iter()
            .zip(places)
            .map(|(&pair, (&row, &column))| {
                let expected = self.rows[row] as f64 * self.columns[column] as f64;
                pair as f64 / n * (pair as f64 * n / expected).ln()
            })
            .sum()
    }
}
