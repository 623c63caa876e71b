//! An analysis as published beside the one recommended, with the reasons.

/// The published form of an analysis, the recommended one, and what separates them.
///
/// # Examples
///
/// ```
/// use cam_stats::{Caveat, Dual, ProportionInterval, proportion_interval};
/// let dual = Dual {
///     published: proportion_interval(153, 153, 0.95, ProportionInterval::Wald)?,
///     recommended: proportion_interval(153, 153, 0.95, ProportionInterval::ClopperPearson)?,
///     caveats: vec![Caveat::WaldAtBoundary { successes: 153, n: 153 }],
/// };
/// assert_eq!(dual.caveats[0].code(), "wald_at_boundary");
/// assert!(dual.recommended.width() > dual.published.width());
/// # Ok::<(), cam_stats::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Dual<P, R = P> {
    /// As published.
    pub published: P,
    /// As it should be.
    pub recommended: R,
    /// Why they differ; empty if the published form stands.
    pub caveats: Vec<Caveat>,
}

impl<P, R> Dual<P, R> {
    /// Whether nothing speaks against the published form.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.caveats.is_empty()
    }
}

/// A reason not to take a published analysis at its word.
///
/// The code is for machines, [`Display`](core::fmt::Display) gives the sentence for people.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(tag = "code", rename_all = "snake_case"))]
#[non_exhaustive]
pub enum Caveat {
    /// Observations of one unit are counted as independent.
    PseudoReplication {
        /// Observations counted.
        observations: usize,
        /// Independent units behind them.
        units: usize,
    },
    /// A test for independent groups on repeated measures.
    RepeatedMeasuresAsIndependent,
    /// A p-value without an effect size.
    NoEffectSize,
    /// The null hypothesis of normality taken for the alternative.
    NormalityReadBackwards,
    /// Many tests, none corrected.
    NoMultiplicityCorrection {
        /// Number of tests.
        tests: usize,
    },
    /// An estimate without an interval.
    NoInterval,
    /// The largest of many estimates, reported as if it had been the only one.
    SelectedMaximum {
        /// Number of estimates it was selected from.
        candidates: usize,
    },
    /// A factor moves both variables.
    Confounded {
        /// Name of the factor.
        factor: String,
    },
    /// Two or more observations of a cluster in one correlation.
    ClusteredPairs {
        /// Pairs counted.
        pairs: usize,
        /// Clusters behind them.
        clusters: usize,
    },
    /// The cluster of an observation is not known.
    ClusterUnknown {
        /// The unit used instead.
        fallback: String,
    },
    /// Units of different sizes weigh the same, or units of the same worth differently.
    UnequalWeights,
    /// Wald's interval at or near a proportion of 0 or 1.
    WaldAtBoundary {
        /// Successes.
        successes: u64,
        /// Trials.
        n: u64,
    },
    /// Test data that training has seen.
    Leakage,
    /// Explanations of images that the network was trained on.
    TrainingImages,
    /// One training run stands for an architecture.
    SingleSeed {
        /// Runs.
        seeds: usize,
    },
    /// A parameter chosen on the data it is judged by.
    TunedOnOutcome {
        /// Name of the parameter.
        parameter: String,
    },
    /// Overlap that grows with coverage alone.
    ChanceAgreement,
    /// Undefined overlaps counted or dropped without saying so.
    EmptyMasks {
        /// Number of undefined overlaps.
        undefined: usize,
    },
    /// The reference is itself an estimate.
    UncertainReference,
    /// A conclusion drawn by looking at points or at overlapping bars.
    ComparedByEye,
}

impl Caveat {
    /// A name that does not change, in snake case.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::PseudoReplication { .. } => "pseudo_replication",
            Self::RepeatedMeasuresAsIndependent => "repeated_measures_as_independent",
            Self::NoEffectSize => "no_effect_size",
            Self::NormalityReadBackwards => "normality_read_backwards",
            Self::NoMultiplicityCorrection { .. } => "no_multiplicity_correction",
            Self::NoInterval => "no_interval",
            Self::SelectedMaximum { .. } => "selected_maximum",
            Self::Confounded { .. } => "confounded",
            Self::ClusteredPairs { .. } => "clustered_pairs",
            Self::ClusterUnknown { .. } => "cluster_unknown",
            Self::UnequalWeights => "unequal_weights",
            Self::WaldAtBoundary { .. } => "wald_at_boundary",
            Self::Leakage => "leakage",
            Self::TrainingImages => "training_images",
            Self::SingleSeed { .. } => "single_seed",
            Self::TunedOnOutcome { .. } => "tuned_on_outcome",
            Self::ChanceAgreement => "chance_agreement",
            Self::EmptyMasks { .. } => "empty_masks",
            Self::UncertainReference => "uncertain_reference",
            Self::ComparedByEye => "compared_by_eye",
        }
    }
}

impl core::fmt::Display for Caveat {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::PseudoReplication { observations, units } => write!(
                f,
                "{observations} observations come from {units} independent units and are counted as \
                 independent"
            ),
            Self::RepeatedMeasuresAsIndependent => f.write_str(
                "the same units were measured under every condition, and the test assumes different ones",
            ),
            Self::NoEffectSize => {
                f.write_str("the p-value says nothing about how large the difference is")
            }
            Self::NormalityReadBackwards => f.write_str(
                "a large Shapiro–Wilk p-value does not speak against normality, a small one does",
            ),
            Self::NoMultiplicityCorrection { tests } => {
                write!(f, "{tests} tests were made and none was corrected for their number")
            }
            Self::NoInterval => f.write_str("the estimate has no confidence interval"),
            Self::SelectedMaximum { candidates } => {
                write!(f, "the largest of {candidates} estimates is too large on average")
            }
            Self::Confounded { factor } => {
                write!(f, "{factor} moves both variables, so that they correlate without a direct link")
            }
            Self::ClusteredPairs { pairs, clusters } => {
                write!(f, "{pairs} pairs come from {clusters} clusters and are counted as independent")
            }
            Self::ClusterUnknown { fallback } => {
                write!(f, "the cluster is not recorded; {fallback} is used in its place")
            }
            Self::UnequalWeights => {
                f.write_str("units with different numbers of observations enter the mean alike")
            }
            Self::WaldAtBoundary { successes, n } => {
                write!(f, "Wald's interval has no meaningful width at {successes} of {n}")
            }
            Self::Leakage => f.write_str("training has seen slices of the scans it is tested on"),
            Self::TrainingImages => {
                f.write_str("the maps explain images that the network was trained on")
            }
            Self::SingleSeed { seeds } => write!(
                f,
                "{seeds} training run(s) per network cannot tell the network from its random start"
            ),
            Self::TunedOnOutcome { parameter } => {
                write!(f, "{parameter} was chosen on the same data it is judged by")
            }
            Self::ChanceAgreement => {
                f.write_str("masks that cover most of the tissue overlap well by chance")
            }
            Self::EmptyMasks { undefined } => {
                write!(f, "{undefined} overlaps of two empty masks are undefined and not reported")
            }
            Self::UncertainReference => {
                f.write_str("the reference is itself a prediction, with errors of its own")
            }
            Self::ComparedByEye => {
                f.write_str("the comparison was made by eye; overlapping bars are not a test")
            }
        }
    }
}
