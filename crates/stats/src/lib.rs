#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

pub mod distribution;

mod adjust;
mod box_plot;
mod correlation;
mod describe;
mod error;
mod friedman;
mod interval;
mod kruskal_wallis;
mod moments;
mod names;
mod options;
mod proportion;
mod quantile;
mod rank;
mod resample;
mod sample;
mod shapiro_wilk;

pub use adjust::{Adjustment, adjust_p_values};
pub use box_plot::{BoxPlot, Quartiles, box_plot};
pub use correlation::*;
pub use describe::{Summary, describe};
pub use error::{Error, Result};
pub use friedman::{Friedman, ImanDavenport, friedman, friedman_with};
pub use interval::Interval;
pub use kruskal_wallis::{
    KruskalEffect, KruskalWallis, kruskal_effect, kruskal_wallis, kruskal_wallis_with,
};
pub use options::{Alternative, NanPolicy};
pub use proportion::{ProportionInterval, proportion_interval, wald_half_width};
pub use quantile::{QuantileMethod, median, quantile};
pub use rank::mid_ranks;
pub use resample::PermutationNull;
pub use shapiro_wilk::{ShapiroWilk, shapiro_wilk, shapiro_wilk_with};
