#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

pub mod distribution;

mod adjust;
mod anova;
mod box_plot;
mod correlation;
mod describe;
mod dual;
mod dunn;
mod error;
mod friedman;
mod friedman_posthoc;
mod icc;
mod interval;
mod kruskal_wallis;
mod mann_whitney;
mod mean_interval;
mod moments;
mod names;
mod options;
mod pairwise;
mod proportion;
mod quantile;
mod random_intercept;
mod rank;
mod resample;
mod sample;
mod shapiro_wilk;
mod wilcoxon;

pub use adjust::{Adjustment, adjust_p_values};
pub use anova::{Anova, one_way_anova};
pub use box_plot::{BoxPlot, Quartiles, box_plot};
pub use correlation::*;
pub use describe::{Summary, describe};
pub use dual::{Caveat, Dual};
pub use dunn::dunn_test;
pub use error::{Error, Result};
pub use friedman::{Friedman, ImanDavenport, friedman, friedman_with};
pub use friedman_posthoc::{conover_friedman, nemenyi_critical_difference, nemenyi_friedman};
pub use icc::{
    DesignEffect, IntraclassCorrelation, IntraclassCorrelations, design_effect,
    intraclass_correlations,
};
pub use interval::Interval;
pub use kruskal_wallis::{
    KruskalEffect, KruskalWallis, kruskal_effect, kruskal_wallis, kruskal_wallis_with,
};
pub use mann_whitney::{
    MannWhitney, MannWhitneyOptions, RankTestMethod, mann_whitney, mann_whitney_with,
};
pub use mean_interval::{MeanInterval, mean_interval};
pub use options::{Alternative, NanPolicy};
pub use pairwise::{PairwiseComparison, PairwiseComparisons};
pub use proportion::{ProportionInterval, proportion_interval, wald_half_width};
pub use quantile::{QuantileMethod, median, quantile};
pub use random_intercept::{RandomIntercept, random_intercept};
pub use rank::mid_ranks;
pub use resample::*;
pub use shapiro_wilk::{ShapiroWilk, shapiro_wilk, shapiro_wilk_with};
pub use wilcoxon::{
    Wilcoxon, WilcoxonOptions, ZeroMethod, wilcoxon, wilcoxon_differences, wilcoxon_with,
};
