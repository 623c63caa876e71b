//! Rank correlations, rank tests, intervals and corrections with SciPy's digits.
#![forbid(unsafe_code)]
