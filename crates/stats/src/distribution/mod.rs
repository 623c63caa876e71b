//! Tails and quantiles of the null distributions, each tail computed by itself.
//!
//! `statrs` forms several upper tails as one minus the lower tail and loses the small p-values; the
//! functions here keep about thirteen digits down to 1e-300. Only the logarithm of the beta function,
//! needed where even the square of t overflows, comes from `statrs`.

mod beta;
mod gamma;
mod normal;
mod root;
mod stirling;
mod studentized_range;

pub use beta::{
    beta_cdf, beta_quantile, beta_sf, f_quantile, f_sf, student_t_cdf, student_t_quantile,
    student_t_sf,
};
pub use gamma::{chi_squared_cdf, chi_squared_sf};
pub use normal::{normal_cdf, normal_quantile, normal_sf};
pub use studentized_range::{studentized_range_isf, studentized_range_sf};

pub(crate) use beta::{beta_tails, t_p_value};
pub(crate) use normal::{normal_p_value, two_sided_z};
