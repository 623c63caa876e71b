//! Binomial and Poisson terms by deviance, free of the cancellation of log-gammas.
//!
//! Source: Loader, *Fast and accurate computation of binomial probabilities* (2000).

use std::f64::consts::PI;

/// δ(n) = ln Γ(n+1) − [½ln(2πn) + n·ln n − n].
///
/// Stirling's series above 15, and δ(n) = δ(n+1) + (n+½)·ln(1+1/n) − 1 below: `statrs` has
/// log-gamma to 4e-15 only, which the difference would magnify.
fn stirling_error(n: f64) -> f64 {
    let mut steps = 0.0;
    let mut n = n;
    while n < 15.0 {
        steps += (n + 0.5) * (1.0 / n).ln_1p() - 1.0;
        n += 1.0;
    }
    let s = n * n;
    let mut sum = 1.0 / 1188.0;
    for c in [1.0 / 1680.0, 1.0 / 1260.0, 1.0 / 360.0, 1.0 / 12.0] {
        sum = c - sum / s;
    }
    steps + sum / n
}

/// x·ln(x/m) + m − x, accurate where x is near m.
fn deviance(x: f64, m: f64) -> f64 {
    if (x - m).abs() < 0.1 * (x + m) {
        let v = (x - m) / (x + m);
        let mut sum = (x - m) * v;
        let mut term = 2.0 * x * v;
        let square = v * v;
        for j in 1..1000 {
            term *= square;
            let next = sum + term / f64::from(2 * j + 1);
            if next == sum {
                return sum;
            }
            sum = next;
        }
        return sum;
    }
    x * (x / m).ln() + m - x
}

/// x^a·e^(−x)/Γ(a+1) for a, x > 0.
pub(super) fn poisson_term(a: f64, x: f64) -> f64 {
    (-stirling_error(a) - deviance(a, x)).exp() / (2.0 * PI * a).sqrt()
}

/// Γ(a+b+1)/(Γ(a+1)Γ(b+1))·x^a·y^b for a, b > 0 and x + y = 1.
pub(super) fn binomial_term(a: f64, b: f64, x: f64, y: f64) -> f64 {
    let n = a + b;
    let exponent = stirling_error(n)
        - stirling_error(a)
        - stirling_error(b)
        - deviance(a, n * x)
        - deviance(b, n * y);
    exponent.exp() * (n / (2.0 * PI * a * b)).sqrt()
}
